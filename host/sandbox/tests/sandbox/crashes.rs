//! Guests that crash: each ends its invocation as Lambda would say it, and nothing else.

use stepwell_sandbox::{FailureKind, Guard, Status};

use crate::support::{Guest, Setup, assert_failed, failure};

async fn assert_crashes(body: &str, message: &str) {
    let invoked = Setup::guest(&Guest::new(body)).invoke("{}").await;
    assert_failed(&invoked, "Runtime.ExitError", message);
    assert_eq!(failure(&invoked).kind, FailureKind::Crash);
    let error_type = "Runtime.ExitError".to_owned();
    assert_eq!(invoked.report.status, Status::Error { error_type, guard: None });
}

#[tokio::test]
async fn unreachable_code_is_an_exit() {
    let message = "Runtime exited with error: wasm trap: wasm `unreachable` instruction executed";
    assert_crashes("unreachable", message).await;
}

#[tokio::test]
async fn a_division_by_zero_is_an_exit() {
    let message = "Runtime exited with error: wasm trap: integer divide by zero";
    assert_crashes(
        "(i32.div_u (i32.const 1) (i32.sub (local.get $length) (i32.const 2)))",
        message,
    )
    .await;
}

#[tokio::test]
async fn memory_beyond_the_end_is_an_exit() {
    let message = "Runtime exited with error: wasm trap: out of bounds memory access";
    assert_crashes("(i32.load (i32.const -4))", message).await;
}

#[tokio::test]
async fn a_panic_is_an_exit_and_its_message_is_in_the_log() {
    let invoked = Setup::hostile().invoke(r#"{"do":"panic","message":"on purpose"}"#).await;
    let message = "Runtime exited with error: wasm trap: wasm `unreachable` instruction executed";
    assert_failed(&invoked, "Runtime.ExitError", message);
    assert!(crate::support::log(&invoked).join("\n").contains("on purpose"));
}

#[tokio::test]
async fn an_exit_is_told_by_its_status() {
    let invoked = Setup::hostile().invoke(r#"{"do":"exit","code":3}"#).await;
    // WASI tells only whether the status is 0.
    assert_failed(&invoked, "Runtime.ExitError", "Runtime exited with error: exit status 1");
    let invoked = Setup::hostile().invoke(r#"{"do":"exit","code":0}"#).await;
    assert_failed(&invoked, "Runtime.ExitError", "Runtime exited without providing a reason");
}

#[tokio::test]
async fn endless_recursion_exhausts_the_stack() {
    let recursion = Guest::new("(call $again (i32.const 0))").core(
        "(func $again (param i32) (result i32)
           (i32.add (call $again (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))",
    );
    let invoked = Setup::guest(&recursion).invoke("{}").await;
    let message = "Runtime exited with error: signal: segmentation fault (stack overflow)";
    assert_failed(&invoked, "Runtime.ExitError", message);
    assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Stack));
    let invoked = Setup::hostile().memory(1_769).invoke(r#"{"do":"recurse"}"#).await;
    assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
}

#[tokio::test]
async fn an_answer_outside_of_memory_is_an_exit() {
    for (address, length) in [("-1", "4"), ("262140", "5"), ("64", "-1")] {
        let body = format!("(call $ok (i32.const {address}) (i32.const {length}))");
        let invoked = Setup::guest(&Guest::new(&body)).invoke("{}").await;
        assert_eq!(failure(&invoked).error_type, "Runtime.ExitError", "{address} {length}");
    }
}

#[tokio::test]
async fn an_answer_in_a_variant_that_does_not_exist_is_an_exit() {
    let body = "(i32.store (i32.const 16) (i32.const 7)) (i32.const 16)";
    let invoked = Setup::guest(&Guest::new(body)).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
}
