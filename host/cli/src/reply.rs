//! `--json`: an object shaped like DescribeExecution's reply (`facts/api.md` 2, 4).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stepwell_engine::{Outcome, Start, epoch_seconds};

pub(crate) fn describe(start: &Start, outcome: &Outcome, stopped_at: Timestamp) -> Value {
    let included = json!({ "included": true });
    let mut reply = Map::new();
    let mut put = |key: &str, value: Value| _ = reply.insert(key.to_owned(), value);
    put("executionArn", json!(start.execution_arn));
    put("stateMachineArn", json!(start.machine_arn));
    put("name", json!(start.name));
    put("status", json!(status(outcome)));
    put("startDate", json!(epoch_seconds(start.at)));
    put("stopDate", json!(epoch_seconds(stopped_at)));
    put("input", json!(start.input.text()));
    put("inputDetails", included.clone());
    match outcome {
        Outcome::Succeeded { output } => {
            put("output", json!(output.text()));
            put("outputDetails", included);
        }
        // Measured on AWS: the reply tells neither error nor cause (`facts/asl.md` 14).
        Outcome::TimedOut => {}
        Outcome::Failed { error, cause } | Outcome::Aborted { error, cause } => {
            if let Some(error) = error {
                put("error", json!(error));
            }
            if let Some(cause) = cause {
                put("cause", json!(cause));
            }
        }
    }
    put("redriveCount", json!(0));
    if let Outcome::Succeeded { .. } = outcome {
        put("redriveStatus", json!("NOT_REDRIVABLE"));
        let reason = "Execution is SUCCEEDED and cannot be redriven";
        put("redriveStatusReason", json!(reason));
    } else {
        put("redriveStatus", json!("NOT_REDRIVABLE"));
        // On AWS it would be redrivable; here nothing keeps it yet.
        put("redriveStatusReason", json!("Execution is not kept and cannot be redriven"));
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
