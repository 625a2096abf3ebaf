//! A world to evaluate expressions in, for the tests of JSONata.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;
use stepwell_query::Scope;

/// Variables, and the input of a state.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) input: Value,
    pub(crate) variables: BTreeMap<String, Value>,
    /// How often random numbers were asked for, which are the same in each new world.
    pub(crate) draws: Cell<u64>,
}

impl Scope for World {
    fn data(&self) -> &Value {
        &self.input
    }

    fn execution_input(&self) -> &Value {
        &self.input
    }

    fn context(&self, _: [Option<&str>; 2]) -> &Value {
        &Value::Null
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn states(&self, field: &str) -> Option<&Value> {
        (field == "input").then_some(&self.input)
    }

    /// 14 November 2023.
    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }

    fn draw(&self) -> u64 {
        self.draws.set(self.draws.get() + 1);
        self.draws.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Whether two values are the same but for how numbers are written: `1` is `1.0`.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let in_other = |(name, member): (&String, &Value)| {
                other.get(name).is_some_and(|other| same(member, other))
            };
            one.len() == other.len() && one.iter().all(in_other)
        }
        _ => one == other,
    }
}
