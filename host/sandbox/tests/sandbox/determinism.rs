//! The same component, input and settings give the same answer for the same fuel, to the unit: whatever else
//! the machine does, however long the host takes, on the first call and on the second.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use stepwell_sandbox::{Function, Invoked};

use crate::support::{Guest, NULL, Setup, answer, failure, invoke, log};

/// 2026-11-23T00:00:00Z.
fn then() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(498_720)
}

/// All that must be the same: the answer, the log, and what was taken without regard to waiting.
fn told(invoked: &Invoked) -> (String, Vec<String>, [u64; 3]) {
    let usage = &invoked.report.usage;
    let taken = [usage.fuel, usage.memory_peak_bytes, usage.handles_peak.into()];
    (format!("{:?}", invoked.result), log(invoked), taken)
}

/// Invokes it twice alone, and sixteen times at once on two threads.
async fn assert_same(function: &Function, event: &str) {
    let alone = told(&invoke(function, event).await);
    assert_eq!(told(&invoke(function, event).await), alone);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (function, event) = (function.clone(), event.to_owned());
            tokio::spawn(async move { told(&invoke(&function, event).await) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), alone);
    }
}

/// Computes, waits for some milliseconds, logs, and that ten times.
fn waiting() -> Guest {
    Guest::waiting(&format!(
        "(local $i i32) (local $j i32)
         (loop $round
           (local.set $j (i32.const 0))
           (loop $compute
             (local.set $j (i32.add (local.get $j) (i32.const 1)))
             (br_if $compute (i32.lt_u (local.get $j) (i32.const 30000))))
           (call $wait (i64.const 3_000_000))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $round (i32.lt_u (local.get $i) (i32.const 10))))
         {NULL}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn computing_and_logging_burn_the_same_fuel() {
    let function = Setup::hostile().function();
    assert_same(&function, r#"{"do":"burn","units":300000}"#).await;
    assert_same(&function, r#"{"do":"log","lines":300,"bytes":100}"#).await;
    assert_same(&function, r#"{"do":"print","lines":300,"bytes":100}"#).await;
    assert_same(&function, r#"{"do":"allocate","bytes":5000000}"#).await;
    assert_same(&function, r#"{"do":"fail","error":"E","cause":"c"}"#).await;
}

/// The host's thread is put aside again and again, also within `memory.grow`, which is a routine of
/// wasmtime's own: what is set as the store's fuel there would be given to the guest once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_busy_with_something_else_changes_no_fuel() {
    const NEIGHBOURS: usize = 6;
    let is_over = AtomicBool::new(false);
    let function = Setup::hostile().function();
    std::thread::scope(|scope| {
        for _ in 0..NEIGHBOURS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let same = async {
            for _ in 0..2 {
                assert_same(&function, r#"{"do":"allocate","bytes":20000000}"#).await;
            }
        };
        let done = tokio::task::block_in_place(|| {
            let handle = tokio::runtime::Handle::current();
            catch_unwind(AssertUnwindSafe(|| handle.block_on(same)))
        });
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = done {
            resume_unwind(panic);
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_in_between_burns_the_same_fuel() {
    assert_same(&Setup::guest(&waiting()).timeout(10).function(), "{}").await;
    assert_same(&Setup::hostile().function(), r#"{"do":"sleep","ms":20}"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_is_the_same_at_the_edge() {
    let event = r#"{"do":"burn","units":300000}"#;
    let needed = Setup::hostile().invoke(event).await.report.usage.fuel;
    for fuel in [needed, needed - 1_000] {
        assert_same(&Setup::hostile().fuel(fuel).function(), event).await;
    }
}

#[tokio::test]
async fn a_warm_instance_burns_the_same_fuel_from_its_second_call_on() {
    let function = Setup::guest(&waiting()).warm().timeout(10).function();
    let first = told(&invoke(&function, "{}").await);
    for _ in 0..3 {
        let next = invoke(&function, "{}").await;
        assert_eq!(told(&next), first);
        assert_eq!(next.report.init_duration, None);
    }
}

/// Answers with so many random bytes, as digits of their lowest bits.
fn dice() -> Guest {
    Guest::random(
        "(local $i i32) (local $from i32)
         (call $random (i64.const 64) (i32.const 32))
         (local.set $from (i32.load (i32.const 32)))
         (i32.store8 (i32.const 512) (i32.const 34))
         (loop $each
           (i32.store8 (i32.add (i32.const 513) (local.get $i))
             (i32.add (i32.const 65)
               (i32.and (i32.const 15)
                 (i32.load8_u (i32.add (local.get $from) (local.get $i))))))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $each (i32.lt_u (local.get $i) (i32.const 64))))
         (i32.store8 (i32.const 577) (i32.const 34))
         (call $ok (i32.const 512) (i32.const 66))",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chance_follows_from_the_seed() {
    assert_same(&Setup::guest(&dice()).seed(7).function(), "{}").await;
    let rolled = async |setup: Setup| answer(&setup.invoke("{}").await);
    let seven = rolled(Setup::guest(&dice()).seed(7)).await;
    assert_eq!(rolled(Setup::guest(&dice()).seed(7)).await, seven);
    assert_ne!(rolled(Setup::guest(&dice()).seed(8)).await, seven);
    let (one, two) = (rolled(Setup::guest(&dice())).await, rolled(Setup::guest(&dice())).await);
    assert_ne!(one, two, "without a seed it is chance");
}

/// Reads both clocks, computes, sleeps for a second's tenth, and reads them again; logs the 48 bytes.
fn clocks() -> Guest {
    let read = |at: u32| {
        format!("(i64.store (i32.const {at}) (call $now)) (call $date (i32.const {}))", at + 8)
    };
    Guest::watching(&format!(
        "(local $i i32) (local $byte i32)
         {} (call $wait (i64.const 100_000_000)) {}
         ;; As letters, so that it is text: two for each byte.
         (i32.store8 (i32.const 600) (i32.const 34))
         (loop $each
           (local.set $byte (i32.load8_u (i32.add (i32.const 512) (local.get $i))))
           (i32.store8 (i32.add (i32.const 601) (i32.mul (local.get $i) (i32.const 2)))
             (i32.add (i32.const 65) (i32.shr_u (local.get $byte) (i32.const 4))))
           (i32.store8 (i32.add (i32.const 602) (i32.mul (local.get $i) (i32.const 2)))
             (i32.add (i32.const 65) (i32.and (local.get $byte) (i32.const 15))))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $each (i32.lt_u (local.get $i) (i32.const 48))))
         (i32.store8 (i32.const 697) (i32.const 34))
         (call $ok (i32.const 600) (i32.const 98))",
        read(512),
        read(536)
    ))
}

/// What `clocks` has read: nanoseconds of the monotonic clock and of the wall clock, before and after.
fn readings(invoked: &Invoked) -> [u128; 4] {
    let letters = answer(invoked).as_str().unwrap().as_bytes().to_owned();
    let bytes: Vec<u8> =
        letters.chunks(2).map(|pair| ((pair[0] - 65) << 4) | (pair[1] - 65)).collect();
    let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let short = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let wall = |at: usize| u128::from(long(at)) * 1_000_000_000 + u128::from(short(at + 8));
    [long(0).into(), wall(8), long(24).into(), wall(32)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_of_its_own_tells_the_same_times() {
    let function = Setup::guest(&clocks()).clock(then()).function();
    assert_same(&function, "{}").await;
    let [before, wall_before, after, wall_after] = readings(&invoke(&function, "{}").await);
    let began = then().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    // A few instructions and calls after the beginning, at a fourteenth of a CPU.
    assert!(before > 0 && before < 1_000_000, "{before}");
    assert!(wall_before > began && wall_before < began + 1_000_000, "{wall_before}");
    for passed in [after - before, wall_after - wall_before] {
        assert!((100_000_000..101_000_000).contains(&passed), "{passed}");
    }
}

#[tokio::test]
async fn without_a_clock_of_its_own_it_is_the_time_that_it_is() {
    let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let [before, wall_before, after, wall_after] =
        readings(&Setup::guest(&clocks()).invoke("{}").await);
    assert!(wall_before >= host && wall_after > wall_before);
    assert!(after - before >= 100_000_000);
}

#[tokio::test]
async fn a_loop_until_a_time_ends_on_a_clock_of_its_own() {
    let until = |pause: &str| {
        Guest::watching(&format!(
            "(local $until i64)
             (local.set $until (i64.add (call $now) (i64.const 200_000_000)))
             (loop $again {pause} (br_if $again (i64.lt_u (call $now) (local.get $until))))
             {NULL}"
        ))
    };
    // Whether it sleeps in between or only looks: looking burns fuel, which is time as well.
    for pause in ["(call $wait (i64.const 10_000_000))", ""] {
        let function = Setup::guest(&until(pause)).clock(then()).timeout(10).function();
        let first = invoke(&function, "{}").await;
        answer(&first);
        assert_eq!(told(&invoke(&function, "{}").await), told(&first));
    }
}

#[tokio::test]
async fn a_clock_of_its_own_does_not_outlive_the_timeout() {
    let guest = Guest::watching(
        "(loop $again (br_if $again (i64.lt_u (call $now) (i64.const -1)))) unreachable",
    );
    let invoked = Setup::guest(&guest).clock(then()).fuel(2_000_000).invoke("{}").await;
    assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout");
    let event = json!({ "do": "sleep", "ms": 60_000 });
    let invoked = Setup::hostile().clock(then()).timeout(1).invoke(event).await;
    assert_eq!(failure(&invoked).error_type, "Sandbox.Timedout");
}
