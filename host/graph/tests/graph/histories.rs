//! What a history says was done: visits, retries, iterations, and how it ended.

use stepwell_graph::{EdgeKind, Graph, History, HistoryError, Mark, Outcome, Path};

use crate::mermaids::ROUNDS;
use crate::{CAUGHT, LOOP, NESTED, graph, history, path};

fn mark(graph: &Graph, path: &Path, name: &str) -> Mark {
    path.nodes.get(&graph.state(name).unwrap()).cloned().unwrap_or_default()
}

/// How often an edge between two states was taken.
fn times(graph: &Graph, path: &Path, from: &str, to: &str, kind: EdgeKind) -> u64 {
    let [from, to] = [from, to].map(|name| graph.state(name).unwrap());
    let edge = graph.between(from, to, kind).unwrap();
    path.edges.get(&edge).copied().unwrap_or_default()
}

#[test]
fn visits_retries_and_edges_are_counted() {
    let graph = graph(LOOP);
    let path = path(&graph, ROUNDS);
    assert_eq!(path.outcome, Outcome::Failed);
    assert_eq!(mark(&graph, &path, "Round"), Mark { entered: 2, retried: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "Stop"), Mark { entered: 1, failed: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "Over"), Mark::default());
    assert_eq!(times(&graph, &path, "Round", "Again", EdgeKind::Next), 2);
    assert_eq!(times(&graph, &path, "Again", "Round", EdgeKind::Choice), 1);
    assert_eq!(times(&graph, &path, "Again", "Stop", EdgeKind::Choice), 1);
    assert_eq!(times(&graph, &path, "Again", "Over", EdgeKind::Choice), 0);
}

#[test]
fn a_catcher_that_leads_where_next_does_is_told_apart() {
    let graph = graph(CAUGHT);
    let caught = path(
        &graph,
        "
        2<0 TaskStateEntered Work
        3<2 TaskScheduled
        4<3 TaskStarted
        5<4 TaskFailed
        6<5 TaskStateExited Work
        7<6 WaitStateEntered Rest
        8<0 ExecutionAborted",
    );
    assert_eq!(times(&graph, &caught, "Work", "Rest", EdgeKind::Catch), 1);
    assert_eq!(times(&graph, &caught, "Work", "Rest", EdgeKind::Next), 0);
    assert_eq!(mark(&graph, &caught, "Work").caught, 1);
    assert_eq!(mark(&graph, &caught, "Rest").stopped, 1);
    assert_eq!(caught.outcome, Outcome::Aborted);
    let passed = path(
        &graph,
        "
        2<0 TaskStateEntered Work
        3<2 TaskScheduled
        4<3 TaskStarted
        5<4 TaskSucceeded
        6<5 TaskStateExited Work
        7<6 WaitStateEntered Rest
        8<0 ExecutionTimedOut",
    );
    assert_eq!(times(&graph, &passed, "Work", "Rest", EdgeKind::Next), 1);
    assert_eq!(times(&graph, &passed, "Work", "Rest", EdgeKind::Catch), 0);
    assert_eq!(passed.outcome, Outcome::TimedOut);
}

/// Events of branches interleave, and those of a Map end with the last one of a state within it.
#[test]
fn branches_and_iterations_are_told_apart() {
    let graph = graph(NESTED);
    let path = path(
        &graph,
        "
        1<0 ExecutionStarted
        2<0 ParallelStateEntered Both
        3<2 ParallelStateStarted
        4<3 MapStateEntered Each
        5<3 WaitStateEntered C
        6<4 MapStateStarted
        7<6 MapIterationStarted Each
        8<7 ParallelStateEntered Inner
        9<8 ParallelStateStarted
        10<9 TaskStateEntered A
        11<9 PassStateEntered B
        12<11 PassStateExited B
        13<10 LambdaFunctionScheduled
        14<13 LambdaFunctionStarted
        15<14 LambdaFunctionSucceeded
        16<15 TaskStateExited A
        17<16 ParallelStateSucceeded
        18<16 ParallelStateExited Inner
        19<18 MapIterationSucceeded Each
        20<18 MapIterationStarted Each
        21<20 ParallelStateEntered Inner
        22<21 ParallelStateStarted
        23<22 TaskStateEntered A
        24<22 PassStateEntered B
        25<23 LambdaFunctionScheduled
        26<25 LambdaFunctionStarted
        27<26 LambdaFunctionFailed
        28<27 ParallelStateFailed
        29<28 MapIterationFailed Each
        30<28 MapStateFailed
        31<30 WaitStateAborted
        32<30 ParallelStateFailed
        33<32 ParallelStateExited Both
        34<33 PassStateEntered Sorry
        35<34 PassStateExited Sorry
        36<35 ExecutionSucceeded",
    );
    assert_eq!(path.outcome, Outcome::Succeeded);
    let each = mark(&graph, &path, "Each");
    let expected =
        Mark { entered: 1, failed: 1, iterations: 2, iterations_failed: 1, ..Mark::default() };
    assert_eq!(each, expected);
    assert_eq!(mark(&graph, &path, "Inner"), Mark { entered: 2, failed: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "A"), Mark { entered: 2, failed: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "B"), Mark { entered: 2, aborted: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "C"), Mark { entered: 1, aborted: 1, ..Mark::default() });
    assert_eq!(mark(&graph, &path, "Both"), Mark { entered: 1, caught: 1, ..Mark::default() });
    assert_eq!(times(&graph, &path, "Both", "Sorry", EdgeKind::Catch), 1);
}

