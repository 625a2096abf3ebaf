//! The other options of `run`, and the forms of workflow files that it takes.

use crate::support::Cli;

const TWO_MACHINES: &str = "functions:
  echo: { stub: { echo: true } }
stepFunctions:
  stateMachines:
    one: { definition: { StartAt: A, States: { A: { Type: Pass, Result: 1, End: true } } } }
    two: { definition: { StartAt: A, States: { A: { Type: Pass, Result: 2, End: true } } } }
";

#[test]
fn of_several_machines_one_must_be_chosen() {
    let run = |arguments: &[&str]| Cli::workflow(TWO_MACHINES).args(arguments).run();
    let ran = run(&[]).exits(2).prints_nothing();
    insta::assert_snapshot!(ran.stderr);
    run(&["--state-machine", "two"]).succeeds().prints("2");
    run(&["--state-machine", "one"]).succeeds().prints("1");
    let ran = run(&["--state-machine", "tow"]).exits(2).prints_nothing();
    ran.says(["error: the file holds no state machine `tow`", "help: it holds: one, two"]);
}

#[test]
fn a_wait_of_a_day_ends_at_once_where_waits_are_skipped() {
    let workflow = "StartAt: Day\nStates: { Day: { Type: Wait, Seconds: 86400, End: true } }\n";
    let ran = Cli::workflow(workflow).args(["--skip-waits", "--json"]).run().succeeds();
    let [start, stop] = ["startDate", "stopDate"].map(|name| ran.json()[name].as_f64().unwrap());
    assert!((86_400.0..86_401.0).contains(&(stop - start)), "{}", stop - start);
}

#[test]
fn a_wait_takes_its_time_where_waits_are_not_skipped() {
    let workflow = "StartAt: W\nStates: { W: { Type: Wait, Seconds: 1, End: true } }\n";
    let began = std::time::Instant::now();
    Cli::workflow(workflow).run().succeeds().says(["     1  W  until "]);
    assert!(began.elapsed().as_millis() >= 1_000);
}

#[test]
fn a_plain_definition_in_json_runs() {
    let json =
        r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": [1.10], "End": true}}}"#;
    let cli = Cli::new().file("machine.asl.json", json).args(["run", "machine.asl.json", "--json"]);
    let reply = cli.run().succeeds().json();
    let arn = reply["stateMachineArn"].as_str().unwrap();
    assert!(arn.ends_with(":stateMachine:machine"), "the file's name is the machine's: {arn}");
}

#[test]
fn the_storys_form_with_lambda_arns_runs() {
    // As in the article: the root key `stateMachines:` and ARNs, one of them with parts left out.
    let workflow = "functions:
  initialize: { stub: { returns: { offset: 0 } } }
  fetch: { stub: { returns: { continue: false } } }
  persist: { name: import-prod-persist, stub: { returns: persisted } }
stateMachines:
  fetchDataFromExternalDatasource:
    definition:
      StartAt: Initialize
      States:
        Initialize:
          Type: Task
          Resource: arn:aws:lambda:eu-central-1:999999999999:function:initialize
          Next: Fetch
        Fetch:
          Type: Task
          Resource: arn:aws:lambda:......:fetch
          Next: PersistOrContinue
        PersistOrContinue:
          Type: Choice
          Choices:
          - Variable: \"$.continue\"
            BooleanEquals: true
            Next: Fetch
          - Variable: \"$.continue\"
            BooleanEquals: false
            Next: Persist
        Persist:
          Type: Task
          Resource: arn:aws:lambda:eu-central-1:999999999999:function:import-prod-persist
          End: true
";
    let ran = Cli::workflow(workflow).args(["--history", "h.json"]).run().succeeds();
    let history = ran.history("h.json");
    let scheduled = history.iter().filter(|event| event["type"] == "LambdaFunctionScheduled");
    let resources: Vec<_> =
        scheduled.map(|event| &event["lambdaFunctionScheduledEventDetails"]["resource"]).collect();
    let arn = "arn:aws:lambda:eu-central-1:999999999999:function:";
    assert_eq!(*resources[0], format!("{arn}initialize"));
    assert_eq!(*resources[2], format!("{arn}import-prod-persist"));
    ran.prints("\"persisted\"");
}

#[test]
fn the_start_is_timed_on_request() {
    let workflow = "functions: { task: { stub: { echo: true } } }
stateMachines:
  machine: { definition: { StartAt: A, States: { A: { Type: Task, Resource: task, End: true } } } }
";
    Cli::workflow(workflow)
        .arg("--timings")
        .run()
        .succeeds()
        .says(["timing: file read and checked", "timing: engine to the first task"]);
}

#[test]
fn warnings_do_not_keep_a_workflow_from_running() {
    let workflow = "StartAt: A\nStates:\n  A: { Type: Succeed }\n  B: { Type: Succeed }\n";
    let ran = Cli::workflow(workflow).run().succeeds().prints("{}");
    ran.says(["warning[ASL0110]: no transition leads to `B`"]);
    Cli::workflow(workflow).arg("-q").run().succeeds().does_not_say(["warning"]);
}
