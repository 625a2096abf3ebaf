//! Machines: which language is whose, and the machines within machines.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::remark::{Refusal, Remark, RemarkKind, below};
use crate::scope::Names;
use crate::state;

const LANGUAGE: &str = "QueryLanguage";
const JSONATA: &str = "JSONata";

/// A definition as it becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The definition.
    pub definition: Value,
    /// What is to be said about it, in the order of the states. Pointers lead into the definition as it
    /// was.
    pub remarks: Vec<Remark>,
    /// How many states are converted, or need no change.
    pub converted: usize,
    /// How many states stay in JSONPath.
    pub kept: usize,
}

/// Converts a definition, as far as it can be converted without doing anything else than before.
///
/// A machine all of whose states can be converted becomes one in JSONata. Otherwise it stays in JSONPath,
/// and those of its states that can be converted say `QueryLanguage: JSONata` each.
pub fn convert_definition(definition: &Value) -> Converted {
    convert_at(definition, "")
}

/// Converts the definition that a pointer leads to.
pub(crate) fn convert_at(definition: &Value, at: &str) -> Converted {
    let kept =
        |remarks| Converted { definition: definition.clone(), remarks, converted: 0, kept: 0 };
    let Some(machine) = definition.as_object() else {
        let message = "a definition must be an object";
        return kept(vec![Remark::new(RemarkKind::Kept, at, message)]);
    };
    if machine.get(LANGUAGE).and_then(Value::as_str) == Some(JSONATA) {
        return kept(Vec::new());
    }
    let mut names = Names::default();
    names.gather(definition);
    let mut outcomes = Outcomes { names, by_pointer: BTreeMap::new() };
    let mut order = Vec::new();
    outcomes.judge(machine, at, &mut order);
    let refused = outcomes.by_pointer.values().filter(|outcome| outcome.is_err()).count();
    let whole = refused == 0;
    let mut new = outcomes.rebuilt(machine, at, whole);
    if whole && !order.is_empty() {
        new = with_language(&new);
    }
    let mut remarks = Vec::new();
    for pointer in &order {
        match &outcomes.by_pointer[pointer] {
            Ok((_, said)) => remarks.extend(said.iter().cloned()),
            Err(Refusal { pointer: place, message }) => {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                let name = name.replace("~1", "/").replace("~0", "~");
                let message = format!("`{name}` stays in JSONPath: {message}");
                remarks.push(Remark::new(RemarkKind::Kept, place, message).help(
                    "rewrite it by hand, or leave it: a machine can have states of both languages",
                ));
            }
        }
    }
    let converted = outcomes.by_pointer.len() - refused;
    let remarks = once_each(remarks);
    Converted { definition: Value::Object(new), remarks, converted, kept: refused }
}

/// What holds everywhere is said where it holds first.
fn once_each(remarks: Vec<Remark>) -> Vec<Remark> {
    let mut told: Vec<(Remark, usize)> = Vec::new();
    for remark in remarks {
        let same = |(other, _): &&mut (Remark, usize)| {
            other.kind == RemarkKind::Differs && other.message == remark.message
        };
        match told.iter_mut().find(same) {
            Some((first, more)) => *more += usize::from(first.pointer != remark.pointer),
            None => told.push((remark, 0)),
        }
    }
    let told = told.into_iter().map(|(mut remark, more)| {
        if more > 0 {
            let places = if more == 1 { "place" } else { "places" };
            remark.message = format!("{} (here and at {more} more {places})", remark.message);
        }
        remark
    });
    told.collect()
}

/// What became of each state, by its pointer.
struct Outcomes {
    names: Names,
    by_pointer: BTreeMap<String, Result<state::Converted, Refusal>>,
}

impl Outcomes {
    /// Tries all states of a machine and of those within it.
    fn judge(&mut self, machine: &Map<String, Value>, at: &str, order: &mut Vec<String>) {
        let at = below(at, "States");
        let states = machine.get("States").and_then(Value::as_object);
        for (name, state) in states.into_iter().flatten() {
            let here = below(&at, name);
            let Some(fields) = state.as_object() else { continue };
            if fields.get(LANGUAGE).and_then(Value::as_str) != Some(JSONATA) {
                let outcome = state::convert(fields, &self.names, &here);
                self.by_pointer.insert(here.clone(), outcome);
                order.push(here.clone());
            }
            for (pointer, inner) in machines_in(fields, &here) {
                self.judge(inner, &pointer, order);
            }
        }
    }

    fn rebuilt(&self, machine: &Map<String, Value>, at: &str, whole: bool) -> Map<String, Value> {
        let mut new = machine.clone();
        let at = below(at, "States");
        let Some(Value::Object(states)) = new.get_mut("States") else { return new };
        for (name, state) in states.iter_mut() {
            let here = below(&at, name);
            let Some(old) = state.as_object() else { continue };
            let mut fields = match self.by_pointer.get(&here) {
                Some(Ok((fields, _))) if whole => without_language(fields),
                Some(Ok((fields, _))) if fields != old => with_language(fields),
                _ => old.clone(),
            };
            for name in ["ItemProcessor", "Iterator"] {
                if let Some(Value::Object(inner)) = fields.get(name).cloned() {
                    // The pointer is that of the old text.
                    let old_name = if old.contains_key(name) { name } else { "Iterator" };
                    let inner = self.rebuilt(&inner, &below(&here, old_name), whole);
                    fields.insert(name.to_owned(), Value::Object(inner));
                }
            }
            if let Some(Value::Array(branches)) = fields.get_mut("Branches") {
                for (index, branch) in branches.iter_mut().enumerate() {
                    let at = below(&below(&here, "Branches"), &index.to_string());
                    if let Value::Object(inner) = branch {
                        *branch = Value::Object(self.rebuilt(inner, &at, whole));
                    }
                }
            }
            *state = Value::Object(fields);
        }
        new
    }
}

/// The machines within a state, with their pointers.
fn machines_in<'v>(
    state: &'v Map<String, Value>,
    at: &str,
) -> Vec<(String, &'v Map<String, Value>)> {
    let mut machines = Vec::new();
    for name in ["ItemProcessor", "Iterator"] {
        if let Some(Value::Object(inner)) = state.get(name) {
            machines.push((below(at, name), inner));
        }
    }
    if let Some(Value::Array(branches)) = state.get("Branches") {
        for (index, branch) in branches.iter().enumerate() {
            if let Value::Object(inner) = branch {
                machines.push((below(&below(at, "Branches"), &index.to_string()), inner));
            }
        }
    }
    machines
}

/// With `QueryLanguage: JSONata`, behind what tells what the object is.
fn with_language(fields: &Map<String, Value>) -> Map<String, Value> {
    const FIRST: [&str; 4] = ["Comment", "StartAt", "Type", "Version"];
    let place = fields.keys().take_while(|name| FIRST.contains(&name.as_str())).count();
    let mut new = Map::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        if index == place && !fields.contains_key(LANGUAGE) {
            new.insert(LANGUAGE.to_owned(), Value::from(JSONATA));
        }
        let value = if name == LANGUAGE { Value::from(JSONATA) } else { value.clone() };
        new.insert(name.clone(), value);
    }
    new.entry(LANGUAGE).or_insert_with(|| Value::from(JSONATA));
    new
}

fn without_language(fields: &Map<String, Value>) -> Map<String, Value> {
    let fields = fields.iter().filter(|(name, _)| *name != LANGUAGE);
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}
