//! Executions that outlive their process: names, listing, resuming, redriving, stopping, deleting.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Cli, Ran};

/// Fails where it calls `third` for the first time.
const WORKFLOW: &str = "functions:
  first: { stub: { returns: { n: 1 } } }
  third: { stub: [{ fails: { error: Down, cause: at night } }, { echo: true }] }
stateMachines:
  steps:
    definition:
      StartAt: First
      States:
        First: { Type: Task, Resource: first, Assign: { kept.$: $.n }, Next: Second }
        Second: { Type: Wait, Seconds: 600, Next: Third }
        Third:
          Type: Task
          Resource: third
          Parameters: { n.$: $.n, kept.$: $kept, redrives.$: $$.Execution.RedriveCount }
          End: true
";

fn steps() -> Cli {
    Cli::workflow(WORKFLOW).args(["--skip-waits", "--name", "one"])
}

fn failed() -> Ran {
    steps().run().exits(1).says(["`stepwell redrive one` goes on where it was"])
}

fn types(history: &Value) -> Vec<&str> {
    history["events"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect()
}

/// One that is killed while it waits.
fn killed(workflow: &str, arguments: &[&str], while_it_says: &str) -> Ran {
    Cli::workflow(workflow).args(arguments).start().wait_for(while_it_says).signal("KILL").end()
}

#[test]
fn an_execution_is_listed_described_and_its_history_shown() {
    let ran = failed().again().args(["executions"]).run().succeeds();
    assert!(ran.stdout.starts_with("NAME  STATUS  MACHINE  STARTED"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\none   FAILED  steps    2"), "{}", ran.stdout);
    let ran = ran.again().args(["describe", "one"]).run().succeeds();
    let reply = ran.json();
    let told = [&reply["status"], &reply["error"], &reply["cause"], &reply["redriveStatus"]];
    assert_eq!(told, ["FAILED", "Down", "at night", "REDRIVABLE"]);
    let arn = reply["executionArn"].as_str().unwrap().to_owned();
    let ran = ran.again().args(["history", &arn, "--json"]).run().succeeds();
    assert_eq!(types(&ran.json()).len(), 13);
    let ran = ran.again().args(["history", "one"]).run().succeeds();
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with("    13    600.0"), "{last}");
    assert!(last.ends_with("ExecutionFailed             error=Down  cause=at night"), "{last}");
}

#[test]
fn executions_are_filtered() {
    let ran = failed().again().args(["run", "workflow.yaml", "--skip-waits", "--name", "two"]);
    let mut ran = ran.run().exits(1);
    for (arguments, names) in [
        (&["--status", "failed"][..], &["two", "one"][..]),
        (&["--status", "SUCCEEDED"], &[]),
        (&["--status", "INTERRUPTED"], &[]),
        (&["--machine", "steps", "--limit", "1"], &["two"]),
        (&["--machine", "other"], &[]),
        (&["--since", "1h"], &["two", "one"]),
        (&["--until", "1h"], &[]),
        (&["--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z"], &[]),
    ] {
        ran = ran.again().args(["executions", "--json"]).args(arguments).run().succeeds();
        let listed = ran.json();
        let found = listed.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), names, "{arguments:?}");
    }
    ran.again().args(["executions", "--status", "DONE"]).run().exits(2).says(["INTERRUPTED"]);
}

