//! Branches and iterations side by side with real guests, and what stops them: a sibling's failure, a
//! state's timeout, the machine's.

use serde_json::{Value, json};

use crate::support::{Cli, Ran, guest};

/// A workflow with the hostile task as `hostile`, which may run for a quarter of an hour.
fn workflow(states: &str) -> Cli {
    let component = guest("hostile");
    Cli::workflow(&format!(
        "functions:
  hostile: {{ component: {component}, memorySize: 10240, timeout: 900 }}
  fails: {{ stub: {{ sleeps: 0.2, fails: {{ error: Sibling.Failed, cause: so }} }} }}
  naps: {{ stub: {{ sleeps: 600 }} }}
stateMachines:
  machine:
    definition:
      {}
",
        states.replace('\n', "\n      ")
    ))
}

/// Milliseconds at which events of a type were recorded.
fn times(ran: &Ran, event_type: &str) -> Vec<i64> {
    let history = ran.history("h.json");
    let of_type = history.iter().filter(|event| event["type"] == event_type);
    #[expect(clippy::cast_possible_truncation, reason = "a time of today in milliseconds fits")]
    of_type.map(|event| (event["timestamp"].as_f64().unwrap() * 1000.0).round() as i64).collect()
}

fn types(ran: &Ran) -> Vec<String> {
    let history = ran.history("h.json");
    history.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn iterations_run_at_the_same_time() {
    let states = "StartAt: Each
States:
  Each:
    Type: Map
    End: true
    ItemProcessor:
      StartAt: Sleep
      States: { Sleep: { Type: Task, Resource: hostile, End: true } }
";
    let sleep = json!({ "do": "sleep", "ms": 1500 });
    let input = json!([sleep, sleep, sleep]).to_string();
    let ran = workflow(states).input(&input).args(["--history", "h.json"]).run().succeeds();
    let ended = times(&ran, "LambdaFunctionSucceeded");
    // One after the other, they would end 1.5 seconds apart.
    assert_eq!(ended.len(), 3);
    assert!(ended[2] - ended[0] < 1_400, "{ended:?}");
    assert_eq!(ran.json().as_array().unwrap().len(), 3);
}

#[test]
fn a_failing_branch_interrupts_the_guests_of_its_siblings() {
    let states = "StartAt: All
States:
  All:
    Type: Parallel
    End: true
    Branches:
      - StartAt: Spin
        States:
          Spin: { Type: Task, Resource: hostile, Parameters: { do: spin }, End: true }
      - StartAt: Sleep
        States:
          Sleep: { Type: Task, Resource: hostile, Parameters: { do: sleep, ms: 600000 }, End: true }
      - StartAt: Fails
        States: { Fails: { Type: Task, Resource: fails, End: true } }
      - StartAt: Wait
        States: { Wait: { Type: Wait, Seconds: 600, End: true } }
";
    let ran = workflow(states).args(["--history", "h.json"]).run();
    let ran = ran.exits(1).says(["error: the execution failed: Sibling.Failed: so\n"]);
    let types = types(&ran);
    let count = |wanted: &str| types.iter().filter(|found| *found == wanted).count();
    assert_eq!([count("TaskStateAborted"), count("WaitStateAborted")], [3, 1], "{types:?}");
    assert_eq!(types[types.len() - 2..], ["ParallelStateFailed", "ExecutionFailed"]);
}

#[test]
fn a_guest_that_takes_longer_than_its_state_may_is_stopped() {
    for deed in [json!({ "do": "spin" }), json!({ "do": "sleep", "ms": 600_000 })] {
        let states = "StartAt: Work
States:
  Work:
    Type: Task
    Resource: hostile
    TimeoutSeconds: 1
    Catch: [{ ErrorEquals: [States.Timeout], Next: Caught }]
    End: true
  Caught: { Type: Succeed }
";
        for options in [&[][..], &["--skip-waits"]] {
            // A clock that jumps does not jump while a guest runs: it gets its second.
            let ran = workflow(states).input(&deed.to_string()).args(options).run().succeeds();
            assert_eq!(ran.json(), json!({ "Error": "States.Timeout", "Cause": "" }));
            ran.says(["     1  Work  failed: States.Timeout\n"]);
        }
    }
}

#[test]
fn a_machine_that_takes_too_long_times_out() {
    let states = "TimeoutSeconds: 60
StartAt: Both
States:
  Both:
    Type: Parallel
    End: true
    Branches:
      - StartAt: Nap
        States: { Nap: { Type: Task, Resource: naps, End: true } }
      - StartAt: Wait
        States: { Wait: { Type: Wait, Seconds: 30, End: true } }
";
    let ran = workflow(states).args(["--skip-waits", "--json", "--history", "h.json"]).run();
    let ran = ran.exits(1).says(["error: the execution timed out: States.Timeout"]);
    let reply = ran.json();
    assert_eq!(reply["status"], "TIMED_OUT");
    assert_eq!([reply.get("error"), reply.get("cause"), reply.get("output")], [None; 3]);
    let took = reply["stopDate"].as_f64().unwrap() - reply["startDate"].as_f64().unwrap();
    assert!((60.0..60.5).contains(&took), "{took}");
    assert_eq!(types(&ran).last().unwrap(), "ExecutionTimedOut");
}

#[test]
fn a_clock_that_jumps_keeps_the_order_of_things() {
    let wait = |name: &str, seconds: u64| {
        format!(
            "      - StartAt: {name}
        States:
          {name}: {{ Type: Wait, Seconds: {seconds}, Next: After{name} }}
          After{name}: {{ Type: Pass, Parameters: {{ 'at.$': $$.State.EnteredTime }}, End: true }}
"
        )
    };
    let states = format!(
        "StartAt: All
States:
  All:
    Type: Parallel
    End: true
    Branches:
{}{}      - StartAt: Slow
        States:
          Slow: {{ Type: Task, Resource: naps, TimeoutSeconds: 20, Catch: [{{ ErrorEquals: [States.ALL], Next: AfterSlow }}], End: true }}
          AfterSlow: {{ Type: Pass, Parameters: {{ 'at.$': $$.State.EnteredTime }}, End: true }}
",
        wait("Long", 86_400),
        wait("Short", 5)
    );
    let ran = workflow(&states).args(["--skip-waits", "--history", "h.json"]).run().succeeds();
    let history = ran.history("h.json");
    let entered: Vec<&Value> = history
        .iter()
        .filter(|event| event["type"] == "PassStateEntered")
        .map(|event| &event["stateEnteredEventDetails"]["name"])
        .collect();
    assert_eq!(entered, ["AfterShort", "AfterSlow", "AfterLong"]);
    let began = times(&ran, "ExecutionStarted")[0];
    let after: Vec<i64> =
        times(&ran, "PassStateEntered").iter().map(|at| (at - began) / 1000).collect();
    assert_eq!(after, [5, 20, 86_400]);
    // The outputs come in the definition's order and tell the same times.
    let told: Vec<i64> = ran
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|output| {
            let at: jiff::Timestamp = output["at"].as_str().unwrap().parse().unwrap();
            (at.as_millisecond() - began) / 1000
        })
        .collect();
    assert_eq!(told, [86_400, 5, 20]);
}

