//! Fail: ends the machine with an error of the author's. It is entered and never exited.

use stepwell_asl::Fail;

use crate::execution::Halt;
use crate::failure::Failure;

pub(super) fn enter(fail: &Fail) -> Halt {
    Failure { error: fail.error.clone(), cause: fail.cause.clone() }.into()
}
