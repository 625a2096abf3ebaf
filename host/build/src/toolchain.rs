//! Running the programs that build.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::{BuildError, Language};

/// A command that is run, its output gathered.
pub(crate) fn run(
    command: &mut Command,
    source: &Path,
    absent: impl FnOnce(&OsStr) -> BuildError,
) -> Result<Output, BuildError> {
    command.stdin(Stdio::null());
    match command.output() {
        Ok(output) => Ok(output),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(absent(command.get_program())),
        Err(error) => Err(BuildError::Failed {
            path: source.to_owned(),
            output: format!("cannot run `{}`: {error}", command.get_program().display()),
        }),
    }
}

/// What is said of a program that is not there.
pub(crate) fn not_installed(language: Language, what: &str, install: &str) -> BuildError {
    BuildError::NoToolchain { language, what: format!("`{what}`"), install: install.to_owned() }
}

/// What a program has said, errors first.
pub(crate) fn words(output: &Output) -> String {
    let mut words = String::from_utf8_lossy(&output.stderr).into_owned();
    words.push_str(&String::from_utf8_lossy(&output.stdout));
    if words.trim().is_empty() {
        words = format!("it ended with {} and said nothing", output.status);
    }
    words
}