#[test]
fn a_function_that_each_call_names_may_not_exist() {
    let states = "StartAt: Call
States:
  Call:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Parameters: { 'FunctionName.$': $.function, Payload: { do: count } }
    OutputPath: $.StatusCode
    End: true
";
    workflow(states).input(r#"{"function":"hostile"}"#).run().succeeds().prints("200");
    let missing = workflow(states).input(r#"{"function":"nobody"}"#).run();
    missing.exits(1).says([
        "error: the execution failed: Lambda.ResourceNotFoundException: Function not found: \
         arn:aws:lambda:us-east-1:123456789012:function:nobody:$LATEST",
    ]);
}

#[test]
fn compiling_a_component_is_none_of_a_states_time() {
    let states = "StartAt: Work
States:
  Work: { Type: Task, Resource: hostile, TimeoutSeconds: 1, End: true }
";
    let cli = workflow(states).input(r#"{"do":"count"}"#).args(["--cache", "empty"]);
    cli.args(["--history", "h.json"]).run().succeeds();
}

#[test]
fn an_iteration_that_fails_as_an_execution_of_its_own_is_told() {
    let states = "StartAt: Each
States:
  Each:
    Type: Map
    ToleratedFailureCount: 1
    ItemProcessor:
      ProcessorConfig: { Mode: DISTRIBUTED, ExecutionType: STANDARD }
      StartAt: Fails
      States: { Fails: { Type: Task, Resource: fails, End: true } }
    Next: After
  After: { Type: Task, Resource: naps, Parameters: { do: count }, End: true }
";
    let ran = workflow(states).input("[1]").arg("--skip-waits").run().succeeds();
    ran.says([
        "     1  Fails  failed: Sibling.Failed: so\n     1  Each item 0  failed: Sibling.Failed: so\n",
        "     2  After  stub\n",
    ]);
}

#[test]
fn a_wait_is_told_by_its_own_name_and_a_timeout_is_no_wait() {
    let states = "TimeoutSeconds: 3600
StartAt: Both
States:
  Both:
    Type: Parallel
    End: true
    Branches:
      - StartAt: Long
        States: { Long: { Type: Wait, Seconds: 50, End: true } }
      - StartAt: Nap
        States: { Nap: { Type: Task, Resource: naps, TimeoutSeconds: 700, End: true } }
      - StartAt: Short
        States: { Short: { Type: Wait, Seconds: 20, End: true } }
";
    let ran = workflow(states).arg("--skip-waits").run().succeeds();
    let told: Vec<&str> =
        ran.stderr.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(told, ["Long", "Short", "Nap"], "{}", ran.stderr);
}

#[test]
fn a_run_of_stubs_on_a_clock_that_jumps_is_the_same_again() {
    let states = "StartAt: Each
States:
  Each:
    Type: Map
    End: true
    ItemProcessor:
      StartAt: Call
      States:
        Call: { Type: Task, Resource: echoes, Next: Wait }
        Wait: { Type: Wait, SecondsPath: $, End: true }
";
    let run = || {
        let text = format!(
            "functions: {{ echoes: {{ stub: {{ echo: true }} }} }}\nstateMachines:\n  machine:\n    definition:\n      {}\n",
            states.replace('\n', "\n      ")
        );
        let cli = Cli::workflow(&text).input("[3,1,2,1,3,2,1,0]");
        let ran = cli.args(["--skip-waits", "--history", "h.json"]).run().succeeds();
        let began = times(&ran, "ExecutionStarted")[0];
        let mut history = ran.history("h.json");
        for event in &mut history {
            #[expect(clippy::cast_possible_truncation, reason = "a time of today fits")]
            let at = (event["timestamp"].as_f64().unwrap() * 1000.0).round() as i64;
            event["timestamp"] = json!(at - began);
        }
        history
    };
    let first = run();
    for _ in 0..3 {
        assert_eq!(run(), first);
    }
}

#[test]
fn a_call_that_is_stopped_in_the_moment_it_is_asked_for_does_not_run() {
    let task = "{ StartAt: Put-KEY, States: { Put-KEY: { Type: Task, Resource: hostile, Parameters: { do: bucket-put, bucket: rows, key: KEY, body: x }, End: true } } }";
    let [one, two] = ["one", "two"].map(|key| task.replace("KEY", key));
    let workflow = format!(
        "functions:
  hostile: {{ component: {}, grants: {{ objects: [\"rows/*\"] }} }}
stateMachines:
  machine:
    definition:
      StartAt: Both
      States:
        Both:
          Type: Parallel
          Branches:
            - {one}
            - {two}
            - {{ StartAt: Fail, States: {{ Fail: {{ Type: Fail, Error: No }} }} }}
          Catch: [{{ ErrorEquals: [No], Next: Nap }}]
          End: true
        Nap: {{ Type: Wait, Seconds: 1, End: true }}
",
        guest("hostile")
    );
    let ran = Cli::workflow(&workflow).run().succeeds();
    assert_eq!(ran.files(".stepwell/objects/rows"), [""; 0]);
}
