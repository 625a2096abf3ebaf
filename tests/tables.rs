//! Tables: many small facts in one file, each row a machine of its own.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_engine::Outcome;
use stepwell_query::Document;
use stepwell_tests::folder;
use stepwell_tests::run::{Answer, STARTED_AT};

use crate::{definition, outcome};

/// A table of choice rules: `[{"rule": .., "true": [..], "false": [..], "rows": [[input, result], ..]}]`.
///
/// `true` and `false` list values of `$.v` for which the rule holds or does not. In `rows`, the result is
/// true, false, or the end of the cause with which the execution fails.
pub(crate) fn check_choice(folder: &Path) {
    let mut wrong = String::new();
    for entry in rows(&table(folder)) {
        let mut rule = entry["rule"].clone();
        rule["Next"] = json!("Yes");
        let machine = json!({
            "StartAt": "Choose",
            "States": {
                "Choose": { "Type": "Choice", "Choices": [rule], "Default": "No" },
                "Yes": { "Type": "Pass", "Result": true, "End": true },
                "No": { "Type": "Pass", "Result": false, "End": true },
            },
        });
        let definition = definition(&machine.to_string());
        let values = |wanted: bool| {
            let values = entry.get(wanted.to_string()).map(rows).unwrap_or_default();
            values.into_iter().map(move |value| (json!({ "v": value }), json!(wanted)))
        };
        let others = entry.get("rows").map(rows).unwrap_or_default();
        let others = others.into_iter().map(|row| (row[0].clone(), row[1].clone()));
        for (input, expected) in values(true).chain(values(false)).chain(others) {
            let got = match outcome(&definition, input.clone(), &Answer::Echo).0 {
                Outcome::Succeeded { output } => output.value().clone(),
                Outcome::Failed { error: Some(error), cause: Some(cause) } => {
                    json!(format!("{error}: {cause}"))
                }
                other => json!(format!("{other:?}")),
            };
            if !is_or_ends_with(&got, &expected) {
                let rule = &entry["rule"];
                writeln!(wrong, "{rule} on {input}\n  expected {expected}\n       got {got}")
                    .expect("a string takes all");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A table of states: `[{"state": .., "returns": .., "fails": .., "rows": [[input, result], ..]}]`.
///
/// The function of a Task returns `returns`, fails with `fails: [error, cause]`, or echoes. A result is
/// `{"output": ..}`, `{"error": .., "cause": ..}` (the cause's end suffices), or `{"waits": seconds}` with
/// the output as it came.
pub(crate) fn check_state(folder: &Path) {
    let mut wrong = String::new();
    for entry in rows(&table(folder)) {
        let definition = definition(&machine_around(&entry["state"]).to_string());
        let answer = match (entry.get("returns"), entry.get("fails")) {
            (Some(value), _) => Answer::Returns(Document::from(value.clone())),
            (None, Some(failure)) => {
                let text = |index: usize| failure[index].as_str().map(str::to_owned);
                Answer::Fails(stepwell_engine::Failure::from_parts(text(0), text(1)))
            }
            (None, None) => Answer::Echo,
        };
        for row in entry.get("rows").map(rows).unwrap_or_default() {
            let (input, expected) = (&row[0], &row[1]);
            let (outcome, steps) = outcome(&definition, input.clone(), &answer);
            let began: Timestamp = STARTED_AT.parse().expect("it is a timestamp");
            let ended = steps.last().expect("there is a first step").at;
            let got = match outcome {
                Outcome::Succeeded { .. } if expected.get("waits").is_some() => {
                    json!({ "waits": ended.duration_since(began).as_secs_f64() })
                }
                Outcome::Succeeded { output } => json!({ "output": output.value() }),
                Outcome::Failed { error, cause } => json!({ "error": error, "cause": cause }),
                Outcome::TimedOut => json!("timed out"),
                Outcome::Aborted { .. } => json!("aborted"),
            };
            let agrees = match (got.as_object(), expected.as_object()) {
                (Some(got), Some(expected)) => {
                    got.keys().eq(expected.keys())
                        && got.iter().all(|(name, value)| is_or_ends_with(value, &expected[name]))
                }
                _ => false,
            };
            if !agrees {
                let state = &entry["state"];
                writeln!(wrong, "{state} on {input}\n  expected {expected}\n       got {got}")
                    .expect("a string takes all");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// A machine with nothing but this state, and those that it may lead to.
fn machine_around(state: &Value) -> Value {
    let mut state = state.clone();
    let ends_itself = matches!(state["Type"].as_str(), Some("Succeed" | "Fail" | "Choice"));
    if !ends_itself && state.get("Next").is_none() {
        state["End"] = json!(true);
    }
    let mut states = json!({ "State": state });
    if states["State"].to_string().contains("\"Caught\"") {
        states["Caught"] = json!({ "Type": "Pass", "End": true });
    }
    json!({ "StartAt": "State", "States": states })
}

fn table(folder: &Path) -> Value {
    folder::json(folder, "table.json").expect("the case has a table")
}

fn rows(table: &Value) -> Vec<Value> {
    table.as_array().expect("a table is a list").clone()
}

/// Whether they are the same, or one text the end of the other. 1 and 1.0 are not the same.
fn is_or_ends_with(got: &Value, expected: &Value) -> bool {
    match (got, expected) {
        (Value::String(got), Value::String(expected)) => got.ends_with(expected.as_str()),
        _ => got == expected,
    }
}
