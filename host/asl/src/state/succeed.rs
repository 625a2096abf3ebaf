//! Succeed: ends the machine with its input as the output.

use stepwell_query::Template;

use super::jsonata::Site;
use super::{InputOutput, input_output, output};
use crate::fields::Fields;
use crate::finding::Findings;
use crate::machine::Leads;

/// A Succeed state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Succeed {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// JSONata: what goes on; the input without it.
    pub output: Option<Template>,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Succeed> {
    leads.ends = true;
    let io = input_output(fields, leads.language, findings);
    let output = output(fields, Site::Plain, leads, findings);
    Some(Succeed { io: io?, output: output? })
}
