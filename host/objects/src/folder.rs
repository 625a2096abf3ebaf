//! Buckets in a local folder: `ROOT/<bucket>/<key>`, ordinary keys as ordinary files.
//!
//! Knows how files become objects; how keys become paths is `layout`'s, how files are opened safely and
//! replaced atomically is `tree`'s.

mod layout;
mod list;
mod temporary;
mod tree;
mod writer;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rustix::fs::Stat;
use rustix::io::Errno;

use self::layout::{Location, locate};
use self::list::{Selection, Windows};
use self::temporary::TemporaryFile;
use self::tree::{Tree, stat_object};
use self::writer::FolderWriter;
use crate::{
    Buckets, ByteRange, LIST_KEYS_MAX, ListPage, ListRequest, Object, ObjectError, ObjectInfo,
    ObjectWriter, name,
};

/// Buckets in a local folder.
///
/// A bucket is a folder below the root and comes into being with the first object written to it; reading
/// from a bucket that does not exist yet is [`ObjectError::NoSuchBucket`]. An object is a file: the key
/// `cache/page-1.jsonl` is the file `cache/page-1.jsonl`, and a file that somebody puts there is an
/// object. Keys that no file system takes are escaped with `%`, so that all keys are distinct objects
/// below their bucket, whatever they look like. The file system must tell upper from lower case.
///
/// Symbolic links below the root are never followed: an object behind one cannot be read, written or
/// listed. (The root itself may be a link.) Directories that become empty are removed.
///
/// Writes go to a temporary file in `ROOT/.stepwell-tmp` and are renamed into place: a crash at any
/// moment leaves the old object or the new one, and at worst an invisible file that a later `open`
/// removes once it is an hour old. Nothing waits for the disk (no `fsync`): after a power failure, as
/// opposed to a crash, the last writes may be lost.
///
/// The `etag` is made of the file's inode, time and size, so it costs nothing to list. Several
/// processes may use one folder.
#[derive(Clone)]
pub struct FolderBuckets {
    tree: Arc<Tree>,
    windows: Arc<Windows>,
}

impl FolderBuckets {
    /// Opens a folder, creates it if it does not exist, and removes what crashed processes left in it.
    pub fn open(root: PathBuf) -> Result<Self, ObjectError> {
        let shown = root.display().to_string();
        let failed = |error: io::Error| failure(&error, "open the bucket folder", &shown);
        let tree = Tree::open(root).map_err(failed)?;
        temporary::sweep(&tree).map_err(failed)?;
        Ok(Self { tree: Arc::new(tree), windows: Arc::default() })
    }

    /// Makes a bucket, unless it is there. The first write to it would make it as well; until then,
    /// reading or listing it is [`ObjectError::NoSuchBucket`].
    pub fn create_bucket(&self, bucket: &str) -> Result<(), ObjectError> {
        name::check_bucket(bucket)?;
        let made = self.tree.make_directory(bucket);
        made.map(drop).map_err(|errno| failure(&errno.into(), "create the bucket", bucket))
    }

    /// The folder that was opened.
    pub fn root(&self) -> &Path {
        self.tree.path()
    }

    /// The file that holds an object, for showing to a person. It need not exist.
    pub fn file_of(&self, bucket: &str, key: &str) -> Result<PathBuf, ObjectError> {
        name::check(bucket, key)?;
        Ok(self.tree.path().join(locate(bucket, key).path()))
    }
}

#[async_trait]
impl Buckets for FolderBuckets {
    async fn get(
        &self,
        bucket: &str,
        key: &str,
        range: Option<ByteRange>,
        max_bytes: u64,
    ) -> Result<Object, ObjectError> {
        let place = self.place(bucket, key)?;
        blocking(move || {
            let (mut file, info) = place.open()?;
            let (first, length) = match range {
                Some(range) => range.resolve(info.size)?,
                None => (0, info.size),
            };
            if length > max_bytes {
                return Err(ObjectError::TooLarge { size: length, max: max_bytes });
            }
            let body = read(&mut file, first, length)
                .map_err(|error| place.failure(&error, "read the object"))?;
            Ok(Object { info, body })
        })
        .await
    }

    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<ObjectInfo, ObjectError> {
        let place = self.place(bucket, key)?;
        blocking(move || {
            let mut temporary = place.create()?;
            match temporary.file().write_all(&body) {
                Ok(()) => place.fill(temporary),
                Err(error) => Err(place.failure(&error, "write the object")),
            }
        })
        .await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        let place = self.place(bucket, key)?;
        blocking(move || place.describe()).await
    }

