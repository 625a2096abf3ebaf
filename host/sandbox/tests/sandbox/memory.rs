//! Memory: summed over all that an instance has, and refused beyond what its function has.

use serde_json::json;
use stepwell_sandbox::{FailureKind, Guard, Invoked, Status};

use crate::support::{Guest, NULL, Setup, answer, assert_failed, failure};

/// Pages of WebAssembly memory in a megabyte.
const MB: u32 = 16;

#[track_caller]
fn assert_out_of_memory(invoked: &Invoked, memory_mb: u64) {
    assert_failed(invoked, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
    assert_eq!(failure(invoked).kind, FailureKind::Guard(Guard::Memory));
    let error_type = "Runtime.OutOfMemory".to_owned();
    let guard = Some(Guard::Memory);
    assert_eq!(invoked.report.status, Status::Error { error_type, guard });
    assert_eq!(invoked.report.memory_peak_mb(), memory_mb);
}

#[tokio::test]
async fn memory_that_grows_without_end_is_out_of_memory() {
    let guest = Guest::new(
        "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 1))))) unreachable",
    );
    let invoked = Setup::guest(&guest).memory(256).invoke("{}").await;
    assert_out_of_memory(&invoked, 256);
}

#[tokio::test]
async fn a_task_that_allocates_without_end_is_out_of_memory() {
    let invoked = Setup::hostile().invoke(r#"{"do":"allocate"}"#).await;
    assert_out_of_memory(&invoked, 128);
    let payload = failure(&invoked).payload();
    let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(payload["errorType"], "Runtime.OutOfMemory");
}

#[tokio::test]
async fn what_fits_is_reported_as_the_peak() {
    let bytes = 60 << 20;
    let invoked = Setup::hostile().invoke(json!({ "do": "allocate", "bytes": bytes })).await;
    assert_eq!(answer(&invoked), json!({ "allocated": bytes }));
    let peak = invoked.report.memory_peak_mb();
    assert!((60..=128).contains(&peak), "{peak}");
    assert_eq!(invoked.report.limits.memory_mb, 128);
}

#[tokio::test]
async fn all_memories_of_an_instance_are_summed() {
    let two = |first: u32, second: u32| {
        Guest::new(&format!(
            "(drop (memory.grow $memory (i32.const {first}))) (drop (memory.grow $second (i32.const {second}))) {NULL}"
        ))
        .core("(memory $second 0)")
    };
    let invoked = Setup::guest(&two(60 * MB, 60 * MB)).invoke("{}").await;
    assert!(invoked.result.is_ok());
    assert_eq!(invoked.report.memory_peak_mb(), 121);
    let invoked = Setup::guest(&two(65 * MB, 65 * MB)).invoke("{}").await;
    assert_out_of_memory(&invoked, 128);
}

#[tokio::test]
async fn a_memory_ends_at_its_own_maximum_without_counting_what_it_did_not_get() {
    let guest = Guest::new(&format!(
        "(local $i i32)
         (loop $more
           (if (i32.ne (i32.const -1) (memory.grow (i32.const 1024))) (then unreachable))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $i) (i32.const 10))))
         {NULL}"
    ));
    let invoked = Setup::guest(&guest.memory("4 8")).invoke("{}").await;
    assert!(invoked.result.is_ok(), "{:?}", invoked.result);
    assert_eq!(invoked.report.usage.memory_peak_bytes, 4 << 16);
}

#[tokio::test]
async fn growth_that_fails_gives_no_memory_back() {
    // 100 MB, then more than 32 bits address, then 100 MB again.
    let guest = Guest::new(&format!(
        "(drop (memory.grow (i32.const {most})))
         (drop (memory.grow (i32.const 65535)))
         (drop (memory.grow (i32.const {most}))) {NULL}",
        most = 100 * MB
    ));
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_out_of_memory(&invoked, 128);
}

#[tokio::test]
async fn tables_count_and_have_a_bound_of_their_own() {
    let guest = |grow: u32| {
        Guest::new(&format!(
            "(if (i32.eq (i32.const -1) (table.grow $t (ref.null func) (i32.const {grow})))
               (then unreachable)) {NULL}"
        ))
        .core("(table $t 0 funcref)")
    };
    let invoked = Setup::guest(&guest(100_000)).invoke("{}").await;
    assert!(invoked.result.is_ok(), "{:?}", invoked.result);
    assert_eq!(invoked.report.usage.memory_peak_bytes, (4 << 16) + 800_000);
    let invoked = Setup::guest(&guest(100_001)).invoke("{}").await;
    assert_eq!(failure(&invoked).kind, FailureKind::Crash);
    assert_eq!(invoked.report.usage.memory_peak_bytes, 4 << 16);
}

#[tokio::test]
async fn a_memory_that_begins_too_large_is_out_of_memory() {
    let guest = Guest::null().memory(&(129 * MB).to_string());
    let invoked = Setup::guest(&guest).invoke("{}").await;
    assert_out_of_memory(&invoked, 128);
    assert_eq!(invoked.report.usage.fuel, 0);
    let invoked = Setup::guest(&guest).memory(129).invoke("{}").await;
    assert!(invoked.result.is_ok());
}
