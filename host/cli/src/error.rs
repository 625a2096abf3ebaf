//! What can go wrong with a command, and the exit code that says so.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use stepwell_asl::{Finding, Severity};
use stepwell_eval::Trouble;

use crate::args::STATE_DEFAULT;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The execution ended in another way than by succeeding. It was told already.
    #[error("the execution {0}")]
    Execution(String),
    /// An invocation of one function failed. It was told already.
    #[error("the invocation {0}")]
    Invocation(String),
    /// Some of many executions ended in another way than by succeeding.
    #[error("{0}")]
    Many(String),
    /// A file was converted in parts.
    #[error("{0}")]
    Partly(String),
    /// The process was asked to end before the execution did; the journal has it.
    #[error("`{name}` was interrupted")]
    Interrupted { name: String, help: Option<String> },
    /// A file is not a workflow that can be used.
    #[error("{}", count(.findings))]
    Findings { path: PathBuf, source_text: String, findings: Vec<Finding> },
    /// A text is no expression, or the expression failed. `path` is the file that it stands in, if it does.
    #[error("{trouble}")]
    Expression { trouble: Box<Trouble>, path: Option<PathBuf> },
    /// Something that the user gave is wrong.
    #[error("{message}")]
    Invalid { message: String, help: Option<String> },
    /// The machine lacks something.
    #[error("{message}")]
    Environment { message: String, help: Option<String> },
}

impl CommandError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), help: None }
    }

    /// An execution or a batch that can go on.
    pub(crate) fn interrupted(name: &str, dir: &Path) -> Self {
        let help = format!("{} goes on with it", call("resume", name, dir));
        Self::Interrupted { name: name.to_owned(), help: Some(help) }
    }

    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::Environment { message: message.into(), help: None }
    }

    /// Why a component cannot be used: because of the machine, or because of what the user gave.
    pub(crate) fn unusable(message: String, help: Option<String>, of_the_machine: bool) -> Self {
        if of_the_machine {
            Self::Environment { message, help }
        } else {
            Self::Invalid { message, help }
        }
    }

    pub(crate) fn with_help(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Invalid { help, .. }
            | Self::Environment { help, .. }
            | Self::Interrupted { help, .. } => *help = Some(text.into()),
            Self::Execution(_)
            | Self::Invocation(_)
            | Self::Many(_)
            | Self::Partly(_)
            | Self::Findings { .. }
            | Self::Expression { .. } => {}
        }
        self
    }

    /// Adds to what is said.
    pub(crate) fn with_more(mut self, text: &str) -> Self {
        if let Self::Invalid { message, .. } | Self::Environment { message, .. } = &mut self {
            *message = format!("{message}; {text}");
        }
        self
    }

    /// A file that was named and could not be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("cannot read `{}`: {}", path.display(), reason(error));
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
                Self::invalid(message)
            }
            _ => Self::environment(message),
        }
    }

    /// Documented in `stepwell --help` and the README.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Execution(_) | Self::Invocation(_) | Self::Many(_) | Self::Partly(_) => 1,
            Self::Expression { trouble, .. } if trouble.is_of_evaluation() => 1,
            Self::Findings { .. } | Self::Expression { .. } | Self::Invalid { .. } => 2,
            Self::Environment { .. } => 3,
            Self::Interrupted { .. } => 4,
        }
    }
}

/// A command about an execution, as it is to be called.
pub(crate) fn call(command: &str, name: &str, dir: &Path) -> String {
    if dir == Path::new(STATE_DEFAULT) {
        return format!("`stepwell {command} {name}`");
    }
    format!("`stepwell {command} {name} --state {}`", dir.display())
}

/// What the system says about a file, in words.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::NotADirectory => "a file stands where a folder should be".to_owned(),
        ErrorKind::PermissionDenied => "it is not allowed to this user".to_owned(),
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

fn count(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = match findings.len() - errors {
        0 => String::new(),
        warnings => format!(", {}", counted(warnings, "warning")),
    };
    format!("{}{warnings}", counted(errors, "error"))
}

/// A number of things.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
