//! How far a run agrees with a recording: the four levels of `../shared/conformance/README.md`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stepwell_engine::{HistoryEvent, Outcome};

use crate::recording::{Case, Order};
use crate::run::Step;
use crate::show;

/// The levels: status and output or error; cause; types and names of the events; ids and details.
pub const LEVELS: usize = 4;

/// Differs between accounts and calls, not between machines.
const IGNORED: [&str; 4] =
    ["SdkHttpMetadata", "SdkResponseMetadata", "LogResult", "billingDetails"];

/// The highest level at which a run agrees with what was expected, and what is different beyond it.
pub fn agreement(
    case: &Case,
    expected: &Value,
    outcome: &Outcome,
    steps: &[Step],
) -> (usize, String) {
    let mut comparison = Comparison { case, bindings: BTreeMap::new() };
    let events: Vec<&HistoryEvent> = steps.iter().flat_map(|step| &step.applied.history).collect();
    for level in 0..LEVELS {
        let compared = match level {
            0 => comparison.end(expected, outcome),
            1 => comparison.cause(expected, outcome),
            2 => match case.order {
                Order::Total => sequence(expected, &events),
                Order::Partial => partial_order(expected, &events),
                Order::Lost => contents(expected, &events),
            },
            _ => match case.order {
                Order::Total => comparison.details(expected, &events),
                Order::Partial | Order::Lost => comparison.details_in_any_order(expected, &events),
            },
        };
        if let Err(difference) = compared {
            return (level, difference);
        }
    }
    (LEVELS, String::new())
}

struct Comparison<'c> {
    case: &'c Case,
    /// What numbered placeholders stand for, from their first use on.
    bindings: BTreeMap<String, String>,
}

