//! Fuel: the same for the same work, whatever else the machine does.

use std::time::Duration;

use serde_json::json;
use stepwell_lambda::fuel_budget;
use stepwell_sandbox::{FailureKind, Guard, Report, Status};

use crate::support::{Setup, answer, failure, invoke};

const BURN: &str = r#"{"do":"burn","units":1000000}"#;

#[tokio::test]
async fn the_same_input_burns_the_same_fuel() {
    let function = Setup::hostile().function();
    let first = invoke(&function, BURN).await.report;
    assert!(first.usage.fuel > 1_000_000);
    for _ in 0..5 {
        let next = invoke(&function, BURN).await.report;
        assert_eq!((next.usage.fuel, next.duration), (first.usage.fuel, first.duration));
        assert_eq!(next.usage.memory_peak_bytes, first.usage.memory_peak_bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbours_do_not_change_the_fuel() {
    let function = Setup::hostile().function();
    let alone = invoke(&function, BURN).await.report.usage.fuel;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let function = function.clone();
            tokio::spawn(async move { invoke(&function, BURN).await.report.usage.fuel })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), alone);
    }
}

#[tokio::test]
async fn less_memory_makes_the_same_work_slower() {
    let duration = async |mb| Setup::hostile().memory(mb).invoke(BURN).await.report;
    let small: Report = duration(128).await;
    let whole = duration(1_769).await;
    let large = duration(10_240).await;
    assert_eq!((small.usage.fuel, whole.usage.fuel), (whole.usage.fuel, large.usage.fuel));
    assert_eq!(whole.duration, Duration::from_nanos(whole.usage.fuel));
    assert_eq!(whole.duration, large.duration);
    let ratio = small.duration.as_secs_f64() / whole.duration.as_secs_f64();
    assert!((ratio - 1_769.0 / 128.0).abs() < 0.01, "{ratio}");
}

#[tokio::test]
async fn one_unit_less_than_needed_is_out_of_fuel() {
    let needed = Setup::hostile().invoke(BURN).await.report.usage.fuel;
    let invoked = Setup::hostile().fuel(needed).invoke(BURN).await;
    assert_eq!(answer(&invoked)["burnt"], json!(1_000_000));
    // The verdict falls at the next check after the last unit, so a few units are in the balance.
    let invoked = Setup::hostile().fuel(needed - 1_000).invoke(BURN).await;
    assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Fuel));
    assert_eq!(invoked.report.status, Status::Timeout(Guard::Fuel));
    assert_eq!(invoked.report.fuel_budget, needed - 1_000);
}

#[tokio::test]
async fn more_fuel_than_the_timeout_gives_makes_the_cpu_faster() {
    let budget = fuel_budget(128, 1) * 8;
    let burn = json!({ "do": "burn", "units": fuel_budget(128, 1) / 4 });
    let derived = Setup::hostile().timeout(1).invoke(&burn).await;
    let own = Setup::hostile().timeout(1).fuel(budget).invoke(&burn).await;
    // As much as derived or more: without the fuel it times out, with it, it has time to spare.
    assert_eq!(failure(&derived).error_type, "Sandbox.Timedout");
    answer(&own);
    let used = own.report.usage.fuel;
    assert!(used > fuel_budget(128, 1));
    let share_ns = u128::from(used) * 1_000_000_000 / u128::from(budget);
    assert_eq!(own.report.duration.as_nanos(), share_ns);
}

#[tokio::test]
async fn less_fuel_leaves_the_cpu_as_it_is() {
    let derived = Setup::hostile().invoke(BURN).await.report;
    let own = Setup::hostile().fuel(fuel_budget(128, 3) / 2).invoke(BURN).await.report;
    assert_eq!(own.duration, derived.duration);
}
