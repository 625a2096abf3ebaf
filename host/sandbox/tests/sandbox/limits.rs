//! Lambda's limits, row by row (`facts/limits.md` 3): what is just within passes, one more does not.
//!
//! Concurrency has tests of its own in `concurrency`, `/tmp` in `files`.

use std::time::Duration;

use stepwell_lambda::{
    HANDLES_MAX, LOG_BYTES_MAX, Limit, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, fuel_budget,
};
use stepwell_sandbox::{FailureKind, Guard, InitPhase, Invoked, Status};

use crate::support::{Guest, NULL, Setup, assert_failed, failure, invoke};

/// Pages of WebAssembly memory in a megabyte.
const MB: u32 = 16;

#[track_caller]
fn assert_passes(invoked: &Invoked) {
    assert!(invoked.result.is_ok(), "{:.500?}\n{}", invoked.result, invoked.report);
    assert!(invoked.report.breaches.is_empty(), "{:?}", invoked.report.breaches);
}

/// It was stopped by this guard, and the report says that it broke this limit and no other.
#[track_caller]
fn assert_stopped(invoked: &Invoked, guard: Guard, limit: Limit) {
    assert_eq!(failure(invoked).kind, FailureKind::Guard(guard), "{}", invoked.report);
    assert_eq!(invoked.report.status.guard(), Some(guard));
    let limits: Vec<_> = invoked.report.breaches.iter().map(|breach| breach.limit).collect();
    assert_eq!(limits, [limit], "{}", invoked.report);
}

/// Takes memory up to so many pages.
fn pages(pages: u32) -> Guest {
    Guest::new(&format!(
        "(if (i32.eq (i32.const -1) (memory.grow (i32.const {}))) (then unreachable)) {NULL}",
        pages - 4
    ))
}

#[tokio::test]
async fn memory_is_what_the_function_has_and_not_a_page_more() {
    for mb in [128, 129, 512, 1_769, 3_008] {
        let invoked = Setup::guest(&pages(mb * MB)).memory(mb).invoke("{}").await;
        assert_passes(&invoked);
        assert_eq!(invoked.report.usage.memory_peak_bytes, u64::from(mb) << 20);
        let invoked = Setup::guest(&pages(mb * MB + 1)).memory(mb).invoke("{}").await;
        assert_stopped(&invoked, Guard::Memory, Limit::Memory);
        assert_eq!(failure(&invoked).error_type, "Runtime.OutOfMemory");
        let breach = invoked.report.breaches[0];
        assert_eq!(breach.used, (u64::from(mb) << 20) + 65_536);
        assert_eq!(breach.allowed, u64::from(mb) << 20);
        assert_eq!(invoked.report.memory_peak_mb(), u64::from(mb));
    }
}

#[tokio::test]
async fn the_largest_function_has_all_of_its_memory_in_several_memories() {
    let three = |last: u32| {
        Guest::new(&format!(
            "(drop (memory.grow $memory (i32.const 65532)))
             (drop (memory.grow $second (i32.const 65536)))
             (drop (memory.grow $third (i32.const {last}))) {NULL}"
        ))
        .core("(memory $second 0) (memory $third 0)")
    };
    let invoked = Setup::guest(&three(10_240 * MB - 2 * 65_536)).memory(10_240).invoke("{}").await;
    assert_passes(&invoked);
    assert_eq!(invoked.report.memory_peak_mb(), 10_240);
    let last = 10_240 * MB - 2 * 65_536 + 1;
    let invoked = Setup::guest(&three(last)).memory(10_240).invoke("{}").await;
    assert_stopped(&invoked, Guard::Memory, Limit::Memory);
}

/// Leaves a page of its 128 MB, and takes so many elements of a table and so many handles.
fn the_last_page(elements: u32, pollables: u32) -> Guest {
    Guest::waiting(&format!(
        "(local $i i32)
         (drop (memory.grow (i32.const {})))
         (drop (table.grow $t (ref.null func) (i32.const {elements})))
         (loop $more
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (if (i32.le_u (local.get $i) (i32.const {pollables}))
             (then (drop (call $subscribe (i64.const -1))) (br $more))))
         {NULL}",
        128 * MB - 1 - 4
    ))
    .core("(table $t 0 funcref)")
}

#[tokio::test]
async fn memories_tables_and_handles_are_summed_to_the_byte() {
    // A page is 8,192 elements of a table, or 64 handles, of which a pollable has two.
    for (elements, pollables) in [(8_192, 0), (0, 32), (4_096, 16)] {
        let invoked = Setup::guest(&the_last_page(elements, pollables)).invoke("{}").await;
        assert_passes(&invoked);
        assert_eq!(invoked.report.usage.memory_peak_bytes, 128 << 20);
        assert_eq!(invoked.report.usage.handles_peak, 2 * pollables);
    }
    for (elements, pollables, guard) in
        [(8_193, 0, Guard::Tables), (0, 33, Guard::Memory), (4_097, 16, Guard::Memory)]
    {
        let invoked = Setup::guest(&the_last_page(elements, pollables)).invoke("{}").await;
        assert_stopped(&invoked, guard, Limit::Memory);
    }
}

