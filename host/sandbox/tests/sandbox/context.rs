//! What a task knows about its invocation.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Guest, NULL, REQUEST_ID, Setup, answer};

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

#[tokio::test]
async fn the_context_is_that_of_lambda() {
    let began = now_ms();
    let invoked = Setup::hostile().memory(256).timeout(30).invoke(r#"{"do":"context"}"#).await;
    let ended = now_ms();
    let context = answer(&invoked);
    assert_eq!(context["requestId"], REQUEST_ID);
    assert_eq!(context["functionName"], "tested");
    assert_eq!(context["functionVersion"], "$LATEST");
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:tested";
    assert_eq!(context["invokedFunctionArn"], arn);
    assert_eq!(context["memoryLimitMb"], 256);
    let deadline = context["deadlineMs"].as_u64().unwrap();
    assert!((began + 30_000..=ended + 30_000).contains(&deadline));
    let remaining = context["remainingMs"].as_u64().unwrap();
    assert!((29_000..=30_000).contains(&remaining), "{remaining}");
}

#[tokio::test]
async fn waiting_and_computing_leave_less_time() {
    let remaining = |between: &str| {
        Guest::waiting(&format!(
            "(local $before i64) (local $i i32)
             (local.set $before (call $remaining))
             {between}
             (if (i64.gt_u (call $remaining) (i64.sub (local.get $before) (i64.const 20)))
               (then unreachable))
             {NULL}"
        ))
        .imports(
            r#"(import "stepwell:task/invocation@0.1.0" (instance $invocation
                 (export "remaining-time-ms" (func (result u64)))))"#,
        )
        .lower(
            "remaining",
            "(result i64)",
            r#"lower (func $invocation "remaining-time-ms")"#,
        )
    };
    let waits = remaining("(call $wait (i64.const 30_000_000))");
    // Two million units and more are 27 ms and more at 128 MB.
    let computes = remaining(
        "(loop
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000000))))",
    );
    for guest in [waits, computes] {
        let invoked = Setup::guest(&guest).invoke("{}").await;
        assert!(invoked.result.is_ok(), "{:?}", invoked.result);
    }
    let invoked = Setup::guest(&remaining("")).invoke("{}").await;
    assert!(invoked.result.is_err(), "no time passes where nothing happens");
}

#[tokio::test]
async fn the_environment_is_what_the_function_was_given() {
    let invoked = Setup::hostile().invoke(r#"{"do":"env"}"#).await;
    assert_eq!(answer(&invoked), json!({ "variables": [], "arguments": [] }));
    let setup = Setup::hostile().variable("STAGE", "test").variable("EMPTY", "");
    let invoked = setup.invoke(r#"{"do":"env"}"#).await;
    assert_eq!(answer(&invoked)["variables"], json!([["EMPTY", ""], ["STAGE", "test"]]));
}
