//! What the engine itself costs, without driver, tasks or disk; the history is kept, as whoever wants it
//! would.
//!
//! `cargo bench -p stepwell-engine --bench transitions`. Times are per item: a transition, or an item of a
//! Map. Compare within one run.
//!
//! - `transitions`: chains of Pass states and of Choice states that hand a 1 KiB state on; `by_hand` is the
//!   same chain as a loop that looks at the same value, writes the same events and clones nothing else.
//! - `transitions_in_a_loop`: the same, round and round through eight states, whose definition is at hand
//!   in the processor's cache.
//! - `unchanged`: a chain of states that do not change their input, of 1 KiB and of 256 KiB.
//! - `computed`: Pass states whose output is a path expression and that assign a variable, in both languages,
//!   with a state of 1 KiB and one of 256 KiB of which one field is read.
//! - `counting`: a loop of 1,000 rounds of a Pass that counts in a variable and a Choice, in both languages.
//! - `map`: an inline Map with one Pass over so many items.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::{Definition, Name, StateType, load};
use stepwell_engine::{
    Assigned, Details, Effect, Event, Execution, HistoryEvent, Outcome, Start,
    TRANSITIONS_PER_APPLY_MAX,
};
use stepwell_query::Document;

fn main() {
    divan::main();
}

const CHAIN: usize = 1_000;

#[divan::bench(args = ["pass", "choice"])]
fn transitions(bencher: Bencher<'_, '_>, kind: &str) {
    let definition = chain(kind);
    let input = document(1 << 10);
    bencher.counter(ItemsCount::new(CHAIN)).bench(|| run(&definition, input.clone()));
}

/// As many transitions as four turns take, round and round through eight states.
#[divan::bench(args = ["pass", "choice"])]
fn transitions_in_a_loop(bencher: Bencher<'_, '_>, kind: &str) {
    const TURNS: usize = 4;
    let states = (0..8).map(|index| {
        let next = format!("S{}", (index + 1) % 8);
        (format!("S{index}"), state(kind, &next))
    });
    let mut states: Value = states.collect();
    states["Last"] = json!({ "Type": "Succeed" });
    let definition = definition(&json!({ "StartAt": "S0", "States": states }));
    let input = document(1 << 10);
    let transitions = TURNS * TRANSITIONS_PER_APPLY_MAX as usize;
    bencher.counter(ItemsCount::new(transitions)).bench(|| {
        let mut execution = Execution::new(start(input.clone()));
        let mut history = Vec::new();
        for turn in 0..TURNS {
            let event = if turn == 0 { Event::Started } else { Event::Resumed };
            let applied = execution.apply(&definition, Timestamp::UNIX_EPOCH, event);
            history.extend(applied.expect("the event was asked for").history);
        }
        history
    });
}

#[divan::bench(name = "transitions_by_hand", args = ["pass", "choice"])]
fn by_hand(bencher: Bencher<'_, '_>, kind: &str) {
    let state_type = if kind == "pass" { StateType::Pass } else { StateType::Choice };
    let names: Vec<Name> = (0..CHAIN).map(|index| Name::from(&*format!("S{index}"))).collect();
    let input = document(1 << 10);
    let at = Timestamp::UNIX_EPOCH;
    bencher.counter(ItemsCount::new(CHAIN)).bench(|| {
        let mut history = Vec::new();
        let mut push = |details| {
            let id = history.len() as u64 + 1;
            history.push(HistoryEvent { id, previous_id: id - 1, at, details });
        };
        for name in &names {
            let name = name.clone();
            if state_type == StateType::Choice && black_box(input.value())["more"] != true {
                break;
            }
            push(Details::StateEntered { state_type, name: name.clone(), input: input.clone() });
            let (output, assigned) = (input.clone(), Assigned::default());
            push(Details::StateExited { state_type, name, output, assigned });
        }
        history
    });
}

#[divan::bench(args = [1, 256])]
fn unchanged(bencher: Bencher<'_, '_>, kib: usize) {
    let definition = chain("pass");
    // The quotes and braces around it must fit as well.
    let bytes = (kib << 10) - 64;
    bencher
        .counter(ItemsCount::new(CHAIN))
        .with_inputs(|| document(bytes))
        .bench_values(|input| run(&definition, input));
}

#[divan::bench(args = [("jsonpath", 1), ("jsonata", 1), ("jsonpath", 256), ("jsonata", 256)])]
fn computed(bencher: Bencher<'_, '_>, (language, kib): (&str, usize)) {
    const STATES: usize = 100;
    let states = (0..STATES).map(|index| {
        let mut state = match language {
            "jsonata" => json!({ "Type": "Pass", "QueryLanguage": "JSONata",
                "Output": "{% $states.input %}",
                "Assign": { "more": "{% $states.input.order.more %}" } }),
            _ => json!({ "Type": "Pass", "Assign": { "more.$": "$.order.more" } }),
        };
        state["Next"] = json!(format!("S{}", index + 1));
        (format!("S{index}"), state)
    });
    let last = (format!("S{STATES}"), json!({ "Type": "Succeed" }));
    let states: Value = states.chain([last]).collect();
    let definition = definition(&json!({ "StartAt": "S0", "States": states }));
    let padding = "x".repeat((kib << 10) - 64);
    let input = json!({ "order": { "more": true, "id": 7 }, "p": padding }).to_string();
    let input = Document::parse(input).expect("it is JSON");
    bencher.counter(ItemsCount::new(STATES)).bench(|| run(&definition, input.clone()));
}

