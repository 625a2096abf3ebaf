//! Functions on numbers, and how a number becomes a whole one.

use serde_json::Value;

use super::Trouble;
use super::random::JavaRandom;
use crate::kind::kind;

/// `States.MathAdd`.
pub(super) fn add(first: &Value, second: &Value) -> Result<Value, Trouble> {
    let (first, second) = (small(first)?, small(second)?);
    let sum = first.checked_add(second).ok_or("the sum needs more than 32 bits")?;
    Ok(Value::from(sum))
}

/// `States.MathRandom`: from `start` on, below `end`. With a seed, what `java.util.Random` gives.
pub(super) fn random(
    start: &Value,
    end: &Value,
    seed: Option<&Value>,
    draw: &dyn Fn() -> u64,
) -> Result<Value, Trouble> {
    let (start, end) = (integer(start)?, integer(end)?);
    if start >= end {
        return Err("the start must be less than the end".into());
    }
    let span = end.abs_diff(start);
    let distance = match seed.map(integer).transpose()? {
        Some(seed) => JavaRandom::new(seed).below(span),
        // The upper half of the product spreads 64 bits evenly over the span, but for 1 in 2^64 / span.
        None => u64::try_from((u128::from(draw()) * u128::from(span)) >> 64)
            .expect("the upper half of a product of two 64-bit numbers has 64 bits"),
    };
    Ok(Value::from(start.checked_add_unsigned(distance).expect("it is less than the end")))
}

/// A number as a whole one: halves are rounded up, also below zero, as `Math.round` of Java does.
pub(super) fn integer(value: &Value) -> Result<i64, Trouble> {
    let Value::Number(number) = value else {
        return Err(format!("expected a number, not {}", kind(value)).into());
    };
    if let Some(integer) = number.as_i64() {
        return Ok(integer);
    }
    let float = number.as_f64().filter(|_| !number.is_u64());
    let rounded = float.map(|float| {
        let below = float.floor();
        if float - below >= 0.5 { below + 1.0 } else { below }
    });
    // Both bounds are powers of two, so they are exact.
    match rounded {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
        Some(rounded) if (-(2_f64.powi(63))..2_f64.powi(63)).contains(&rounded) => {
            Ok(rounded as i64)
        }
        _ => Err(format!("{number} needs more than 64 bits").into()),
    }
}

/// A whole number of 32 bits.
fn small(value: &Value) -> Result<i32, Trouble> {
    let integer = integer(value)?;
    i32::try_from(integer).map_err(|_| format!("{integer} needs more than 32 bits").into())
}
