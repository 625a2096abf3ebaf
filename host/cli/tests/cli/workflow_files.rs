//! Workflow files that cannot be used: what is wrong, where, and how to mend it; nothing runs.

use crate::support::{Cli, Ran};

#[track_caller]
fn refused(text: &str) -> Ran {
    let ran = Cli::workflow(text).args(["--history", "history.json"]).run().exits(2);
    assert_eq!(ran.files("").iter().filter(|name| *name != "workflow.yaml").count(), 0);
    ran.prints_nothing()
}

/// A machine of one state.
fn machine(state: &str) -> String {
    format!("StartAt: Only\nStates:\n  Only: {state}\n")
}

#[test]
fn a_file_that_does_not_exist() {
    let ran = Cli::new().args(["run", "workflow.yaml"]).run().exits(2).prints_nothing();
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn a_folder() {
    let ran = Cli::new().file("workflows/x", "").args(["run", "workflows"]).run().exits(2);
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn bytes_that_are_no_text() {
    let cli = Cli::new().file("workflow.yaml", [0xff, 0xfe, 0x00]).args(["run", "workflow.yaml"]);
    let ran = cli.run().exits(2).prints_nothing();
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(refused("").stderr);
}

#[test]
fn text_that_is_no_yaml() {
    insta::assert_snapshot!(refused("StartAt: [Only\nStates: {}\n").stderr);
}

#[test]
fn json_that_is_cut_short() {
    insta::assert_snapshot!(refused("{\"StartAt\": \"Only\", \"States\": {").stderr);
}

#[test]
fn yaml_that_is_no_workflow() {
    insta::assert_snapshot!(refused("apiVersion: v1\nkind: Pod\n").stderr);
    refused("just a line of text\n").says(["a workflow is an object, not a string"]);
    refused("- a\n- list\n").says(["a workflow is an object, not an array"]);
}

#[test]
fn keys_that_stand_twice() {
    let text = "StartAt: A\nStates:\n  A: { Type: Pass, End: true }\n  A: { Type: Fail }\n";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn a_next_that_names_no_state() {
    let text = "StartAt: Fetch
States:
  Fetch: { Type: Pass, Next: Persit }
  Persist: { Type: Pass, End: true }
";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn all_findings_come_at_once() {
    let text = "StartAt: A
States:
  A: { Type: Pass, Next: Nowhere, Results: 7 }
  B: { Type: Task, End: true }
  C: { Type: Pause, Next: A }
";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn a_resource_without_a_function() {
    let text = "functions:
  fetch: { stub: { echo: true } }
stateMachines:
  machine:
    definition:
      StartAt: Fetch
      States:
        Fetch: { Type: Task, Resource: fetsch, End: true }
";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn a_function_without_code() {
    let text = "functions:
  fetch: { memorySize: 256 }
stateMachines:
  machine:
    definition:
      StartAt: Fetch
      States:
        Fetch: { Type: Task, Resource: fetch, End: true }
";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn limits_that_lambda_does_not_take() {
    let text = "functions:
  small: { memorySize: 64, stub: { echo: true } }
  long: { timeout: 901, stub: { echo: true } }
stateMachines:
  machine:
    definition:
      StartAt: Only
      States: { Only: { Type: Succeed } }
";
    insta::assert_snapshot!(refused(text).stderr);
}

#[test]
fn what_is_not_supported_yet_is_refused_and_not_ignored() {
    let send = "{ Type: Task, Resource: 'arn:aws:states:::sqs:sendMessage', End: true }";
    refused(&machine(send)).says(["sqs:sendMessage", "not supported yet"]);
    refused("Resources: {}\n").says(["no resource of the template is a state machine"]);
}

#[test]
fn what_is_wrong_with_another_machine_is_no_matter() {
    let text = "stateMachines:
  parent:
    definition:
      StartAt: Child
      States:
        Child: { Type: Task, Resource: 'arn:aws:states:::states:startExecution.sync', End: true }
  child:
    definition:
      StartAt: Done
      States: { Done: { Type: Succeed } }
";
    let run = |name: &str| Cli::workflow(text).args(["--state-machine", name]).run();
    run("child").succeeds().prints("{}");
    run("parent").exits(2).says(["states:startExecution.sync", "not supported yet"]);
}
