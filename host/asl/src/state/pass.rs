//! Pass: hands its input on, or a value of its own (`facts/asl.md` 5).

use serde_json::Value;
use stepwell_query::Template;

use super::{InputOutput, Leads, ResultPath, input_output, result_path, transition};
use crate::fields::Fields;
use crate::finding::Findings;
use crate::machine::Transition;
use crate::path;

/// A Pass state's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// `InputPath` and `OutputPath`.
    pub io: InputOutput,
    /// Makes the effective input.
    pub parameters: Option<Template>,
    /// The result, as it stands; the effective input without it.
    pub result: Option<Value>,
    /// Where the result goes.
    pub result_path: ResultPath,
    /// Where the state leads.
    pub transition: Transition,
}

pub(super) fn read(
    fields: &mut Fields<'_>,
    leads: &mut Leads,
    findings: &mut Findings,
) -> Option<Pass> {
    let io = input_output(fields, findings);
    let parameters = fields.take("Parameters").map(|field| path::template(&field, findings));
    let result = fields.take("Result").map(|field| field.node.to_value());
    let result_path = result_path(fields, findings);
    let transition = transition(fields, leads, findings);
    Some(Pass {
        io: io?,
        parameters: parameters.map_or(Some(None), |template| template.map(Some))?,
        result,
        result_path: result_path?,
        transition: transition?,
    })
}
