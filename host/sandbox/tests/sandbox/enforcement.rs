//! Limits that only warn, or are off: the invocation goes on, the report tells what it broke or nothing, and
//! the host stays bounded by the largest limits that Lambda has.

use serde_json::json;
use stepwell_lambda::{HANDLES_MAX, Limit, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, fuel_budget};
use stepwell_sandbox::{Enforcement, FailureKind, Guard, Invoked, Status};

use crate::support::{Guest, NULL, Setup, failure};

#[track_caller]
fn broken(invoked: &Invoked) -> Vec<Limit> {
    assert!(invoked.result.is_ok(), "{:.500?}\n{}", invoked.result, invoked.report);
    assert_eq!(invoked.report.status, Status::Success);
    for breach in &invoked.report.breaches {
        assert!(breach.used > breach.allowed, "{breach:?}");
    }
    invoked.report.breaches.iter().map(|breach| breach.limit).collect()
}

/// It fails where limits are enforced, and goes on where they are not; exactly this limit is told where they
/// warn, and none where they are off.
async fn assert_breaks(setup: impl Fn() -> Setup, event: &str, limit: Limit) {
    let enforced = setup().invoke(event).await;
    assert!(enforced.result.is_err(), "{limit}: {}", enforced.report);
    assert_warns(setup, event, limit).await;
}

async fn assert_warns(setup: impl Fn() -> Setup, event: &str, limit: Limit) {
    let warned = setup().enforcement(Enforcement::Warn).invoke(event).await;
    assert_eq!(broken(&warned), [limit]);
    let off = setup().enforcement(Enforcement::Off).invoke(event).await;
    assert_eq!(broken(&off), []);
    assert_eq!(off.result, warned.result);
    assert_eq!(off.report.usage.fuel, warned.report.usage.fuel);
}

#[tokio::test]
async fn more_memory_is_told() {
    let guest = Guest::new(&format!("(drop (memory.grow (i32.const 2045))) {NULL}"));
    assert_breaks(|| Setup::guest(&guest), "{}", Limit::Memory).await;
    let table = Guest::new(&format!(
        "(drop (memory.grow (i32.const 2044))) (drop (table.grow $t (ref.null func) (i32.const 1))) {NULL}"
    ))
    .core("(table $t 0 funcref)");
    assert_breaks(|| Setup::guest(&table), "{}", Limit::Memory).await;
}

#[tokio::test]
async fn more_time_is_told() {
    let units = fuel_budget(128, 1) / 3;
    let event = json!({ "do": "burn", "units": units }).to_string();
    assert_breaks(|| Setup::hostile().timeout(1), &event, Limit::Timeout).await;
    let event = json!({ "do": "sleep", "ms": 1_100 }).to_string();
    assert_breaks(|| Setup::hostile().timeout(1), &event, Limit::Timeout).await;
}

#[tokio::test]
async fn a_larger_request_and_a_larger_response_are_told() {
    let request = format!("\"{}\"", "x".repeat(REQUEST_BYTES_MAX - 1));
    let guest = Guest::null().memory("200");
    assert_breaks(|| Setup::guest(&guest), &request, Limit::Request).await;
    let event = json!({ "do": "large", "bytes": RESPONSE_BYTES_MAX + 1 }).to_string();
    assert_breaks(|| Setup::hostile().memory(1_769), &event, Limit::Response).await;
}

#[tokio::test]
async fn more_handles_are_told() {
    let guest = Guest::waiting(&format!(
        "(local $i i32)
         (loop $more
           (drop (call $subscribe (i64.const -1)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $i) (i32.const {}))))
         {NULL}",
        HANDLES_MAX / 2 + 1
    ));
    assert_breaks(|| Setup::guest(&guest), "{}", Limit::Handles).await;
}

#[tokio::test]
async fn a_longer_init_phase_is_told() {
    let guest = Guest::null().memory("800").core(
        "(func $start (local $i i32)
           (loop $more
             (memory.fill (i32.const 65536) (i32.const 0) (i32.const 50000000))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $more (i32.lt_u (local.get $i) (i32.const 201)))))
         (start $start)",
    );
    assert_warns(|| Setup::guest(&guest).memory(1_769).timeout(30), "{}", Limit::Init).await;
}

#[tokio::test]
async fn what_breaks_several_limits_tells_them_all() {
    let event = format!("{{\"do\":\"allocate\",\"bytes\":209715200}}{}", " ".repeat(6_291_456));
    let setup = Setup::hostile().timeout(1).enforcement(Enforcement::Warn);
    let invoked = setup.invoke(event).await;
    assert_eq!(broken(&invoked), [Limit::Request, Limit::Memory, Limit::Timeout]);
}

#[tokio::test]
async fn what_breaks_nothing_tells_nothing() {
    for enforcement in [Enforcement::Enforce, Enforcement::Warn, Enforcement::Off] {
        let invoked = Setup::hostile().enforcement(enforcement).invoke(r#"{"do":"echo"}"#).await;
        assert_eq!(broken(&invoked), []);
    }
}

#[tokio::test]
async fn the_host_stays_bounded_whatever_is_enforced() {
    let memory = Guest::new(&format!(
        "(drop (memory.grow $memory (i32.const 65532))) (drop (memory.grow $b (i32.const 65536)))
         (drop (memory.grow $c (i32.const 32769))) {NULL}"
    ))
    .core("(memory $b 0) (memory $c 0)");
    let handles =
        Guest::waiting("(loop (drop (call $subscribe (i64.const -1))) (br 0)) unreachable");
    for enforcement in [Enforcement::Warn, Enforcement::Off] {
        let invoked = Setup::guest(&memory).enforcement(enforcement).invoke("{}").await;
        assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Memory));
        let invoked = Setup::guest(&handles).enforcement(enforcement).invoke("{}").await;
        assert!(invoked.result.is_err());
        let invoked = Setup::guest(
            &Guest::new("(call $again)")
                .core("(func $again (result i32) (i32.add (call $again) (i32.const 1)))"),
        );
        let invoked = invoked.enforcement(enforcement).invoke("{}").await;
        assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Stack));
        let request = format!("\"{}\"", "x".repeat(256 << 20));
        let invoked = Setup::guest(&Guest::null()).enforcement(enforcement).invoke(request).await;
        assert_eq!(failure(&invoked).kind, FailureKind::Request);
    }
}
