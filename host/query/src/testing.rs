//! A scope for the tests of this crate.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::Scope;

#[global_allocator]
static ALLOCATOR: stepwell_allowance::Allocator = stepwell_allowance::Allocator;

/// Values that are given beforehand, and draws that count.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    data: Value,
    context: Value,
    variables: BTreeMap<&'static str, Value>,
    draws: Cell<u64>,
}

impl Fixed {
    pub(crate) fn new(data: Value) -> Self {
        Self { data, ..Self::default() }
    }

    pub(crate) fn with_context(self, context: Value) -> Self {
        Self { context, ..self }
    }

    pub(crate) fn with_variable(mut self, name: &'static str, value: Value) -> Self {
        self.variables.insert(name, value);
        self
    }
}

impl Scope for Fixed {
    fn data(&self) -> &Value {
        &self.data
    }

    fn execution_input(&self) -> &Value {
        &self.context["Execution"]["Input"]
    }

    fn context(&self, _: [Option<&str>; 2]) -> &Value {
        &self.context
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    fn states(&self, field: &str) -> Option<&Value> {
        (field == "input").then_some(&self.data)
    }

    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }

    /// Neighbours are far apart, as with any generator.
    fn draw(&self) -> u64 {
        self.draws.set(self.draws.get() + 1);
        self.draws.get().wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}
