//! What one invocation leaves behind for the next: nothing. Memories and tables come from a pool that all
//! components share, and must be zero again.

use futures::future::join_all;
use serde_json::json;
use stepwell_sandbox::Function;

use crate::support::{Guest, NULL, Setup, answer, invoke};

/// Fails if anything of its memory, up to so many pages, or of its table is not as new; then writes to all of
/// it, the global and the table included, and waits for a moment.
fn looking(pages: u32, name: &str) -> Guest {
    let bytes = u64::from(pages) << 16;
    Guest::waiting(&format!(
        "(local $at i64)
         (if (i32.eq (i32.const -1) (memory.grow $m (i32.const {pages}))) (then unreachable))
         (loop $look
           (if (i64.ne (i64.load $m (i32.wrap_i64 (local.get $at))) (i64.const 0)) (then unreachable))
           (local.set $at (i64.add (local.get $at) (i64.const 8)))
           (br_if $look (i64.lt_u (local.get $at) (i64.const {bytes}))))
         (memory.fill $m (i32.const 0) (i32.const 0xa5) (i32.const {bytes}))
         (if (global.get $dirty) (then unreachable))
         (global.set $dirty (i32.const 1))
         (drop (table.grow $t (ref.null func) (i32.const 20000)))
         (local.set $at (i64.const 0))
         (loop $look
           (if (i32.eqz (ref.is_null (table.get $t (i32.wrap_i64 (local.get $at))))) (then unreachable))
           (local.set $at (i64.add (local.get $at) (i64.const 1)))
           (br_if $look (i64.lt_u (local.get $at) (i64.const 20000))))
         (table.fill $t (i32.const 0) (ref.func $name) (i32.const 20000))
         (call $wait (i64.const 1_000_000))
         {NULL}"
    ))
    .core(&format!(
        "(memory $m 0) (global $dirty (mut i32) (i32.const 0)) (table $t 0 funcref)
         (elem declare func $name) (func $name) (export \"{name}\" (func $name))"
    ))
}

fn function(pages: u32, name: &str) -> Function {
    Setup::guest(&looking(pages, name)).memory(1_769).timeout(60).function()
}

#[tokio::test]
async fn grown_memory_is_zero_in_the_next_instance() {
    // 64 MiB, of the same component and of another one in turn.
    let (one, other) = (function(1_024, "one"), function(1_024, "other"));
    for _ in 0..2 {
        for function in [&one, &other] {
            answer(&invoke(function, "{}").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_tables_are_zero_wherever_in_the_pool_they_lie() {
    // More places are used at one time than the pool keeps for those that used them last, so that others
    // come to places that were used by somebody else.
    let many = async |function: &Function| {
        let tasks = (0..150).map(|_| {
            let function = function.clone();
            tokio::spawn(async move { answer(&invoke(&function, "{}").await) })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
    };
    for name in ["one", "other", "third"] {
        many(&function(40, name)).await;
    }
}

#[tokio::test]
async fn a_crash_leaves_nothing_behind_either() {
    let crashing = Guest::new(
        "(drop (memory.grow (i32.const 1024)))
         (memory.fill (i32.const 262144) (i32.const 0xa5) (i32.const 67108864)) unreachable",
    );
    let crashing = Setup::guest(&crashing).memory(1_769).function();
    let honest = function(1_024, "honest");
    for _ in 0..2 {
        assert!(invoke(&crashing, "{}").await.result.is_err());
        answer(&invoke(&honest, "{}").await);
    }
}

#[tokio::test]
async fn what_a_compiled_task_keeps_is_gone_with_its_instance() {
    let function = Setup::hostile().function();
    for _ in 0..3 {
        let invoked = invoke(&function, r#"{"do":"count"}"#).await;
        assert_eq!(answer(&invoked), json!({ "invocations": 1 }));
        invoke(&function, r#"{"do":"trap"}"#).await;
    }
}
