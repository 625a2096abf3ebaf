//! Functions without a component: every form of `stub:`, one answer per attempt.

use crate::support::{Cli, Ran};

fn workflow(stub: &str) -> String {
    format!(
        "functions:
  task:
    stub: {stub}
stateMachines:
  machine:
    definition:
      StartAt: Work
      States:
        Work:
          Type: Task
          Resource: task
          Retry: [{{ ErrorEquals: [Busy], IntervalSeconds: 3600, MaxAttempts: 5 }}]
          End: true
"
    )
}

/// Waits, of which there are hours here, are skipped.
fn run(stub: &str) -> Ran {
    let input = "{\"n\":1.50}";
    Cli::workflow(&workflow(stub)).arg("--skip-waits").input(input).run()
}

#[test]
fn a_stub_returns_what_it_says() {
    run("{ returns: { rows: [1, 2], text: ü } }")
        .succeeds()
        .prints("{\"rows\":[1,2],\"text\":\"ü\"}");
    run("{ returns: null }").succeeds().prints("null");
}

#[test]
fn a_stub_echoes_its_event_as_it_is() {
    run("{ echo: true }").succeeds().prints("{\"n\":1.50}");
}

#[test]
fn a_stub_fails_as_it_says() {
    run("{ fails: { error: Orders.Closed, cause: come back at nine } }")
        .exits(1)
        .prints_nothing()
        .says(["error: the execution failed: Orders.Closed: come back at nine\n"]);
    run("{ fails: { error: Orders.Closed } }")
        .exits(1)
        .says(["error: the execution failed: Orders.Closed\n"]);
}

#[test]
fn a_stub_sleeps_before_it_answers() {
    run("{ sleeps: 86400 }").succeeds().prints("{\"n\":1.50}");
    run("{ sleeps: 86400, returns: 7 }").succeeds().prints("7");
    // Without `--skip-waits` it takes the time.
    let began = std::time::Instant::now();
    Cli::workflow(&workflow("{ sleeps: 0.25, returns: 7 }")).run().succeeds().prints("7");
    assert!(began.elapsed().as_millis() >= 250);
}

#[test]
fn a_list_of_answers_is_one_per_attempt() {
    let busy = "{ fails: { error: Busy, cause: busy } }";
    let ran =
        run(&format!("[{busy}, {{ sleeps: 60, fails: {{ error: Busy }} }}, {{ returns: 3 }}]"));
    ran.succeeds().prints("3").says([
        "     1  Work  failed: Busy: busy\n",
        "     1  Work  until ",
        "     1  Work  failed: Busy\n",
    ]);
}

#[test]
fn the_last_answer_of_a_list_repeats() {
    let ran =
        run("[{ fails: { error: Busy, cause: one } }, { fails: { error: Busy, cause: two } }]");
    let ran = ran.exits(1).says(["error: the execution failed: Busy: two\n"]);
    assert_eq!(ran.stderr.matches("Work  failed: Busy: one\n").count(), 1);
    assert_eq!(ran.stderr.matches("Work  failed: Busy: two\n").count(), 5);
}

#[test]
fn a_stub_that_does_not_say_how_it_answers_is_refused() {
    run("{}").exits(2).says([
        "a stub must say how it answers",
        "`returns: JSON`",
        "`sleeps: SECONDS`",
    ]);
    run("{ returns: 1, echo: true }").exits(2).says(["error[ASL0105]"]);
    run("{ sleeps: -1 }").exits(2).says(["`sleeps` must be a number of seconds"]);
}

#[test]
fn stubs_need_neither_a_cache_nor_a_folder_of_objects() {
    let ran = Cli::workflow(&workflow("{ echo: true }"))
        .args(["--objects", "/proc/nowhere", "--cache", "/proc/nowhere"])
        .run()
        .succeeds();
    assert_eq!(ran.files(""), [".stepwell/journal.db", "workflow.yaml"]);
}

#[test]
fn a_loop_that_asks_until_it_is_done_gets_one_answer_after_the_other() {
    let text = "functions:
  check: { stub: [{ returns: { done: false } }, { returns: { done: false } }, { returns: { done: true } }] }
stateMachines:
  poll:
    definition:
      StartAt: Check
      States:
        Check: { Type: Task, Resource: check, Next: Enough }
        Enough:
          Type: Choice
          Choices: [{ Variable: $.done, BooleanEquals: true, Next: End }]
          Default: Pause
        Pause: { Type: Wait, Seconds: 3600, Next: Check }
        End: { Type: Succeed }
";
    let ran = Cli::workflow(text).args(["--skip-waits", "--history", "h.json"]).run();
    let ran = ran.succeeds().prints(r#"{"done":true}"#);
    let waits = ran.history("h.json").iter().filter(|e| e["type"] == "WaitStateExited").count();
    assert_eq!(waits, 2);
}
