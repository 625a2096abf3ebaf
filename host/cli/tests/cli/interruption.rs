//! Ctrl-C: the execution is aborted, its history is whole, and no object is left half-written. A request to
//! terminate leaves it as it is, to be resumed.

use serde_json::Value;

use crate::support::{Background, Cli, Import, Ran, guest, machine_of, source};

/// Says where it is, then does something for a long time.
fn waits_then(state: &str) -> String {
    format!(
        "functions:
  moment: {{ stub: {{ fails: {{ error: Moment }} }} }}
  nap: {{ stub: {{ sleeps: 600 }} }}
  hostile:
    component: {}
    timeout: 900
    grants: {{ objects: [\"rows/*\"] }}
stateMachines:
  machine:
    definition:
      StartAt: Moment
      States:
        Moment:
          Type: Task
          Resource: moment
          Catch: [{{ ErrorEquals: [Moment], ResultPath: null, Next: Long }}]
          End: true
        Long: {state}
",
        guest("hostile")
    )
}

const TOLD: &str = "     1  Moment  failed: Moment\n";

fn start(state: &str, input: &str) -> Background {
    let cli = Cli::workflow(&waits_then(state)).input(input);
    cli.args(["--json", "--history", "history.json"]).start()
}

/// Asserts what every aborted run leaves.
#[track_caller]
fn aborted(ran: Ran) -> Ran {
    let ran = ran.exits(1).says(["error: the execution was stopped\n"]);
    let reply = ran.json();
    assert_eq!(reply["status"], "ABORTED");
    let kept = ["output", "error", "cause"].map(|field| reply.get(field).is_some());
    assert_eq!(kept, [false; 3]);
    let history = ran.history("history.json");
    assert_eq!(history.last().unwrap()["type"], "ExecutionAborted");
    let ids: Vec<Value> = history.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, (1..=history.len()).map(Value::from).collect::<Vec<_>>());
    ran
}

#[test]
fn a_wait_is_interrupted() {
    let run = start("{ Type: Wait, Seconds: 600, End: true }", "{}");
    aborted(run.wait_for("     2  Long  until ").signal("INT").end());
}

#[test]
fn a_process_that_is_to_terminate_leaves_the_execution_to_be_resumed() {
    for signal in ["TERM", "HUP"] {
        let run = start("{ Type: Wait, Seconds: 600, End: true }", "{}");
        let ran = run.wait_for("     2  Long  until ").signal(signal).end();
        let ran = ran.exits(4).prints_nothing().says([" was interrupted\n", "`stepwell resume "]);
        let listed = ran.again().args(["executions", "--json"]).run().succeeds().json();
        assert_eq!(listed[0]["status"], "RUNNING");
        assert_eq!(listed[0]["interrupted"], true);
    }
}

#[test]
fn without_a_journal_that_can_be_relied_on_a_request_to_terminate_aborts() {
    let workflow = waits_then("{ Type: Wait, Seconds: 600, End: true }");
    let run = Cli::workflow(&workflow).args(["--json", "--durability", "none"]).start();
    let ran = run.wait_for("     2  Long  until ").signal("TERM").end().exits(1);
    assert_eq!(ran.json()["status"], "ABORTED");
}

#[test]
fn a_stub_that_sleeps_is_interrupted() {
    let run = start("{ Type: Task, Resource: nap, End: true }", "{}");
    aborted(run.wait_for(TOLD).signal("INT").end());
}

#[test]
fn a_task_that_waits_in_the_host_is_interrupted() {
    let run =
        start("{ Type: Task, Resource: hostile, End: true }", r#"{"do":"sleep","ms":600000}"#);
    aborted(run.wait_for(TOLD).signal("INT").end());
}

#[test]
fn a_task_that_computes_is_interrupted() {
    for deed in [r#"{"do":"spin"}"#, r#"{"do":"spin-calling"}"#] {
        let run = start("{ Type: Task, Resource: hostile, End: true }", deed);
        aborted(run.wait_for(TOLD).signal("INT").end());
    }
}

#[test]
fn a_machine_that_never_waits_is_interrupted() {
    let cli = Cli::workflow(&waits_then("{ Type: Pass, Next: Long2 }").replace(
        "        Long:",
        "        Long2: { Type: Choice, Choices: [{ Variable: $.stop, IsPresent: true, Next: Over }], \
         Default: Long }\n        Over: { Type: Succeed }\n        Long:",
    ));
    let run = cli.args(["--json", "--unlimited-history"]).start();
    let ran = run.wait_for(TOLD).signal("INT").end().exits(1);
    assert_eq!(ran.json()["status"], "ABORTED");
}

#[test]
fn an_object_that_is_being_written_is_not_left_half() {
    let deed = r#"{"do":"bucket-write","bucket":"rows","key":"large","bytes":2000000000}"#;
    let run = start("{ Type: Task, Resource: hostile, End: true }", deed);
    let ran = aborted(run.wait_for(TOLD).signal("INT").end());
    assert_eq!(ran.files(".stepwell/objects"), [""; 0]);
}

#[test]
fn an_import_that_is_interrupted_leaves_the_earlier_object() {
    let source = source(60, &["hang@offset:50"]);
    let object = "objects/orders/imported/orders.jsonl";
    let run = Import::new()
        .from(&source.url())
        .file(object, "of an earlier run\n")
        .args(["--json", "--history", "history.json"])
        .start();
    let ran = aborted(run.wait_for("offset=25&limit=25`").signal("INT").end());
    assert_eq!(ran.read(object), "of an earlier run\n");
    assert_eq!(ran.files("objects/orders/cache/import").len(), 2);
    assert_eq!(ran.files("objects/.stepwell-tmp"), [""; 0]);
}

#[test]
fn an_object_of_a_task_that_fails_is_not_left_half() {
    let settings = format!(
        "    component: {}\n    timeout: 10\n    grants: {{ objects: [\"rows/*\"] }}\n",
        guest("hostile")
    );
    let ran = Cli::workflow(&machine_of(&settings))
        .input(r#"{"do":"leak-writer","bucket":"rows","key":"large","bytes":20000000}"#)
        .run()
        .succeeds();
    assert_eq!(ran.json()["Error"], "Runtime.ExitError");
    assert_eq!(ran.files(".stepwell/objects"), [""; 0]);
}
