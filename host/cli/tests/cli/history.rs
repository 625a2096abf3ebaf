//! `--history`: a file in the shape of GetExecutionHistory's reply, whole whatever the end is.

use serde_json::{Value, json};

use crate::support::{Cli, Ran, guest, shown};

/// Two attempts, a wait, and an end.
const RETRIED: &str = "functions:
  work:
    stub:
      - fails: { error: Busy, cause: try again }
      - returns: { done: true }
stateMachines:
  machine:
    definition:
      StartAt: Work
      States:
        Work:
          Type: Task
          Resource: work
          Retry: [{ ErrorEquals: [Busy], IntervalSeconds: 5 }]
          Next: Rest
        Rest: { Type: Wait, Seconds: 86400, Next: Over }
        Over: { Type: Succeed }
";

const FAILED: &str = "StartAt: Over
States:
  Over: { Type: Fail, Error: Orders.Closed, Cause: come back at nine }
";

const LOOP: &str = "StartAt: Round
States:
  Round: { Type: Pass, Next: Again }
  Again:
    Type: Choice
    Choices: [{ Variable: $.stop, BooleanEquals: true, Next: Over }]
    Default: Round
  Over: { Type: Succeed }
";

fn run(workflow: &str) -> Ran {
    let cli = Cli::workflow(workflow).arg("--skip-waits").args(["--history", "history.json"]);
    cli.input("{\"stop\":false}").run()
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.read("history.json")).unwrap()
}

#[test]
fn the_history_of_an_execution_that_succeeds() {
    insta::assert_snapshot!(shown(&document(&run(RETRIED).succeeds())));
}

#[test]
fn the_history_of_an_execution_that_fails() {
    insta::assert_snapshot!(shown(&document(&run(FAILED).exits(1))));
}

#[test]
fn skipped_waits_are_in_the_history_with_the_time_that_they_would_take() {
    let history = run(RETRIED).succeeds().history("history.json");
    let time_of = |kind: &str, index: usize| {
        let of_kind: Vec<_> = history.iter().filter(|event| event["type"] == kind).collect();
        of_kind[index]["timestamp"].as_f64().unwrap()
    };
    let retried = time_of("LambdaFunctionScheduled", 1) - time_of("LambdaFunctionFailed", 0);
    assert!((5.0..6.0).contains(&retried), "{retried}");
    let waited = time_of("WaitStateExited", 0) - time_of("WaitStateEntered", 0);
    assert!((86_400.0..86_401.0).contains(&waited), "{waited}");
    let times = history.iter().map(|event| event["timestamp"].as_f64().unwrap());
    assert!(times.clone().is_sorted());
    let first = times.clone().next().unwrap();
    assert!((first * 1000.0 - (first * 1000.0).round()).abs() < 1e-3, "milliseconds: {first}");
}

#[test]
fn an_earlier_history_is_replaced_as_a_whole_and_is_an_ordinary_file() {
    let cli = Cli::workflow(FAILED).file("history.json", "x".repeat(100_000));
    let ran = cli.args(["--history", "history.json"]).run().exits(1);
    assert_eq!(ran.history("history.json").len(), 3);
    assert_eq!(ran.files(""), [".stepwell/journal.db", "history.json", "workflow.yaml"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(ran.path("history.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}

#[test]
fn a_history_may_go_into_a_pipe() {
    // `/dev/stderr` here is a pipe; replacing it by a file would do harm to the whole machine.
    let ran = Cli::workflow(FAILED).args(["-q", "--history", "/dev/stderr"]).run().exits(1);
    let (history, error) = ran.stderr.rsplit_once("\nerror: ").unwrap();
    let history: Value = serde_json::from_str(history).unwrap();
    assert_eq!(history["events"].as_array().unwrap().len(), 3);
    assert_eq!(error, "the execution failed: Orders.Closed: come back at nine\n");
}

#[test]
fn a_path_that_cannot_be_written_is_known_before_the_run() {
    let refused = |path: &str| {
        let cli = Cli::workflow(FAILED).file("folder/x", "");
        cli.args(["--history", path]).run().prints_nothing().does_not_say(["the execution"])
    };
    refused("missing/history.json").exits(3).says([
        "error: cannot write the history to `missing/history.json`: its folder does not exist",
    ]);
    refused("workflow.yaml/history.json")
        .exits(3)
        .says(["error: cannot write the history to `workflow.yaml/history.json`: \
         a file stands where a folder should be"]);
    refused("folder").exits(2).says(["error: cannot write the history: `folder` is a folder"]);
    refused("/proc/history.json").exits(3).says(["error: cannot write the history to `/proc/"]);
}

#[test]
fn a_history_that_cannot_be_kept_does_not_hide_the_output() {
    let cli = Cli::workflow(RETRIED).arg("--skip-waits").args(["--history", "/dev/full"]);
    cli.run()
        .exits(3)
        .prints("{\"done\":true}")
        .says(["error: cannot write the history to `/dev/full`: the disk is full"]);
}

#[test]
fn an_execution_fails_at_25_000_events() {
    let ran = run(LOOP).exits(1).prints_nothing();
    let cause = "The execution reached the maximum number of history events (25000).";
    let history = ran.history("history.json");
    assert_eq!(history.len(), 25_000);
    let last = history.last().unwrap();
    assert_eq!((&last["id"], &last["type"]), (&json!(25_000), &json!("ExecutionFailed")));
    let expected = json!({ "error": "States.Runtime", "cause": cause });
    assert_eq!(last["executionFailedEventDetails"], expected);
    ran.says([&format!("error: the execution failed: States.Runtime: {cause}")]);
}

#[test]
fn more_than_25_000_events_are_allowed_on_request() {
    // 4,000 rounds of seven events: an instance that is kept counts them.
    let workflow = format!(
        "functions: {{ count: {{ component: {}, reuse: warm }} }}
stateMachines:
  machine:
    definition:
      StartAt: Round
      States:
        Round: {{ Type: Task, Resource: count, ResultPath: $.count, Next: Again }}
        Again:
          Type: Choice
          Choices: [{{ Variable: $.count.invocations, NumericEquals: 4000, Next: Over }}]
          Default: Round
        Over: {{ Type: Pass, OutputPath: $.count, End: true }}
",
        guest("hostile")
    );
    // The deed takes no fields beside its own.
    let workflow = workflow.replace("ResultPath", "Parameters: { do: count }, ResultPath");
    Cli::workflow(&workflow)
        .args(["-q", "--unlimited-history"])
        .run()
        .succeeds()
        .prints("{\"invocations\":4000}")
        .says([""; 0]);
    Cli::workflow(&workflow)
        .arg("-q")
        .run()
        .exits(1)
        .says(["error: the execution failed: States.Runtime: "]);
}
