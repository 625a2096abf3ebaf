//! The world in memory that a task sees when it is not a component: one per thread, so that tests do
//! not meet. `testing` is its public side.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime},
};

use super::Range;
use crate::{
    Context,
    buckets::{Error, ErrorKind, Listing, Object, ObjectInfo},
    http::{self, Origin, Received, Request},
    log::Level,
    testing::{LogLine, Source},
};

/// A listing's page, as in S3.
const LISTING_OBJECTS_MAX: usize = 1_000;

/// The time that an invocation in memory says it has.
const TIMEOUT: Duration = Duration::from_mins(15);

#[derive(Default)]
pub(crate) struct World {
    pub(crate) buckets: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    pub(crate) source: Option<Source>,
    pub(crate) log: Vec<LogLine>,
    pub(crate) reported_error: Option<String>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

pub(crate) fn with_world<T>(action: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(action)
}

pub(crate) fn context() -> Context {
    Context {
        request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        function_name: "test".to_owned(),
        function_version: "$LATEST".to_owned(),
        invoked_function_arn: "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned(),
        memory_limit_mb: 128,
        deadline: SystemTime::UNIX_EPOCH + TIMEOUT,
    }
}

pub(crate) fn remaining_time() -> Duration {
    TIMEOUT
}

pub(crate) fn report_error(payload: &str) {
    with_world(|world| world.reported_error = Some(payload.to_owned()));
}

pub(crate) fn log(level: Level, context: &str, message: &str) {
    let line = LogLine { level, context: context.to_owned(), message: message.to_owned() };
    with_world(|world| world.log.push(line));
}

pub(crate) fn get(bucket: &str, key: &str, range: Option<Range>) -> Result<Object, Error> {
    with_object(bucket, key, |body| {
        let (first, last) = range.unwrap_or((0, None));
        let end = last.map_or(u64::MAX, |last| last.saturating_add(1)).min(body.len() as u64);
        if range.is_some() && first >= end {
            return Err(Error::new(ErrorKind::InvalidRange, "the range is not in the object"));
        }
        let (first, end) = (index(first), index(end));
        Ok(Object { info: info(key, body), body: body[first..end].to_vec() })
    })
}

pub(crate) fn put(bucket: &str, key: &str, body: &[u8]) -> Result<ObjectInfo, Error> {
    if key.is_empty() || key.len() > 1_024 {
        return Err(Error::new(ErrorKind::InvalidName, "a key has 1 to 1,024 bytes"));
    }
    with_bucket(bucket, |objects| {
        objects.insert(key.to_owned(), body.to_vec());
        Ok(info(key, body))
    })
}

pub(crate) fn head(bucket: &str, key: &str) -> Result<ObjectInfo, Error> {
    with_object(bucket, key, |body| Ok(info(key, body)))
}

pub(crate) fn list(
    bucket: &str,
    prefix: &str,
    next: Option<&str>,
    limit: Option<u32>,
) -> Result<Listing, Error> {
    let limit = limit.map_or(LISTING_OBJECTS_MAX, |limit| index(limit.into()));
    with_bucket(bucket, |objects| {
        let mut found = objects
            .iter()
            .filter(|(key, _)| {
                key.starts_with(prefix) && next.is_none_or(|next| key.as_str() > next)
            })
            .map(|(key, body)| info(key, body));
        let objects: Vec<ObjectInfo> = found.by_ref().take(limit).collect();
        let last = objects.last().map(|object| object.key.clone());
        Ok(Listing { objects, next: found.next().and(last) })
    })
}

pub(crate) fn copy(
    from_bucket: &str,
    from_key: &str,
    to_bucket: &str,
    to_key: &str,
) -> Result<ObjectInfo, Error> {
    let object = get(from_bucket, from_key, None)?;
    put(to_bucket, to_key, &object.body)
}

pub(crate) fn delete(bucket: &str, key: &str) -> Result<(), Error> {
    with_bucket(bucket, |objects| {
        objects.remove(key);
        Ok(())
    })
}

pub(crate) fn create(bucket: &str, key: &str) -> Result<Upload, Error> {
    with_bucket(bucket, |_| Ok(()))?;
    Ok(Upload { bucket: bucket.to_owned(), key: key.to_owned(), body: Vec::new() })
}

/// An object that is being written piece by piece.
pub(crate) struct Upload {
    bucket: String,
    key: String,
    body: Vec<u8>,
}

impl Upload {
    #[expect(clippy::unnecessary_wraps, reason = "the host's side can fail")]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<ObjectInfo, Error> {
        put(&self.bucket, &self.key, &self.body)
    }
}

pub(crate) fn send(request: &Request, _: &Origin<'_>) -> Result<Received, http::Error> {
    let source = with_world(|world| world.source.clone()).ok_or_else(|| {
        http::Error::new(http::ErrorKind::Denied, "`testing::source` says what is answered")
    })?;
    let (status, headers, bytes) = source(request.url())?;
    let mut received = Received { status, headers, body: Vec::new() };
    received.check_declared(request.body_bytes_max_value())?;
    received.append(&bytes, request.body_bytes_max_value())?;
    Ok(received)
}

fn with_bucket<T>(
    bucket: &str,
    action: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> Result<T, Error>,
) -> Result<T, Error> {
    with_world(|world| match world.buckets.get_mut(bucket) {
        Some(objects) => action(objects),
        None => Err(Error::new(ErrorKind::NoSuchBucket, "no such bucket")),
    })
}

fn with_object<T>(
    bucket: &str,
    key: &str,
    action: impl FnOnce(&[u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    with_bucket(bucket, |objects| match objects.get(key) {
        Some(body) => action(body),
        None => Err(Error::new(ErrorKind::NoSuchKey, "no such key")),
    })
}

fn info(key: &str, body: &[u8]) -> ObjectInfo {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    ObjectInfo {
        key: key.to_owned(),
        size: body.len() as u64,
        etag: format!("\"{:016x}\"", hasher.finish()),
        last_modified: SystemTime::UNIX_EPOCH,
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("offsets into memory are addresses")
}