#[test]
fn a_redrive_goes_on_where_it_failed() {
    let ran = failed().again().args(["redrive", "one"]).run().succeeds();
    let ran = ran.prints(r#"{"n":1,"kept":1,"redrives":1}"#);
    let ran = ran.again().args(["history", "one", "--json"]).run().succeeds();
    let history = ran.json();
    assert_eq!(
        types(&history)[12..],
        [
            "ExecutionFailed",
            "ExecutionRedriven",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]
    );
    let ran = ran.again().args(["redrive", "one"]).run().exits(2);
    let ran = ran.says(["error: Execution is SUCCEEDED and cannot be redriven"]);
    let described = ran.again().args(["describe", "one"]).run().json();
    assert_eq!(described["redriveCount"], 1);
    assert!(described["redriveDate"].is_number());
}

#[test]
fn a_redrive_takes_functions_as_they_are_now_and_the_machine_as_it_was() {
    let mended = WORKFLOW
        .replace(
            "{ stub: [{ fails: { error: Down, cause: at night } }, { echo: true }] }",
            "{ stub: { returns: mended } }",
        )
        .replace("Next: Third", "End: true");
    let ran = failed().again().file("workflow.yaml", mended).args(["redrive", "one"]).run();
    ran.succeeds().prints("\"mended\"").says(["`workflow.yaml` has changed since"]);
    let gone = failed();
    std::fs::remove_file(gone.path("workflow.yaml")).unwrap();
    let ran = gone.again().args(["redrive", "one"]).run().succeeds();
    ran.says(["`workflow.yaml`, with the files beside it, cannot be used as it is now"]);
}

#[test]
fn a_rerun_begins_anew_or_at_a_state() {
    let ran = failed().again().args(["rerun", "one", "--name", "two"]).run().exits(1);
    let ran = ran.again().args(["rerun", "one", "--from", "Third", "--name", "three"]).run();
    // It is an execution of its own: `third` answers as at first.
    let ran = ran.exits(1).again();
    let mended = WORKFLOW
        .replace("[{ fails: { error: Down, cause: at night } }, { echo: true }]", "{ echo: true }");
    let rerun = ["rerun", "one", "--from", "Third", "--name", "four"];
    let ran = ran.file("workflow.yaml", mended).args(rerun).run().succeeds();
    let ran = ran.prints(r#"{"n":1,"kept":1,"redrives":0}"#);
    let input = ["rerun", "one", "--from", "Third", "--input", r#"{"n":7}"#];
    let ran = ran.again().args(input).run().succeeds().prints(r#"{"n":7,"kept":1,"redrives":0}"#);
    let ran = ran.again().args(["rerun", "one", "--from", "Fourth"]).run().exits(2);
    let ran = ran.says(["the machine has no state `Fourth`", "First, Second, Third"]);
    let ran = ran.again().args(["rerun", "one", "--name", "four"]).run().exits(2);
    ran.says(["error: Execution Already Exists: '"]);
}

#[test]
fn the_arn_of_a_rerun_is_its_own_whatever_the_names() {
    let ran = Cli::workflow(WORKFLOW).args(["--skip-waits", "--name", "step"]).run().exits(1);
    let ran = ran.again().args(["rerun", "step", "--name", "a"]).run().exits(1);
    let described = ran.again().args(["describe", "a"]).run().succeeds().json();
    let arn = "arn:aws:states:us-east-1:123456789012:execution:steps:a";
    assert_eq!(described["executionArn"], arn);
}

#[test]
fn a_killed_execution_goes_on_where_it_was() {
    let workflow = WORKFLOW
        .replace("600", "1")
        .replace("fails: { error: Down, cause: at night }", "echo: true");
    let ran = killed(&workflow, &["--name", "one"], "  Second  until ");
    let ran = ran.again().args(["executions"]).run().succeeds();
    assert!(ran.stdout.contains("one   INTERRUPTED  steps"), "{}", ran.stdout);
    let ran = ran.again().args(["describe", "one"]).run().says(["`stepwell resume` goes on"]);
    let ran = ran.again().args(["resume", "one"]).run().succeeds();
    let ran = ran.prints(r#"{"n":1,"kept":1,"redrives":0}"#);
    let ran = ran.does_not_say(["  First  "]).again().args(["resume", "one"]).run().succeeds();
    let ran = ran.says(["the execution `one` is SUCCEEDED already"]);
    let ran =
        ran.again().args(["resume", "--all"]).run().succeeds().says(["nothing is interrupted"]);
    ran.again().args(["resume", "two"]).run().exits(2).says(["Execution Does Not Exist: 'two'"]);
}

#[test]
fn virtual_time_goes_on_where_it_was() {
    let workflow = WORKFLOW.replace(
        "Second: { Type: Wait, Seconds: 600, Next: Third }",
        "Second: { Type: Wait, Seconds: 600, Next: Asks }
        Asks:
          Type: Task
          Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
          Parameters: { FunctionName: first, Payload: { token.$: $$.Task.Token } }
          TimeoutSeconds: 60
          ResultPath: $.answer
          Next: Later
        Later: { Type: Wait, Seconds: 600, Next: Third }",
    );
    let ran = killed(&workflow, &["--name", "one", "--skip-waits"], "by the token ");
    let token =
        ran.stderr.split_once("by the token ").unwrap().1.lines().next().unwrap().to_owned();
    let ran = ran.again().args(["task", "success", &token, "--output", "true"]).run().succeeds();
    let ran = ran.says(["`stepwell resume one` goes on with the answer"]);
    let ran = ran.again().args(["resume", "one"]).run().exits(1);
    let history = ran.again().args(["history", "one", "--json"]).run().json();
    let at = |index: usize| history["events"][index]["timestamp"].as_f64().unwrap();
    let lasted = at(history["events"].as_array().unwrap().len() - 1) - at(0);
    assert!((1200.0..1260.0).contains(&lasted), "{lasted}");
}

#[test]
fn the_same_name_and_input_is_the_same_execution() {
    let workflow = WORKFLOW
        .replace("600", "1")
        .replace("fails: { error: Down, cause: at night }", "echo: true");
    let run = ["run", "workflow.yaml", "--name", "one"];
    let ran = killed(&workflow, &["--name", "one"], "  Second  until ");
    let ran = ran.again().args(run).input("{\"other\":1}").run().exits(2);
    let ran = ran.says(["error: Execution Already Exists: 'arn:aws:states:us-east-1:123456789012:execution:steps:one'"]);
    let ran = ran.again().args(run).run().succeeds().says(["has begun before: it goes on"]);
    let ran = ran.again().args(run).run().exits(2).says(["error: Execution Already Exists: '"]);
    for name in ["", "a b", "a/b", "a:b", &"x".repeat(81)] {
        let refused = Cli::workflow(WORKFLOW).args(["--name", name]).run().exits(2);
        assert_eq!(refused.files(""), ["workflow.yaml"], "{name}");
    }
    drop(ran);
}

#[test]
fn a_second_process_waits_for_the_first_or_is_refused() {
    let workflow = WORKFLOW
        .replace("600", "1")
        .replace("fails: { error: Down, cause: at night }", "echo: true");
    let first = Cli::workflow(&workflow).args(["--name", "one"]).start();
    let first = first.wait_for("  Second  until ");
    let refused = first.beside().args(["resume", "one"]).run().exits(2);
    refused.says(["is running the execution `one`"]);
    first.beside().args(["delete", "one"]).run().exits(2).says(["is running the execution `one`"]);
    let second = first.beside().args(["run", "workflow.yaml", "--name", "one"]).run().succeeds();
    second.says(["waiting for its end"]).prints(r#"{"n":1,"kept":1,"redrives":0}"#);
    first.end().succeeds();
}

#[test]
fn an_execution_is_stopped_by_another_process_or_where_nobody_runs_it() {
    let first = Cli::workflow(WORKFLOW).args(["--name", "one"]).start();
    let first = first.wait_for("  Second  until ");
    let stop = ["stop", "one", "--error", "Enough", "--cause", "of it"];
    first.beside().args(stop).run().succeeds().says([" stopped the execution `one`"]);
    let ran = first.end().exits(1).says(["error: the execution was stopped: Enough: of it"]);
    let ran = ran.again().args(stop).run().succeeds().says(["is ABORTED already"]);
    let described = ran.again().args(["describe", "one"]).run().json();
    assert_eq!([&described["status"], &described["error"]], ["ABORTED", "Enough"]);

    let ran = killed(WORKFLOW, &["--name", "one"], "  Second  until ");
    let ran = ran.again().args(stop).run().succeeds().says(["stopped the execution `one`"]);
    let ran = ran.again().args(["history", "one", "--json"]).run();
    assert_eq!(types(&ran.json()).last(), Some(&"ExecutionAborted"));
}

#[test]
fn executions_are_deleted() {
    let ran = failed().again().args(["prune", "--older-than", "1h"]).run().succeeds();
    let ran = ran.says(["deleted 0 executions"]);
    let ran = ran.again().args(["delete", "one", "two"]).run().exits(2);
    let ran = ran.again().args(["delete", "one"]).run().succeeds();
    let ran = ran.again().args(["executions"]).run().succeeds().says(["no executions"]);
    // Its clock is the wall's: on a clock that jumps, it would end in ten minutes.
    let ran = ran.again().file("workflow.yaml", WORKFLOW.replace("600", "0"));
    let ran = ran.args(["run", "workflow.yaml"]).run().exits(1);
    let ran = ran.again().args(["prune", "--older-than", "0s"]).run().succeeds();
    ran.says(["deleted 1 execution"]);
}

#[test]
fn where_there_is_no_journal_the_way_to_one_is_told() {
    for command in [&["executions"][..], &["resume", "--all"], &["history", "one"], &["doctor"]] {
        let ran =
            Cli::new().args(command).run().exits(2).says(["there is no journal in `.stepwell`"]);
        assert_eq!(ran.files(""), [""; 0]);
    }
    let ran = Cli::workflow(WORKFLOW).args(["--state", "kept", "--skip-waits"]).run().exits(1);
    ran.again().env("STEPWELL_STATE", "kept").args(["executions"]).run().succeeds();
}

#[test]
fn many_executions_are_one_batch() {
    let workflow = WORKFLOW.replace("{ n: 1 }", "{ n: 2 }");
    let inputs = "{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}\n";
    let run = ["--inputs", "in.jsonl", "--name", "batch", "--skip-waits", "--concurrency", "2"];
    let ran = Cli::workflow(&workflow).file("in.jsonl", inputs).args(run).run().exits(1);
    let ran =
        ran.says(["batch-1  failed: Down: at night", "error: 3 of 3 executions did not succeed"]);
    let mut ended: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    ended.sort_by_key(|reply| reply["name"].to_string());
    let inputs: Vec<_> = ended.iter().map(|reply| &reply["input"]).collect();
    assert_eq!(json!(inputs), json!(["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]));
    let ran = ran.again().args(["executions", "--batch", "batch", "--json"]).run().succeeds();
    assert_eq!(ran.json().as_array().unwrap().len(), 3);
    let ran = ran.again().args(["executions", "--batch", "other"]).run().exits(2);
    let ran = ran.says(["there is no batch `other`", "there are: batch"]);
    // It has ended as a whole, and begins only with the same inputs.
    let ran = ran.again().args(["run", "workflow.yaml"]).args(run).run().exits(1).prints_nothing();
    let ran = ran.again().file("in.jsonl", "1\n").args(["run", "workflow.yaml"]).args(run).run();
    let ran = ran.exits(2).says(["there is a batch `batch` already, with other inputs"]);
    let ran = ran.again().file("in.jsonl", "1\n{\n").args([
        "run",
        "workflow.yaml",
        "--inputs",
        "in.jsonl",
    ]);
    ran.run().exits(2).says(["line 2 of `in.jsonl` is not JSON"]);
}

#[test]
fn a_batch_that_was_killed_goes_on_as_one() {
    let workflow = WORKFLOW
        .replace("600", "1")
        .replace("fails: { error: Down, cause: at night }", "echo: true");
    let cli = Cli::workflow(&workflow).file("in.jsonl", "1\n".repeat(30));
    let run = ["--inputs", "in.jsonl", "--name", "batch", "--concurrency", "20"];
    let first = cli.args(run).start();
    let first = first.wait_until(|folder| {
        let listed = Cli::listing(folder);
        listed.matches("RUNNING").count() == 20 && listed.matches("PENDING").count() == 10
    });
    let ran = first.signal("KILL").end();
    let ran = ran.again().args(["resume", "batch"]).run().succeeds();
    assert_eq!(ran.stdout.lines().count(), 30);
    ran.says(["30 succeeded, 0 did not"]);
}

#[test]
fn a_journal_that_is_removed_in_use_ends_the_run() {
    let run = Cli::workflow(WORKFLOW).args(["--name", "one"]).start();
    let run = run.wait_for("  Second  until ");
    std::fs::remove_dir_all(run.folder().join(".stepwell")).unwrap();
    run.end().exits(3).says(["the journal in `.stepwell` was removed while it was in use"]);
}

/// Waits for its token for a second, and is silent for a second at most.
fn asks(limit: &str) -> String {
    format!(
        "functions:
  ask: {{ stub: {{ returns: sent }} }}
stateMachines:
  asks:
    definition:
      StartAt: Ask
      States:
        Ask:
          Type: Task
          Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
          Parameters: {{ FunctionName: ask, Payload: {{ token.$: $$.Task.Token }} }}
          {limit}
          End: true
"
    )
}

/// The token that a run has named.
fn token_of(ran: &Ran) -> String {
    ran.stderr.split_once("by the token ").unwrap().1.lines().next().unwrap().to_owned()
}

#[test]
fn an_answer_in_time_counts_whenever_the_process_comes_back() {
    for limit in ["TimeoutSeconds: 2", "HeartbeatSeconds: 2"] {
        let ran = killed(&asks(limit), &["--name", "one"], "  Ask  stub");
        let token = token_of(&ran);
        let ran = ran.again().args(["task", "success", &token, "--output", "1"]).run().succeeds();
        let ran = ran.again().args(["task", "success", &token]).run().exits(2);
        let ran = ran.says(["Task Timed Out: 'Provided task does not exist anymore'"]);
        pass(Duration::from_millis(2500));
        ran.again().args(["resume", "one"]).run().succeeds().prints("1");
    }
}

#[test]
fn an_answer_that_is_late_is_refused_also_while_no_process_runs() {
    for limit in ["TimeoutSeconds: 1", "HeartbeatSeconds: 1"] {
        let ran = killed(&asks(limit), &["--name", "one"], "  Ask  stub");
        let token = token_of(&ran);
        pass(Duration::from_millis(1200));
        let mut ran = ran;
        for said in ["success", "failure", "heartbeat"] {
            ran =
                ran.again().args(["task", said, &token]).run().exits(2).says(["Task Timed Out: '"]);
        }
        ran.again().args(["resume", "one"]).run().exits(1).says(["  Ask  failed: States.Timeout"]);
    }
}

/// Lets so much time pass.
fn pass(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::thread::yield_now();
    }
}

#[test]
fn the_machines_time_goes_on_while_no_process_runs() {
    let workflow =
        asks("").replace("    definition:\n", "    definition:\n      TimeoutSeconds: 1\n");
    let ran = killed(&workflow, &["--name", "one"], "  Ask  stub");
    let token = token_of(&ran);
    pass(Duration::from_millis(1200));
    let ran = ran.again().args(["task", "success", &token]).run().exits(2);
    let ran = ran.says(["Task Timed Out: '"]).again().args(["resume", "one"]).run().exits(1);
    ran.says(["error: the execution timed out: States.Timeout"]);
}

#[test]
fn what_follows_an_answer_has_its_time_from_then_on() {
    let workflow = asks("TimeoutSeconds: 60")
        .replace("  ask: {", "  next: { stub: { sleeps: 0.2, returns: done } }\n  ask: {")
        .replace("          End: true\n", "          Next: Next\n        Next: { Type: Task, Resource: next, TimeoutSeconds: 1, End: true }\n");
    let ran = killed(&workflow, &["--name", "one"], "  Ask  stub");
    let token = token_of(&ran);
    let ran = ran.again().args(["task", "success", &token]).run().succeeds();
    pass(Duration::from_millis(1500));
    ran.again().args(["resume", "one"]).run().succeeds().prints("\"done\"");
}

#[test]
fn a_call_that_was_under_way_has_its_whole_time_again() {
    let workflow = "functions:
  moment: { stub: { fails: { error: Moment } } }
  slow: { stub: { sleeps: 1, returns: done } }
stateMachines:
  machine:
    definition:
      StartAt: Moment
      States:
        Moment: { Type: Task, Resource: moment, Catch: [{ ErrorEquals: [Moment], Next: Slow }], End: true }
        Slow: { Type: Task, Resource: slow, TimeoutSeconds: 2, End: true }
";
    let ran = killed(workflow, &["--name", "one"], "failed: Moment");
    pass(Duration::from_millis(2200));
    ran.again().args(["resume", "one"]).run().succeeds().prints("\"done\"");
}

#[test]
fn tokens_that_are_none_get_awss_errors() {
    let ran = failed().again().args(["task", "success", "garbage"]).run().exits(2);
    let ran = ran.says(["error: Invalid Token: 'Invalid token'"]);
    let unknown = format!("st1.{}", "A".repeat(43));
    let ran = ran.again().args(["task", "heartbeat", &unknown]).run().exits(2);
    let ran = ran.says(["error: Task Does Not Exist: '"]);
    let ran = ran.again().args(["task", "success", &unknown, "--output", "{"]).run().exits(2);
    let ran = ran.says(["error: Invalid Output: the output of `--output` is not JSON"]);
    let long = "x".repeat(257);
    let ran = ran.again().args(["task", "failure", &unknown, "--error", &long]).run().exits(2);
    ran.says(["length less than or equal to 256"]);
}

#[test]
fn two_processes_run_a_batch_together_and_both_tell_how_it_ended() {
    let workflow = WORKFLOW.replace("600", "4");
    let run = ["--inputs", "in.jsonl", "--name", "batch", "--concurrency", "4"];
    let first = Cli::workflow(&workflow).file("in.jsonl", "1\n".repeat(8)).args(run).start();
    let first = first.wait_until(|folder| Cli::listing(folder).contains("RUNNING"));
    let second = first.beside().args(["run", "workflow.yaml"]).args(run).run().exits(1);
    let ended = second.stdout.lines().count();
    assert!((1..8).contains(&ended), "both run some: {ended}");
    second.says(["error: 8 of 8 executions did not succeed"]);
    let ran = first.end().exits(1).says(["error: 8 of 8 executions did not succeed"]);
    assert_eq!(ran.stdout.lines().count() + ended, 8);
    let ran = ran.again().args(["executions", "--batch", "batch", "--describe"]).run().succeeds();
    assert_eq!(ran.stdout.matches("\"error\":\"Down\"").count(), 8);
    let ran = ran.again().args(["delete", "batch-3"]).run().succeeds();
    let ran = ran.again().args(["resume", "batch"]).run().exits(1);
    ran.says(["1 of its 8 executions were deleted", "error: 7 of 7 executions did not succeed"]);
}

#[test]
fn what_has_not_ended_is_deleted_by_force_only() {
    let ran = killed(WORKFLOW, &["--name", "one"], "  Second  until ");
    let ran = ran.again().args(["delete", "one"]).run().exits(2);
    let ran = ran.says(["error: the execution `one` has not ended"]);
    let ran = ran.again().args(["delete", "one", "one", "--force"]).run().succeeds();
    ran.says(["deleted the execution `one`"]);
}

#[test]
fn an_export_replays_elsewhere_and_tells_what_was_changed() {
    let ran = failed().again().args(["export", "one"]).run().succeeds();
    let export = ran.stdout.clone();
    let replay = |text: &str| Cli::new().file("one.json", text).args(["replay", "one.json"]).run();
    replay(&export).succeeds().says(["are the same as recorded: FAILED"]);
    for (from, to) in [
        ("\"status\": \"FAILED\"", "\"status\": \"SUCCEEDED\""),
        ("\"name\": \"Third\"", "\"name\": \"Other\""),
        ("at night\"", "at noon\""),
    ] {
        assert!(export.contains(from), "{from}");
        replay(&export.replacen(from, to, 1)).exits(1).says(["the replay differs"]);
    }
    replay("{}").exits(2).says(["`one.json` is no export"]);
    let ran = ran.again().args(["resume", "one", "--json"]).run().exits(1);
    assert_eq!(ran.json()["status"], "FAILED");
}

#[test]
fn a_journal_is_examined_and_what_can_be_read_is_saved() {
    let ran = failed().again().args(["doctor"]).run().succeeds();
    assert!(ran.stdout.ends_with("nothing is wrong\n"), "{}", ran.stdout);
    let text = std::fs::read(ran.path(".stepwell/journal.db")).unwrap();
    // Every number is a word of the same length: the page stays sound, and the story is another one.
    let at = text.windows(8).rposition(|bytes| bytes == b"at night").unwrap();
    let mut changed = text.clone();
    changed[at..at + 8].copy_from_slice(b"at noon!");
    std::fs::write(ran.path(".stepwell/journal.db"), changed).unwrap();
    let ran = ran.again().args(["doctor"]).run().exits(3);
    assert!(ran.stdout.contains("- the execution `one`: "), "{}", ran.stdout);
    let ran =
        ran.again().file(".stepwell/journal.db", "no journal").args(["doctor"]).run().exits(3);
    let ran = ran.says(["error: 1 finding"]);
    let ran = ran.again().file(".stepwell/journal.db", &text[..8192]);
    let ran = ran.args(["doctor", "--salvage", "saved"]).run().exits(3);
    ran.does_not_say(["`stepwell doctor` says"]);
}

#[test]
fn time_travel_by_a_script() {
    let script = "run failure\nshow input\nback\nresult \"mended\"\ntimelines\n";
    let ran = failed().again().file("script", script).args(["debug", "one", "--script", "script"]);
    let ran = ran.run().succeeds();
    insta::assert_snapshot!(crate::support::filtered(&ran.stdout));
    // The journal has what happened, not what might have.
    let ran = ran.again().args(["describe", "one"]).run().succeeds();
    assert_eq!(ran.json()["status"], "FAILED");
    let ran = ran.again().args(["debug", "workflow.yaml", "--script", "-"]).stdin("run Nowhere\n");
    let ran = ran.run().exits(2).says(["line 1: "]);
    ran.again().args(["debug", "nothing", "--script", "-"]).run().exits(2);
}

#[test]
fn a_journal_may_be_kept_in_the_background_or_for_a_loss_of_power() {
    for durability in ["none", "step", "full"] {
        let ran = steps().args(["--durability", durability]).run().exits(1);
        let ran = ran.again().args(["history", "one", "--json"]).run().succeeds();
        assert_eq!(types(&ran.json()).len(), 13, "{durability}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_unless_nothing_is_promised() {
    let run = |durability| {
        let cli =
            steps().file("taken", "").args(["--state", "taken/x", "--durability", durability]);
        cli.run()
    };
    run("step").exits(3).says(["taken/x", "`--state DIR`"]).does_not_say(["First"]);
    run("none").exits(1).says(["the execution is not kept: ", "the execution failed: Down"]);
}
