//! The history as AWS records it: types, order, ids, causes and details (`facts/asl.md` 14).

use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use stepwell_asl::{Name, StateType};
use stepwell_query::Document;

/// One event of the history.
///
/// Serialises in the shape of GetExecutionHistory's reply: `timestamp` in epoch seconds with
/// milliseconds, `type`, `id`, `previousEventId`, and the details under the key of the event's type.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// From 1, without gaps.
    pub id: u64,
    /// The event that led to this one; 0 for the first ones.
    pub previous_id: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub details: Details,
}

/// What happened, with what AWS says about it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "variants and fields are AWS's, word for word")]
pub enum Details {
    ExecutionStarted { input: Document, role_arn: String },
    ExecutionSucceeded { output: Document },
    ExecutionFailed { error: Option<String>, cause: Option<String> },
    ExecutionAborted { error: Option<String>, cause: Option<String> },
    StateEntered { state_type: StateType, name: Name, input: Document },
    StateExited { state_type: StateType, name: Name, output: Document },
    LambdaFunctionScheduled { resource: Arc<str>, input: Document },
    LambdaFunctionStarted,
    LambdaFunctionSucceeded { output: Document },
    LambdaFunctionFailed { error: Option<String>, cause: Option<String> },
}

impl Details {
    /// The event's type as AWS names it, such as `TaskStateEntered`.
    pub fn event_type(&self) -> String {
        match self {
            Self::StateEntered { state_type, .. } => format!("{state_type}StateEntered"),
            Self::StateExited { state_type, .. } => format!("{state_type}StateExited"),
            Self::ExecutionStarted { .. } => "ExecutionStarted".to_owned(),
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded".to_owned(),
            Self::ExecutionFailed { .. } => "ExecutionFailed".to_owned(),
            Self::ExecutionAborted { .. } => "ExecutionAborted".to_owned(),
            Self::LambdaFunctionScheduled { .. } => "LambdaFunctionScheduled".to_owned(),
            Self::LambdaFunctionStarted => "LambdaFunctionStarted".to_owned(),
            Self::LambdaFunctionSucceeded { .. } => "LambdaFunctionSucceeded".to_owned(),
            Self::LambdaFunctionFailed { .. } => "LambdaFunctionFailed".to_owned(),
        }
    }

    /// The key that AWS puts the details under, and the details; `None` where AWS has none.
    fn shown(&self) -> Option<(&'static str, Value)> {
        // Nothing is ever cut here, and AWS says so beside each document.
        let whole = json!({ "truncated": false });
        Some(match self {
            Self::ExecutionStarted { input, role_arn } => (
                "executionStartedEventDetails",
                json!({ "input": input.text(), "inputDetails": whole, "roleArn": role_arn }),
            ),
            Self::ExecutionSucceeded { output } => (
                "executionSucceededEventDetails",
                json!({ "output": output.text(), "outputDetails": whole }),
            ),
            Self::ExecutionFailed { error, cause } => {
                ("executionFailedEventDetails", failure(error.as_ref(), cause.as_ref()))
            }
            Self::ExecutionAborted { error, cause } => {
                ("executionAbortedEventDetails", failure(error.as_ref(), cause.as_ref()))
            }
            Self::StateEntered { name, input, .. } => (
                "stateEnteredEventDetails",
                json!({ "name": name, "input": input.text(), "inputDetails": whole }),
            ),
            Self::StateExited { name, output, .. } => (
                "stateExitedEventDetails",
                json!({ "name": name, "output": output.text(), "outputDetails": whole }),
            ),
            Self::LambdaFunctionScheduled { resource, input } => (
                "lambdaFunctionScheduledEventDetails",
                json!({ "resource": resource, "input": input.text(), "inputDetails": whole }),
            ),
            Self::LambdaFunctionStarted => return None,
            Self::LambdaFunctionSucceeded { output } => (
                "lambdaFunctionSucceededEventDetails",
                json!({ "output": output.text(), "outputDetails": whole }),
            ),
            Self::LambdaFunctionFailed { error, cause } => {
                ("lambdaFunctionFailedEventDetails", failure(error.as_ref(), cause.as_ref()))
            }
        })
    }
}

fn failure(error: Option<&String>, cause: Option<&String>) -> Value {
    let entries = [("error", error), ("cause", cause)];
    entries.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect()
}

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &epoch_seconds(self.at))?;
        map.serialize_entry("type", &self.details.event_type())?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("previousEventId", &self.previous_id)?;
        if let Some((key, details)) = self.details.shown() {
            map.serialize_entry(key, &details)?;
        }
        map.end()
    }
}

/// A time as AWS writes it in JSON: seconds since 1970 with milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
pub fn epoch_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
