//! Tasks that hoard handles, or use such as they do not have.

use stepwell_sandbox::Guard;

use crate::support::{Case, End, Guest, NULL, cases};

const HANDLES: End = End::Stopped(Guard::Handles);

/// With two kinds of resources of its own.
fn own(body: &str) -> Guest {
    Guest::new(body)
        .imports("(type $one (resource (rep i32))) (type $two (resource (rep i32)))")
        .lower("new-one", "(param i32) (result i32)", "resource.new $one")
        .lower("drop-one", "(param i32)", "resource.drop $one")
        .lower("drop-two", "(param i32)", "resource.drop $two")
        .lower("rep-two", "(param i32) (result i32)", "resource.rep $two")
}

/// Makes thousands of pollables and forgets none.
fn subscribing() -> Guest {
    Guest::waiting(
        "(local $i i32)
         (loop $more
           (drop (call $subscribe (i64.const 315360000000000000)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
         unreachable",
    )
}

cases! {
    ten_thousand_pollables => Case::guest(&subscribing(), HANDLES);
    pollables_without_end => Case::guest(
        &Guest::waiting("(loop (drop (call $subscribe (i64.const 0))) (br 0)) unreachable"),
        HANDLES,
    );
    resources_of_its_own_without_end => Case::guest(
        &own("(loop (drop (call $new-one (i32.const 1))) (br 0)) unreachable"),
        End::Exit("handle limit"),
    );
    pollables_one_after_the_other => Case::guest(
        &Guest::waiting(&format!(
            "(local $i i32)
             (loop $more
               (call $forget (call $subscribe (i64.const 0)))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 10000))))
             {NULL}"
        )),
        End::Answers("null"),
    );
    a_handle_dropped_twice => Case::guest(
        &Guest::waiting(
            "(local $pollable i32)
             (local.set $pollable (call $subscribe (i64.const 0)))
             (call $forget (local.get $pollable)) (call $forget (local.get $pollable)) unreachable",
        ),
        End::Exit("unknown handle index"),
    );
    a_handle_used_after_it_was_dropped => Case::guest(
        &Guest::waiting(
            "(local $pollable i32)
             (local.set $pollable (call $subscribe (i64.const 0)))
             (call $forget (local.get $pollable)) (call $block (local.get $pollable)) unreachable",
        ),
        End::Exit("unknown handle index"),
    );
    a_handle_that_was_never_given => Case::guest(
        &Guest::waiting("(call $block (i32.const 12345)) unreachable"),
        End::Exit("unknown handle index"),
    );
    the_handle_null => Case::guest(
        &Guest::waiting("(call $block (i32.const 0)) unreachable"),
        End::Exit("unknown handle index"),
    );
    a_handle_of_another_type => Case::guest(
        &own("(call $drop-two (call $new-one (i32.const 7))) unreachable"),
        End::Exit("handle"),
    );
    the_inside_of_a_handle_of_another_type => Case::guest(
        &own("(drop (call $rep-two (call $new-one (i32.const 7)))) unreachable"),
        End::Exit("handle"),
    );
    a_pollable_as_a_writer => Case::guest(
        &Guest::touching("(call $forget-writer (call $subscribe (i64.const 0))) unreachable")
            .imports(crate::support::WAITING)
            .lower(
                "subscribe",
                "(param i64) (result i32)",
                r#"lower (func $clock "subscribe-duration")"#,
            ),
        End::Exit("handle"),
    );
    a_list_of_handles_that_are_none => Case::guest(
        &Guest::polling("(call $poll-list (i32.const 8192) (i32.const 1000) (i32.const 32)) unreachable"),
        End::Exit("unknown handle index"),
    );
    an_empty_list_of_handles => Case::guest(
        &Guest::polling("(call $poll-list (i32.const 8192) (i32.const 0) (i32.const 32)) unreachable"),
        End::Exit("empty poll list"),
    );
    /// Two million times the same one: lent only so often at a time.
    one_handle_in_a_long_list => Case::guest(
        &Guest::polling(
            "(local $pollable i32) (local $i i32)
             (drop (memory.grow (i32.const 200)))
             (local.set $pollable (call $subscribe (i64.const 315360000000000000)))
             (loop $more
               (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4)))
                 (local.get $pollable))
               (local.set $i (i32.add (local.get $i) (i32.const 1)))
               (br_if $more (i32.lt_u (local.get $i) (i32.const 2000000))))
             (call $poll-list (i32.const 4096) (i32.const 2000000) (i32.const 32)) unreachable",
        ),
        End::Exit("handle limit"),
    );
}
