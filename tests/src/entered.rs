//! Which states an execution entered, nested as its Parallel and Map states nest them: what a history
//! says by the events that precede each other.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stepwell_engine::HistoryEvent;

use crate::show;

/// A state that was entered, with the branches or iterations within it.
#[derive(Debug)]
struct Entered {
    name: String,
    /// `branches` or `iterations`, if it may have any.
    nests: Option<&'static str>,
    nested: Vec<usize>,
    done: bool,
}

/// One sequence of states: the outermost, a branch, or an iteration.
#[derive(Debug, Default)]
struct Sequence {
    parent: Option<usize>,
    states: Vec<Entered>,
}

/// The states in the order in which they were entered: a name, or `{"state": name, "branches": [...]}`,
/// or the same with `iterations`.
pub fn entered(events: &[&HistoryEvent]) -> Value {
    let mut sequences = vec![Sequence::default()];
    let mut at: BTreeMap<u64, usize> = BTreeMap::from([(0, 0)]);
    let mut types: BTreeMap<u64, String> = BTreeMap::new();
    for event in events {
        let kind = event.details.event_type();
        let previous = event.previous_id;
        let mut sequence = at.get(&previous).copied().unwrap_or(0);
        if kind.ends_with("StateEntered") {
            if types.get(&previous).is_some_and(|kind| kind == "ParallelStateStarted") {
                sequence = nest(&mut sequences, sequence);
            }
            let name = show::details(event)["name"].as_str().unwrap_or_default().to_owned();
            let nests = match kind.as_ref() {
                "ParallelStateEntered" => Some("branches"),
                "MapStateEntered" => Some("iterations"),
                _ => None,
            };
            sequences[sequence].states.push(Entered {
                name,
                nests,
                nested: Vec::new(),
                done: false,
            });
        } else if kind == "MapIterationStarted" {
            // What came before may be the iteration before.
            sequence = outer(&sequences, sequence);
            sequence = nest(&mut sequences, sequence);
        } else if kind.starts_with("MapIteration") {
            sequence = outer(&sequences, sequence);
        } else if ["ParallelState", "MapState"].iter().any(|start| kind.starts_with(start))
            && !kind.ends_with("Started")
        {
            sequence = outer(&sequences, sequence);
            if let Some(state) = sequences[sequence].states.last_mut() {
                state.done |= !kind.ends_with("Succeeded");
            }
        }
        at.insert(event.id, sequence);
        types.insert(event.id, kind.to_string());
    }
    shown(&sequences, 0)
}

/// Begins a sequence within the last state of another.
fn nest(sequences: &mut Vec<Sequence>, parent: usize) -> usize {
    let index = sequences.len();
    sequences.push(Sequence { parent: Some(parent), states: Vec::new() });
    if let Some(state) = sequences[parent].states.last_mut() {
        state.nested.push(index);
    }
    index
}

/// The sequence whose last state is a Parallel or Map state that has not ended, from inside out.
fn outer(sequences: &[Sequence], from: usize) -> usize {
    let mut sequence = from;
    loop {
        let open = sequences[sequence].states.last();
        match sequences[sequence].parent {
            _ if open.is_some_and(|state| state.nests.is_some() && !state.done) => return sequence,
            Some(parent) => sequence = parent,
            None => return sequence,
        }
    }
}

fn shown(sequences: &[Sequence], index: usize) -> Value {
    let states = sequences[index].states.iter().map(|state| match state.nests {
        None => json!(state.name),
        Some(nests) => {
            let nested: Vec<Value> =
                state.nested.iter().map(|index| shown(sequences, *index)).collect();
            json!({ "state": state.name, nests: nested })
        }
    });
    Value::Array(states.collect())
}
