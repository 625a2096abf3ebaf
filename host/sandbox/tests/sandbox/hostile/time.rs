//! Tasks that never end: in their own code, in the host's, and in code of theirs that the host calls.

use stepwell_sandbox::Guard;

use crate::support::{Case, End, Guest, NULL, cases};

const OUT_OF_FUEL: End = End::Timeout(Guard::Fuel);
const OUT_OF_TIME: End = End::Timeout(Guard::Time);

/// A bulk operation on 64 MiB, over and over: a few instructions, and most of the work is not theirs.
fn bulk(operation: &str) -> Guest {
    Guest::new(&format!(
        "(drop (memory.grow (i32.const 1536))) (loop {operation} (br 0)) unreachable"
    ))
}

/// The same on a table of 100,000 elements.
fn table(operation: &str) -> Guest {
    Guest::new(&format!("(loop {operation} (br 0)) unreachable"))
        .core("(table $t 100000 funcref) (elem $elements func $nothing) (func $nothing)")
}

/// Waits for as many pollables as handles allow, none of which is ready within a lifetime.
fn many_pollables() -> Guest {
    Guest::polling(
        "(local $i i32)
         (loop $more
           (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4)))
             (call $subscribe (i64.const 315360000000000000)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $i) (i32.const 400))))
         (call $poll-list (i32.const 4096) (i32.const 400) (i32.const 32))
         unreachable",
    )
}

cases! {
    an_endless_loop => Case::guest(&Guest::new("(loop br 0) unreachable"), OUT_OF_FUEL);
    an_endless_loop_of_a_real_compiler => Case::deed(r#"{"do":"spin"}"#, OUT_OF_FUEL);
    an_endless_loop_of_tail_calls => Case::guest(
        &Guest::new("(call $forever)")
            .core("(func $forever (result i32) (return_call $forever))"),
        OUT_OF_FUEL,
    );
    waiting_for_ten_years => Case::guest(
        &Guest::waiting("(call $wait (i64.const 315360000000000000)) unreachable"),
        OUT_OF_TIME,
    );
    waiting_for_ever => Case::guest(
        &Guest::waiting("(call $wait (i64.const -1)) unreachable"),
        OUT_OF_TIME,
    );
    waiting_for_hundreds_of_pollables => Case::guest(&many_pollables(), OUT_OF_TIME);
    waiting_for_nothing_over_and_over => Case::guest(
        &Guest::waiting("(loop (call $wait (i64.const 0)) (br 0)) unreachable"),
        End::AnyTimeout,
    );
    sleeping_too_long => Case::deed(r#"{"do":"sleep","ms":86400000}"#, OUT_OF_TIME);
    a_loop_in_realloc_as_the_event_is_lowered => Case::guest(
        &Guest::null().realloc("(loop br 0)"),
        OUT_OF_FUEL,
    );
    a_loop_in_realloc_as_a_result_is_lowered => Case::guest(
        &Guest::random(&format!("(call $random (i64.const 16) (i32.const 32)) {NULL}"))
            .realloc("(if (i32.eq (global.get $calls) (i32.const 2)) (then (loop br 0)))"),
        OUT_OF_FUEL,
    );
    a_loop_after_the_answer => Case::guest(&Guest::null().post_return("(loop br 0)"), OUT_OF_FUEL);
    filling_memory_for_ever => Case::guest(
        &bulk("(memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864))"),
        OUT_OF_FUEL,
    );
    copying_memory_for_ever => Case::guest(
        &bulk("(memory.copy (i32.const 8) (i32.const 0) (i32.const 67108864))"),
        OUT_OF_FUEL,
    );
    filling_a_table_for_ever => Case::guest(
        &table("(table.fill $t (i32.const 0) (ref.func $nothing) (i32.const 100000))"),
        OUT_OF_FUEL,
    );
    copying_a_table_for_ever => Case::guest(
        &table("(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 99999))"),
        OUT_OF_FUEL,
    );
}

/// Not among the cheap ones: its init phase has ten seconds of a whole CPU.
#[tokio::test]
async fn a_loop_in_a_start_function() {
    let guest = Guest::null().memory("1024").core(
        "(func $start
           (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864)) (br 0)))
         (start $start)",
    );
    let invoked = Case::guest(&guest, OUT_OF_FUEL).assert_contained().await;
    let attempts: Vec<_> = invoked.report.failed_inits.iter().map(|init| init.phase).collect();
    assert_eq!(attempts, [stepwell_sandbox::InitPhase::Init]);
}
