//! `--limits`, and limits of functions as a workflow meets them.

use serde_json::json;

use crate::support::{Cli, Ran, guest, machine_of};

fn run(settings: &str, deed: &serde_json::Value, arguments: &[&str]) -> Ran {
    let settings = format!("    component: {}\n{settings}", guest("hostile"));
    Cli::workflow(&machine_of(&settings)).input(&deed.to_string()).args(arguments).run()
}

#[test]
fn a_run_that_only_warns_goes_on_and_lists_what_aws_would_have_failed() {
    let deed = json!({ "do": "allocate", "bytes": 150 << 20 });
    let ran = run("", &deed, &["--limits", "enforce"]).succeeds();
    assert_eq!(ran.json()["Error"], "Runtime.OutOfMemory");
    let ran = run("", &deed, &["--limits", "warn"]).succeeds();
    assert_eq!(ran.json(), json!({ "allocated": 150 << 20 }));
    ran.says(["limit: `task`: memory: 151", "of 128 MB: Runtime.OutOfMemory on AWS"]);
    let ran = run("", &deed, &["--limits", "off"]).succeeds();
    assert_eq!(ran.json(), json!({ "allocated": 150 << 20 }));
    ran.does_not_say(["limit:"]);
}

#[test]
fn what_a_function_says_itself_comes_first() {
    let deed = json!({ "do": "burn", "units": 20_000_000 });
    let strict = run("    timeout: 1\n    limits: enforce\n", &deed, &["--limits", "off"]);
    assert_eq!(strict.succeeds().json()["Error"], "Sandbox.Timedout");
    let lenient = run("    timeout: 1\n    limits: warn\n", &deed, &["--limits", "enforce"]);
    lenient.succeeds().says(["limit: `task`: time: ", "of 1 s: Sandbox.Timedout on AWS"]);
}

#[test]
fn a_throttled_invocation_can_be_retried() {
    // Two at a time where one is reserved; the other one is retried until there is room.
    let workflow = |retry: &str| {
        format!(
            "functions:
  task: {{ component: {}, timeout: 9, reservedConcurrency: 1 }}
stateMachines:
  machine:
    definition:
      StartAt: Each
      States:
        Each:
          Type: Map
          MaxConcurrency: 2
          ItemProcessor:
            StartAt: Work
            States:
              Work: {{ Type: Task, Resource: task, {retry} End: true }}
          End: true
",
            guest("hostile")
        )
    };
    let input = r#"[{"do":"sleep","ms":300},{"do":"sleep","ms":300}]"#;
    let ran = Cli::workflow(&workflow("")).input(input).args(["--json"]).run().exits(1);
    assert_eq!(ran.json()["error"], "Lambda.TooManyRequestsException");
    let cause = ran.json()["cause"].as_str().unwrap().to_owned();
    assert!(cause.starts_with("Rate Exceeded."), "{cause}");
    assert!(cause.ends_with("(SDK Attempt Count: 1)"), "{cause}");
    let retry = "Retry: [{ ErrorEquals: [Lambda.TooManyRequestsException], IntervalSeconds: 1 }],";
    Cli::workflow(&workflow(retry)).input(input).run().succeeds();
    // The account may be smaller, too.
    let none = workflow("").replace(", reservedConcurrency: 1", "");
    Cli::workflow(&none).input(input).run().succeeds();
    let ran = Cli::workflow(&none).input(input).args(["--account-concurrency", "1"]).run().exits(1);
    ran.says(["Lambda.TooManyRequestsException: Rate Exceeded."]);
}

#[test]
fn a_task_has_a_tmp_of_its_own_with_its_size() {
    let write = json!({ "do": "write-file", "path": "/tmp/a", "bytes": 1 << 20 });
    let ran = run("", &write, &["--report", "json"]).succeeds();
    assert_eq!(ran.json()["report"]["functions"][0]["ephemeralStorageSizeMB"], 512);
    let climb = json!({ "do": "read-file", "path": "/tmp/../etc/passwd" });
    assert_eq!(run("", &climb, &[]).succeeds().json()["Error"], "Io");
}

#[test]
fn a_seed_makes_a_whole_run_the_same_again() {
    let run = || {
        let arguments = ["--seed", "42", "--clock", "2026-01-01T00:00:00Z", "--skip-waits"];
        run("", &json!({ "do": "chance" }), &arguments).succeeds().stdout
    };
    assert_eq!(run(), run());
}
