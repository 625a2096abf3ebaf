//! Runs every recorded case of Jayway json-path 2.0.0 (`shared/jsonpath/cases.jsonl`, see its README).
//!
//! The recordings are not part of the repository. Without them this test says that it skips; the crate's
//! own tests cover the same behaviour in their own words.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use stepwell_query::{JsonPath, PathError};

/// Paths whose recorded behaviour is not wanted here, and why. One that agrees after all is a failure.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("a.b.c", "the States Language refuses a path without `$` (facts/asl.md 2.3)"),
    ("@.a", "the States Language refuses a path without `$` (facts/asl.md 2.3)"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    path: String,
    doc: Value,
    definite: Option<bool>,
    canonical: Option<String>,
    /// The value found. Kept apart from "no result", because null is a result.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    /// The message of an error about something missing.
    not_found: Option<String>,
    /// The class and the message of another error.
    eval_error: Option<String>,
    /// Why the path cannot be compiled; the words are those of Java.
    invalid: Option<String>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[test]
fn all_recorded_cases_agree() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/jsonpath/cases.jsonl");
    let Ok(text) = fs::read_to_string(&file) else {
        println!("SKIPPED: the recorded cases are not here ({})", file.display());
        return;
    };
    let cases: Vec<Case> =
        text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect();
    let mut wrong = Vec::new();
    for case in &cases {
        let excepted = EXCEPTIONS.iter().any(|(path, _)| *path == case.path);
        match (check(case), excepted) {
            (Ok(()), false) | (Err(_), true) => {}
            (Ok(()), true) => wrong.push(format!("{}: agrees, so it is no exception", case.path)),
            (Err(difference), false) => wrong.push(format!("{}: {difference}", case.path)),
        }
    }
    let agreeing = cases.len() - EXCEPTIONS.len() - wrong.len();
    println!("{agreeing} of {} cases agree, {} are exceptions", cases.len(), EXCEPTIONS.len());
    assert!(!cases.is_empty(), "there are no cases in {}", file.display());
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Compares everything that a case records.
fn check(case: &Case) -> Result<(), String> {
    let path = match (JsonPath::parse(&case.path), &case.invalid) {
        (Ok(path), None) => path,
        (Err(_), Some(_)) => return Ok(()),
        (Err(error), None) => return Err(format!("refused: {error}")),
        (Ok(path), Some(reason)) => {
            return Err(format!("read as {}, but refused there: {reason}", path.canonical()));
        }
    };
    same("definite", &Some(path.is_definite()), &case.definite)?;
    same("canonical", &Some(path.canonical()), &case.canonical)?;
    let outcome = path.evaluate(&case.doc);
    same("result", &outcome.as_deref().ok(), &case.result.as_ref())?;
    let not_found = outcome.as_ref().err().and_then(|error| match error {
        PathError::NotFound(message) => Some(message.clone()),
        PathError::NotApplicable(_) | PathError::TooMuch { .. } => None,
    });
    same("not found", &not_found, &case.not_found)?;
    let other = outcome.as_ref().err().and_then(|error| match error {
        PathError::NotApplicable(message) => Some(message.clone()),
        PathError::NotFound(_) | PathError::TooMuch { .. } => None,
    });
    let recorded = case.eval_error.as_deref().map(|error| {
        let (_class, message) = error.split_once(": ").unwrap_or(("", error));
        message.to_owned()
    });
    same("error", &other, &recorded)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}\n  ours:   {ours:?}\n  theirs: {theirs:?}"))
}
