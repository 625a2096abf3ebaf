//! Why a component was not fetched.

use std::io;
use std::path::PathBuf;

use crate::lock::LOCK_FILE;

/// Why a component could not be taken from a registry. `Display` says what is wrong, [`RegistryError::help`] what can
/// be done about it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answers there.
    #[error("cannot reach the registry `{registry}`: {reason}")]
    Unreachable {
        /// The host.
        registry: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("the registry `{registry}` did not send all of {what} within {seconds} s")]
    Timeout {
        /// The host.
        registry: String,
        /// What was asked for.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// It wants to know who asks, or does not let them.
    #[error("the registry `{registry}` does not let us have `{reference}`: {reason}")]
    Unauthorized {
        /// The host.
        registry: String,
        /// What was asked for.
        reference: String,
        /// Its words.
        reason: String,
    },
    /// It has no such thing.
    #[error("the registry has no `{reference}`")]
    NotFound {
        /// What was asked for.
        reference: String,
    },
    /// It gave an answer that is none.
    #[error("the registry `{registry}` answered with an error: {reason}")]
    Failed {
        /// The host.
        registry: String,
        /// Its words.
        reason: String,
    },
    /// What came is not what was asked for.
    #[error(
        "what the registry has sent for {what} of `{reference}` has the digest `{actual}` and not `{expected}`"
    )]
    Digest {
        /// What was asked for.
        reference: String,
        /// A part of it.
        what: &'static str,
        /// What it should have.
        expected: String,
        /// What it has.
        actual: String,
    },
    /// It is something else.
    #[error("`{reference}` is no component: {reason}")]
    NoComponent {
        /// What was asked for.
        reference: String,
        /// What it is.
        reason: String,
    },
    /// It is larger than what Lambda takes.
    #[error("`{reference}` is larger than {bytes_max} bytes")]
    TooLarge {
        /// What was asked for.
        reference: String,
        /// How large it may be.
        bytes_max: u64,
    },
    /// Only what is locked may be taken, and it is not.
    #[error("`{reference}` is not in `{}`", .lock.display())]
    NotLocked {
        /// What was asked for.
        reference: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// The lock file is none.
    #[error("`{}` is no lock file: {reason}", .path.display())]
    IllFormedLock {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The lock file cannot be read or written.
    #[error("cannot {action} `{}`: {error}", .path.display())]
    Lock {
        /// Which.
        path: PathBuf,
        /// `read` or `write`.
        action: &'static str,
        /// Why.
        error: io::Error,
    },
    /// What was fetched cannot be kept.
    #[error("cannot keep components in `{}`: {error}", .path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Docker's settings have credentials that cannot be had.
    #[error("cannot get the credentials for the registry `{registry}`: {reason}")]
    Credentials {
        /// The host.
        registry: String,
        /// Why.
        reason: String,
    },
    /// No client can be set up.
    #[error("cannot set up a client for registries: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
}

impl RegistryError {
    /// The way out, where there is one that can be known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => Some(
                "what was fetched before is used without asking; the first time the registry has to be there"
                    .to_owned(),
            ),
            Self::Unauthorized { registry, .. } | Self::Credentials { registry, .. } => Some(format!(
                "log in with `docker login {registry}`, or write the `auths` of `~/.docker/config.json` by hand"
            )),
            Self::Digest { .. } => Some(
                "do not trust it: the registry, or somebody between it and you, has changed what this digest \
                 stood for"
                    .to_owned(),
            ),
            Self::NoComponent { .. } => Some(
                "push a component with one layer of the type `application/wasm`, as `wkg oci push` does, and \
                 look a tag that is locked up anew with `stepwell build FILE --again`"
                    .to_owned(),
            ),
            Self::NotFound { .. } => Some(
                "if it is locked, `stepwell build FILE --again` looks up what the tag means now".to_owned(),
            ),
            Self::NotLocked { .. } => Some(format!(
                "run once without `--locked` and commit `{LOCK_FILE}`, or give the digest: `oci://HOST/NAME@sha256:...`"
            )),
            Self::IllFormedLock { .. } => {
                Some("take it from the repository again, or remove it: it is written anew".to_owned())
            }
            Self::Failed { .. }
            | Self::TooLarge { .. }
            | Self::Lock { .. }
            | Self::Cache { .. }
            | Self::Client { .. } => None,
        }
    }

    /// Whether the machine, the network or the registry is the reason, and not what is asked for.
    pub fn is_of_the_machine(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Unauthorized { .. }
            | Self::Failed { .. }
            | Self::Lock { .. }
            | Self::Cache { .. }
            | Self::Credentials { .. }
            | Self::Client { .. } => true,
            Self::NotFound { .. }
            | Self::Digest { .. }
            | Self::NoComponent { .. }
            | Self::TooLarge { .. }
            | Self::NotLocked { .. }
            | Self::IllFormedLock { .. } => false,
        }
    }
}
