//! Why a call to a bucket failed.

use std::{fmt, io};

use super::Bucket;

/// Why a call to a bucket failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What a task may want to tell apart.
    pub kind: ErrorKind,
    /// What was tried, where, and what the bucket answered; for a person.
    pub message: String,
}

/// The kinds of errors that buckets answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The function has no grant for this bucket and key.
    AccessDenied,
    /// No such bucket.
    NoSuchBucket,
    /// No such object.
    NoSuchKey,
    /// The range starts past the object's end.
    InvalidRange,
    /// The bucket's name or the key is not one that S3 would take.
    InvalidName,
    /// The answer does not fit into the function's memory: read the object by [`Bucket::open`].
    TooLarge,
    /// The storage failed: disk full, no permission, network.
    Storage,
    /// The object was replaced while it was being read.
    Changed,
}

impl ErrorKind {
    /// The name of the [`Failure`](crate::Failure) that `?` makes of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "Buckets.AccessDenied",
            Self::NoSuchBucket => "Buckets.NoSuchBucket",
            Self::NoSuchKey => "Buckets.NoSuchKey",
            Self::InvalidRange => "Buckets.InvalidRange",
            Self::InvalidName => "Buckets.InvalidName",
            Self::TooLarge => "Buckets.TooLarge",
            Self::Storage => "Buckets.Storage",
            Self::Changed => "Buckets.Changed",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn while_at(self, action: &str, bucket: &Bucket, key: &str) -> Self {
        let message =
            format!("cannot {action} `{key}` in bucket `{}`: {}", bucket.name(), self.message);
        Self { message, ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
