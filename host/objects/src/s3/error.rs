//! What the SDK's errors mean.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::ObjectError;

/// What was asked of S3, for its errors.
pub(super) struct Request<'a> {
    /// As in "cannot `action` this object".
    pub(super) action: &'static str,
    pub(super) bucket: &'a str,
    /// Empty if the request is about the bucket.
    pub(super) key: &'a str,
}

impl Request<'_> {
    /// Translates a failed request.
    pub(super) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> ObjectError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match &error {
            SdkError::ServiceError(service) => {
                let metadata = service.err().meta();
                let code = metadata.code().unwrap_or_default();
                let message = metadata.message().unwrap_or_default();
                self.refused(code, message, status.unwrap_or_default())
            }
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => self.broke_off(error),
            _ => {
                let message = format!("cannot {self}: {}", DisplayErrorContext(&error));
                ObjectError::storage(message, error)
            }
        }
    }

    /// Translates a connection that could not be made or kept.
    pub(super) fn broke_off(&self, error: impl Error + Send + Sync + 'static) -> ObjectError {
        ObjectError::Unavailable {
            message: format!("cannot {self}: {}", causes_of(&error)),
            source: Some(error.into()),
        }
    }

    fn refused(&self, code: &str, message: &str, status: u16) -> ObjectError {
        let bucket = self.bucket.to_owned();
        let message = match (code, message) {
            ("", "") if status < 300 => format!("cannot {self}: S3's answer makes no sense"),
            ("", "") => format!("cannot {self}: S3 answered with status {status}"),
            ("", message) => format!("cannot {self}: {message} (status {status})"),
            (code, "") => format!("cannot {self}: {code}"),
            (code, message) => format!("cannot {self}: {code}: {message}"),
        };
        match (code, status) {
            ("NoSuchBucket", _) => ObjectError::NoSuchBucket { bucket },
            ("InvalidBucketName", _) => {
                ObjectError::InvalidBucketName { bucket, reason: "S3 refuses it" }
            }
            ("KeyTooLongError", _) => ObjectError::KeyTooLong { bytes: self.key.len() },
            ("InvalidRange", _) | (_, 416) => ObjectError::InvalidRange,
            // The answer to HEAD has no body, hence no code.
            ("NotFound" | "", 404) if self.key.is_empty() => ObjectError::NoSuchBucket { bucket },
            ("NoSuchKey", _) | ("NotFound" | "", 404) => {
                ObjectError::no_such_key(&bucket, self.key)
            }
            (_, 401 | 403) => ObjectError::AccessDenied { message },
            (_, 400 | 405 | 411..=413) => ObjectError::InvalidRequest { message },
            (_, 429 | 500..) => ObjectError::Unavailable { message, source: None },
            (_, 301 | 307) => ObjectError::Storage {
                message: format!("{message}: is the bucket in another region?"),
                source: None,
            },
            _ => ObjectError::Storage { message, source: None },
        }
    }
}

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { action, bucket, key } = self;
        if key.is_empty() {
            return write!(formatter, "{action} bucket `{bucket}` in S3");
        }
        write!(formatter, "{action} object `{}` of bucket `{bucket}` in S3", key.escape_debug())
    }
}

/// An error and what caused it, in one line, without the repetitions.
fn causes_of(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