    async fn list(&self, bucket: &str, request: &ListRequest) -> Result<ListPage, ObjectError> {
        name::check_bucket(bucket)?;
        let (buckets, bucket, request) = (self.clone(), bucket.to_owned(), request.clone());
        blocking(move || buckets.list_page(&bucket, &request)).await
    }

    async fn copy(
        &self,
        from_bucket: &str,
        from_key: &str,
        to_bucket: &str,
        to_key: &str,
    ) -> Result<ObjectInfo, ObjectError> {
        name::check_copy((from_bucket, from_key), (to_bucket, to_key))?;
        let from = self.place(from_bucket, from_key)?;
        let to = self.place(to_bucket, to_key)?;
        blocking(move || {
            let (mut source, _info) = from.open()?;
            let mut temporary = to.create()?;
            // The standard library lets the kernel copy, by sharing blocks where the file system can.
            match io::copy(&mut source, temporary.file()) {
                Ok(_length) => to.fill(temporary),
                Err(error) => Err(to.failure(&error, "copy to the object")),
            }
        })
        .await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let place = self.place(bucket, key)?;
        blocking(move || match place.tree.remove(&place.location) {
            Ok(()) => Ok(()),
            Err(errno) => match place.missing_or(errno, "delete the object") {
                ObjectError::NoSuchKey { .. } => Ok(()),
                error => Err(error),
            },
        })
        .await
    }

    async fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter>, ObjectError> {
        let place = self.place(bucket, key)?;
        let writer = blocking(move || FolderWriter::create(place)).await?;
        Ok(Box::new(writer))
    }
}

impl FolderBuckets {
    fn place(&self, bucket: &str, key: &str) -> Result<Place, ObjectError> {
        name::check(bucket, key)?;
        Ok(Place {
            tree: Arc::clone(&self.tree),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            location: locate(bucket, key),
        })
    }

    fn list_page(&self, bucket: &str, request: &ListRequest) -> Result<ListPage, ObjectError> {
        let failed = |errno| missing_or(&self.tree, bucket, None, errno, "list the bucket");
        // A bucket without matching keys and a bucket that does not exist must differ.
        self.tree.open_directory(bucket).map_err(failed)?;
        let selection = Selection {
            bucket,
            prefix: &request.prefix,
            after: request.continuation_token.as_deref(),
            limit: usize::from(request.max_keys.min(LIST_KEYS_MAX)),
        };
        if selection.limit == 0 {
            return Ok(ListPage::default());
        }
        let (listed, next) = list::list(&self.tree, &self.windows, &selection).map_err(failed)?;
        let objects = listed.into_iter().map(|found| describe(found.key, &found.stat)).collect();
        Ok(ListPage { objects, next_continuation_token: next })
    }
}

/// An object's name and the place of its file.
struct Place {
    tree: Arc<Tree>,
    bucket: String,
    key: String,
    location: Location,
}

impl Place {
    fn open(&self) -> Result<(File, ObjectInfo), ObjectError> {
        match self.tree.open_object(&self.location) {
            Ok((file, stat)) => Ok((file, describe(self.key.clone(), &stat))),
            Err(errno) => Err(self.missing_or(errno, "open the object")),
        }
    }

    fn describe(&self) -> Result<ObjectInfo, ObjectError> {
        let stat = self
            .tree
            .open_directory(&self.location.directory)
            .and_then(|directory| stat_object(directory.as_fd(), &self.location));
        match stat {
            Ok(stat) => Ok(describe(self.key.clone(), &stat)),
            Err(errno) => Err(self.missing_or(errno, "describe the object")),
        }
    }

