//! How an invocation fails.

use std::{error::Error, fmt, io};

use crate::{buckets, http, platform};

/// Why a task gives up: a name that the workflow's `Retry` and `Catch` match on, and a text for a
/// person.
///
/// Errors turn into one by `?`: those of this crate by `Buckets.AccessDenied` and the other names of
/// [`buckets::ErrorKind`], `Http.Unreachable` and the other names of [`http::ErrorKind`]; `InvalidJson` for
/// `serde_json`'s, `Io` for other errors of `std::io`; and any other by its own name.
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

/// Any error is a failure: its text is the cause, and its name is the error's. That is what the derived `Debug`
/// begins with, which is the variant of an enum and the name of a struct: `#[derive(Debug, thiserror::Error)] enum
/// FetchError { SourceClosed }` fails with `SourceClosed`. So `Failure` itself is no `std::error::Error`, as
/// `anyhow::Error` is none.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let any: &(dyn Error + 'static) = &error;
        known(any).unwrap_or_else(|| Self::new(name_of(&error), error.to_string()))
    }
}

/// The errors of this crate and of what it works with have names of their own.
fn known(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(error) = error.downcast_ref::<buckets::Error>() {
        return Some(Failure::new(error.kind.name(), error.message.clone()));
    }
    if let Some(error) = error.downcast_ref::<http::Error>() {
        return Some(Failure::new(error.kind.name(), error.message.clone()));
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        return Some(Failure::new("InvalidJson", error.to_string()));
    }
    // The bucket's error is inside, if reading or writing an object failed.
    let error = error.downcast_ref::<io::Error>()?;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<buckets::Error>());
    Some(match inner {
        Some(inner) => Failure::new(inner.kind.name(), inner.message.clone()),
        None => Failure::new("Io", error.to_string()),
    })
}

fn name_of<E: Error>(error: &E) -> String {
    let shown = format!("{error:?}");
    let end = shown.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(shown.len());
    let begins = shown.starts_with(|c: char| c.is_alphabetic());
    let of_type = std::any::type_name::<E>();
    match &shown[..end] {
        name if begins && !name.is_empty() => name.to_owned(),
        // Shown by hand: the type's own name, without its module and parameters.
        _ => {
            let path = of_type.split('<').next().unwrap_or(of_type);
            path.rsplit("::").next().unwrap_or(path).to_owned()
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
    fn an_error_of_ones_own_has_the_name_of_its_variant_or_type() {
        #[derive(Debug)]
        enum FetchError {
            SourceClosed { at: u8 },
        }
        impl fmt::Display for FetchError {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self::SourceClosed { at } = self;
                write!(formatter, "closed at {at}")
            }
        }
        impl Error for FetchError {}
        let failure = Failure::from(FetchError::SourceClosed { at: 3 });
        assert_eq!(failure, Failure::new("SourceClosed", "closed at 3"));
        let failure = Failure::from("x".parse::<u8>().unwrap_err());
        assert_eq!(failure.error, "ParseIntError");
    }

    #[test]
    fn an_error_that_is_shown_otherwise_has_the_name_of_its_type() {
        struct Odd;
        impl fmt::Debug for Odd {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("<odd>")
            }
        }
        impl fmt::Display for Odd {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("it is odd")
            }
        }
        impl Error for Odd {}
        assert_eq!(Failure::from(Odd), Failure::new("Odd", "it is odd"));
    }

    #[test]
    fn another_error_of_std_io_is_named_io() {
        let failure = Failure::from(io::Error::new(io::ErrorKind::UnexpectedEof, "short"));
        assert_eq!(failure, Failure::new("Io", "short"));
    }
}
