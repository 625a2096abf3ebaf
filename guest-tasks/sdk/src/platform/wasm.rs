//! The host: the invocation, the log and buckets.

use std::time::{Duration, SystemTime};

use super::Range;
use crate::{
    Context,
    bindings::{
        stepwell::task::{buckets as wit, invocation},
        wasi::logging::logging,
    },
    buckets::{Error, ErrorKind, Listing, Object, ObjectInfo},
    log::Level,
};

pub(crate) fn context() -> Context {
    let context = invocation::get_context();
    Context {
        request_id: context.request_id,
        function_name: context.function_name,
        function_version: context.function_version,
        invoked_function_arn: context.invoked_function_arn,
        memory_limit_mb: context.memory_limit_mb,
        deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline_ms),
    }
}

pub(crate) fn remaining_time() -> Duration {
    Duration::from_millis(invocation::remaining_time_ms())
}

pub(crate) fn report_error(payload: &str) {
    invocation::report_error(payload);
}

pub(crate) fn log(level: Level, context: &str, message: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, message);
}

pub(crate) fn get(bucket: &str, key: &str, range: Option<Range>) -> Result<Object, Error> {
    let range = range.map(|(first, last)| wit::ByteRange { first, last });
    let object = wit::get(bucket, key, range)?;
    Ok(Object { info: object.info.into(), body: object.body })
}

pub(crate) fn put(bucket: &str, key: &str, body: &[u8]) -> Result<ObjectInfo, Error> {
    Ok(wit::put(bucket, key, body)?.into())
}

pub(crate) fn head(bucket: &str, key: &str) -> Result<ObjectInfo, Error> {
    Ok(wit::head(bucket, key)?.into())
}

pub(crate) fn list(
    bucket: &str,
    prefix: &str,
    next: Option<&str>,
    limit: Option<u32>,
) -> Result<Listing, Error> {
    let listing = wit::list(bucket, prefix, next, limit)?;
    let objects = listing.objects.into_iter().map(ObjectInfo::from).collect();
    Ok(Listing { objects, next: listing.next })
}

pub(crate) fn copy(
    from_bucket: &str,
    from_key: &str,
    to_bucket: &str,
    to_key: &str,
) -> Result<ObjectInfo, Error> {
    Ok(wit::copy(from_bucket, from_key, to_bucket, to_key)?.into())
}

pub(crate) fn delete(bucket: &str, key: &str) -> Result<(), Error> {
    Ok(wit::delete(bucket, key)?)
}

pub(crate) fn create(bucket: &str, key: &str) -> Result<Upload, Error> {
    Ok(Upload(wit::create(bucket, key)?))
}

/// An object that the host is being given piece by piece.
pub(crate) struct Upload(wit::Writer);

impl Upload {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.0.write(bytes)?)
    }

    pub(crate) fn finish(self) -> Result<ObjectInfo, Error> {
        Ok(wit::Writer::finish(self.0)?.into())
    }
}

impl From<wit::ObjectInfo> for ObjectInfo {
    fn from(info: wit::ObjectInfo) -> Self {
        Self {
            key: info.key,
            size: info.size,
            etag: info.etag,
            last_modified: SystemTime::UNIX_EPOCH + Duration::from_millis(info.last_modified_ms),
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::AccessDenied(text) => Self::new(ErrorKind::AccessDenied, text),
            wit::Error::NoSuchBucket(text) => Self::new(ErrorKind::NoSuchBucket, text),
            wit::Error::NoSuchKey(text) => Self::new(ErrorKind::NoSuchKey, text),
            wit::Error::InvalidRange(text) => Self::new(ErrorKind::InvalidRange, text),
            wit::Error::InvalidName(text) => Self::new(ErrorKind::InvalidName, text),
            wit::Error::TooLarge(text) => Self::new(ErrorKind::TooLarge, text),
            wit::Error::Storage(text) => Self::new(ErrorKind::Storage, text),
        }
    }
}
