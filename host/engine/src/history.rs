//! The history as AWS records it: types, order, ids, causes and details (`facts/asl.md` 14).

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
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

/// What happened, with what AWS says about it. Serialises as it is kept; AWS's shape is
/// [`HistoryEvent`]'s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "variants and fields are AWS's, word for word")]
pub enum Details {
    ExecutionStarted {
        input: Document,
        role_arn: String,
    },
    ExecutionSucceeded {
        output: Document,
    },
    ExecutionFailed {
        error: Option<String>,
        cause: Option<String>,
    },
    ExecutionAborted {
        error: Option<String>,
        cause: Option<String>,
    },
    ExecutionTimedOut,
    ExecutionRedriven {
        redrive_count: u64,
    },
    EvaluationFailed {
        state: Name,
        error: Option<String>,
        cause: Option<String>,
        location: Option<String>,
    },
    StateEntered {
        state_type: StateType,
        name: Name,
        input: Document,
    },
    StateExited {
        state_type: StateType,
        name: Name,
        output: Document,
        assigned: Assigned,
    },
    StateAborted {
        state_type: StateType,
    },
    LambdaFunctionScheduled {
        resource: Arc<str>,
        input: Document,
        timeout_in_seconds: Option<i64>,
        task_credentials: Option<Document>,
    },
    LambdaFunctionStarted,
    LambdaFunctionSucceeded {
        output: Document,
    },
    LambdaFunctionFailed {
        error: Option<String>,
        cause: Option<String>,
    },
    LambdaFunctionTimedOut {
        error: Option<String>,
        cause: Option<String>,
    },
    TaskScheduled {
        region: Arc<str>,
        parameters: Document,
        timeout_in_seconds: Option<i64>,
        heartbeat_in_seconds: Option<i64>,
        task_credentials: Option<Document>,
        pattern: TaskPattern,
    },
    TaskStarted {
        pattern: TaskPattern,
    },
    TaskSubmitted {
        output: Document,
        pattern: TaskPattern,
    },
    TaskSucceeded {
        output: Document,
        pattern: TaskPattern,
    },
    TaskFailed {
        error: Option<String>,
        cause: Option<String>,
        pattern: TaskPattern,
    },
    TaskTimedOut {
        error: Option<String>,
        cause: Option<String>,
        pattern: TaskPattern,
    },
    ParallelStateStarted,
    ParallelStateSucceeded,
    ParallelStateFailed,
    MapStateStarted {
        length: usize,
    },
    MapStateSucceeded,
    MapStateFailed,
    MapIterationStarted {
        name: Name,
        index: u32,
    },
    MapIterationSucceeded {
        name: Name,
        index: u32,
    },
    MapIterationFailed {
        name: Name,
        index: u32,
    },
    MapIterationAborted {
        name: Name,
        index: u32,
    },
    MapRunStarted {
        map_run_arn: String,
    },
    MapRunRedriven {
        map_run_arn: String,
        redrive_count: u64,
    },
    MapRunSucceeded,
    MapRunFailed {
        error: Option<String>,
        cause: Option<String>,
    },
}

/// How `lambda:invoke` was to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TaskPattern {
    /// With the function's answer.
    #[default]
    Response,
    /// By a token: `.waitForTaskToken`.
    Token,
}

impl TaskPattern {
    /// The action as the history names it.
    fn resource(self) -> &'static str {
        match self {
            Self::Response => "invoke",
            Self::Token => "invoke.waitForTaskToken",
        }
    }
}

/// Variables that a state assigned, by name. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Assigned(Option<Arc<[(Name, Document)]>>);

impl Assigned {
    /// The variables in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &(Name, Document)> {
        self.0.iter().flat_map(|assigned| assigned.iter())
    }
}

impl From<Vec<(Name, Document)>> for Assigned {
    fn from(assigned: Vec<(Name, Document)>) -> Self {
        Self((!assigned.is_empty()).then(|| assigned.into()))
    }
}