#[tokio::test]
async fn open_handles_are_1_024_and_not_one_more() {
    let guest = |pollables: usize| {
        Guest::waiting(&format!(
            "(local $i i32)
             (loop $more
               (drop (call $subscribe (i64.const -1)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const {pollables}))))
             {NULL}"
        ))
    };
    let invoked = Setup::guest(&guest(HANDLES_MAX / 2)).invoke("{}").await;
    assert_passes(&invoked);
    assert_eq!(invoked.report.usage.handles_peak, 1_024);
    let invoked = Setup::guest(&guest(HANDLES_MAX / 2 + 1)).invoke("{}").await;
    let message = "Runtime exited with error: too many open files (a function has 1024 handles)";
    assert_failed(&invoked, "Runtime.ExitError", message);
    assert_stopped(&invoked, Guard::Handles, Limit::Handles);
    assert_eq!(invoked.report.breaches[0].used, 1_025);
    assert!(invoked.report.to_string().contains("\tGuard: handles\t"), "{}", invoked.report);
}

/// Burns a unit of fuel for each byte of its event, as its last deed but a few.
fn burning() -> Guest {
    Guest::logging(&format!(
        "(call $log (i32.const 2) (i32.const 64) (i32.const 0) (local.get $event) (local.get $length))
         {NULL}"
    ))
    .memory("80")
}

#[tokio::test]
async fn fuel_may_be_used_up_and_not_exceeded() {
    let event = |bytes: u64| "x".repeat(usize::try_from(bytes).unwrap());
    let used = Setup::guest(&burning()).invoke(event(100)).await.report.usage.fuel - 100;
    for budget in [1_000, 1_000_000, 3_000_000] {
        let function = Setup::guest(&burning()).fuel(budget).function();
        let invoked = invoke(&function, event(budget - used)).await;
        assert!(invoked.result.is_ok(), "{}", invoked.report);
        assert_eq!(invoked.report.usage.fuel, budget);
        // What comes after the last call are a few instructions, and nobody looks in between.
        let invoked = invoke(&function, event(budget - used + 20)).await;
        assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Fuel));
        assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout");
        assert_eq!(invoked.report.usage.fuel, budget);
        assert_eq!(invoked.report.fuel_budget, budget);
    }
}

/// Fills so many bytes, each for a unit of fuel, in pieces.
fn filling() -> Guest {
    Guest::new(&format!(
        "(local $left i64)
         (local.set $left (i64.extend_i32_u (local.get $length)))
         (loop $more
           (memory.fill (i32.const 65536) (i32.const 7) (i32.const 100000))
           (local.set $left (i64.sub (local.get $left) (i64.const 1)))
           (br_if $more (i64.gt_s (local.get $left) (i64.const 0))))
         {NULL}"
    ))
}

#[tokio::test]
async fn the_timeout_is_the_share_of_a_cpu_times_its_seconds() {
    for (memory_mb, seconds) in [(128, 1), (128, 3), (512, 1), (1_769, 1), (10_240, 1)] {
        let function = Setup::guest(&filling()).memory(memory_mb).timeout(seconds).function();
        let event = |rounds: u64| "x".repeat(usize::try_from(rounds).unwrap());
        let one = invoke(&function, event(1)).await.report.usage.fuel;
        let round = invoke(&function, event(2)).await.report.usage.fuel - one;
        let budget = fuel_budget(memory_mb, seconds);
        let most = (budget - one) / round + 1;
        let invoked = invoke(&function, event(most)).await;
        assert_passes(&invoked);
        let left = Duration::from_secs(seconds.into()).checked_sub(invoked.report.duration);
        assert!(left.unwrap() < Duration::from_millis(2), "{}", invoked.report);
        let invoked = invoke(&function, event(most + 1)).await;
        assert_stopped(&invoked, Guard::Fuel, Limit::Timeout);
        let message = format!("Task timed out after {seconds}.00 seconds");
        assert_failed(&invoked, "Sandbox.Timedout", &message);
        assert_eq!(invoked.report.duration, Duration::from_secs(seconds.into()));
    }
}

