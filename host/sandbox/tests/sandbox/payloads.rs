//! Requests and answers: what is too large, what is no JSON, what a task says for itself.

use serde_json::json;
use stepwell_lambda::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use stepwell_sandbox::{Failure, FailureKind, Status};

use crate::support::{Guest, Setup, answer, failure};

#[tokio::test]
async fn a_request_may_have_six_megabytes() {
    let padding = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let guest = Guest::null().memory("200");
    let invoked = Setup::guest(&guest).invoke(padding(REQUEST_BYTES_MAX)).await;
    assert!(invoked.result.is_ok());
    let invoked = Setup::guest(&guest).invoke(padding(REQUEST_BYTES_MAX + 1)).await;
    let failure = failure(&invoked);
    assert_eq!(failure.error_type, "RequestEntityTooLargeException");
    assert_eq!(
        failure.message,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    );
    assert_eq!(invoked.report.duration.as_nanos(), 0);
}

#[tokio::test]
async fn an_answer_may_have_a_little_more() {
    let large = async |bytes: usize| {
        let event = json!({ "do": "large", "bytes": bytes });
        Setup::hostile().memory(1_769).invoke(event).await
    };
    let invoked = large(RESPONSE_BYTES_MAX).await;
    assert_eq!(invoked.result.as_ref().unwrap().len(), 6_291_556);
    for bytes in [RESPONSE_BYTES_MAX + 1, 20 << 20] {
        let invoked = large(bytes).await;
        assert_eq!(
            failure(&invoked).payload(),
            r#"{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}"#
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_no_answer() {
    let invoked = Setup::hostile().invoke(r#"{"do":"not-json"}"#).await;
    assert_eq!(failure(&invoked).error_type, "Runtime.MarshalError");
    let message = &failure(&invoked).message;
    assert!(message.starts_with("Unable to marshal response: "), "{message}");
    for length in ["0", "3"] {
        let guest = Guest::new(&format!("(call $ok (i32.const 64) (i32.const {length}))"));
        let invoked = Setup::guest(&guest).invoke("{}").await;
        assert_eq!(failure(&invoked).error_type, "Runtime.MarshalError");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_text_is_an_exit() {
    let guest = Guest::new("(call $ok (i32.const 64) (i32.const 4))")
        .core(r#"(data (i32.const 64) "\ff\fe\fd\fc")"#);
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
    assert!(failure(&invoked).message.contains("utf-8"), "{}", failure(&invoked).message);
}

#[tokio::test]
async fn an_event_arrives_as_it_is() {
    let event = json!({ "do": "echo", "event": { "ü": [1, "\u{1F600}\u{0}", 1.5e300] } });
    let invoked = Setup::hostile().invoke(&event).await;
    assert_eq!(answer(&invoked), event["event"]);
    assert_eq!(invoked.report.status, Status::Success);
    let invoked = Setup::hostile().invoke("this is no JSON").await;
    assert_eq!(failure(&invoked).error_type, "InvalidInput");
}

#[tokio::test]
async fn a_task_fails_in_its_own_words() {
    let fail = async |error: &str, cause: &str| {
        Setup::hostile().invoke(json!({ "do": "fail", "error": error, "cause": cause })).await
    };
    let invoked = fail("SourceClosed", "at night").await;
    let expected = Failure {
        kind: FailureKind::Task,
        error_type: "SourceClosed".to_owned(),
        message: "at night".to_owned(),
        reported: None,
    };
    assert_eq!(failure(&invoked), &expected);
    assert!(matches!(invoked.report.status, Status::Failed { .. }));
    let invoked = fail(&"e".repeat(300), &"c".repeat(40_000)).await;
    assert_eq!(failure(&invoked).error_type.len(), 256);
    assert_eq!(failure(&invoked).message.len(), 32_768);
}

#[tokio::test]
async fn a_runtime_reports_a_failure_in_its_own_shape() {
    let fail = async |error: &str, reported: &str| {
        let event = json!({ "do": "fail", "error": error, "cause": "c", "reported": reported });
        failure(&Setup::hostile().invoke(event).await).clone()
    };
    let python = r#"{"errorMessage": "c", "errorType": "ValueError", "requestId": "", "stackTrace": ["  File"]}"#;
    let failure = fail("ValueError", python).await;
    assert_eq!((&*failure.error_type, &*failure.message), ("ValueError", "c"));
    assert_eq!(failure.payload(), python);
    let long = format!(r#"{{"errorType":"E","errorMessage":"{}"}}"#, "m".repeat(262_144));
    for (reported, wrong) in [
        (python, "its `errorType` is `ValueError`"),
        (r#"{"errorType":"E"}"#, "no object with the strings"),
        ("[]", "no object with the strings"),
        ("{", "EOF while parsing"),
        (&long, "longer than 262144 bytes"),
    ] {
        let failure = fail("E", reported).await;
        assert_eq!(failure.error_type, "Runtime.MarshalError");
        assert!(failure.message.contains(wrong), "{}", failure.message);
        assert!(failure.payload().len() < 1_000, "nothing of it comes through");
    }
}

#[tokio::test]
async fn a_task_cannot_take_the_names_of_the_language() {
    for error in ["States.ALL", "States.Timeout", ""] {
        let event = json!({ "do": "fail", "error": error, "cause": "c" });
        let invoked = Setup::hostile().invoke(event).await;
        assert_eq!(failure(&invoked).error_type, "Runtime.MarshalError", "{error}");
    }
}
