//! The command line: commands, the driver, and what a person sees.
//!
//! Reading order: `args` (what can be said), `command` (one file per command), `functions` (what a
//! workflow's functions are here), `driver` (the loop between engine and sandbox), then what is shown:
//! `output`, `findings`, `progress`, `reply`.
//!
//! The only crate that prints, spawns or exits.

mod args;
mod clock;
mod command;
mod driver;
mod error;
mod failure;
mod findings;
mod functions;
mod history;
mod output;
mod progress;
mod reply;
mod timings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use clock::Clock;
pub use driver::{Answered, Observer, Run, Silent, drive};
pub use functions::{Answers, Callable, Functions};

use crate::args::{Args, Command};
use crate::output::Output;
use crate::timings::Timings;

/// Runs the command line and gives the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let timings = Timings::start();
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Clap knows which of its messages are help and which are mistakes.
            _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut output = Output::new(args.quiet);
    let result = match args.command {
        Command::Run(args) => command::run::run(&args, &mut output, timings),
        Command::Validate(args) => command::validate::run(&args, &mut output),
        Command::Inspect(args) => command::inspect::run(&args, &mut output),
        Command::Graph(args) => command::graph::run(&args, &mut output),
        Command::Completions(args) => command::completions::run(&args, &mut output),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
