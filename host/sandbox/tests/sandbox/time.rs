//! Time: computing and waiting together end at the timeout, however they alternate.

use std::time::Duration;

use serde_json::json;
use stepwell_sandbox::{FailureKind, Guard, Invoked, Status, fuel_budget};

use crate::support::{Guest, Setup, answer, assert_failed, failure};

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

/// A guest that can wait: `(call $wait (i64.const NANOSECONDS))`.
fn waiting(body: &str) -> Guest {
    Guest::new(body)
        .imports(
            r#"
            (import "wasi:io/poll@0.2.0" (instance $poll
              (export "pollable" (type $p (sub resource)))
              (export "[method]pollable.block" (func (param "self" (borrow $p))))))
            (alias export $poll "pollable" (type $pollable))
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
              (alias outer 1 $pollable (type $outer))
              (export "pollable" (type $p (eq $outer)))
              (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))"#,
        )
        .lower("block", "(param i32)", r#"lower (func $poll "[method]pollable.block")"#)
        .lower(
            "subscribe",
            "(param i64) (result i32)",
            r#"lower (func $clock "subscribe-duration")"#,
        )
        .lower("forget", "(param i32)", "resource.drop $pollable")
        .core(
            "(func $wait (param $nanoseconds i64) (local $pollable i32)
               (call $block (local.tee $pollable (call $subscribe (local.get $nanoseconds))))
               (call $forget (local.get $pollable)))",
        )
}

#[tokio::test]
async fn a_guest_that_spins_is_out_of_fuel() {
    let invoked = Setup::guest(&Guest::new("(loop br 0) unreachable")).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Fuel, 3);
    assert_eq!(invoked.report.fuel_budget, fuel_budget(128, 3));
    assert_eq!(invoked.report.fuel_used, invoked.report.fuel_budget);
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
async fn a_guest_that_waits_and_then_spins_has_only_the_rest_of_its_time() {
    let guest = waiting("(call $wait (i64.const 900_000_000)) (loop br 0) unreachable");
    let invoked = Setup::guest(&guest).memory(1_769).timeout(1).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Time, 1);
    let Invoked { report, .. } = invoked;
    assert!(report.fuel_used < report.fuel_budget / 2, "{report}");
}

#[tokio::test]
async fn a_guest_that_alternates_between_waiting_and_computing_ends_at_its_timeout() {
    let guest = waiting(
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
async fn expensive_host_calls_that_cost_little_fuel_end_at_the_timeout() {
    // Each call copies 100 MB out of the guest's memory and burns ten units of fuel or so.
    let guest = Guest::new(
        "(drop (memory.grow (i32.const 1800)))
         (loop $again
           (call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 0) (i32.const 104857600))
           (br $again))
         unreachable",
    )
    .imports(
        r#"(import "wasi:logging/logging@0.1.0-draft" (instance $logging
             (type $enum (enum "trace" "debug" "info" "warn" "error" "critical"))
             (export "level" (type $level (eq $enum)))
             (export "log" (func
               (param "level" $level) (param "context" string) (param "message" string)))))"#,
    )
    .lower(
        "log",
        "(param i32 i32 i32 i32 i32)",
        r#"lower (func $logging "log") (memory (core memory $libc "memory"))"#,
    );
    let invoked = Setup::guest(&guest).timeout(1).invoke("{}").await;
    assert_timed_out(&invoked, Guard::Time, 1);
    assert!(invoked.report.wall < Duration::from_secs(4), "{:?}", invoked.report.wall);
    assert!(invoked.report.fuel_used < invoked.report.fuel_budget / 100);
    assert!(invoked.report.log_dropped_bytes > 100 << 20);
}

#[tokio::test]
async fn computing_has_its_place_in_remaining_time() {
    let invoked = Setup::hostile().invoke(r#"{"do":"context"}"#).await;
    let remaining = answer(&invoked)["remainingMs"].as_u64().unwrap();
    assert!((1..3_000).contains(&remaining), "{remaining}");
}
