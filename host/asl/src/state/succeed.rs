//! Succeed: ends the machine with its input as the output.

use super::{InputOutput, input_output};
use crate::fields::Fields;
use crate::finding::Findings;
use crate::machine::Leads;

/// A Succeed state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Succeed {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Succeed> {
    leads.ends = true;
    Some(Succeed { io: input_output(fields, findings)? })
}
