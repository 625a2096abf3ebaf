//! The init phase: start functions have limits too, and what goes wrong in them is told.

use std::time::Duration;

use stepwell_sandbox::{FailureKind, Guard, Status};

use crate::support::{Guest, Setup, assert_failed, failure, invoke};

fn starting(body: &str) -> Guest {
    Guest::null().core(&format!("(func $start {body}) (start $start)"))
}

#[tokio::test]
async fn a_trap_in_a_start_function_is_an_exit() {
    let invoked = Setup::guest(&starting("unreachable")).invoke("{}").await;
    let message = "Runtime exited with error: wasm trap: wasm `unreachable` instruction executed";
    assert_failed(&invoked, "Runtime.ExitError", message);
    // Once before the invocation and once more within it, as Lambda does.
    let failed: Vec<_> = invoked.report.failed_inits.iter().map(ToString::to_string).collect();
    let attempt = |phase| {
        format!(
            "INIT_REPORT Init Duration: 0.00 ms\tPhase: {phase}\tStatus: error\tError Type: Runtime.ExitError\t"
        )
    };
    assert_eq!(failed, [attempt("init"), attempt("invoke")]);
    assert_eq!(invoked.report.init_duration, None);
    assert_eq!(invoked.report.usage.memory_peak_bytes, 4 << 16);
}

#[tokio::test]
async fn a_start_function_that_allocates_without_end_is_out_of_memory() {
    let guest = starting("(loop (drop (memory.grow (i32.const 16))) (br 0))");
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Runtime.OutOfMemory");
    assert_eq!(failure(&invoked).kind, FailureKind::Guard(Guard::Memory));
    assert_eq!(invoked.report.memory_peak_mb(), 128);
}

#[tokio::test]
async fn a_start_function_that_spins_is_a_timeout_of_the_function() {
    // Much fuel in little time: additions of constants, which the compiler leaves out.
    let work = "(drop (i32.add (i32.const 1) (i32.const 1)))".repeat(50);
    let invoked = Setup::guest(&starting(&format!("(loop {work} (br 0))"))).invoke("{}").await;
    assert_failed(&invoked, "Sandbox.Timedout", "Task timed out after 3.00 seconds");
    assert_eq!(invoked.report.status, Status::Timeout(Guard::Fuel));
    // Lambda's init phase ends after ten seconds and begins anew within the invocation.
    let failed: Vec<_> = invoked.report.failed_inits.iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\t"]);
    assert_eq!(invoked.report.init_duration, None);
    assert_eq!(invoked.report.duration, Duration::from_secs(3));
}

#[tokio::test]
async fn a_start_function_has_a_whole_cpu_and_its_time_is_reported() {
    let count = |to: u32| {
        starting(&format!(
            "(local $i i32)
             (loop
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if 0 (i32.lt_u (local.get $i) (i32.const {to}))))"
        ))
    };
    let few = Setup::guest(&count(10)).invoke("{}").await.report;
    let many = Setup::guest(&count(10_000_000)).invoke("{}").await.report;
    let (few, few_handled) = (few.init_duration.unwrap(), few.duration);
    let (many, many_handled) = (many.init_duration.unwrap(), many.duration);
    // 70 million instructions or so, at one instruction a nanosecond.
    let took = many.checked_sub(few).unwrap().as_millis();
    assert!((30..150).contains(&took), "{took}");
    assert_eq!(few_handled, many_handled);
}

#[tokio::test]
async fn only_a_cold_start_has_an_init_duration() {
    let function = Setup::hostile().warm().function();
    let cold = invoke(&function, r#"{"do":"count"}"#).await.report;
    let warm = invoke(&function, r#"{"do":"count"}"#).await.report;
    assert!(cold.init_duration.is_some() && warm.init_duration.is_none());
    assert!(cold.to_string().contains("\tInit Duration: "));
    assert!(!warm.to_string().contains("Init Duration"));
    assert_eq!(
        warm.billed_duration().as_nanos(),
        warm.duration.as_nanos().div_ceil(1_000_000) * 1_000_000
    );
}
