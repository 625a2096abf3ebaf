//! `--json`: an object in the shape of DescribeExecution's reply, whatever the end is.

use crate::support::{Cli, shown};

const MACHINE: &str = "stateMachines:
  decide:
    name: deployed-name
    definition:
      StartAt: Decide
      States:
        Decide:
          Type: Choice
          Choices: [{ Variable: $.good, BooleanEquals: true, Next: Good }]
          Default: Bad
        Good: { Type: Succeed }
        Bad: { Type: Fail, Error: Orders.Closed, Cause: come back at nine }
";

fn run(input: &str) -> Cli {
    Cli::workflow(MACHINE).arg("--json").input(input)
}

#[test]
fn the_reply_of_an_execution_that_succeeds() {
    insta::assert_snapshot!(shown(&run("{\"good\": true}").run().succeeds().json()));
}

#[test]
fn the_reply_of_an_execution_that_fails_is_printed_as_well() {
    insta::assert_snapshot!(shown(&run("{\"good\": false}").run().exits(1).json()));
}

#[test]
fn the_reply_of_an_execution_that_is_stopped() {
    let workflow = "StartAt: Long\nStates: { Long: { Type: Wait, Seconds: 600, End: true } }\n";
    let run = Cli::workflow(workflow).arg("--json").start();
    let ran = run.wait_for("     1  Long  until ").signal("INT").end().exits(1);
    insta::assert_snapshot!(shown(&ran.json()));
}

#[test]
fn each_execution_has_a_name_of_its_own() {
    let [one, two] = [(); 2].map(|()| run("{\"good\": true}").run().succeeds().json());
    assert_ne!(one["name"], two["name"]);
    let arn = one["executionArn"].as_str().unwrap();
    assert!(arn.ends_with(one["name"].as_str().unwrap()), "{arn}");
}

#[test]
fn a_workflow_that_cannot_be_used_has_no_reply() {
    Cli::workflow("StartAt: A\n").arg("--json").run().exits(2).prints_nothing();
}
