//! Tasks that go wrong: each gives the workflow the error that AWS would give, a REPORT on standard
//! error, and a host that goes on.

use serde_json::{Value, json};

use crate::support::{Cli, Ran, guest, machine_of};

/// A workflow that calls `hostile` with these settings, and goes on after a failure.
fn hostile(settings: &str, deed: &Value) -> Cli {
    let component = format!("    component: {}\n{settings}", guest("hostile"));
    Cli::workflow(&machine_of(&component)).input(&deed.to_string())
}

const SMALL: &str = "    memorySize: 128\n    timeout: 1\n";
const LARGE: &str = "    memorySize: 1024\n    timeout: 20\n";

/// Runs the deed; the workflow catches its failure and ends well. Gives what the workflow caught, the
/// payload that is its cause, and the run.
#[track_caller]
fn caught(settings: &str, deed: &Value) -> (String, Value, Ran) {
    let ran = hostile(settings, deed).args(["--history", "history.json"]).run().succeeds();
    let caught = ran.json();
    let error = caught["Error"].as_str().unwrap().to_owned();
    let payload = serde_json::from_str(caught["Cause"].as_str().unwrap()).unwrap();
    let history = ran.history("history.json");
    let failed = history.iter().find(|event| event["type"] == "LambdaFunctionFailed").unwrap();
    assert_eq!(failed["lambdaFunctionFailedEventDetails"]["error"], caught["Error"]);
    assert_eq!(failed["lambdaFunctionFailedEventDetails"]["cause"], caught["Cause"]);
    assert_eq!(history.last().unwrap()["type"], "ExecutionSucceeded");
    let ran = ran.says(["     1  Work  failed: ", "        REPORT RequestId: ", "\tFuel: "]);
    (error, payload, ran)
}

/// The error's message after the id of the request, which every failure of the sandbox begins with.
fn message(payload: &Value) -> &str {
    let message = payload["errorMessage"].as_str().unwrap();
    let (request_id, message) = message.split_once(" Error: ").unwrap();
    assert_eq!(request_id.len(), "RequestId: ".len() + 36, "{request_id}");
    message
}

#[test]
fn a_trap_is_an_exit_error() {
    let (error, payload, ran) = caught(SMALL, &json!({ "do": "trap" }));
    assert_eq!(error, "Runtime.ExitError");
    assert_eq!(payload["errorType"], "Runtime.ExitError");
    let message = message(&payload);
    assert!(message.starts_with("Runtime exited with error: wasm trap: "), "{message}");
    assert!(message.contains("unreachable"), "{message}");
    ran.says(["\tStatus: error\tError Type: Runtime.ExitError"]);
}

#[test]
fn a_panic_is_an_exit_error_and_its_message_is_in_the_log() {
    let (error, _, ran) = caught(SMALL, &json!({ "do": "panic", "message": "no rows!" }));
    assert_eq!(error, "Runtime.ExitError");
    ran.says(["    | ", "panicked at", "no rows!"]);
}

#[test]
fn a_loop_without_end_runs_out_of_fuel() {
    let (error, payload, ran) = caught(SMALL, &json!({ "do": "spin" }));
    assert_eq!(error, "Sandbox.Timedout");
    assert_eq!(message(&payload), "Task timed out after 1.00 seconds");
    ran.says([
        "\tDuration: 1000.00 ms\t",
        "\tFuel: 72357263 of 72357263\tStatus: timeout\tGuard: fuel",
    ]);
}

#[test]
fn a_loop_of_calls_to_the_host_runs_out_of_fuel_or_time() {
    let (error, payload, ran) = caught(SMALL, &json!({ "do": "spin-calling" }));
    assert_eq!(error, "Sandbox.Timedout");
    assert_eq!(message(&payload), "Task timed out after 1.00 seconds");
    ran.says(["\tStatus: timeout\tGuard: "]);
}

#[test]
fn waiting_in_the_host_runs_out_of_time() {
    let (error, payload, ran) = caught(SMALL, &json!({ "do": "sleep", "ms": 600_000 }));
    assert_eq!(error, "Sandbox.Timedout");
    assert_eq!(message(&payload), "Task timed out after 1.00 seconds");
    ran.says(["\tStatus: timeout\tGuard: time"]);
}

#[test]
fn a_budget_of_fuel_may_be_set() {
    let settings = "    timeout: 900\n    fuel: 1000000\n";
    let (error, _, ran) = caught(settings, &json!({ "do": "spin" }));
    assert_eq!(error, "Sandbox.Timedout");
    ran.says(["\tFuel: 1000000 of 1000000\tStatus: timeout\tGuard: fuel"]);
}

#[test]
fn memory_without_end_is_refused_at_the_functions_size() {
    let (error, payload, ran) = caught(LARGE, &json!({ "do": "allocate" }));
    assert_eq!(error, "Runtime.OutOfMemory");
    assert_eq!(message(&payload), "Runtime exited with error: signal: killed");
    ran.says([
        "\tMemory Size: 1024 MB\tMax Memory Used: 1024 MB\t",
        "\tStatus: error\tError Type: Runtime.OutOfMemory\tGuard: memory",
    ]);
}

