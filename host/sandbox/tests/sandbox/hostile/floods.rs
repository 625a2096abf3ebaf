//! Tasks that flood the host: with lines of log, with cheap calls, with work that fuel must see.

use stepwell_sandbox::Guard;

use crate::support::{Case, End, Guest, Setup, cases};

const OUT_OF_FUEL: End = End::Timeout(Guard::Fuel);

/// Fuel that is little beside the timeout, so that it is used up first even by a host that was built to be
/// debugged, whose calls take longer than fuel says.
const LITTLE_FUEL: u64 = 5_000_000;

/// Does this without end.
fn forever(guest: fn(&str) -> Guest, call: &str) -> Guest {
    guest(&format!("(drop (memory.grow (i32.const 1024))) (loop {call} (br 0)) unreachable"))
}

/// Out of fuel by calls of the host.
fn calling(guest: &Guest) -> Case {
    Case::of(Setup::guest(guest).fuel(LITTLE_FUEL), "{}", OUT_OF_FUEL)
}

cases! {
    log_lines_without_end => calling(
        &forever(
            Guest::logging,
            "(call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 4))",
        ),
    );
    empty_log_lines_without_end => calling(
        &forever(
            Guest::logging,
            "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
    );
    log_lines_of_megabytes => calling(
        &forever(
            Guest::logging,
            "(call $log (i32.const 2) (i32.const 0) (i32.const 9000000) (i32.const 0) (i32.const 9000000))",
        ),
    );
    a_flood_of_log => Case::of(
        Setup::hostile().fuel(LITTLE_FUEL),
        r#"{"do":"log","lines":100000000,"bytes":10}"#,
        OUT_OF_FUEL,
    );
    a_flood_of_questions => Case::of(
        Setup::hostile().fuel(LITTLE_FUEL),
        r#"{"do":"spin-calling"}"#,
        OUT_OF_FUEL,
    );
    a_flood_to_the_standard_streams => Case::of(
        Setup::hostile().fuel(LITTLE_FUEL),
        r#"{"do":"print","lines":100000000,"bytes":10}"#,
        OUT_OF_FUEL,
    );
    one_line_without_an_end => Case::of(
        Setup::hostile().timeout(30),
        r#"{"do":"print","lines":1,"bytes":3000000}"#,
        End::Answers(r#"{"lines":1}"#),
    );
    a_megabyte_of_chance_over_and_over => calling(
        &forever(Guest::random, "(call $random (i64.const 1048576) (i32.const 32))")
            .realloc("(if (i32.gt_u (local.get $size) (i32.const 1000)) (then (return (i32.const 1048576))))"),
    );
    all_the_chance_there_is => Case::guest(
        &forever(Guest::random, "(call $random (i64.const -1) (i32.const 32))"),
        End::Exit("exceeds limit"),
    );
    the_time_over_and_over => calling(&forever(Guest::watching, "(drop (call $now))"));
    the_date_over_and_over => calling(
        &forever(Guest::watching, "(call $date (i32.const 32))"),
    );
    keys_of_megabytes => calling(
        &forever(Guest::touching, "(call $head (i32.const 65536) (i32.const 60000000))")
            .realloc("(if (i32.gt_u (global.get $calls) (i32.const 1)) (then (return (i32.const 4096))))"),
    );
}
