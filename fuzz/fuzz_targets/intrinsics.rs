//! No call on any document makes the functions panic or exceed their limit
//! (`host/query/src/intrinsic/tests.rs`). The first line is the call, the rest the document.

#![no_main]

use std::cell::Cell;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stepwell_query::{Document, INTRINSIC_BYTES_MAX, Intrinsic, Scope};

struct Given<'d> {
    data: &'d Value,
    draws: Cell<u64>,
}

/// Everything is the document: the data, the context object and each variable.
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

    fn variable(&self, _name: &str) -> Option<&Value> {
        Some(self.data)
    }

    fn draw(&self) -> u64 {
        self.draws.set(self.draws.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        self.draws.get()
    }
}

fuzz_target!(|text: &str| {
    let (call, document) = text.split_once('\n').unwrap_or((text, "{}"));
    let intrinsic = match Intrinsic::parse(call) {
        Ok(intrinsic) => intrinsic,
        Err(error) => return assert!(call.is_char_boundary(error.offset), "{error:?}"),
    };
    let document = Document::parse(document);
    let data = document.as_ref().map_or(&Value::Null, Document::value);
    if let Ok(value) = intrinsic.evaluate(&Given { data, draws: Cell::default() }) {
        assert!(value.to_string().len() <= INTRINSIC_BYTES_MAX);
    }
});
