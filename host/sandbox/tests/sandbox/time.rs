//! Time: computing and waiting together end at the timeout, however they alternate.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use stepwell_lambda::fuel_budget;
use stepwell_sandbox::{FailureKind, Guard, Invoked, Status};

use crate::support::{Guest, NULL, Setup, answer, assert_failed, failure, invoke};

#[track_caller]
fn assert_timed_out(invoked: &Invoked, guard: Guard, seconds: u32) {
    let message = format!("Task timed out after {seconds}.00 seconds");
    assert_failed(invoked, "Sandbox.Timedout", &message);
    assert_eq!(failure(invoked).kind, FailureKind::Guard(guard));
    assert_eq!(invoked.report.status, Status::Timeout(guard));
    let timeout = Duration::from_secs(seconds.into());
    assert_eq!(invoked.report.duration, timeout);
    let init = invoked.report.init_duration.unwrap_or_default();
    let billed = invoked.report.billed_duration();
    assert!(billed >= timeout && billed <= timeout + init + Duration::from_millis(1));
}

#[tokio::test]
async fn a_guest_that_spins_is_out_of_fuel() {
    let invoked = Setup::guest(&Guest::new("(loop br 0) unreachable")).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Fuel, 3);
    assert_eq!(invoked.report.fuel_budget, fuel_budget(128, 3));
    assert_eq!(invoked.report.usage.fuel, invoked.report.fuel_budget);
}

#[tokio::test]
async fn a_guest_that_spins_on_cheap_host_calls_ends() {
    for deed in [r#"{"do":"spin"}"#, r#"{"do":"spin-calling"}"#] {
        let invoked = Setup::hostile().timeout(1).invoke(deed).await;
        assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout", "{deed}");
        assert_eq!(invoked.report.duration, Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_guest_that_sleeps_ends_at_its_timeout() {
    let invoked = Setup::hostile().timeout(1).invoke(r#"{"do":"sleep","ms":60000}"#).await;
    assert_timed_out(&invoked, Guard::Time, 1);
    assert!(invoked.report.wall < Duration::from_secs(3), "{:?}", invoked.report.wall);
}

#[tokio::test]
async fn waiting_counts_as_duration() {
    let invoked = Setup::hostile().invoke(r#"{"do":"sleep","ms":60}"#).await;
    assert_eq!(answer(&invoked), json!({ "slept": 60 }));
    let duration = invoked.report.duration;
    assert!(duration >= Duration::from_millis(60) && duration < Duration::from_secs(3));
}

#[tokio::test]
async fn a_guest_that_waits_and_then_computes_has_only_the_rest_of_its_time() {
    let body = "(call $wait (i64.const 900_000_000)) (loop (call $nothing) (br 0)) unreachable";
    let guest = Guest::waiting(body).core("(func $nothing)");
    let invoked = Setup::guest(&guest).memory(1_769).timeout(1).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Time, 1);
    let Invoked { report, .. } = invoked;
    assert!(report.usage.fuel < report.fuel_budget / 2, "{report}");
}

#[tokio::test]
async fn a_guest_that_waits_and_then_spins_in_one_function_ends_with_its_fuel_at_the_latest() {
    // Wasmtime keeps the fuel of a function in a register until it calls another: a tick sees none of it.
    let body = "(call $wait (i64.const 900_000_000)) (loop br 0) unreachable";
    let invoked = Setup::guest(&Guest::waiting(body)).timeout(1).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout");
    assert_eq!(invoked.report.duration, Duration::from_secs(1));
    assert!(invoked.report.wall < Duration::from_secs(3), "{:?}", invoked.report.wall);
}

#[tokio::test]
async fn a_guest_that_alternates_between_waiting_and_computing_ends_at_its_timeout() {
    let guest = Guest::waiting(
        "(local $i i32)
         (loop $both
           (call $wait (i64.const 1_000_000))
           (local.set $i (i32.const 0))
           (loop $compute
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $compute (i32.lt_u (local.get $i) (i32.const 20000))))
           (br $both))
         unreachable",
    );
    let invoked = Setup::guest(&guest).timeout(1).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Time, 1);
    assert!(invoked.report.wall < Duration::from_secs(3), "{:?}", invoked.report.wall);
}

#[tokio::test]
async fn what_the_host_copies_for_a_guest_costs_fuel() {
    // Each call copies 100 MB out of the guest's memory, and burns ten units of fuel or so by itself.
    let guest = Guest::logging(
        "(drop (memory.grow (i32.const 1800)))
         (loop $again
           (call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 104857600))
           (br $again))
         unreachable",
    );
    let invoked = Setup::guest(&guest).timeout(1).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Fuel, 1);
    assert!(invoked.report.wall < Duration::from_secs(4), "{:?}", invoked.report.wall);
    assert!(invoked.report.log_dropped_bytes < 200 << 20, "{}", invoked.report.log_dropped_bytes);
}

#[tokio::test]
async fn standing_in_line_is_no_waiting() {
    // All on one thread: it sleeps for nothing 40 times, and each time the others come first.
    let guest = Guest::waiting(&format!(
        "(local $i i32)
         (loop $again
           (call $wait (i64.const 0))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 40))))
         {NULL}"
    ));
    let patient = Setup::guest(&guest).timeout(1).function();
    let busy = Setup::hostile().timeout(60).memory(1_769).function();
    let neighbours = join_all((0..16).map(|_| invoke(&busy, r#"{"do":"spin"}"#)));
    tokio::select! {
        biased;
        _ = neighbours => panic!("they compute for a minute each"),
        invoked = invoke(&patient, "{}") => {
            answer(&invoked);
            assert!(invoked.report.usage.waited < Duration::from_millis(10), "{}", invoked.report);
        }
    }
}
