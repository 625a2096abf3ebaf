//! What the dialect does, quirk by quirk, and the words in which the tests say it.

mod bounds;
mod filters;
mod steps;
mod syntax;

use serde_json::Value;

use super::{JsonPath, PathError};

fn parse(text: &str) -> JsonPath {
    JsonPath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn gives(root: &Value, text: &str, expected: &Value) {
    assert_eq!(parse(text).evaluate(root).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn finds_nothing(root: &Value, text: &str, message: &str) {
    let expected = Err(PathError::NotFound(message.to_owned()));
    assert_eq!(parse(text).evaluate(root), expected, "{text}");
}

#[track_caller]
fn does_not_apply(root: &Value, text: &str, message: &str) {
    let expected = Err(PathError::NotApplicable(message.to_owned()));
    assert_eq!(parse(text).evaluate(root), expected, "{text}");
}

#[track_caller]
fn is_refused(text: &str, offset: usize, message: &str) {
    let error = JsonPath::parse(text).expect_err(text);
    assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
}

#[track_caller]
fn means(text: &str, canonical: &str) {
    assert_eq!(parse(text).canonical(), canonical, "{text}");
}
