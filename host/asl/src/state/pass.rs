//! Pass: hands its input on, or a value of its own (`facts/asl.md` 5).

use stepwell_query::{Document, Template};

use super::assign::{self, Assign};
use super::{InputOutput, ResultPath, input_output, result_path, template, transition};
use crate::definition::Transition;
use crate::fields::Fields;
use crate::finding::Findings;
use crate::machine::Leads;

/// A Pass state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// Makes the effective input.
    pub parameters: Option<Template>,
    /// The result, as it stands; the effective input without it.
    pub result: Option<Document>,
    /// Where the result goes.
    pub result_path: ResultPath,
    /// What is assigned.
    pub assign: Assign,
    /// Where the state leads.
    pub transition: Transition,
}

impl Pass {
    /// Whether it hands its input on as it is and does nothing else.
    pub fn is_identity(&self) -> bool {
        self.parameters.is_none()
            && self.result.is_none()
            && self.io.is_whole()
            && self.result_path == ResultPath::Replace
            && self.assign.0.is_empty()
    }
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Pass> {
    let io = input_output(fields, findings);
    let parameters = template(fields, "Parameters", findings);
    let result = fields.take("Result").map(|field| Document::from(field.node.to_value()));
    let result_path = result_path(fields, findings);
    let assign = assign::read(fields, leads, findings);
    let transition = transition(fields, leads, findings);
    Some(Pass {
        io: io?,
        parameters: parameters?,
        result,
        result_path: result_path?,
        assign: assign?,
        transition: transition?,
    })
}
