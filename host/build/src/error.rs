//! Why there is no component.

use std::io;
use std::path::PathBuf;

use crate::Language;

/// Why a source could not be built. `Display` says what is wrong, [`BuildError::help`] what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no such file or folder, or it cannot be read.
    #[error("cannot read the source `{}`: {error}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nothing tells which language it is.
    #[error("`{}` is no source of a task: {reason}", .path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The handler names another module than the source has, or none can be guessed.
    #[error("{message}")]
    Handler {
        /// What is wrong.
        message: String,
    },
    /// A program or package that builds the language is not installed.
    #[error("{what} is not installed, and builds tasks in {language}")]
    NoToolchain {
        /// Which language.
        language: Language,
        /// The program or package.
        what: String,
        /// One line for a shell that installs it.
        install: String,
    },
    /// The toolchain says that the source is wrong.
    #[error("{} does not build:\n{}", .path.display(), .output.trim_end())]
    Failed {
        /// Which source.
        path: PathBuf,
        /// The toolchain's own words.
        output: String,
    },
    /// The result could not be kept.
    #[error("cannot keep the built component in `{}`: {error}", .path.display())]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl BuildError {
    /// The way out, where there is one that can be known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoToolchain { install, .. } => Some(format!("install it: {install}")),
            Self::Unknown { .. } => Some(
                "a source is a folder with `Cargo.toml`, a file in Python (`.py`), JavaScript (`.js`, `.mjs`, \
                 `.cjs`) or TypeScript (`.ts`), or a folder with a `handler:` that names one"
                    .to_owned(),
            ),
            Self::Handler { .. } => Some("such as `handler: fetch.handler`".to_owned()),
            Self::Unreadable { .. } | Self::Failed { .. } | Self::Unwritable { .. } => None,
        }
    }

    /// Whether the machine is the reason, and not the source.
    pub fn is_of_the_machine(&self) -> bool {
        matches!(self, Self::NoToolchain { .. } | Self::Unwritable { .. })
    }
}
