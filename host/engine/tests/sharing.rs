//! A payload that passes through states unchanged is held once, however many events of the history show it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::load;
use stepwell_engine::{Details, Event, Execution, HistoryEvent, Start};
use stepwell_query::Document;

#[test]
fn a_chain_of_states_holds_its_payload_once() {
    let states: Value = (0..50)
        .map(|index| match index % 3 {
            0 => json!({ "Type": "Pass" }),
            1 => json!({ "Type": "Choice", "Choices": [{ "Variable": "$.p", "IsString": true }] }),
            _ => json!({ "Type": "Wait", "Timestamp": "1969-07-20T20:17:40Z" }),
        })
        .enumerate()
        .map(|(index, mut state)| {
            let place = if index % 3 == 1 { "/Choices/0" } else { "" };
            let owner = state.pointer_mut(place).unwrap();
            owner["Next"] =
                json!(if index == 49 { "Last".to_owned() } else { format!("S{}", index + 1) });
            (format!("S{index}"), state)
        })
        .chain([("Last".to_owned(), json!({ "Type": "Succeed" }))])
        .collect();
    let history =
        run(&json!({ "StartAt": "S0", "States": states }), &json!({ "p": "x".repeat(200_000) }));
    let held: BTreeSet<_> =
        history.iter().filter_map(document).map(Document::text).map(str::as_ptr).collect();
    assert_eq!(history.len(), 2 * 51 + 2);
    assert_eq!(held.len(), 1);
}

#[test]
fn iterations_hold_each_item_once_and_branches_their_input() {
    let pass = json!({ "Type": "Pass", "End": true });
    let each = json!({ "Type": "Map", "ItemProcessor": { "StartAt": "I", "States": { "I": pass } }, "End": true });
    let branch = |name: &str| json!({ "StartAt": name, "States": { name: pass } });
    let both = json!({ "Type": "Parallel", "Branches": [branch("A"), branch("B")], "Next": "Each", "ResultPath": null });
    let machine = json!({ "StartAt": "Both", "States": { "Both": both, "Each": each } });
    let history = run(&machine, &json!(["one", "two", "three"]));
    let held = |wanted: &[&str]| {
        let documents = history.iter().filter(|event| named(event, wanted)).filter_map(document);
        documents.map(Document::text).map(str::as_ptr).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(held(&["Both", "A", "B"]), 1);
    assert_eq!(held(&["I"]), 3);
}

fn run(machine: &Value, input: &Value) -> Vec<HistoryEvent> {
    let definition =
        load(&machine.to_string(), "machine").expect("it is sound").machines.remove(0).definition;
    let at = Timestamp::UNIX_EPOCH;
    let text = String::new;
    let start = Start {
        name: text(),
        machine_name: text(),
        execution_arn: text(),
        machine_arn: text(),
        role_arn: text(),
        input: Document::parse(input.to_string()).expect("it is JSON"),
        at,
        seed: 1,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    };
    let mut execution = Execution::new(start);
    let applied = execution.apply(&definition, at, Event::Started).expect("it can begin");
    assert!(execution.outcome().is_some());
    applied.history
}

/// The payload that an event shows.
fn document(event: &HistoryEvent) -> Option<&Document> {
    match &event.details {
        Details::ExecutionStarted { input, .. } | Details::StateEntered { input, .. } => {
            Some(input)
        }
        Details::ExecutionSucceeded { output } | Details::StateExited { output, .. } => {
            Some(output)
        }
        _ => None,
    }
}

fn named(event: &HistoryEvent, names: &[&str]) -> bool {
    match &event.details {
        Details::StateEntered { name, .. } | Details::StateExited { name, .. } => {
            names.contains(&name.as_str())
        }
        _ => false,
    }
}
