//! Succeed: ends the machine with its input as the output.

use stepwell_asl::{Succeed, Transition};

use super::Data;
use crate::execution::{Branch, Flow, Halt, Turn};

pub(super) fn enter(turn: &mut Turn<'_>, branch: &Branch, succeed: &Succeed) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch, false);
    let output = data.output(&succeed.io, &data.input(&succeed.io)?)?;
    Ok(Flow::Exit(output, Transition::End))
}
