//! `stepwell new`: the files of a task or a workflow that runs at once.

use stepwell_build::Language;
use stepwell_build::project::{self, ProjectError};

use crate::args::{LanguageArg, NewCommand};
use crate::error::CommandError;
use crate::output::Output;

pub(crate) fn run(command: &NewCommand, output: &mut Output) -> Result<(), CommandError> {
    let here = std::env::current_dir().map_err(|error| {
        CommandError::environment(format!("cannot tell where this is: {error}"))
    })?;
    let made = match command {
        NewCommand::Task(args) => {
            let language = match args.lang {
                LanguageArg::Rust => Language::Rust,
                LanguageArg::Python => Language::Python,
                LanguageArg::Js => Language::JavaScript,
            };
            project::task(&here, &args.name, language)
        }
        NewCommand::Workflow(args) => project::workflow(&here, &args.name),
    };
    let made = made.map_err(|error| match error {
        ProjectError::Unwritable { .. } => CommandError::environment(error.to_string()),
        ProjectError::Name { .. } | ProjectError::Exists { .. } => {
            CommandError::invalid(error.to_string())
        }
    })?;
    for file in &made.files {
        output.note(&format!("new  {}", file.display()));
    }
    for command in &made.next {
        output.data(command)?;
    }
    Ok(())
}