impl Details {
    /// The event's type as AWS names it, such as `TaskStateEntered`.
    pub fn event_type(&self) -> Cow<'static, str> {
        let name = match self {
            Self::StateEntered { state_type, .. } => {
                return format!("{state_type}StateEntered").into();
            }
            Self::StateExited { state_type, .. } => {
                return format!("{state_type}StateExited").into();
            }
            Self::StateAborted { state_type } => return format!("{state_type}StateAborted").into(),
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            Self::ExecutionFailed { .. } => "ExecutionFailed",
            Self::ExecutionAborted { .. } => "ExecutionAborted",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::ExecutionRedriven { .. } => "ExecutionRedriven",
            Self::EvaluationFailed { .. } => "EvaluationFailed",
            Self::LambdaFunctionScheduled { .. } => "LambdaFunctionScheduled",
            Self::LambdaFunctionStarted => "LambdaFunctionStarted",
            Self::LambdaFunctionSucceeded { .. } => "LambdaFunctionSucceeded",
            Self::LambdaFunctionFailed { .. } => "LambdaFunctionFailed",
            Self::LambdaFunctionTimedOut { .. } => "LambdaFunctionTimedOut",
            Self::TaskScheduled { .. } => "TaskScheduled",
            Self::TaskStarted { .. } => "TaskStarted",
            Self::TaskSubmitted { .. } => "TaskSubmitted",
            Self::TaskSucceeded { .. } => "TaskSucceeded",
            Self::TaskFailed { .. } => "TaskFailed",
            Self::TaskTimedOut { .. } => "TaskTimedOut",
            Self::ParallelStateStarted => "ParallelStateStarted",
            Self::ParallelStateSucceeded => "ParallelStateSucceeded",
            Self::ParallelStateFailed => "ParallelStateFailed",
            Self::MapStateStarted { .. } => "MapStateStarted",
            Self::MapStateSucceeded => "MapStateSucceeded",
            Self::MapStateFailed => "MapStateFailed",
            Self::MapIterationStarted { .. } => "MapIterationStarted",
            Self::MapIterationSucceeded { .. } => "MapIterationSucceeded",
            Self::MapIterationFailed { .. } => "MapIterationFailed",
            Self::MapIterationAborted { .. } => "MapIterationAborted",
            Self::MapRunStarted { .. } => "MapRunStarted",
            Self::MapRunRedriven { .. } => "MapRunRedriven",
            Self::MapRunSucceeded => "MapRunSucceeded",
            Self::MapRunFailed { .. } => "MapRunFailed",
        };
        name.into()
    }

    /// The key that AWS puts the details under, and the details; `None` where AWS has none.
    fn shown(&self) -> Option<(String, Value)> {
        let mut shown = Shown::default();
        if !(self.show_execution(&mut shown)
            || self.show_function(&mut shown)
            || self.show_task(&mut shown)
            || self.show_map(&mut shown))
        {
            return None;
        }
        let key = match self {
            Self::StateEntered { .. } => "stateEnteredEventDetails".to_owned(),
            Self::StateExited { .. } => "stateExitedEventDetails".to_owned(),
            _ => {
                let mut key = self.event_type().into_owned();
                key[..1].make_ascii_lowercase();
                key + "EventDetails"
            }
        };
        Some((key, Value::Object(shown.0)))
    }

    /// Shows an event of the execution or of a state; whether it is one that has details.
    fn show_execution(&self, shown: &mut Shown) -> bool {
        match self {
            Self::ExecutionStarted { input, role_arn } => {
                shown.document("input", input);
                shown.put("roleArn", json!(role_arn));
            }
            Self::ExecutionSucceeded { output } => shown.document("output", output),
            Self::ExecutionFailed { error, cause } | Self::ExecutionAborted { error, cause } => {
                shown.failure(error.as_deref(), cause.as_deref());
            }
            Self::ExecutionTimedOut => shown.failure(Some("States.Timeout"), None),
            Self::ExecutionRedriven { redrive_count } => {
                shown.put("redriveCount", json!(redrive_count));
            }
            Self::EvaluationFailed { state, error, cause, location } => {
                shown.put("state", json!(state));
                shown.failure(error.as_deref(), cause.as_deref());
                if let Some(location) = location {
                    shown.put("location", json!(location));
                }
            }
            Self::StateEntered { name, input, .. } => {
                shown.put("name", json!(name));
                shown.document("input", input);
            }
            Self::StateExited { name, output, assigned, .. } => {
                shown.put("name", json!(name));
                shown.document("output", output);
                let texts = assigned.iter().map(|(name, value)| (name.to_string(), value.text()));
                let texts: Map<_, _> = texts.map(|(name, text)| (name, json!(text))).collect();
                if !texts.is_empty() {
                    shown.put("assignedVariables", Value::Object(texts));
                    shown.put("assignedVariablesDetails", whole());
                }
            }
            _ => return false,
        }
        true
    }

    /// Shows an event of a function that is called by itself; whether it is one that has details.
    fn show_function(&self, shown: &mut Shown) -> bool {
        match self {
            Self::LambdaFunctionScheduled {
                resource,
                input,
                timeout_in_seconds,
                task_credentials,
            } => {
                shown.put("resource", json!(resource));
                shown.document("input", input);
                shown.limits(*timeout_in_seconds, None, task_credentials.as_ref());
            }
            Self::LambdaFunctionSucceeded { output } => shown.document("output", output),
            Self::LambdaFunctionFailed { error, cause }
            | Self::LambdaFunctionTimedOut { error, cause } => {
                shown.failure(error.as_deref(), cause.as_deref());
            }
            _ => return false,
        }
        true
    }

    /// Shows an event of a service integration, of which there is one; whether it is such an event.
    fn show_task(&self, shown: &mut Shown) -> bool {
        let mut of_task = |pattern: &TaskPattern| {
            shown.put("resourceType", json!("lambda"));
            shown.put("resource", json!(pattern.resource()));
        };
        match self {
            Self::TaskScheduled {
                region,
                parameters,
                timeout_in_seconds,
                heartbeat_in_seconds,
                task_credentials,
                pattern,
            } => {
                of_task(pattern);
                shown.put("region", json!(region));
                shown.put("parameters", json!(parameters.text()));
                let (timeout, heartbeat) = (*timeout_in_seconds, *heartbeat_in_seconds);
                shown.limits(timeout, heartbeat, task_credentials.as_ref());
            }
            Self::TaskStarted { pattern } => of_task(pattern),
            Self::TaskSubmitted { output, pattern } | Self::TaskSucceeded { output, pattern } => {
                of_task(pattern);
                shown.document("output", output);
            }
            Self::TaskFailed { error, cause, pattern }
            | Self::TaskTimedOut { error, cause, pattern } => {
                of_task(pattern);
                shown.failure(error.as_deref(), cause.as_deref());
            }
            _ => return false,
        }
        true
    }

    /// Shows an event of a Map; whether it is one that has details.
    fn show_map(&self, shown: &mut Shown) -> bool {
        match self {
            Self::MapStateStarted { length } => shown.put("length", json!(length)),
            Self::MapIterationStarted { name, index }
            | Self::MapIterationSucceeded { name, index }
            | Self::MapIterationFailed { name, index }
            | Self::MapIterationAborted { name, index } => {
                shown.put("name", json!(name));
                shown.put("index", json!(index));
            }
            Self::MapRunStarted { map_run_arn } => shown.put("mapRunArn", json!(map_run_arn)),
            Self::MapRunRedriven { map_run_arn, redrive_count } => {
                shown.put("mapRunArn", json!(map_run_arn));
                shown.put("redriveCount", json!(redrive_count));
            }
            Self::MapRunFailed { error, cause } => {
                shown.failure(error.as_deref(), cause.as_deref());
            }
            _ => return false,
        }
        true
    }
}

