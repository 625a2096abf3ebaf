//! Parallel: runs machines side by side (`facts/asl.md` 10).

use stepwell_query::Template;

use super::arguments;
use super::work::{self, Work};
use crate::definition::MachineId;
use crate::fields::Fields;
use crate::finding::{Findings, NO_EFFECT};
use crate::machine::{Leads, read_nested};

/// A Parallel state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Parallel {
    /// Makes the effective input, which every branch gets.
    pub parameters: Option<Template>,
    /// `Branches`, in order; at least one.
    pub branches: Vec<MachineId>,
    /// What becomes of the result, the branches' outputs in order, and of errors.
    pub work: Work,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Parallel> {
    let parameters = arguments(fields, leads, findings);
    let branches = read_branches(fields, leads, findings);
    let work = work::read(fields, leads, findings);
    Some(Parallel { parameters: parameters?, branches: branches?, work: work? })
}

pub(super) fn read_branches(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Vec<MachineId>> {
    let items = fields.require("Branches", findings)?.items(findings)?;
    let branches: Vec<_> = items
        .iter()
        .map(|item| {
            let mut fields = Fields::of(item.node, &item.place, findings)?;
            if let Some(field) = fields.take("QueryLanguage") {
                let message = "`QueryLanguage` of a branch has no effect";
                findings
                    .warning(NO_EFFECT, &field.place, message)
                    .help("say it of the whole machine, or of single states");
            }
            Some(read_nested(fields, "a branch", Some(leads.machine), leads.book, findings))
        })
        .collect();
    branches.into_iter().collect()
}
