//! Why an operation on a bucket failed, in S3's terms.

use std::error::Error;

/// The failure of an operation on a bucket. Its text is safe to print, whatever the names hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The bucket does not exist.
    #[error("there is no bucket `{bucket}`")]
    NoSuchBucket {
        /// The bucket that was asked for.
        bucket: String,
    },
    /// The bucket exists, but not the object.
    #[error("there is no object `{}` in bucket `{bucket}`", key.escape_debug())]
    NoSuchKey {
        /// The bucket that was asked.
        bucket: String,
        /// The key that was asked for.
        key: String,
    },
    /// The bucket's name breaks S3's rules.
    #[error("`{}` is not a bucket name: {reason}", bucket.escape_debug())]
    InvalidBucketName {
        /// The name.
        bucket: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The key is longer than S3 allows.
    #[error("the key has {bytes} bytes, the most is {}", crate::name::KEY_BYTES_MAX)]
    KeyTooLong {
        /// The key's length.
        bytes: usize,
    },
    /// The key cannot name an object for another reason.
    #[error("not an object key: {reason}")]
    InvalidKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The range ends before it begins, or begins at or after the object's end.
    #[error("the range lies outside the object")]
    InvalidRange,
    /// The request contradicts itself or asks for what this storage cannot do.
    #[error("{message}")]
    InvalidRequest {
        /// What is wrong with it.
        message: String,
    },
    /// The answer, or the object being written, is larger than allowed.
    #[error("{size} bytes are more than the {max} that are allowed")]
    TooLarge {
        /// How large it is, or at least.
        size: u64,
        /// How large it may be.
        max: u64,
    },
    /// The storage does not let the host do this.
    #[error("{message}")]
    AccessDenied {
        /// What was denied, naming the path or the service's reason.
        message: String,
    },
    /// The storage could not be reached, or was too busy for longer than the retries lasted.
    #[error("{message}")]
    Unavailable {
        /// What was tried and what happened.
        message: String,
        /// The cause, for a program that prints chains; `message` already tells it.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The storage failed in another way: a full disk, a read-only folder, an unexpected answer.
    #[error("{message}")]
    Storage {
        /// What was tried, naming the path, and what happened.
        message: String,
        /// The cause, for a program that prints chains; `message` already tells it.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl ObjectError {
    /// The name that S3 gives to this failure.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchBucket { .. } => "NoSuchBucket",
            Self::NoSuchKey { .. } => "NoSuchKey",
            Self::InvalidBucketName { .. } => "InvalidBucketName",
            Self::KeyTooLong { .. } => "KeyTooLongError",
            Self::InvalidKey { .. } => "InvalidArgument",
            Self::InvalidRange => "InvalidRange",
            Self::InvalidRequest { .. } => "InvalidRequest",
            Self::TooLarge { .. } => "EntityTooLarge",
            Self::AccessDenied { .. } => "AccessDenied",
            Self::Unavailable { .. } => "ServiceUnavailable",
            Self::Storage { .. } => "InternalError",
        }
    }

    pub(crate) fn no_such_bucket(bucket: &str) -> Self {
        Self::NoSuchBucket { bucket: bucket.to_owned() }
    }

    pub(crate) fn no_such_key(bucket: &str, key: &str) -> Self {
        Self::NoSuchKey { bucket: bucket.to_owned(), key: key.to_owned() }
    }

    pub(crate) fn broken_writer() -> Self {
        let message = "the object cannot be written further: an earlier write of it failed";
        Self::InvalidRequest { message: message.to_owned() }
    }

    pub(crate) fn storage(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Storage { message: message.into(), source: Some(source.into()) }
    }
}