/// Details as they are put together.
#[derive(Default)]
struct Shown(Map<String, Value>);

impl Shown {
    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn document(&mut self, name: &str, document: &Document) {
        self.put(name, json!(document.text()));
        self.put(&format!("{name}Details"), whole());
    }

    fn failure(&mut self, error: Option<&str>, cause: Option<&str>) {
        for (name, text) in [("error", error), ("cause", cause)] {
            if let Some(text) = text {
                self.put(name, json!(text));
            }
        }
    }

    fn limits(
        &mut self,
        timeout_in_seconds: Option<i64>,
        heartbeat_in_seconds: Option<i64>,
        credentials: Option<&Document>,
    ) {
        let seconds = [
            ("timeoutInSeconds", timeout_in_seconds),
            ("heartbeatInSeconds", heartbeat_in_seconds),
        ];
        for (name, seconds) in seconds {
            if let Some(seconds) = seconds {
                self.put(name, json!(seconds));
            }
        }
        if let Some(credentials) = credentials {
            self.put("taskCredentials", json!({ "roleArn": credentials.value()["RoleArn"] }));
        }
    }
}

/// Nothing is ever cut here, and AWS says so beside each document.
fn whole() -> Value {
    json!({ "truncated": false })
}

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &epoch_seconds(self.at))?;
        map.serialize_entry("type", &*self.details.event_type())?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("previousEventId", &self.previous_id)?;
        if let Some((key, details)) = self.details.shown() {
            map.serialize_entry(&key, &details)?;
        }
        map.end()
    }
}

/// A history event as it is kept: `[id, previousEventId, milliseconds since 1970, details]`, with documents
/// as documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<E = HistoryEvent>(pub E);

impl<E: std::borrow::Borrow<HistoryEvent>> Serialize for Stored<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HistoryEvent { id, previous_id, at, details } = self.0.borrow();
        (id, previous_id, at.as_millisecond(), details).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, previous_id, at, details) = Deserialize::deserialize(deserializer)?;
        let at = Timestamp::from_millisecond(at).map_err(serde::de::Error::custom)?;
        Ok(Self(HistoryEvent { id, previous_id, at, details }))
    }
}

/// A time as AWS writes it in JSON: seconds since 1970 with milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
pub fn epoch_seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