/// One field of a state goes on: a path expression as output, and an Assign.
#[divan::bench(args = ["jsonpath", "jsonata"])]
fn path_and_assign(bencher: Bencher<'_, '_>, language: &str) {
    const STATES: usize = 100;
    let states = (0..STATES).map(|index| {
        let mut state = match language {
            "jsonata" => json!({ "Type": "Pass", "QueryLanguage": "JSONata",
                "Output": { "order": "{% $states.input.order %}" },
                "Assign": { "more": "{% $states.input.order.more %}" } }),
            _ => json!({ "Type": "Pass", "Parameters": { "order.$": "$.order" },
                "Assign": { "more.$": "$.order.more" } }),
        };
        state["Next"] = json!(format!("S{}", index + 1));
        (format!("S{index}"), state)
    });
    let last = (format!("S{STATES}"), json!({ "Type": "Succeed" }));
    let states: Value = states.chain([last]).collect();
    let definition = definition(&json!({ "StartAt": "S0", "States": states }));
    let input = Document::from(json!({ "order": { "more": true, "id": 7, "name": "a name" } }));
    bencher.counter(ItemsCount::new(STATES)).bench(|| run(&definition, input.clone()));
}

#[divan::bench(args = ["jsonpath", "jsonata"])]
fn counting(bencher: Bencher<'_, '_>, language: &str) {
    const ROUNDS: usize = 1_000;
    let (next, more) = match language {
        "jsonata" => (
            json!({ "n": "{% $n + 1 %}" }),
            json!({ "Condition": format!("{{% $n < {ROUNDS} %}}"), "Next": "Count" }),
        ),
        _ => (
            json!({ "n.$": "States.MathAdd($n, 1)" }),
            json!({ "Variable": "$n", "NumericLessThan": ROUNDS, "Next": "Count" }),
        ),
    };
    let name = if language == "jsonata" { "JSONata" } else { "JSONPath" };
    let definition = definition(&json!({ "StartAt": "Begin", "QueryLanguage": name, "States": {
        "Begin": { "Type": "Pass", "Assign": { "n": 0 }, "Next": "Count" },
        "Count": { "Type": "Pass", "Assign": next, "Next": "More" },
        "More": { "Type": "Choice", "Choices": [more], "Default": "Last" },
        "Last": { "Type": "Succeed" },
    } }));
    let input = document(1 << 10);
    bencher.counter(ItemsCount::new(2 * ROUNDS)).bench(|| run(&definition, input.clone()));
}

#[divan::bench(args = [1_000, 10_000, 100_000])]
fn map(bencher: Bencher<'_, '_>, items: usize) {
    let machine = json!({ "StartAt": "Each", "States": { "Each": { "Type": "Map", "End": true,
        "ItemProcessor": { "StartAt": "Item", "States": { "Item": { "Type": "Pass", "End": true } } } } } });
    let definition = definition(&machine);
    let input: Value = (0..items).map(|index| json!(index)).collect();
    let input = Document::from(input);
    // 100,000 numbers are more than a state may hold; the limit is not what is measured.
    bencher.counter(ItemsCount::new(items)).bench(|| run(&definition, input.clone()));
}

/// Pass or Choice states, one after the other, and a last one.
fn chain(kind: &str) -> Definition {
    let states =
        (0..CHAIN - 1).map(|index| (format!("S{index}"), state(kind, &format!("S{}", index + 1))));
    let last = [
        (format!("S{}", CHAIN - 1), json!({ "Type": "Pass", "Next": "Last" })),
        ("Last".to_owned(), json!({ "Type": "Succeed" })),
    ];
    let states: Value = states.chain(last).collect();
    definition(&json!({ "StartAt": "S0", "States": states }))
}

fn state(kind: &str, next: &str) -> Value {
    match kind {
        "pass" => json!({ "Type": "Pass", "Next": next }),
        _ => json!({ "Type": "Choice", "Choices": [
            { "Variable": "$.more", "BooleanEquals": true, "Next": next },
        ], "Default": "Last" }),
    }
}

fn definition(machine: &Value) -> Definition {
    let workflow = load(&machine.to_string(), "machine");
    workflow.expect("the machine is sound").machines.remove(0).definition
}

/// An object of so many bytes of JSON text.
fn document(bytes: usize) -> Document {
    let padding = "x".repeat(bytes.saturating_sub(24));
    Document::parse(json!({ "more": true, "p": padding }).to_string()).expect("it is JSON")
}

/// Runs an execution that never waits to its end, and gives its history.
fn run(definition: &Definition, input: Document) -> Vec<HistoryEvent> {
    let at = Timestamp::UNIX_EPOCH;
    let mut execution = Execution::new(start(input));
    let mut history = Vec::new();
    let mut event = Event::Started;
    loop {
        let applied = execution.apply(definition, at, event).expect("the event was asked for");
        history.extend(applied.history);
        match applied.effects.last() {
            Some(Effect::Resume) => event = Event::Resumed,
            Some(Effect::Finish(outcome)) => {
                // A Map's output may be larger than a state may hand on: its work is done all the same.
                if let Outcome::Failed { error, .. } = outcome {
                    assert_eq!(error.as_deref(), Some("States.DataLimitExceeded"));
                }
                return black_box(history);
            }
            other => unreachable!("the machine waits for nothing: {other:?}"),
        }
    }
}

fn start(input: Document) -> Start {
    Start {
        name: "execution".to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:machine:execution"
            .to_owned(),
        machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
        input,
        at: Timestamp::UNIX_EPOCH,
        seed: 42,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}
