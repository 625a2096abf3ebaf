//! Why a request failed.

use std::fmt;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What a task may want to tell apart.
    pub kind: ErrorKind,
    /// What was asked for and what happened; for a person.
    pub message: String,
}

/// The ways in which a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Not a URL that can be asked for, or not a header that can be sent.
    InvalidUrl,
    /// The function has no grant for this host.
    Denied,
    /// Nobody answers there: no such name, connection refused, no TLS.
    Unreachable,
    /// The whole answer did not arrive in time.
    Timeout,
    /// The connection ended, or what came was no HTTP, before the answer was whole.
    Interrupted,
    /// The body is larger than allowed.
    TooLarge,
    /// A whole answer, but of this status; see [`Response::success`](super::Response::success).
    Status(u16),
}

impl ErrorKind {
    /// The name of the [`Failure`](crate::Failure) that `?` makes of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidUrl => "Http.InvalidUrl",
            Self::Denied => "Http.Denied",
            Self::Unreachable => "Http.Unreachable",
            Self::Timeout => "Http.Timeout",
            Self::Interrupted => "Http.Interrupted",
            Self::TooLarge => "Http.TooLarge",
            Self::Status(_) => "Http.Status",
        }
    }
}

impl Error {
    /// An error of this kind; also what a test's source answers with.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn while_getting(self, url: &str) -> Self {
        let message = format!("cannot get `{url}`: {}", self.message);
        Self { message, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
