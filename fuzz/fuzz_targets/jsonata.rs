//! No expression on any document makes JSONata panic, take more than it may or, with the same scope, come to
//! something else the second time (`host/query/tests/hostile_jsonata.rs`). The first line is the expression, the
//! rest the document.

#![no_main]

use std::cell::Cell;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stepwell_query::{
    Dialect, Document, Jlens, Jsonata, JsonataEngine, JsonataError, JsonataLimit, JsonataLimits,
    Outcome, Scope,
};

#[global_allocator]
static ALLOCATOR: stepwell_allowance::Allocator = stepwell_allowance::Allocator;

/// A tenth of what a workflow's expression may take, for more runs.
const LIMITS: JsonataLimits = JsonataLimits {
    depth: 199,
    steps: 100_000,
    string_bytes: 1 << 19,
    array_items: 100_000,
    result_bytes: 1 << 20,
    memory_bytes: 8 << 20,
    time: Duration::from_secs(1),
};

struct Given<'d> {
    data: &'d Value,
    draws: Cell<u64>,
}

/// Everything is the document: the input, the context object and a few variables.
impl Scope for Given<'_> {
    fn data(&self) -> &Value {
        self.data
    }

    fn context(&self, _names: [Option<&str>; 2]) -> &Value {
        self.data
    }

    fn execution_input(&self) -> &Value {
        self.data
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        ["a", "b", "x"].contains(&name).then_some(self.data)
    }

    fn states(&self, field: &str) -> Option<&Value> {
        (field != "errorOutput").then_some(self.data)
    }

    fn now_ms(&self) -> i64 {
        1_700_000_000_000
    }

    fn draw(&self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        self.draws.get()
    }
}

fuzz_target!(|text: &str| {
    let (text, document) = text.split_once('\n').unwrap_or((text, "{}"));
    let document = Document::parse(document);
    let data = document.as_ref().map_or(&Value::Null, Document::value);
    if let Err(error) = Jsonata::parse(text) {
        let [start, end] = [error.span.start, error.span.end];
        assert!(start <= end && text.is_char_boundary(start) && text.is_char_boundary(end), "{error:?}");
        return;
    }
    for (dialect, input) in [(Dialect::StepFunctions, None), (Dialect::Plain, Some(data))] {
        let program = Jlens.compile(text, dialect).expect("it was one before");
        let evaluate = || {
            program.evaluate(input, &Given { data, draws: Cell::default() }, &LIMITS)
        };
        let first = evaluate();
        if let Ok(Outcome::Value(value)) = &first {
            // How much longer numbers are as JSON than as the engine counts them.
            assert!(value.to_string().len() <= 2 * LIMITS.result_bytes);
        }
        let limited = |outcome: &Result<Outcome, JsonataError>| {
            matches!(outcome, Err(JsonataError::Limit(JsonataLimit::Time | JsonataLimit::Memory)))
        };
        // Without a limit that depends on the machine; `$eval` of the plain language reads no scope.
        let second = evaluate();
        if !limited(&first) && !limited(&second) {
            assert_eq!(first, second, "the second time");
        }
    }
});
