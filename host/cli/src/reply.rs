//! Executions in the shape of DescribeExecution's reply (`facts/api.md` 2, 4).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stepwell_engine::{Outcome, Start, epoch_seconds};

/// What a reply tells of.
pub(crate) struct Reply<'r> {
    pub(crate) start: &'r Start,
    pub(crate) status: &'r str,
    pub(crate) outcome: Option<&'r Outcome>,
    pub(crate) stopped_at: Option<Timestamp>,
    /// How often, and when the last time was.
    pub(crate) redrives: (u64, Option<Timestamp>),
    /// Whether it can be redriven, or why not.
    pub(crate) redrivable: Result<(), String>,
}

pub(crate) fn describe(told: &Reply<'_>) -> Value {
    let Reply { start, status, outcome, stopped_at, redrives, redrivable } = told;
    let included = json!({ "included": true });
    let mut reply = Map::new();
    let mut put = |key: &str, value: Value| _ = reply.insert(key.to_owned(), value);
    put("executionArn", json!(start.execution_arn));
    put("stateMachineArn", json!(start.machine_arn));
    put("name", json!(start.name));
    put("status", json!(status));
    put("startDate", json!(epoch_seconds(start.at)));
    if let Some(at) = stopped_at {
        put("stopDate", json!(epoch_seconds(*at)));
    }
    put("input", json!(start.input.text()));
    put("inputDetails", included.clone());
    match outcome {
        Some(Outcome::Succeeded { output }) => {
            put("output", json!(output.text()));
            put("outputDetails", included);
        }
        // Measured on AWS: the reply tells neither error nor cause (`facts/asl.md` 14).
        None | Some(Outcome::TimedOut) => {}
        Some(Outcome::Failed { error, cause } | Outcome::Aborted { error, cause }) => {
            if let Some(error) = error {
                put("error", json!(error));
            }
            if let Some(cause) = cause {
                put("cause", json!(cause));
            }
        }
    }
    put("redriveCount", json!(redrives.0));
    if let Some(at) = redrives.1 {
        put("redriveDate", json!(epoch_seconds(at)));
    }
    match redrivable {
        Ok(()) => put("redriveStatus", json!("REDRIVABLE")),
        Err(reason) => {
            put("redriveStatus", json!("NOT_REDRIVABLE"));
            put("redriveStatusReason", json!(reason));
        }
    }
    Value::Object(reply)
}

pub(crate) fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "SUCCEEDED",
        Outcome::Failed { .. } => "FAILED",
        Outcome::TimedOut => "TIMED_OUT",
        Outcome::Aborted { .. } => "ABORTED",
    }
}
