//! Tasks that break the canonical ABI: pointers, lengths, encodings, and memory that the host asks for.

use stepwell_sandbox::Guard;

use crate::support::{Case, End, Guest, NULL, cases};

/// What is left of a name that is too long: 256 characters.
const LONG_NAME: &str = match std::str::from_utf8(&[0; 256]) {
    Ok(name) => name,
    Err(_) => "",
};

/// The answer is so many bytes at this address.
fn answering(address: &str, length: &str) -> Guest {
    Guest::new(&format!("(call $ok (i32.const {address}) (i32.const {length}))"))
}

/// An error whose name is so many bytes at this address.
fn failing(address: &str, length: &str) -> Guest {
    Guest::new(&format!(
        "(i32.store (i32.const 16) (i32.const 1))
         (i32.store (i32.const 20) (i32.const {address})) (i32.store (i32.const 24) (i32.const {length}))
         (i32.store (i32.const 28) (i32.const 64)) (i32.store (i32.const 32) (i32.const 4))
         (i32.const 16)"
    ))
}

/// Gets random bytes; `realloc` does this when it is asked for them.
fn as_a_result_is_lowered(realloc: &str) -> Guest {
    Guest::random(&format!("(call $random (i64.const 16) (i32.const 32)) {NULL}"))
        .realloc(&format!("(if (i32.eq (global.get $calls) (i32.const 2)) (then {realloc}))"))
}

/// Polls one pollable; where the answer's list goes is said by `realloc`.
fn polled(realloc: &str) -> Guest {
    Guest::polling(&format!(
        "(i32.store (i32.const 4096) (call $subscribe (i64.const 0)))
         (call $poll-list (i32.const 4096) (i32.const 1) (i32.const 32)) {NULL}"
    ))
    .realloc(&format!("(if (i32.eq (global.get $calls) (i32.const 2)) (then {realloc}))"))
}

/// Hands text of 20 MB to a component within, over and over.
fn transcoding(encoding: &str) -> Guest {
    Guest::handing(
        encoding,
        "(drop (memory.grow (i32.const 512)))
         (memory.fill (i32.const 1024) (i32.const 97) (i32.const 20000000))
         (loop (call $hand (i32.const 1024) (i32.const 20000000)) (br 0)) unreachable",
    )
}

cases! {
    an_answer_of_four_gigabytes => Case::guest(&answering("0", "-1"), End::Exit("out of bounds"));
    an_answer_beyond_the_end => Case::guest(&answering("262140", "5"), End::Exit("out of bounds"));
    an_answer_at_the_end => Case::guest(&answering("262144", "0"), End::NoAnswer("Runtime.MarshalError"));
    an_answer_that_is_all_of_the_memory => Case::guest(
        &answering("0", "134217728").memory("2048"),
        End::NoAnswer("Function.ResponseSizeTooLarge"),
    );
    an_answer_where_no_result_can_be => Case::guest(&Guest::new("(i32.const 17)"), End::Exit("not aligned"));
    an_answer_whose_result_is_outside => Case::guest(&Guest::new("(i32.const -4)"), End::Exit("out of bounds"));
    an_answer_of_no_variant => Case::guest(
        &Guest::new("(i32.store8 (i32.const 16) (i32.const 2)) (i32.const 16)"),
        End::Exit("discriminant"),
    );
    an_answer_that_is_no_text => Case::guest(
        &answering("64", "4").core(r#"(data (i32.const 64) "\ff\fe\fd\fc")"#),
        End::Exit("utf-8"),
    );
    an_error_of_four_gigabytes => Case::guest(&failing("0", "-1"), End::Exit("out of bounds"));
    an_error_that_is_all_of_the_memory => Case::guest(
        &failing("4096", "100000000").memory("2048"),
        End::Fails(LONG_NAME),
    );
    an_error_that_is_no_text => Case::guest(
        &failing("64", "4").core(r#"(data (i32.const 64) "\c3\28nu")"#),
        End::Exit("utf-8"),
    );
    a_log_line_that_is_no_text => Case::guest(
        &Guest::logging(&format!(
            "(i32.store (i32.const 512) (i32.const -1))
             (call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 512) (i32.const 4)) {NULL}"
        )),
        End::Exit("utf-8"),
    );
    a_log_line_of_four_gigabytes => Case::guest(
        &Guest::logging(&format!(
            "(call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 1) (i32.const -1)) {NULL}"
        )),
        End::Exit("out of bounds"),
    );
    a_log_level_that_does_not_exist => Case::guest(
        &Guest::logging(&format!(
            "(call $log (i32.const 6) (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 4)) {NULL}"
        )),
        End::Exit("discriminant"),
    );
    a_key_that_is_no_text => Case::guest(
        &Guest::touching(&format!(
            "(i32.store (i32.const 512) (i32.const -1)) (call $head (i32.const 512) (i32.const 4)) {NULL}"
        )),
        End::Exit("utf-8"),
    );
    a_key_outside_of_memory => Case::guest(
        &Guest::touching(&format!("(call $head (i32.const -16) (i32.const 16)) {NULL}")),
        End::Exit("out of bounds"),
    );
    a_list_of_four_gigabytes => Case::guest(
        &Guest::polling(&format!(
            "(call $poll-list (i32.const 4096) (i32.const 0x3fffffff) (i32.const 32)) {NULL}"
        )),
        End::Exit("out of bounds"),
    );
    a_list_whose_bytes_overflow => Case::guest(
        &Guest::polling(&format!(
            "(call $poll-list (i32.const 4096) (i32.const -1) (i32.const 32)) {NULL}"
        )),
        End::Exit("out of bounds"),
    );
    realloc_beyond_the_end_for_the_event => Case::guest(
        &Guest::null().realloc("(return (i32.const 262143))"),
        End::Exit("realloc"),
    );
    realloc_far_outside_for_the_event => Case::guest(
        &Guest::null().realloc("(return (i32.const -1))"),
        End::Exit("realloc"),
    );
    /// An address like any other.
    realloc_at_null_for_the_event => Case::guest(
        &Guest::null().realloc("(return (i32.const 0))"),
        End::Answers("null"),
    );
    realloc_beyond_the_end_for_a_result => Case::guest(
        &as_a_result_is_lowered("(return (i32.const 262140))"),
        End::Exit("realloc"),
    );
    realloc_misaligned_for_a_result => Case::guest(
        &polled("(return (i32.const 4099))"),
        End::Exit("realloc"),
    );
    a_trap_in_realloc_for_the_event => Case::guest(
        &Guest::null().realloc("unreachable"),
        End::Exit("unreachable"),
    );
    a_trap_in_realloc_for_a_result => Case::guest(
        &as_a_result_is_lowered("unreachable"),
        End::Exit("unreachable"),
    );
    a_trap_after_the_answer => Case::guest(
        &Guest::null().post_return("unreachable"),
        End::Exit("unreachable"),
    );
    /// The host's own copying, between components of the task: no instruction counts it.
    text_for_ever_to_utf8 => Case::guest(&transcoding("utf8"), End::AnyTimeout);
    text_for_ever_to_utf16 => Case::guest(&transcoding("utf16"), End::AnyTimeout);
    text_for_ever_to_latin1 => Case::guest(&transcoding("latin1+utf16"), End::AnyTimeout);
    text_that_does_not_fit_the_other_component => Case::guest(
        &Guest::handing(
            "utf16",
            "(drop (memory.grow (i32.const 1000)))
             (call $hand (i32.const 1024) (i32.const 60000000)) unreachable",
        ),
        End::OutOfMemory(Guard::Memory),
    );
}