#[test]
fn events_of_unknown_types_and_any_order_are_taken() {
    let graph = graph(LOOP);
    let mut known = history(ROUNDS);
    let path = Path::of(&graph, &known).unwrap();
    let text = ROUNDS.replace("LambdaFunctionStarted", "LambdaFunctionThoughtAbout");
    assert_eq!(Path::of(&graph, &history(&text)).unwrap(), path);
    let lines: Vec<&str> = ROUNDS.lines().rev().collect();
    assert_eq!(history(&lines.join("\n")), known);
    known.events.truncate(2);
    let running = Path::of(&graph, &known).unwrap();
    assert_eq!((running.outcome, mark(&graph, &running, "Round").stopped), (Outcome::Running, 1));
}

/// AWS names the event before the state was entered as the one that led to the failure.
#[test]
fn an_expression_that_fails_on_entering_fails_its_state() {
    let graph = graph(LOOP);
    let path = path(
        &graph,
        "
        1<0 ExecutionStarted
        2<0 TaskStateEntered Round
        3<1 EvaluationFailed Round
        4<3 ExecutionFailed",
    );
    assert_eq!(mark(&graph, &path, "Round"), Mark { entered: 1, failed: 1, ..Mark::default() });
}

#[test]
fn a_state_that_succeeds_when_redriven_has_not_failed() {
    let graph = graph(LOOP);
    let path = path(
        &graph,
        "
        2<0 TaskStateEntered Round
        3<2 LambdaFunctionScheduled
        4<3 LambdaFunctionFailed
        5<4 ExecutionFailed
        6<4 ExecutionRedriven
        7<6 LambdaFunctionScheduled
        8<7 LambdaFunctionSucceeded
        9<8 TaskStateExited Round",
    );
    assert_eq!(mark(&graph, &path, "Round"), Mark { entered: 1, retried: 1, ..Mark::default() });
    assert_eq!(path.outcome, Outcome::Running);
}

#[test]
fn what_is_no_history_is_told() {
    let told = |text: &str| History::parse(text).unwrap_err().to_string();
    assert!(told("StartAt: A").starts_with("it cannot be read: expected value"));
    assert_eq!(told("{\"StartAt\":\"A\"}"), HistoryError::NoEvents.to_string());
    assert_eq!(told("{\"events\":[]}"), "it has no event");
    assert!(told("[{\"id\":1}]").contains("missing field `type`"));
    assert_eq!(
        told("[{\"id\":1,\"type\":\"PushEvent\"}]"),
        "none of its events is one of an execution"
    );
    let cut = "{\"events\":[{\"id\":1,\"type\":\"ExecutionStarted\"}],\"nextToken\":\"x\"}";
    assert!(History::parse(cut).unwrap().is_cut);
}

#[test]
fn a_history_of_another_machine_is_refused() {
    let graph = graph(LOOP);
    let refused = |lines: &str| Path::of(&graph, &history(lines)).unwrap_err().to_string();
    assert_eq!(
        refused("2<0 PassStateEntered Other"),
        "event 2 enters `Other`, which is no state of it"
    );
    assert_eq!(
        refused("2<0 PassStateEntered Round"),
        "event 2 enters `Round` as a state of type Pass, and here it is a Task"
    );
}
