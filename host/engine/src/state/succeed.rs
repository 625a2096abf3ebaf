//! Succeed: ends the machine with its input as the output.

use stepwell_asl::{Succeed, Transition};

use super::Data;
use crate::branch::Branch;
use crate::history::Assigned;
use crate::turn::{Flow, Halt, Turn};

pub(super) fn enter(turn: &Turn<'_>, branch: &Branch, succeed: &Succeed) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let output = data.output(&succeed.io, data.input(&succeed.io)?)?;
    let output = data.put_out(succeed.output.as_ref(), output)?;
    Ok(Flow::Exit {
        output: Some(output),
        assigned: Assigned::default(),
        transition: Transition::End,
    })
}