#[test]
fn memory_within_the_functions_size_is_given() {
    hostile(LARGE, &json!({ "do": "allocate", "bytes": 100 << 20 }))
        .run()
        .succeeds()
        .prints(r#"{"allocated":104857600}"#);
}

#[test]
fn a_recursion_without_end_is_an_exit_error() {
    let (error, payload, ran) = caught(LARGE, &json!({ "do": "recurse" }));
    assert_eq!(error, "Runtime.ExitError");
    let message = message(&payload);
    assert!(message.starts_with("Runtime exited with error: "), "{message}");
    ran.says(["\tStatus: error\tError Type: Runtime.ExitError"]);
}

#[test]
fn an_exit_is_an_exit_error_whatever_its_code() {
    let (error, payload, _) = caught(SMALL, &json!({ "do": "exit", "code": 0 }));
    assert_eq!(error, "Runtime.ExitError");
    assert_eq!(message(&payload), "Runtime exited without providing a reason");
    let (error, payload, _) = caught(SMALL, &json!({ "do": "exit", "code": 3 }));
    assert_eq!(error, "Runtime.ExitError");
    // WASI 0.2 tells the host only that it was not 0.
    assert_eq!(message(&payload), "Runtime exited with error: exit status 1");
}

#[test]
fn an_answer_that_is_no_json_cannot_be_marshalled() {
    let (error, payload, ran) = caught(SMALL, &json!({ "do": "not-json" }));
    assert_eq!(error, "Runtime.MarshalError");
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("Unable to marshal response: "), "{message}");
    ran.says(["\tStatus: error\tError Type: Runtime.MarshalError"]);
}

#[test]
fn an_answer_of_seven_megabytes_is_too_large() {
    let (error, payload, ran) = caught(LARGE, &json!({ "do": "large", "bytes": 7 << 20 }));
    assert_eq!(error, "Function.ResponseSizeTooLarge");
    assert_eq!(
        payload["errorMessage"],
        "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    );
    ran.says(["\tStatus: error\tError Type: Function.ResponseSizeTooLarge"]);
}

#[test]
fn an_answer_that_a_state_cannot_hold_exceeds_the_data_limit() {
    // 262,144 bytes are a state's, 6 MB a function's. The function did well, so it reports no failure.
    let fits = hostile(LARGE, &json!({ "do": "large", "bytes": 262_144 })).run().succeeds();
    assert_eq!(fits.stdout.len(), 262_144 + 1);
    let ran = hostile(LARGE, &json!({ "do": "large", "bytes": 262_145 })).run().succeeds();
    assert_eq!(ran.json()["Error"], "States.DataLimitExceeded");
    ran.says(["     1  Work  failed: States.DataLimitExceeded: The state/task 'arn:aws:lambda:"])
        .does_not_say(["Status: error"]);
}

#[test]
fn a_failure_of_the_tasks_own_keeps_its_name_and_cause() {
    let deed = json!({ "do": "fail", "error": "Orders.Closed", "cause": "come back at nine" });
    let (error, payload, ran) = caught(SMALL, &deed);
    assert_eq!(error, "Orders.Closed");
    let expected = json!({ "errorMessage": "come back at nine", "errorType": "Orders.Closed" });
    assert_eq!(payload, expected);
    ran.says(["     1  Work  failed: Orders.Closed: come back at nine\n"])
        .does_not_say(["Status: error"]);
}

#[test]
fn an_error_name_of_the_language_is_not_a_tasks_to_use() {
    let deed = json!({ "do": "fail", "error": "States.Timeout", "cause": "a lie" });
    let (error, payload, _) = caught(SMALL, &deed);
    assert_eq!(error, "Runtime.MarshalError");
    assert!(payload["errorMessage"].as_str().unwrap().contains("`States.Timeout`"), "{payload}");
}

#[test]
fn what_a_task_logs_is_bounded() {
    let ran = hostile(LARGE, &json!({ "do": "log", "lines": 3, "bytes": 700_000 })).run();
    let ran = ran.succeeds().says(["(1400064 more bytes of log)"]);
    assert!(ran.stderr.len() < 1 << 20, "{}", ran.stderr.len());
}

#[test]
fn without_a_catcher_the_execution_fails_with_the_tasks_error() {
    let workflow = machine_of(&format!("    component: {}\n{SMALL}", guest("hostile")));
    let (before, after) = workflow.split_once("          Catch").unwrap();
    let after = after.split_once('\n').unwrap().1.split_once("        Caught").unwrap().0;
    let ran = Cli::workflow(&format!("{before}{after}"))
        .input(r#"{"do":"spin"}"#)
        .run()
        .exits(1)
        .prints_nothing();
    let last = ran.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("error: the execution failed: Sandbox.Timedout: RequestId: "),
        "{last}"
    );
    assert!(last.ends_with(" Error: Task timed out after 1.00 seconds"), "{last}");
}

#[test]
fn a_warm_function_keeps_its_instance_and_a_fresh_one_does_not() {
    let machine = |reuse: &str| {
        format!(
            "functions:
  count: {{ component: {}, reuse: {reuse} }}
stateMachines:
  machine:
    definition:
      StartAt: One
      States:
        One: {{ Type: Task, Resource: count, ResultPath: null, Next: Two }}
        Two: {{ Type: Task, Resource: count, End: true }}
",
            guest("hostile")
        )
    };
    let run = |reuse| Cli::workflow(&machine(reuse)).input(r#"{"do":"count"}"#).run().succeeds();
    run("warm").prints(r#"{"invocations":2}"#);
    run("fresh").prints(r#"{"invocations":1}"#);
}

#[test]
fn the_context_is_that_of_lambda() {
    let settings = "    memorySize: 256\n    timeout: 7\n";
    let mut context = hostile(settings, &json!({ "do": "context" })).run().succeeds().json();
    let request_id = context["requestId"].take();
    assert_eq!(request_id.as_str().map(str::len), Some(36));
    let remaining = context["remainingMs"].take();
    assert!((6_000..=7_000).contains(&remaining.as_u64().unwrap()), "{remaining}");
    assert!(context["deadlineMs"].take().is_u64());
    let expected = json!({
        "requestId": null, "functionName": "task", "functionVersion": "$LATEST",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:task",
        "memoryLimitMb": 256, "deadlineMs": null, "remainingMs": null,
    });
    assert_eq!(context, expected);
}
