//! The compiler's process: this program, started by itself, with bounds on what it may cost.
//!
//! It is no command of the command line: no help or completion names it, and nobody is to call it.

use std::ffi::{OsStr, OsString};
use std::io::{stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use stepwell_sandbox::{Compiler, CompilerBounds};

use crate::error::CommandError;

/// The first argument of such a process.
const NAME: &str = "__compile";
/// Bounds of another size, for a component that needs more, or a machine that has less.
const MEMORY: &str = "STEPWELL_COMPILE_MEMORY_MB";
const SECONDS: &str = "STEPWELL_COMPILE_SECONDS";

/// Compiles, where this process was started for that. `None` where it was not.
pub(crate) fn served(arguments: &[OsString]) -> Option<ExitCode> {
    let [_program, name, arguments @ ..] = arguments else { return None };
    if name != OsStr::new(NAME) {
        return None;
    }
    Some(match Compiler::serve(arguments, stdin().lock(), stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "whoever started this process reads it there")]
            {
                eprintln!("{error}");
            }
            ExitCode::from(3)
        }
    })
}

/// How components are compiled: by this program in another process.
pub(crate) fn compiler() -> Result<Compiler, CommandError> {
    let mut bounds = CompilerBounds::default();
    if let Some(megabytes) = number(MEMORY)? {
        bounds.memory_bytes = megabytes.saturating_mul(1 << 20);
    }
    if let Some(seconds) = number(SECONDS)? {
        bounds.cpu_seconds = seconds;
        // For a machine that has other things to do as well; the same as by default.
        bounds.wall = Duration::from_secs(60 + 2 * seconds);
    }
    Compiler::this_program(vec![NAME.into()], bounds)
        .map_err(|error| CommandError::environment(format!("cannot find this program: {error}")))
}

/// The way out for a component that costs too much.
pub(crate) fn help() -> String {
    format!("for a component that you trust, set `{MEMORY}` or `{SECONDS}` higher")
}

/// A number from the environment.
fn number(name: &str) -> Result<Option<u64>, CommandError> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    match value.to_str().and_then(|value| value.parse().ok()) {
        // A year in seconds, a petabyte: more would overflow somewhere.
        Some(number @ 1..=1_000_000_000) => Ok(Some(number)),
        _ => Err(CommandError::invalid(format!(
            "`{name}` is `{}` and no whole number from 1 on",
            value.display()
        ))),
    }
}
