//! What buckets hold and what callers ask for: plain data.

use bytes::Bytes;
use jiff::Timestamp;

use crate::ObjectError;

/// The most keys a page of a listing holds: S3's limit.
pub const LIST_KEYS_MAX: u16 = 1_000;

/// The size of the largest object, 5 TiB: S3's limit, which the writers of both implementations hold.
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;

/// An object with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Describes the whole object, also if `body` is a range of it.
    pub info: ObjectInfo,
    /// The bytes that were asked for.
    pub body: Bytes,
}

/// What is known about an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key, without the bucket.
    pub key: String,
    /// The size of the whole object in bytes.
    pub size: u64,
    /// An opaque tag, without quotes, that changes when the object is written. `put`, `head`, `get` and
    /// `list` give the same one for the same write. It is a hash of the content only where S3 says so.
    pub etag: String,
    /// When the object was written. S3 counts in seconds, and does not tell the time of a `put`: there
    /// it is the host's clock.
    pub last_modified: Timestamp,
}

/// A range of bytes, as in HTTP's `Range: bytes=first-last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The offset of the first byte.
    pub first: u64,
    /// The offset of the last byte, which is included; `None` is the object's end.
    pub last: Option<u64>,
}

impl ByteRange {
    /// Refuses a range that ends before it begins. (HTTP ignores such a range and sends everything,
    /// which no caller means.)
    pub(crate) fn check(self) -> Result<(), ObjectError> {
        match self.last {
            Some(last) if last < self.first => Err(ObjectError::InvalidRange),
            _ => Ok(()),
        }
    }

    /// The offset and length that this range means in an object of `size` bytes.
    pub(crate) fn resolve(self, size: u64) -> Result<(u64, u64), ObjectError> {
        self.check()?;
        if self.first >= size {
            return Err(ObjectError::InvalidRange);
        }
        let last = self.last.unwrap_or(u64::MAX).min(size - 1);
        Ok((self.first, last - self.first + 1))
    }
}

/// Which page of a listing is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that begin with this; empty for all. Need not end at a `/`.
    pub prefix: String,
    /// The token of the page before this one, or `None` for the first page.
    pub continuation_token: Option<String>,
    /// The most keys wanted; more than [`LIST_KEYS_MAX`] counts as that.
    pub max_keys: u16,
}

impl ListRequest {
    /// Asks for the first page, of full size, of the keys that begin with `prefix`.
    pub fn first(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), continuation_token: None, max_keys: LIST_KEYS_MAX }
    }
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The objects, in the order of their keys' UTF-8 bytes.
    pub objects: Vec<ObjectInfo>,
    /// Asks for the next page; `None` on the last one. Opaque: its form differs between storages.
    pub next_continuation_token: Option<String>,
}
