//! `script.json`: what the functions of an engine case answer, and what else happens to the execution.
//!
//! ```json
//! {
//!   "functions": { "fetch": [ { "fails": { "error": "Down", "cause": "503" }, "times": 2 }, { "returns": [] } ] },
//!   "tokens": [ [ { "heartbeat": true, "seconds": 2 }, { "returns": 1, "seconds": 4 } ] ],
//!   "redrives": [ 60 ],
//!   "inputs": [ { "after_seconds": 3, "effect": 1, "input": {} } ],
//!   "stop": { "after_seconds": 5, "error": "Enough", "cause": "" },
//!   "history_events_max": 100
//! }
//! ```
//!
//! An answer is `returns` (a value), `characters` (a string of so many `x`), `echo` or `fails`; with
//! `times` it is given so often, and it takes `seconds`, 1 by default. A call that has no answer is a
//! mistake in the case. `tokens` has a list for each token, in the order in which they are opened: what is
//! said by it, and how many seconds after that. `redrives` are the seconds from an end to its redrive.
//! `inputs` give a state that waits for an effect another input; snapshots tell the effects' numbers.

use std::collections::{BTreeMap, VecDeque};

use jiff::SignedDuration;
use serde_json::Value;
use stepwell_engine::{EffectId, Failure};
use stepwell_query::Document;

use crate::run::{Answer, NewInput, Outside, Reply, Said, Stop};

/// What happens to an execution from outside.
pub struct Script {
    functions: BTreeMap<String, VecDeque<Reply>>,
    /// Stop, tokens, redrives and other inputs.
    pub outside: Outside,
    /// The limit of its history; `None`: none.
    pub history_events_max: Option<u64>,
}

impl Script {
    /// Reads a script; `None` is the one in which nothing happens.
    pub fn read(script: Option<&Value>) -> Self {
        let none = Value::Null;
        let script = script.unwrap_or(&none);
        let functions = script["functions"].as_object().into_iter().flatten();
        Self {
            functions: functions.map(|(name, list)| (name.clone(), replies(list))).collect(),
            outside: Outside {
                stop: script["stop"].as_object().map(|stop| Stop {
                    after: seconds(stop.get("after_seconds")),
                    error: stop.get("error").and_then(text),
                    cause: stop.get("cause").and_then(text),
                }),
                tokens: script["tokens"].as_array().into_iter().flatten().map(said).collect(),
                redrives: script["redrives"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|value| seconds(Some(value)))
                    .collect(),
                inputs: script["inputs"].as_array().into_iter().flatten().map(new_input).collect(),
            },
            history_events_max: match script.get("history_events_max") {
                None => Some(stepwell_engine::HISTORY_EVENTS_MAX),
                Some(most) => most.as_u64(),
            },
        }
    }

    /// The next answer of a function.
    pub fn reply(&mut self, function: &str) -> Reply {
        self.functions
            .get_mut(function)
            .and_then(VecDeque::pop_front)
            .unwrap_or_else(|| panic!("script.json has no answer for this call of `{function}`"))
    }

    /// Fails if an answer was never asked for: the case says something that is not so.
    pub fn assert_used_up(&self) {
        let left: Vec<_> =
            self.functions.iter().filter(|(_, replies)| !replies.is_empty()).collect();
        assert!(left.is_empty(), "answers that nobody asked for: {left:?}");
    }
}

fn replies(list: &Value) -> VecDeque<Reply> {
    let list = list.as_array().expect("a function has a list of answers");
    list.iter()
        .flat_map(|entry| {
            let times = entry["times"].as_u64().unwrap_or(1);
            (0..times).map(|_| Reply {
                answer: answer(entry),
                after: entry
                    .get("seconds")
                    .map_or(SignedDuration::from_secs(1), |value| seconds(Some(value))),
            })
        })
        .collect()
}

fn said(list: &Value) -> Vec<Said> {
    let list = list.as_array().expect("a token has a list of what is said by it");
    list.iter()
        .map(|entry| Said {
            answer: (entry["heartbeat"] != true).then(|| answer(entry)),
            after: seconds(entry.get("seconds")),
        })
        .collect()
}

fn new_input(entry: &Value) -> NewInput {
    NewInput {
        after: seconds(entry.get("after_seconds")),
        id: EffectId(entry["effect"].as_u64().expect("an effect has a number")),
        input: Document::from(entry["input"].clone()),
    }
}

fn answer(entry: &Value) -> Answer {
    if let Some(value) = entry.get("returns") {
        return Answer::Returns(Document::from(value.clone()));
    }
    if let Some(characters) = entry["characters"].as_u64() {
        let characters = usize::try_from(characters).expect("it fits into memory");
        return Answer::Returns(Document::from(Value::from("x".repeat(characters))));
    }
    if let Some(failure) = entry.get("fails") {
        let (error, cause) = (text(&failure["error"]), text(&failure["cause"]));
        return Answer::Fails(Failure::from_parts(error, cause));
    }
    assert_eq!(entry["echo"], true, "an answer is `returns`, `characters`, `echo` or `fails`");
    Answer::Echo
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn seconds(value: Option<&Value>) -> SignedDuration {
    let seconds = value.and_then(Value::as_f64).expect("a number of seconds");
    SignedDuration::from_secs_f64(seconds)
}
