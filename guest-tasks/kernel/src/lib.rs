//! Work that is all CPU, always the same: benchmarks measure with it what the limits cost.
//!
//! `{"integer": UNITS}` multiplies and xors, `{"json": ROUNDS}` parses and prints some kilobytes of JSON.

use std::hint::black_box;

use serde_json::{Value, json};
use stepwell_task::Failure;

#[expect(clippy::needless_pass_by_value, reason = "a handler's event is its own")]
fn kernel(event: Value) -> Result<Value, Failure> {
    match (event["integer"].as_u64(), event["json"].as_u64()) {
        (Some(units), None) => Ok(json!({ "result": integer(units) })),
        (None, Some(rounds)) => Ok(json!({ "bytes": texts(rounds)? })),
        _ => Err(Failure::invalid_input("say `integer` or `json`, and how much")),
    }
}

stepwell_task::handler!(kernel);

/// Each unit depends on the one before, so none can be left out.
fn integer(units: u64) -> u64 {
    (0..units).fold(black_box(1), |value, unit| {
        black_box(value ^ unit).wrapping_mul(6_364_136_223_846_793_005)
    })
}

/// Work as most tasks have it: texts, numbers, maps and their memory. Gives the bytes that were printed.
fn texts(rounds: u64) -> Result<usize, Failure> {
    let row = |id: u64| json!({ "id": id, "name": format!("row {id}"), "price": 12.5, "tags": ["a", "b"] });
    let mut text = (0..64).map(row).collect::<Value>().to_string();
    let mut bytes = 0;
    for _ in 0..rounds {
        let value: Value = serde_json::from_str(black_box(&text))
            .map_err(|error| Failure::invalid_input(error.to_string()))?;
        text = value.to_string();
        bytes += text.len();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_always_the_same() {
        assert_eq!(integer(1_000), integer(1_000));
        assert_ne!(integer(1_000), integer(1_001));
        let (one, three) = (texts(1).unwrap(), texts(3).unwrap());
        assert_eq!(one * 3, three);
        assert_eq!(kernel(json!({})).unwrap_err().error, "InvalidInput");
    }
}
