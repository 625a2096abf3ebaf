//! What can go wrong with a command, and the exit code that says so.

use std::path::PathBuf;

use stepwell_asl::Finding;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The execution ended in another way than by succeeding. It was told already.
    #[error("the execution {0}")]
    Execution(String),
    /// A file is not a workflow that can be used.
    #[error("{}", count(.findings.len()))]
    Findings { path: PathBuf, source_text: String, findings: Vec<Finding> },
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

    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::Environment { message: message.into(), help: None }
    }

    pub(crate) fn with_help(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Invalid { help, .. } | Self::Environment { help, .. } => {
                *help = Some(text.into())
            }
            Self::Execution(_) | Self::Findings { .. } => {}
        }
        self
    }

    /// A file that was named and could not be read.
    pub(crate) fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Self {
        let message = format!("cannot read `{}`: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => {
                Self::invalid(message)
            }
            _ => Self::environment(message),
        }
    }

    /// Documented in `stepwell --help` and the README.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Execution(_) => 1,
            Self::Findings { .. } | Self::Invalid { .. } => 2,
            Self::Environment { .. } => 3,
        }
    }
}

fn count(findings: usize) -> String {
    match findings {
        1 => "one finding".to_owned(),
        more => format!("{more} findings"),
    }
}
