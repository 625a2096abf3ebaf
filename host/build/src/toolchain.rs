//! Running the programs that build.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::{BuildError, Language};

/// Runs a command and gathers what it says. `absent` is the error if there is no such program.
pub(crate) fn run(
    command: &mut Command,
    source: &Path,
    absent: impl FnOnce() -> BuildError,
) -> Result<Output, BuildError> {
    run_telling(command, source, absent, &|_| {})
}

/// Runs a command and gathers what it says; each line of its standard error is told as it comes.
pub(crate) fn run_telling(
    command: &mut Command,
    source: &Path,
    absent: impl FnOnce() -> BuildError,
    tell: &dyn Fn(&str),
) -> Result<Output, BuildError> {
    let program = command.get_program().to_owned();
    let failed = |error: std::io::Error| BuildError::Failed {
        path: source.to_owned(),
        output: format!("cannot run `{}`: {error}", program.display()),
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent()),
        Err(error) => return Err(failed(error)),
    };
    let (mut stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut said = Vec::new();
    // Both at once, for a program waits where nobody reads.
    let answered = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut answered = Vec::new();
            stdout
                .as_mut()
                .map_or(Ok(0), |stdout| stdout.read_to_end(&mut answered))
                .map(|_| answered)
        });
        for line in stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
            let Ok(line) = line else { break };
            tell(&String::from_utf8_lossy(&line));
            said.extend(line);
            said.push(b'\n');
        }
        reader.join().expect("reading does not panic")
    });
    let status = child.wait().map_err(failed)?;
    Ok(Output { status, stdout: answered.map_err(failed)?, stderr: said })
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
