//! Pass: hands its input on, or a value of its own.

use stepwell_asl::Pass;

use super::Data;
use crate::branch::Branch;
use crate::history::Assigned;
use crate::turn::{Flow, Halt, Turn};

pub(super) fn enter(turn: &Turn<'_>, branch: &Branch, pass: &Pass) -> Result<Flow, Halt> {
    if pass.is_identity() {
        let (assigned, transition) = (Assigned::default(), pass.transition);
        return Ok(Flow::Exit { output: None, assigned, transition });
    }
    let data = Data::new(turn, branch);
    let input = data.parameters(pass.parameters.as_ref(), data.input(&pass.io)?)?;
    let result = pass.result.clone().unwrap_or(input);
    let assigned = data.assigned(&pass.assign, &result)?;
    let output = match &pass.output {
        Some(output) => data.fill(output, &result)?,
        None => data.output(&pass.io, data.merge(&pass.result_path, result)?)?,
    };
    Ok(Flow::Exit { output: Some(output), assigned, transition: pass.transition })
}
