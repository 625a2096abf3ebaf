//! Fail: ends the machine with an error of the author's. It is entered and never exited.

use stepwell_asl::{Fail, Text};

use super::Data;
use crate::branch::Branch;
use crate::failure::Failure;
use crate::turn::{Halt, Turn};

pub(super) fn enter(turn: &Turn<'_>, branch: &Branch, fail: &Fail) -> Halt {
    let data = Data::new(turn, branch);
    let text = |text: &Option<Text>, field: &str| match text {
        None => Ok(None),
        Some(Text::Literal(text)) => Ok(Some(text.clone())),
        Some(Text::Path(expression)) => data.text(expression, field).map(Some),
        Some(Text::Computed(computed)) => {
            data.compute(computed, "string", |value| value.as_str().map(str::to_owned)).map(Some)
        }
    };
    match (text(&fail.error, "ErrorPath"), text(&fail.cause, "CausePath")) {
        (Ok(error), Ok(cause)) => Failure::from_parts(error, cause).into(),
        (Err(halt), _) | (_, Err(halt)) => halt,
    }
}