impl Comparison<'_> {
    fn end(&mut self, expected: &Value, outcome: &Outcome) -> Result<(), String> {
        let got = match outcome {
            Outcome::Succeeded { output } => {
                json!({ "status": "SUCCEEDED", "output": output.value() })
            }
            Outcome::Failed { error, .. } => json!({ "status": "FAILED", "error": error }),
            Outcome::TimedOut => json!({ "status": "TIMED_OUT" }),
            Outcome::Aborted { error, .. } => json!({ "status": "ABORTED", "error": error }),
        };
        // The recording ends while the execution goes on.
        if expected["status"] == "INCOMPLETE" {
            return Ok(());
        }
        for field in ["status", "output", "error"] {
            self.same(&expected[field], &got[field], field)?;
        }
        Ok(())
    }

    fn cause(&mut self, expected: &Value, outcome: &Outcome) -> Result<(), String> {
        let got = match outcome {
            Outcome::Succeeded { .. } | Outcome::TimedOut => &None,
            Outcome::Failed { cause, .. } | Outcome::Aborted { cause, .. } => cause,
        };
        self.same(&expected["cause"], &json!(got), "cause")
    }

    fn details(&mut self, expected: &Value, events: &[&HistoryEvent]) -> Result<(), String> {
        let recorded = expected["events"].as_array().into_iter().flatten();
        for (recorded, event) in recorded.zip(events) {
            let place = format!("event {} {}", event.id, event.details.event_type());
            self.same(&recorded["id"], &json!(event.id), &format!("{place} id"))?;
            let previous = json!(event.previous_id);
            if !follows_a_map_run(events, event, &recorded["previousEventId"]) {
                self.same(&recorded["previousEventId"], &previous, &format!("{place} previous"))?;
            }
            self.same_details(recorded, event, &place)?;
        }
        Ok(())
    }

    /// Each recorded event has one of ours with the same type and details.
    fn details_in_any_order(
        &mut self,
        expected: &Value,
        events: &[&HistoryEvent],
    ) -> Result<(), String> {
        let mut left: Vec<&HistoryEvent> = events.to_vec();
        for recorded in expected["events"].as_array().into_iter().flatten() {
            let name = named(recorded["type"].as_str().unwrap_or_default(), &recorded["details"]);
            let mut first_difference = format!("no event is left for the recorded {name}");
            let mut found = None;
            for (index, event) in left.iter().enumerate() {
                if named(&event.details.event_type(), &show::details(event)) != name {
                    continue;
                }
                let before = self.bindings.clone();
                match self.same_details(recorded, event, &name) {
                    Ok(()) => {
                        found = Some(index);
                        break;
                    }
                    Err(difference) => {
                        self.bindings = before;
                        first_difference = difference;
                    }
                }
            }
            left.remove(found.ok_or(first_difference)?);
        }
        Ok(())
    }

    fn same_details(
        &mut self,
        recorded: &Value,
        event: &HistoryEvent,
        place: &str,
    ) -> Result<(), String> {
        // The recordings leave empty details out, which AWS shows as `{}` (`facts/asl.md` 14).
        let empty = json!({});
        let recorded = recorded.get("details").filter(|details| !details.is_null());
        let got = Some(parsed(show::details(event))).filter(Value::is_object);
        self.same(recorded.unwrap_or(&empty), &got.unwrap_or(empty.clone()), place)
    }

    /// Whether a value is what was expected, placeholders standing for anything.
    fn same(&mut self, expected: &Value, got: &Value, place: &str) -> Result<(), String> {
        let agrees = match (expected, got) {
            (Value::Object(expected), Value::String(text)) if expected.contains_key("$json") => {
                let got = serde_json::from_str(text).unwrap_or(Value::Null);
                return self.same_json_text(&expected["$json"], &got, place);
            }
            (Value::Object(expected), Value::Object(got)) => {
                let names = |map: &Map<String, Value>| {
                    let mut names: Vec<_> =
                        map.keys().filter(|name| counts(name)).cloned().collect();
                    names.sort();
                    names
                };
                let (recorded, ours) = (names(expected), names(got));
                for name in recorded.iter().filter(|name| got.contains_key(*name)) {
                    self.same(&expected[name], &got[name], &format!("{place} {name}"))?;
                }
                recorded == ours
            }
            (Value::Array(expected), Value::Array(got)) => {
                for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                    self.same(expected, got, &format!("{place} {index}"))?;
                }
                expected.len() == got.len()
            }
            (Value::String(expected), got) if self.is_placeholder(expected) => {
                self.bind(expected, &got.as_str().map_or_else(|| got.to_string(), str::to_owned))
            }
            (Value::String(expected), Value::String(got)) => {
                if let (true, Some(expected), Some(got)) =
                    (self.case.loose_causes, error_payload(expected), error_payload(got))
                {
                    return self.same_json_text(&expected, &got, place);
                }
                self.same_text(expected, got)
            }
            (expected, got) => expected == got,
        };
        if agrees {
            return Ok(());
        }
        let (expected, got) = (show::cut(&expected.to_string()), show::cut(&got.to_string()));
        Err(format!("{place}\n  expected {expected}\n       got {got}"))
    }

    fn same_json_text(&mut self, expected: &Value, got: &Value, place: &str) -> Result<(), String> {
        if !self.case.loose_causes {
            return self.same(expected, got, place);
        }
        for field in ["errorType", "errorMessage"] {
            self.same(&expected[field], &got[field], &format!("{place} {field}"))?;
        }
        Ok(())
    }

    fn is_placeholder(&self, text: &str) -> bool {
        self.case.placeholders.iter().any(|placeholder| placeholder == text)
    }

    /// Numbered placeholders stand for the same wherever they are.
    fn bind(&mut self, placeholder: &str, text: &str) -> bool {
        if !placeholder.contains(':') && !placeholder.contains("idx") {
            return true;
        }
        let bound = self.bindings.entry(placeholder.to_owned()).or_insert_with(|| text.to_owned());
        bound == text
    }

    /// A text with placeholders somewhere in it. Each takes as little as what follows it allows.
    fn same_text(&mut self, expected: &str, got: &str) -> bool {
        let placeholders = self.case.placeholders.iter();
        let first =
            placeholders.filter_map(|name| Some((expected.find(name.as_str())?, name))).min();
        let Some((at, name)) = first else { return expected == got };
        let Some(rest) = got.strip_prefix(&expected[..at]) else { return false };
        let tail = &expected[at + name.len()..];
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let name = name.clone();
        ends.into_iter().any(|end| {
            let before = self.bindings.clone();
            let agrees = self.bind(&name, &rest[..end]) && self.same_text(tail, &rest[end..]);
            if !agrees {
                self.bindings = before;
            }
            agrees
        })
    }
}

fn sequence(expected: &Value, events: &[&HistoryEvent]) -> Result<(), String> {
    let Some(recorded) = expected["events"].as_array() else { return Ok(()) };
    let recorded: Vec<String> = recorded
        .iter()
        .map(|event| named(event["type"].as_str().unwrap_or_default(), &event["details"]))
        .collect();
    let mut got: Vec<String> = events
        .iter()
        .map(|event| named(&event.details.event_type(), &show::details(event)))
        .collect();
    if expected["status"] == "INCOMPLETE" {
        got.truncate(recorded.len());
    }
    if recorded == got {
        return Ok(());
    }
    Err(format!("events\n  expected {}\n       got {}", recorded.join(", "), got.join(", ")))
}

