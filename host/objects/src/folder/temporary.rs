//! Files that are being written: invisible, removed when dropped, swept up when a crash left them.
//!
//! They live in one folder beside the buckets, whose name no bucket can have, so that they are in the
//! same file system as their destination and never in a listing.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, Mode, Nsecs, OFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::layout::Location;
use super::tree::Tree;

/// The folder of temporary files.
const DIRECTORY_NAME: &str = ".stepwell-tmp";

/// A temporary file that nobody has written to for this long is a crash's. Four times the longest
/// invocation (900 s): another process may be at work in the same folder.
const STALE_AFTER: Duration = Duration::from_hours(1);

/// A file on its way to become an object.
pub(super) struct TemporaryFile {
    tree: Arc<Tree>,
    directory: OwnedFd,
    name: String,
    file: File,
    is_placed: bool,
}

impl TemporaryFile {
    pub(super) fn create(tree: &Arc<Tree>) -> Result<Self, Errno> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let directory = match tree.open_directory(DIRECTORY_NAME) {
            Err(Errno::NOENT) => tree.make_directory(DIRECTORY_NAME)?,
            directory => directory?,
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", process::id());
            match rustix::fs::openat(&directory, &name, flags, Mode::from_raw_mode(0o666)) {
                // A process in another container has the same id, or a crashed one had it.
                Err(Errno::EXIST) => {}
                file => {
                    let (tree, file) = (Arc::clone(tree), File::from(file?));
                    return Ok(Self { tree, directory, name, file, is_placed: false });
                }
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the file the object at `location`.
    pub(super) fn place(mut self, location: &Location) -> Result<Stat, Errno> {
        // The kernel's own times tick in milliseconds; the tag of an object needs finer ones.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = Timespec {
            tv_sec: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: Nsecs::from(now.subsec_nanos()),
        };
        let times = Timestamps { last_access: now, last_modification: now };
        rustix::fs::futimens(&self.file, &times)?;
        let stat = rustix::fs::fstat(&self.file)?;
        self.tree.place(self.directory.as_fd(), &self.name, location)?;
        self.is_placed = true;
        Ok(stat)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.is_placed {
            let _gone_already = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// Removes what crashed processes left behind.
pub(super) fn sweep(tree: &Tree) -> io::Result<()> {
    let directory = match tree.open_directory(DIRECTORY_NAME) {
        Err(Errno::NOENT) => return Ok(()),
        directory => directory?,
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let stale_before = now.saturating_sub(STALE_AFTER).as_secs();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let stat = rustix::fs::statat(&directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
        let is_stale = stat.is_ok_and(|stat| {
            u64::try_from(stat.st_mtime).is_ok_and(|modified| modified < stale_before)
        });
        if is_stale {
            // It may be a directory, or not ours to remove; neither is a reason to fail.
            let _remains = rustix::fs::unlinkat(&directory, entry.file_name(), AtFlags::empty());
        }
    }
    Ok(())
}
