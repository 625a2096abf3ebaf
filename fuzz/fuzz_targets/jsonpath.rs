//! No path on any document makes the engine panic (`host/query/src/jsonpath/tests/bounds.rs`). The first
//! line is the path, the rest the document.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stepwell_query::{Document, JsonPath, PathError, Query, ReferencePath};

fuzz_target!(|text: &str| {
    let (path, document) = text.split_once('\n').unwrap_or((text, "{}"));
    if let Err(error) = ReferencePath::parse(path) {
        assert!(path.is_char_boundary(error.offset), "{error:?}");
    }
    match Query::parse(path) {
        Ok(query) => assert_eq!(query.to_string(), path),
        Err(error) => assert!(path.is_char_boundary(error.offset), "{error:?}"),
    }
    let Ok(path) = JsonPath::parse(path) else { return };
    let document = Document::parse(document);
    let value = document.as_ref().map_or(&Value::Null, Document::value);
    match path.evaluate(value) {
        Ok(found) => assert!(path.is_definite() || found.is_array()),
        Err(PathError::NotFound(message) | PathError::NotApplicable(message)) => {
            assert!(!message.is_empty());
        }
        Err(PathError::TooMuch { .. }) => {}
    }
});
