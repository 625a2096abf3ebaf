//! The `stepwell` binary: parses, runs, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    stepwell_cli::main(std::env::args_os())
}
