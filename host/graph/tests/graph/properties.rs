//! Whatever the definition and whatever the history, there is a picture or an error.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stepwell_graph::{Graph, History, Layout, Path, mermaid, svg};

use crate::layouts::check;

/// A machine of some states that lead anywhere, with machines within them.
fn machine(depth: u32) -> BoxedStrategy<Vec<Draft>> {
    let inner: BoxedStrategy<Vec<Vec<Draft>>> = if depth == 0 {
        Just(Vec::new()).boxed()
    } else {
        prop_oneof![
            3 => Just(Vec::new()),
            1 => prop::collection::vec(machine(depth - 1), 1..4),
        ]
        .boxed()
    };
    let draft = (0..7_u8, any::<[u8; 4]>(), "\\PC{0,30}", inner);
    let draft = draft.prop_map(|(kind, leads, name, inner)| Draft { kind, leads, name, inner });
    prop::collection::vec(draft, 1..9).boxed()
}

#[derive(Debug, Clone)]
struct Draft {
    kind: u8,
    leads: [u8; 4],
    name: String,
    inner: Vec<Vec<Self>>,
}

/// The definition; `count` makes names unique in all of it.
fn definition(drafts: &[Draft], count: &mut usize) -> Value {
    let names: Vec<String> = drafts
        .iter()
        .map(|draft| {
            *count += 1;
            format!("{count} {}", draft.name)
        })
        .collect();
    let mut states = Map::new();
    for (index, (draft, name)) in drafts.iter().zip(&names).enumerate() {
        let [next, second, third, catch] =
            draft.leads.map(|lead| names[usize::from(lead) % names.len()].clone());
        let rule = |next: &str, text: &str| json!({ "Variable": "$.x", "StringEquals": text, "Next": next });
        let mut state = match draft.kind {
            _ if index + 1 == drafts.len() => json!({ "Type": "Succeed" }),
            _ if draft.inner.len() == 1 => {
                json!({ "Type": "Map", "ItemProcessor": definition(&draft.inner[0], count) })
            }
            _ if draft.inner.len() > 1 => {
                let branches: Vec<Value> =
                    draft.inner.iter().map(|inner| definition(inner, count)).collect();
                json!({ "Type": "Parallel", "Branches": branches })
            }
            0 | 1 => json!({ "Type": "Task", "Resource": "work",
                "Retry": [{ "ErrorEquals": ["A", &draft.name] }] }),
            2 | 3 => json!({ "Type": "Choice", "Default": catch,
                "Choices": [rule(&next, &draft.name), rule(&second, ""), rule(&third, "\n")] }),
            4 => json!({ "Type": "Wait", "Seconds": 1 }),
            5 => json!({ "Type": "Fail" }),
            _ => json!({ "Type": "Pass" }),
        };
        let kind = state["Type"].as_str().unwrap().to_owned();
        if !["Succeed", "Fail", "Choice"].contains(&kind.as_str()) {
            state["Next"] = json!(next);
        }
        if ["Task", "Map", "Parallel"].contains(&kind.as_str()) && draft.leads[3] % 2 == 0 {
            state["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Next": catch }]);
        }
        states.insert(name.clone(), state);
    }
    json!({ "StartAt": names[0], "States": states })
}

fn graph_of(drafts: &[Draft]) -> Graph {
    let text = definition(drafts, &mut 0).to_string();
    let workflow = stepwell_asl::load(&text, "machine");
    let workflow = workflow.unwrap_or_else(|findings| panic!("{text}: {findings:#?}"));
    Graph::of("machine", &workflow.machines[0].definition)
}

/// Events that need not make sense.
fn events(names: Vec<(String, String)>) -> impl Strategy<Value = Value> {
    let types = [
        "ExecutionStarted",
        "ExecutionFailed",
        "ExecutionAborted",
        "ExecutionSucceeded",
        "LambdaFunctionScheduled",
        "LambdaFunctionFailed",
        "TaskTimedOut",
        "MapStateStarted",
        "MapStateFailed",
        "MapStateSucceeded",
        "ParallelStateStarted",
        "ParallelStateFailed",
        "ParallelStateSucceeded",
        "Unheard",
        "Entered",
        "Exited",
        "Iteration",
        "IterationFailed",
    ];
    let one = (0_u64..30, prop::sample::select(types.to_vec()), prop::sample::select(names));
    let list = prop::collection::vec(one, 1..40);
    list.prop_map(|list| {
        let event = |(index, (previous, event_type, (name, kind))): (usize, (u64, &str, (String, String)))| {
            let details = json!({ "name": name });
            let (event_type, key) = match event_type {
                "Entered" => (format!("{kind}StateEntered"), "stateEnteredEventDetails"),
                "Exited" => (format!("{kind}StateExited"), "stateExitedEventDetails"),
                "Iteration" => ("MapIterationStarted".to_owned(), "mapIterationStartedEventDetails"),
                "IterationFailed" => ("MapIterationFailed".to_owned(), "mapIterationFailedEventDetails"),
                other => (other.to_owned(), "details"),
            };
            json!({ "id": index + 1, "previousEventId": previous, "type": event_type, key: details })
        };
        let mut events: Vec<Value> = list.into_iter().enumerate().map(event).collect();
        events.push(json!({ "id": 99, "type": "ExecutionStarted" }));
        json!({ "events": events })
    })
}

/// A machine, and a history that names its states.
fn machine_and_history() -> impl Strategy<Value = (Graph, Value)> {
    machine(2).prop_map(|drafts| graph_of(&drafts)).prop_flat_map(|graph| {
        let states = graph
            .nodes
            .iter()
            .filter_map(|node| Some((node.name.clone(), node.state_type()?.to_string())));
        let names = states.collect();
        (Just(graph), events(names))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps_and_nothing_is_outside(drafts in machine(2)) {
        let graph = graph_of(&drafts);
        check(&graph, None);
        prop_assert_eq!(Layout::of(&graph, None), Layout::of(&graph, None));
        let text = mermaid(&graph, None);
        prop_assert_eq!(text.matches('"').count() % 2, 0);
    }

    #[test]
    fn any_events_have_a_picture((graph, text) in machine_and_history()) {
        let history = History::parse(&text.to_string()).unwrap();
        let path = Path::of(&graph, &history).unwrap();
        check(&graph, Some(&path));
        prop_assert!(mermaid(&graph, Some(&path)).starts_with("flowchart TD\n"));
    }

    #[test]
    fn any_text_is_a_history_or_an_error(text in "[\\[{]?\\PC{0,40}") {
        _ = History::parse(&text);
    }

    #[test]
    fn any_text_that_is_a_definition_has_a_picture(text in "\\PC{0,60}") {
        if let Ok(workflow) = stepwell_asl::load(&text, "machine") {
            _ = svg(&Graph::of("", &workflow.machines[0].definition), None);
        }
    }
}
