//! Pass: hands its input on, or a value of its own.

use stepwell_asl::Pass;
use stepwell_query::Document;

use super::Data;
use crate::execution::{Branch, Flow, Halt, Turn};

pub(super) fn enter(turn: &mut Turn<'_>, branch: &Branch, pass: &Pass) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch, false);
    let input = data.parameters(pass.parameters.as_ref(), data.input(&pass.io)?)?;
    let result = pass.result.clone().map_or(input, Document::from);
    let output = data.output(&pass.io, &data.merge(&pass.result_path, result)?)?;
    Ok(Flow::Exit(output, pass.transition.clone()))
}