/// Its start function burns so many times 50 million units.
fn starting(rounds: u32) -> Guest {
    Guest::null().memory("800").core(&format!(
        "(func $start (local $i i32)
           (loop $more
             (memory.fill (i32.const 0) (i32.const 0) (i32.const 50000000))
             (local.set $i (i32.add (local.get $i) (i32.const 1)))
             (br_if $more (i32.lt_u (local.get $i) (i32.const {rounds}))))
           (i32.store (i32.const 64) (i32.const 0x6c6c756e)))
         (start $start)"
    ))
}

#[tokio::test]
async fn an_init_phase_may_take_ten_seconds() {
    // 199 times 50 ms of a whole CPU, whatever the function's share and timeout.
    let invoked = Setup::guest(&starting(199)).timeout(1).invoke("{}").await;
    assert_passes(&invoked);
    let init = invoked.report.init_duration.unwrap();
    assert!(init > Duration::from_millis(9_950) && init <= Duration::from_secs(10), "{init:?}");
    assert!(invoked.report.duration < Duration::from_millis(1));
    assert!(invoked.report.billed_duration() >= init);
    assert!(invoked.report.failed_inits.is_empty());
}

#[tokio::test]
async fn an_init_phase_of_more_than_ten_seconds_runs_again_within_the_invocation() {
    let setup = || Setup::guest(&starting(200)).memory(1_769);
    let invoked = setup().timeout(30).invoke("{}").await;
    assert!(invoked.result.is_ok(), "{:?}", invoked.result);
    assert_eq!(invoked.report.init_duration, None);
    assert!(invoked.report.duration > Duration::from_secs(10), "{}", invoked.report);
    assert!(!invoked.report.to_string().contains("Init Duration"));
    let failed: Vec<_> = invoked.report.failed_inits.iter().map(|init| init.phase).collect();
    assert_eq!(failed, [InitPhase::Init]);
    let invoked = setup().timeout(5).invoke("{}").await;
    assert_failed(&invoked, "Sandbox.Timedout", "Task timed out after 5.00 seconds");
    assert_eq!(invoked.report.status, Status::Timeout(Guard::Fuel));
    assert_eq!(invoked.report.duration, Duration::from_secs(5));
    assert_eq!(invoked.report.init_duration, None);
}

#[tokio::test]
async fn a_request_and_a_response_have_their_bytes_and_not_one_more() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    // Answers with its event and the text of 100 bytes before it.
    let echo = Guest::new("(call $ok (local.get $event) (local.get $length))").memory("200");
    let echo = Setup::guest(&echo).function();
    let invoked = invoke(&echo, text(REQUEST_BYTES_MAX)).await;
    assert_passes(&invoked);
    assert_eq!(invoked.report.usage.request_bytes, 6_291_456);
    assert_eq!(invoked.report.usage.response_bytes, 6_291_456);
    let invoked = invoke(&echo, text(REQUEST_BYTES_MAX + 1)).await;
    assert_eq!(failure(&invoked).error_type, "RequestEntityTooLargeException");
    let limits: Vec<_> = invoked.report.breaches.iter().map(|breach| breach.limit).collect();
    assert_eq!(limits, [Limit::Request]);

    let blank = |bytes: usize| {
        Guest::new(&format!(
            "(memory.fill (i32.const 1024) (i32.const 32) (i32.const {bytes}))
             (i32.store8 (i32.const 1024) (i32.const 49))
             (call $ok (i32.const 1024) (i32.const {bytes}))"
        ))
        .memory("200")
    };
    let invoked = Setup::guest(&blank(RESPONSE_BYTES_MAX)).invoke("{}").await;
    assert_passes(&invoked);
    assert_eq!(invoked.report.usage.response_bytes, 6_291_556);
    let invoked = Setup::guest(&blank(RESPONSE_BYTES_MAX + 1)).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Function.ResponseSizeTooLarge");
    let limits: Vec<_> = invoked.report.breaches.iter().map(|breach| breach.limit).collect();
    assert_eq!(limits, [Limit::Response]);
}

#[tokio::test]
async fn a_log_has_a_mebibyte_and_not_a_byte_more() {
    // A line costs 32 bytes beside its text.
    let text = |bytes: usize| "x".repeat(bytes - 32);
    let function = Setup::guest(&burning()).function();
    let invoked = invoke(&function, text(LOG_BYTES_MAX)).await;
    assert_passes(&invoked);
    assert_eq!((invoked.report.log.len(), invoked.report.log_dropped_bytes), (1, 0));
    let invoked = invoke(&function, text(LOG_BYTES_MAX + 1)).await;
    assert!(invoked.result.is_ok(), "nobody minds the log");
    assert_eq!(invoked.report.log.len(), 0);
    assert_eq!(invoked.report.log_dropped_bytes, (1 << 20) + 1);
    let breach = invoked.report.breaches[0];
    assert_eq!((breach.limit, breach.used, breach.allowed), (Limit::Log, (1 << 20) + 1, 1 << 20));
}
