//! Tasks that take all they can get: memories, tables, the stack.

use stepwell_sandbox::Guard;

use crate::support::{Case, End, Guest, NULL, Setup, cases};

const OUT_OF_MEMORY: End = End::OutOfMemory(Guard::Memory);
const STACK: End = End::Stopped(Guard::Stack);

/// Takes all but 64 KiB of 128 MB, and then elements of a table.
fn tables_at_the_limit(elements: u32) -> Guest {
    Guest::new(&format!(
        "(drop (memory.grow (i32.const 2043)))
         (drop (table.grow $t (ref.null func) (i32.const {elements}))) {NULL}"
    ))
    .core("(table $t 0 funcref)")
}

cases! {
    a_gigabyte_at_once => Case::guest(
        &Guest::new(&format!("(drop (memory.grow (i32.const 16384))) {NULL}")),
        OUT_OF_MEMORY,
    );
    page_by_page => Case::guest(
        &Guest::new("(loop (drop (memory.grow (i32.const 1))) (br 0)) unreachable"),
        OUT_OF_MEMORY,
    );
    through_an_allocator => Case::of(Setup::hostile(), r#"{"do":"allocate"}"#, OUT_OF_MEMORY);
    four_memories_in_turn => Case::guest(
        &Guest::new(
            "(loop
               (drop (memory.grow $memory (i32.const 64))) (drop (memory.grow $b (i32.const 64)))
               (drop (memory.grow $c (i32.const 64))) (drop (memory.grow $d (i32.const 64))) (br 0))
             unreachable",
        )
        .core("(memory $b 1) (memory $c 1) (memory $d 1)"),
        OUT_OF_MEMORY,
    );
    a_memory_that_begins_too_large => Case::guest(&Guest::null().memory("2049"), OUT_OF_MEMORY);
    a_memory_of_64_bits => Case::guest(
        &Guest::new(&format!("(drop (memory.grow $large (i64.const 4096))) {NULL}"))
            .core("(memory $large i64 1)"),
        OUT_OF_MEMORY,
    );
    /// Pages cost fuel before they are there.
    more_pages_than_there_are_addresses => Case::guest(
        &Guest::new(&format!("(drop (memory.grow $large (i64.const 0x1000000000000))) {NULL}"))
            .core("(memory $large i64 1)"),
        End::Timeout(Guard::Fuel),
    );
    a_table_at_the_limit => Case::guest(&tables_at_the_limit(8_192), End::Answers("null"));
    a_table_beyond_the_limit => Case::guest(&tables_at_the_limit(8_193), End::OutOfMemory(Guard::Tables));
    /// Eight tables of 100,000 elements are 6 MB: they end at their own bound.
    tables_for_ever => Case::guest(
        &Guest::new("(loop (drop (table.grow $t (ref.null func) (i32.const 1000))) (br 0)) unreachable")
            .core("(table $t 0 funcref)"),
        End::Timeout(Guard::Fuel),
    );
    memory_for_the_event => Case::of(
        Setup::guest(&Guest::null().realloc("(loop (drop (memory.grow (i32.const 1))) (br 0))")),
        "{}",
        OUT_OF_MEMORY,
    );
    memory_after_the_answer => Case::guest(
        &Guest::null().post_return("(loop (drop (memory.grow (i32.const 1))) (br 0))"),
        OUT_OF_MEMORY,
    );
    endless_recursion => Case::guest(
        &Guest::new("(call $deeper (i32.const 0))").core(
            "(func $deeper (param i32) (result i32)
               (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))",
        ),
        STACK,
    );
    /// Its own stack, which it has in its memory, is used up first.
    endless_recursion_of_a_real_compiler => {
        Case::deed(r#"{"do":"recurse"}"#, End::Exit("out of bounds memory access"))
    };
    mutual_recursion_through_a_table => Case::guest(
        &Guest::new("(call $ping)").core(
            "(type $f (func (result i32))) (table $t funcref (elem $ping $pong))
             (func $ping (result i32)
               (i32.add (call_indirect $t (type $f) (i32.const 1)) (i32.const 1)))
             (func $pong (result i32)
               (i32.add (call_indirect $t (type $f) (i32.const 0)) (i32.const 1)))",
        ),
        STACK,
    );
    recursion_with_large_frames => Case::guest(
        &Guest::new("(call $deeper (i32.const 0))").core(&large_frames()),
        STACK,
    );
    recursion_in_realloc => Case::guest(
        &Guest::null().realloc(
            "(return (i32.add (i32.const 1)
               (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1))))",
        ),
        STACK,
    );
}

/// A function that calls itself and keeps 1,000 values of its own over the call.
fn large_frames() -> String {
    let keep = (1..=1_000).fold(String::new(), |text, local| {
        text + &format!("(local.set {local} (i32.load (i32.const {})))", 4 * local)
    });
    let sum = (1..=1_000)
        .fold(String::new(), |text, local| text + &format!("(local.get {local}) i32.add "));
    format!(
        "(func $deeper (param i32) (result i32) (local {})
           {keep} (call $deeper (i32.add (local.get 0) (i32.const 1))) {sum})",
        "i32 ".repeat(1_000)
    )
}
