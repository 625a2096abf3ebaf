//! Pass: hands its input on, or a value of its own (`facts/asl.md` 5).

use stepwell_query::{Document, Template};

use super::assign::{self, Assign};
use super::jsonata::Site;
use super::{InputOutput, ResultPath, input_output, output, result_path, template, transition};
use crate::definition::Transition;
use crate::fields::Fields;
use crate::finding::Findings;
use crate::machine::{Leads, QueryLanguage};

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
    /// JSONata: what goes on; the input without it.
    pub output: Option<Template>,
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
            && self.output.is_none()
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
    let language = leads.language;
    let io = input_output(fields, language, findings);
    let parameters = template(fields, "Parameters", language, findings);
    let result = match language {
        QueryLanguage::JsonPath => fields.take("Result"),
        QueryLanguage::Jsonata => None,
    };
    let result = result.map(|field| Document::from(field.node.to_value()));
    let result_path = result_path(fields, language, findings);
    let output = output(fields, Site::Plain, leads, findings);
    let assign = assign::read(fields, Site::Plain, leads, findings);
    let transition = transition(fields, leads, findings);
    Some(Pass {
        io: io?,
        parameters: parameters?,
        result,
        result_path: result_path?,
        output: output?,
        assign: assign?,
        transition: transition?,
    })
}