    fn create(&self) -> Result<TemporaryFile, ObjectError> {
        TemporaryFile::create(&self.tree)
            .map_err(|errno| self.failure(&errno.into(), "create the object"))
    }

    fn fill(&self, temporary: TemporaryFile) -> Result<ObjectInfo, ObjectError> {
        match temporary.place(&self.location) {
            Ok(stat) => Ok(describe(self.key.clone(), &stat)),
            Err(errno) => Err(self.failure(&errno.into(), "write the object")),
        }
    }

    fn missing_or(&self, errno: Errno, action: &str) -> ObjectError {
        missing_or(&self.tree, &self.bucket, Some(self), errno, action)
    }

    fn failure(&self, error: &io::Error, action: &str) -> ObjectError {
        failure(error, action, &self.tree.display(&self.location.path()))
    }
}

/// Tells a missing bucket or object from another failure.
fn missing_or(
    tree: &Tree,
    bucket: &str,
    place: Option<&Place>,
    errno: Errno,
    action: &str,
) -> ObjectError {
    if matches!(errno, Errno::NOENT | Errno::NOTDIR) {
        return match (place, tree.open_directory(bucket)) {
            (Some(place), Ok(_)) => ObjectError::no_such_key(bucket, &place.key),
            _ => ObjectError::no_such_bucket(bucket),
        };
    }
    match place {
        Some(place) => place.failure(&errno.into(), action),
        None => failure(&errno.into(), action, &tree.display(bucket)),
    }
}

fn failure(error: &io::Error, action: &str, path: &str) -> ObjectError {
    let denied = |reason: &str| ObjectError::AccessDenied {
        message: format!("cannot {action} `{path}`: {reason}"),
    };
    let reason = match Errno::from_io_error(error) {
        Some(Errno::LOOP) => return denied("a symbolic link is on the way, and none is followed"),
        Some(Errno::ACCESS | Errno::PERM) => return denied("the host has no permission"),
        Some(Errno::ROFS) => return denied("the file system is read-only"),
        Some(Errno::NOSPC) => "the disk is full".to_owned(),
        Some(Errno::DQUOT) => "the disk quota is used up".to_owned(),
        Some(Errno::FBIG) => "the file would be larger than the system allows".to_owned(),
        Some(Errno::NOTDIR | Errno::EXIST) => "a file is where a folder should be".to_owned(),
        Some(Errno::XDEV) => "the bucket is in another file system than the folder".to_owned(),
        _ => error.to_string(),
    };
    let source = error.raw_os_error().map(io::Error::from_raw_os_error);
    ObjectError::Storage {
        message: format!("cannot {action} `{path}`: {reason}"),
        source: source.map(Into::into),
    }
}

fn describe(key: String, stat: &Stat) -> ObjectInfo {
    let modified = nanoseconds(stat.st_mtime, stat.st_mtime_nsec);
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    ObjectInfo {
        key,
        size,
        etag: format!("{:x}-{modified:x}-{size:x}", stat.st_ino),
        last_modified: Timestamp::from_nanosecond(modified).unwrap_or(Timestamp::UNIX_EPOCH),
    }
}

fn nanoseconds(seconds: impl Into<i128>, nanoseconds: impl Into<i128>) -> i128 {
    seconds.into() * 1_000_000_000 + nanoseconds.into()
}

fn read(file: &mut File, first: u64, length: u64) -> io::Result<Bytes> {
    if first > 0 {
        file.seek(SeekFrom::Start(first))?;
    }
    let capacity = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut body = Vec::new();
    body.try_reserve_exact(capacity).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.take(length).read_to_end(&mut body)?;
    // Only somebody who writes into the file in place, as this program never does, can cause this.
    if body.len() < capacity {
        return Err(io::Error::other("the file shrank while it was read"));
    }
    Ok(Bytes::from(body))
}

/// Runs file work where it may block, without holding up the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(ObjectError::storage("the program is shutting down", error)),
    }
}