/// The names of the events from the start to each event, whatever ran beside it. Recorded ids are dense,
/// so they can be followed.
fn partial_order(expected: &Value, events: &[&HistoryEvent]) -> Result<(), String> {
    let recorded = expected["events"].as_array().into_iter().flatten();
    let recorded = recorded.map(|event| {
        let name = named(event["type"].as_str().unwrap_or_default(), &event["details"]);
        let index = event["details"]["index"].as_u64();
        (event["id"].as_u64(), event["previousEventId"].as_u64(), name, index)
    });
    let ours = events.iter().map(|event| {
        let details = show::details(event);
        let name = named(&event.details.event_type(), &details);
        (Some(event.id), Some(event.previous_id), name, details["index"].as_u64())
    });
    let (recorded, ours) = (trails(recorded), trails(ours));
    if recorded == ours {
        return Ok(());
    }
    let only = |these: &[String], those: &[String]| {
        let only: Vec<_> = these.iter().filter(|trail| !those.contains(trail)).cloned().collect();
        only.join("\n    ")
    };
    let (missing, new) = (only(&recorded, &ours), only(&ours, &recorded));
    Err(format!("events\n  only recorded {missing}\n  only got {new}"))
}

type Linked = (Option<u64>, Option<u64>, String, Option<u64>);

/// For each event the names that lead to it, sorted.
fn trails(events: impl Iterator<Item = Linked>) -> Vec<String> {
    let mut by_id: BTreeMap<u64, String> = BTreeMap::new();
    let mut all = Vec::new();
    for (id, previous, name, index) in events {
        let before = previous.and_then(|previous| by_id.get(&previous)).cloned();
        let index = index.map_or_else(String::new, |index| format!("#{index}"));
        let trail = format!("{} {name}{index}", before.unwrap_or_default());
        by_id.insert(id.unwrap_or_default(), trail.clone());
        all.push(trail);
    }
    all.sort();
    all
}

/// Whether every recorded event is among ours, and ours have as many as the recorded ids say.
fn contents(expected: &Value, events: &[&HistoryEvent]) -> Result<(), String> {
    let Some(recorded) = expected["events"].as_array() else { return Ok(()) };
    let mut left: Vec<String> = events
        .iter()
        .map(|event| named(&event.details.event_type(), &show::details(event)))
        .collect();
    for event in recorded {
        let name = named(event["type"].as_str().unwrap_or_default(), &event["details"]);
        let Some(at) = left.iter().position(|other| *other == name) else {
            return Err(format!("events\n  {name} was recorded, and is not among {left:?}"));
        };
        left.remove(at);
    }
    let last = recorded.iter().filter_map(|event| event["id"].as_u64()).max();
    if last.is_some_and(|last| last != events.len() as u64) {
        return Err(format!("{} events, and {last:?} were recorded", events.len()));
    }
    Ok(())
}

/// AWS lets the exit of a distributed Map follow the start of its run or its end, now this, now that
/// (`facts/asl.md` 14).
fn follows_a_map_run(events: &[&HistoryEvent], event: &HistoryEvent, recorded: &Value) -> bool {
    let type_of = |id: u64| {
        let event = id.checked_sub(1).and_then(|index| events.get(usize::try_from(index).ok()?));
        event.map(|event| event.details.event_type())
    };
    event.details.event_type() == "MapStateExited"
        && type_of(event.previous_id).as_deref() == Some("MapRunSucceeded")
        && recorded.as_u64().and_then(type_of).as_deref() == Some("MapRunStarted")
}

/// A function's error as its runtime writes it, if a text is one.
fn error_payload(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    value["errorType"].is_string().then_some(value)
}

fn counts(name: &str) -> bool {
    !IGNORED.contains(&name) && !name.to_ascii_lowercase().starts_with("redrive")
}

fn named(event_type: &str, details: &Value) -> String {
    match details["name"].as_str() {
        Some(name) => format!("{event_type}({name})"),
        None => event_type.to_owned(),
    }
}

/// Details as the recordings show them: JSON texts as values, `truncated: false` left out.
fn parsed(mut details: Value) -> Value {
    let Some(members) = details.as_object_mut() else { return details };
    members.retain(|name, value| {
        !(matches!(name.as_str(), "inputDetails" | "outputDetails") && value["truncated"] == false)
    });
    members.remove("assignedVariablesDetails");
    let parse = |value: &mut Value| {
        if let Some(parsed) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
            *value = parsed;
        }
    };
    for name in ["input", "output", "parameters"] {
        members.get_mut(name).into_iter().for_each(parse);
    }
    if let Some(Value::Object(variables)) = members.get_mut("assignedVariables") {
        variables.values_mut().for_each(parse);
    }
    details
}
