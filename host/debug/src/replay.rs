//! Replaying what was recorded: the events must give the history, value by value.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use stepwell_asl::Definition;
use stepwell_engine::{Event, Execution, IllegalEvent, Outcome, Start};

/// What a replay came to that agrees with what was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// How the execution ended, if it has.
    pub outcome: Option<Outcome>,
    /// How many events were applied.
    pub events: usize,
    /// How many events of the history agree.
    pub history_events: usize,
}

/// Where one value of the history differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// Where in the event, as a JSON pointer; empty: as a whole.
    pub pointer: String,
    /// What was recorded there; `None`: nothing.
    pub expected: Option<Value>,
    /// What the replay gives; `None`: nothing.
    pub found: Option<Value>,
}

/// The first thing in which a replay and what was recorded differ.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Difference {
    /// A recorded event does not fit the execution.
    #[error("event {sequence} cannot be replayed: {error}")]
    Event {
        /// Which one, from 1.
        sequence: usize,
        /// Why.
        error: IllegalEvent,
    },
    /// An event of the history differs.
    #[error("history event {sequence} differs{place}")]
    History {
        /// Which one, from 1.
        sequence: usize,
        /// Where in it, and how.
        place: Box<Place>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(out, " at `{}`", self.pointer)?;
        }
        let (expected, found) = (side(self.expected.as_ref()), side(self.found.as_ref()));
        write!(out, ": recorded {expected}, replayed {found}")
    }
}

fn side(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| crate::words::cut(&value.to_string()))
}

/// Applies all events and holds the history that they give against the recorded one, whose events are
/// objects as GetExecutionHistory gives them. Both must be the same to the last bit: the same values in the
/// same order.
pub fn replay(
    definition: &Definition,
    start: Start,
    events: &[(Timestamp, Event)],
    history: &[Value],
) -> Result<Replayed, Difference> {
    let mut execution = Execution::new(start);
    let mut count = 0;
    for (index, (at, event)) in events.iter().enumerate() {
        let applied = execution
            .apply(definition, *at, event.clone())
            .map_err(|error| Difference::Event { sequence: index + 1, error })?;
        for found in &applied.history {
            let found = serde_json::to_value(found).expect("an event of the history is JSON");
            let expected = history.get(count);
            count += 1;
            compare(count, expected, Some(&found))?;
        }
    }
    if let Some(expected) = history.get(count) {
        compare(count + 1, Some(expected), None)?;
    }
    let outcome = execution.outcome().cloned();
    Ok(Replayed { outcome, events: events.len(), history_events: count })
}

fn compare(
    sequence: usize,
    expected: Option<&Value>,
    found: Option<&Value>,
) -> Result<(), Difference> {
    // Texts are compared: members of equal values may have another order.
    let same = match (expected, found) {
        (Some(expected), Some(found)) => {
            let texts = [expected, found].map(Value::to_string);
            texts[0] == texts[1]
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    let (pointer, expected, found) = first_difference(String::new(), expected, found);
    let (expected, found) = (expected.cloned(), found.cloned());
    let place = Box::new(Place { pointer, expected, found });
    Err(Difference::History { sequence, place })
}

/// Goes down to the first value that differs.
fn first_difference<'v>(
    pointer: String,
    expected: Option<&'v Value>,
    found: Option<&'v Value>,
) -> (String, Option<&'v Value>, Option<&'v Value>) {
    let below = |token: &str| format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"));
    match (expected, found) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                if one.get(name) != other.get(name) {
                    return first_difference(below(name), one.get(name), other.get(name));
                }
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                if one.get(index) != other.get(index) {
                    let (one, other) = (one.get(index), other.get(index));
                    return first_difference(below(&index.to_string()), one, other);
                }
            }
        }
        _ => {}
    }
    (pointer, expected, found)
}
