//! The command line: commands, the driver, and what a person sees.
//!
//! Reading order: `args` (what can be said), `command` (one file per command), `workflow_file`,
//! `functions` and `components` (what is run), `driver` (the loop between engine, sandbox and journal), `workshop`, `keeping`
//! and `runner` (what commands that drive executions share), then what is shown: `output`, `findings`,
//! `progress`, `overview`, `reply`.
//!
//! The only crate that prints, spawns or exits.

mod args;
mod clock;
mod command;
mod components;
mod driver;
mod error;
mod failure;
mod findings;
mod functions;
mod history;
mod keeping;
mod lone_function;
mod output;
mod overview;
mod progress;
mod reply;
mod report;
mod runner;
mod timings;
mod workflow_file;
mod workshop;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use clock::Clock;
pub use driver::{
    Answered, Driven, Landed, Machine, Observer, Only, Run, Share, Silent, Stop, Supply, drive,
    drive_all,
};
pub use functions::{Callable, Functions};

use crate::args::{Args, Command};
use crate::output::Output;
use crate::timings::Timings;

/// Runs the command line and gives the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let timings = Timings::start();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = command::compile::served(&arguments) {
        return code;
    }
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
        Command::Run(args) => command::run::run(&args, &mut output, &timings),
        Command::Resume(args) => command::resume::run(&args, &mut output, timings),
        Command::Redrive(args) => command::redrive::run(&args, &mut output, timings),
        Command::Rerun(args) => command::rerun::run(&args, &mut output, timings),
        Command::Executions(args) => command::executions::run(&args, &mut output),
        Command::Describe(args) => command::describe::run(&args, &mut output),
        Command::History(args) => command::history::run(&args, &mut output),
        Command::Stop(args) => command::stop::run(&args, &mut output),
        Command::Task(args) => command::task::run(&args, &mut output),
        Command::Debug(args) => command::debug::run(&args, &mut output, timings),
        Command::Export(args) => command::export::run(&args, &mut output),
        Command::Replay(args) => command::replay::run(&args, &mut output),
        Command::Delete(args) => command::delete::run(&args, &mut output),
        Command::Prune(args) => command::prune::run(&args, &mut output),
        Command::Doctor(args) => command::doctor::run(&args, &mut output),
        Command::Build(args) => command::build::run(&args, &mut output),
        Command::New(new) => command::new::run(&new, &mut output),
        Command::Validate(args) => command::validate::run(&args, &mut output),
        Command::Invoke(args) => command::invoke::run(&args, &mut output, timings),
        Command::Tune(args) => command::tune::run(&args, &mut output, timings),
        Command::Calibrate(args) => command::calibrate::run(&args, &mut output),
        Command::Convert(args) => command::convert::run(&args, &mut output),
        Command::Inspect(args) => command::inspect::run(&args, &mut output),
        Command::Graph(args) => command::graph::run(&args, &mut output),
        Command::Eval(args) => command::eval::run(&args, &mut output),
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
