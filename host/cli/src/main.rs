//! The `stepwell` binary: parses, runs, exits.

use std::process::ExitCode;

/// Counts what an expression takes while it is evaluated, so that its limits hold.
#[global_allocator]
static ALLOCATOR: stepwell_allowance::Allocator = stepwell_allowance::Allocator;

fn main() -> ExitCode {
    stepwell_cli::main(std::env::args_os())
}
