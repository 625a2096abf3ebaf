//! How an invocation fails.

use std::{error::Error, fmt, io};

use crate::{buckets, http, platform};

/// Why a task gives up: a name that the workflow's `Retry` and `Catch` match on, and a text for a
/// person.
///
/// The errors of this crate turn into one by `?`: `Buckets.AccessDenied` and the other names of
/// [`buckets::ErrorKind`], `Http.Unreachable` and the other names of [`http::ErrorKind`],
/// `InvalidJson` for `serde_json`'s, `Io` for other errors of `std::io`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error's name, at most 256 characters. Names that begin with `States.` belong to the Amazon
    /// States Language.
    pub error: String,
    /// What happened, at most 32,768 characters.
    pub cause: String,
}

impl Failure {
    /// A failure with a name of your own.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }

    /// `InvalidInput`: the state is not one that the task can work with, so a retry cannot help.
    pub fn invalid_input(cause: impl Into<String>) -> Self {
        Self::new("InvalidInput", cause)
    }
}

/// Says how the failure that the task is about to answer is reported, instead of as `errorMessage` and
/// `errorType` alone: `payload` is the text of a JSON object that has these two, the latter equal to
/// [`Failure::error`], and whatever else there is to tell (a trace, say). At most 262,144 bytes.
pub fn report_error(payload: &str) {
    platform::report_error(payload);
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.error, self.cause)
    }
}

impl Error for Failure {}

impl From<buckets::Error> for Failure {
    fn from(error: buckets::Error) -> Self {
        Self::new(error.kind.name(), error.message)
    }
}

impl From<http::Error> for Failure {
    fn from(error: http::Error) -> Self {
        Self::new(error.kind.name(), error.message)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new("InvalidJson", error.to_string())
    }
}

impl From<io::Error> for Failure {
    /// Finds the bucket's error inside, if reading or writing an object failed.
    fn from(error: io::Error) -> Self {
        match error.downcast::<buckets::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::new("Io", error.to_string()),
        }
    }
}

#[cfg(target_family = "wasm")]
impl From<Failure> for crate::bindings::exports::stepwell::task::handler::Failure {
    fn from(failure: Failure) -> Self {
        Self { error: failure.error, cause: failure.cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buckets_error_keeps_its_name_through_std_io() {
        let error =
            buckets::Error { kind: buckets::ErrorKind::NoSuchKey, message: "no `k`".to_owned() };
        let failure = Failure::from(io::Error::from(error));
        assert_eq!(failure, Failure::new("Buckets.NoSuchKey", "no `k`"));
    }

    #[test]
    fn another_error_of_std_io_is_named_io() {
        let failure = Failure::from(io::Error::new(io::ErrorKind::UnexpectedEof, "short"));
        assert_eq!(failure, Failure::new("Io", "short"));
    }
}
