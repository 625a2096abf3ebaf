//! Buckets: where tasks keep their objects.
//!
//! One trait, [`Buckets`], with S3's semantics and two implementations: [`FolderBuckets`] keeps objects
//! as files below one local folder, [`S3Buckets`] asks S3 or a server that speaks its protocol. This
//! crate knows nothing about tasks, grants or workflows: who may touch which bucket is the sandbox's
//! business, and every name that arrives here is taken to come from a hostile guest.

mod error;
mod folder;
mod name;
mod object;
mod s3;

use async_trait::async_trait;
use bytes::Bytes;

pub use crate::error::ObjectError;
pub use crate::folder::FolderBuckets;
pub use crate::object::{
    ByteRange, LIST_KEYS_MAX, ListPage, ListRequest, OBJECT_BYTES_MAX, Object, ObjectInfo,
};
pub use crate::s3::S3Buckets;

/// Buckets of objects, with the guarantees of S3.
///
/// All operations are strongly consistent: what a call has reported as done is seen by every call that
/// begins afterwards, from `list` too. Keys are any 1 to 1,024 bytes of UTF-8, compared byte by byte;
/// a `/` in a key is a character like any other. Bucket names follow S3's rules. A call with a name
/// that S3 would refuse fails without touching the storage.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// Reads an object, or the part of it that `range` names.
    ///
    /// The body is one version of the object, never a mix of two. If the answer would be larger than
    /// `max_bytes` the call fails with [`ObjectError::TooLarge`], and nothing of the body has been read
    /// into memory. A range is cut at the object's end; one that begins at or after the end (so any
    /// range of an empty object) is [`ObjectError::InvalidRange`]. `info` describes the whole object.
    async fn get(
        &self,
        bucket: &str,
        key: &str,
        range: Option<ByteRange>,
        max_bytes: u64,
    ) -> Result<Object, ObjectError>;

    /// Writes an object, replacing the one that has this key.
    ///
    /// All or nothing: readers see the old object or the new one, and after an error the old one. Of
    /// several concurrent writers of a key one wins whole.
    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<ObjectInfo, ObjectError>;

    /// Describes an object without reading it.
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError>;

    /// Lists one page of the keys that begin with a prefix, in the order of their UTF-8 bytes.
    ///
    /// An object that exists during the whole of a paged listing is in it exactly once; one that is
    /// written or deleted meanwhile may be in it or not. A page may hold fewer keys than asked for;
    /// there are more if and only if it carries a token.
    async fn list(&self, bucket: &str, request: &ListRequest) -> Result<ListPage, ObjectError>;

    /// Copies an object to another key or bucket without passing it through the host's memory.
    ///
    /// As atomic as `put`. Copying an object onto itself is refused, as S3 does. S3 copies objects up to
    /// 5 GiB in this way and answers `InvalidRequest` for larger ones; a folder has no such limit.
    async fn copy(
        &self,
        from_bucket: &str,
        from_key: &str,
        to_bucket: &str,
        to_key: &str,
    ) -> Result<ObjectInfo, ObjectError>;

    /// Deletes an object. Deleting a key that does not exist succeeds; a missing bucket is an error.
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError>;

    /// Begins to write an object piece by piece, in bounded memory.
    ///
    /// Nothing is visible under the key before [`ObjectWriter::finish`] has returned.
    async fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter>, ObjectError>;

    /// Waits until what dropped writers have left in the storage is gone, or cannot be removed. For a
    /// program that is about to end.
    async fn settle(&self) {}
}

/// An object that is being written.
///
/// Dropping a writer abandons the object: the key keeps what it had, and what was stored so far is
/// removed (from a folder at once; from S3 by a request sent in the background, best effort). After an
/// error, or after a `write` whose future was dropped before it completed, the object cannot be
/// finished any more.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Appends bytes. May wait for the storage, and keeps no more than one part in memory.
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError>;

    /// Makes the object visible under its key, whole and at once, as `put` does.
    async fn finish(self: Box<Self>) -> Result<ObjectInfo, ObjectError>;

    /// Abandons the object and waits until what was stored of it is gone.
    async fn abort(self: Box<Self>) -> Result<(), ObjectError>;
}
