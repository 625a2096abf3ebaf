//! A history as GetExecutionHistory replies it, read no further than a picture needs it.
//!
//! Takes what `stepwell run --history` writes and what `aws stepfunctions get-execution-history` prints,
//! also the bare list of events and one in reverse order. Types of events that are not known are kept.

use std::fmt;

use serde::Deserialize;

/// The events of an execution in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// At least one.
    pub events: Vec<Event>,
    /// Whether AWS has more of it than is here.
    pub is_cut: bool,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the execution.
    pub id: u64,
    /// The event that led to it; 0 for the first ones.
    pub previous_id: u64,
    /// Its type as AWS names it.
    pub event_type: String,
    /// The state that it names: of `…StateEntered`, `…StateExited`, `MapIteration…` and
    /// `EvaluationFailed`.
    pub name: Option<String>,
    /// How many items a Map has.
    pub length: Option<u64>,
}

/// Why a text is no history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryError {
    /// It is not JSON, or an event lacks what every event has.
    Unreadable(String),
    /// It holds no list of events.
    NoEvents,
    /// The list is empty.
    Empty,
    /// None of the events is one of an execution.
    Foreign,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(formatter, "it cannot be read: {why}"),
            Self::NoEvents => formatter.write_str("it has no list `events`"),
            Self::Empty => formatter.write_str("it has no event"),
            Self::Foreign => formatter.write_str("none of its events is one of an execution"),
        }
    }
}

impl std::error::Error for HistoryError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    events: Option<Vec<Read>>,
    next_token: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    id: u64,
    #[serde(default)]
    previous_event_id: u64,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    state_entered_event_details: Option<Details>,
    #[serde(default)]
    state_exited_event_details: Option<Details>,
    #[serde(default)]
    map_state_started_event_details: Option<Details>,
    #[serde(default)]
    map_iteration_started_event_details: Option<Details>,
    #[serde(default)]
    map_iteration_succeeded_event_details: Option<Details>,
    #[serde(default)]
    map_iteration_failed_event_details: Option<Details>,
    #[serde(default)]
    map_iteration_aborted_event_details: Option<Details>,
    #[serde(default)]
    evaluation_failed_event_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(alias = "state")]
    name: Option<String>,
    length: Option<u64>,
}

impl History {
    /// Reads a history.
    pub fn parse(text: &str) -> Result<Self, HistoryError> {
        let unreadable = |error: serde_json::Error| HistoryError::Unreadable(error.to_string());
        let (read, is_cut) = if text.trim_start().starts_with('[') {
            (serde_json::from_str::<Vec<Read>>(text).map_err(unreadable)?, false)
        } else {
            let reply: Reply = serde_json::from_str(text).map_err(unreadable)?;
            (reply.events.ok_or(HistoryError::NoEvents)?, reply.next_token.is_some())
        };
        if read.is_empty() {
            return Err(HistoryError::Empty);
        }
        let mut events: Vec<Event> = read.into_iter().map(Event::from).collect();
        if !events.iter().any(Event::is_of_an_execution) {
            return Err(HistoryError::Foreign);
        }
        events.sort_by_key(|event| event.id);
        Ok(Self { events, is_cut })
    }
}

impl Event {
    fn is_of_an_execution(&self) -> bool {
        self.event_type.starts_with("Execution")
            || self.event_type.ends_with("StateEntered")
            || self.event_type.ends_with("StateExited")
    }
}

impl From<Read> for Event {
    fn from(read: Read) -> Self {
        let length = read.map_state_started_event_details.and_then(|details| details.length);
        let named = [
            read.state_entered_event_details,
            read.state_exited_event_details,
            read.map_iteration_started_event_details,
            read.map_iteration_succeeded_event_details,
            read.map_iteration_failed_event_details,
            read.map_iteration_aborted_event_details,
            read.evaluation_failed_event_details,
        ];
        let name = named.into_iter().flatten().find_map(|details| details.name);
        let Read { id, previous_event_id: previous_id, event_type, .. } = read;
        Self { id, previous_id, event_type, name, length }
    }
}
