//! Warm instances: kept after a success and after a task's own failure, and never after a crash.

use serde_json::json;
use stepwell_sandbox::Function;

use crate::support::{Setup, answer, invoke, log};

async fn count(function: &Function) -> u64 {
    answer(&invoke(function, r#"{"do":"count"}"#).await)["invocations"].as_u64().unwrap()
}

#[tokio::test]
async fn a_fresh_instance_knows_nothing_of_the_one_before() {
    let function = Setup::hostile().function();
    for _ in 0..3 {
        assert_eq!(count(&function).await, 1);
    }
}

#[tokio::test]
async fn a_warm_instance_goes_on() {
    let function = Setup::hostile().warm().function();
    for expected in 1..=5 {
        assert_eq!(count(&function).await, expected);
    }
    let other = Setup::hostile().warm().function();
    assert_eq!(count(&other).await, 1, "another function has instances of its own");
}

#[tokio::test]
async fn a_task_that_fails_stays_warm_and_one_that_is_stopped_does_not() {
    let function = Setup::hostile().warm().timeout(1).function();
    assert_eq!(count(&function).await, 1);
    invoke(&function, json!({ "do": "fail", "error": "E", "cause": "c" })).await;
    assert_eq!(count(&function).await, 3);
    for deed in [
        json!({ "do": "trap" }),
        json!({ "do": "spin" }),
        json!({ "do": "sleep", "ms": 60_000 }),
        json!({ "do": "allocate" }),
        json!({ "do": "recurse" }),
        json!({ "do": "exit", "code": 0 }),
        json!({ "do": "not-json" }),
    ] {
        assert!(invoke(&function, &deed).await.result.is_err());
        assert_eq!(count(&function).await, 1, "{deed}");
    }
}

#[tokio::test]
async fn every_invocation_has_its_own_log_limits_and_report() {
    let function = Setup::hostile().warm().function();
    let line = json!({ "do": "log", "lines": 1, "bytes": 1 });
    let first = invoke(&function, &line).await;
    let second = invoke(&function, &line).await;
    assert_eq!(log(&first), log(&second));
    // Each may burn most of the budget.
    let million = json!({ "do": "burn", "units": 1_000_000 });
    let needed = invoke(&function, million).await.report.usage.fuel;
    let budget = first.report.fuel_budget;
    let burn = json!({ "do": "burn", "units": 600_000 * budget / needed });
    for _ in 0..3 {
        let report = invoke(&function, &burn).await.report;
        assert!(report.usage.fuel > budget / 2, "{report}");
        assert!(report.init_duration.is_none());
    }
}

#[tokio::test]
async fn a_warm_instance_that_was_idle_for_many_ticks_goes_on() {
    let function = Setup::hostile().warm().function();
    assert_eq!(count(&function).await, 1);
    // Another function's work lets the clock go on meanwhile.
    Setup::hostile().invoke(json!({ "do": "sleep", "ms": 200 })).await;
    assert_eq!(count(&function).await, 2);
}

#[tokio::test]
async fn memory_stays_with_a_warm_instance() {
    let function = Setup::hostile().warm().function();
    invoke(&function, json!({ "do": "allocate", "bytes": 30 << 20 })).await;
    let after = invoke(&function, r#"{"do":"count"}"#).await.report;
    assert!(after.memory_peak_mb() >= 30, "{after}");
}
