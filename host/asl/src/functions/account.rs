//! What all functions of a file share: the concurrency of one AWS account.

use super::Layers;
use crate::fields::Field;
use crate::finding::{Findings, OUT_OF_RANGE};

/// How many invocations an account may have under way at the same time, unless it was given more
/// (`facts/limits.md` 3).
pub const ACCOUNT_CONCURRENCY: u32 = 1_000;

/// How many of them must be left to functions that reserve none (`facts/limits.md` 3).
pub const UNRESERVED_CONCURRENCY_MIN: u32 = 100;

/// `accountConcurrency`, which stands beside `functions:`.
pub(crate) fn read(field: &Field<'_>, findings: &mut Findings) -> Option<u32> {
    let value = field.integer(1, u64::from(u32::MAX), findings)?;
    u32::try_from(value).ok()
}

/// Reports each function that reserves more than those before it have left. As on AWS, one that is refused
/// reserves nothing.
pub(crate) fn check_reserved(layers: &Layers, account: u32, findings: &mut Findings) {
    let most = account.saturating_sub(UNRESERVED_CONCURRENCY_MIN);
    let mut left = most;
    for (_, layer) in layers {
        let Some((reserved, place)) = &layer.reserved_concurrency else { continue };
        if let Some(rest) = left.checked_sub(*reserved) {
            left = rest;
            continue;
        }
        // AWS's wording: `facts/api.md` 8.
        let message = format!(
            "Specified ReservedConcurrentExecutions for function decreases account's \
             UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_CONCURRENCY_MIN}]."
        );
        findings.error(OUT_OF_RANGE, place, message).help(format!(
            "of {most} that functions may reserve, {left} are left here; `accountConcurrency:` beside \
             `functions:` says what the account has, if not {ACCOUNT_CONCURRENCY}"
        ));
    }
}
