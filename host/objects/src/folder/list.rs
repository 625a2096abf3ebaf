//! Listing: walks the directories in the order of the keys, from the token on, for one page.
//!
//! A page reads each directory on its way once and describes the files it returns, no others. Of a
//! directory too large for that to be cheap, the names are kept in memory, at most
//! [`WINDOW_ENTRIES`] of them, and serve the following pages for as long as the directory has not
//! changed.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;

use super::layout::{Entry, locate};
use super::tree::{Tree, stat_object};

/// The most names of one directory that are kept in memory. Few in this crate's own tests.
const WINDOW_ENTRIES: usize = if cfg!(test) { 8 } else { 32_768 };

/// A directory with fewer entries is read again for each page.
const CACHED_ENTRIES_MIN: usize = if cfg!(test) { 2 } else { 512 };

/// How many directories' names are kept between pages.
const WINDOWS_MAX: usize = 4;

/// A directory's time of modification vouches for its content only when it has not just changed:
/// two changes within a tick of the file system's clock have the same time.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Names of large directories, kept from one page to the next.
#[derive(Default)]
pub(super) struct Windows(Mutex<Vec<Arc<Window>>>);

/// One object in a page.
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) stat: Stat,
}

/// Which keys are wanted.
pub(super) struct Selection<'a> {
    pub(super) bucket: &'a str,
    pub(super) prefix: &'a str,
    /// Only keys greater than this.
    pub(super) after: Option<&'a str>,
    /// The most keys.
    pub(super) limit: usize,
}

/// Lists a page of objects. The second value is the last key of the page if there are more.
pub(super) fn list(
    tree: &Tree,
    windows: &Windows,
    selection: &Selection<'_>,
) -> Result<(Vec<Listed>, Option<String>), Errno> {
    let start = locate(selection.bucket, selection.prefix);
    let (at, prefix) = selection.prefix.split_at(start.key_bytes);
    let mut walk = Walk { tree, windows, selection, keys: Vec::new() };
    // A token before all these keys hides none of them, and one after all of them hides all.
    let is_past = selection.after.is_some_and(|after| after > at && !after.starts_with(at));
    if !is_past {
        walk.visit(&start.directory, at, prefix)?;
    }
    let mut keys = walk.keys;
    let has_more = keys.len() > selection.limit;
    keys.truncate(selection.limit);
    let next = if has_more { keys.last().cloned() } else { None };
    Ok((describe(tree, selection.bucket, keys)?, next))
}

struct Walk<'a> {
    tree: &'a Tree,
    windows: &'a Windows,
    selection: &'a Selection<'a>,
    keys: Vec<String>,
}

impl Walk<'_> {
    /// Visits the directory `path`, whose keys begin with `at`, for what continues with `prefix`.
    fn visit(&mut self, path: &str, at: &str, prefix: &str) -> Result<(), Errno> {
        let after = self.selection.after.and_then(|after| after.strip_prefix(at)).unwrap_or("");
        let mut floor = after.max(prefix).to_owned();
        let mut done: Option<String> = None;
        loop {
            let window = match self.windows.read(self.tree, path, &floor) {
                // Removed meanwhile, or never there: the keys that it would hold do not exist.
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
                window => window?,
            };
            for entry in window.from(&floor) {
                if done.as_ref().is_some_and(|done| entry.key <= *done) {
                    continue;
                }
                if !entry.key.starts_with(prefix) {
                    return Ok(());
                }
                self.visit_entry(path, at, entry)?;
                if self.keys.len() > self.selection.limit {
                    return Ok(());
                }
            }
            match window.entries.last() {
                Some(last) if window.is_truncated => {
                    floor.clone_from(&last.key);
                    done = Some(last.key.clone());
                }
                _ => return Ok(()),
            }
        }
    }

    fn visit_entry(&mut self, path: &str, at: &str, entry: &Entry) -> Result<(), Errno> {
        let key = format!("{at}{}", entry.key);
        if entry.is_directory {
            return self.visit(&format!("{path}/{}", entry.directory_name()), &key, "");
        }
        if self.selection.after.is_none_or(|after| key.as_str() > after) {
            self.keys.push(key);
        }
        Ok(())
    }
}

/// The names in one directory from `floor` on, in the order of their keys.
struct Window {
    directory: Version,
    floor: String,
    entries: Vec<Entry>,
    is_truncated: bool,
}

/// Identifies a directory and its content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    device: i128,
    inode: u64,
    modified: i128,
    changed: i128,
}

impl Windows {
    fn read(&self, tree: &Tree, path: &str, floor: &str) -> Result<Arc<Window>, Errno> {
        let directory = tree.open_directory(path)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let version = Version::of(&rustix::fs::fstat(&directory)?);
        if let Some(window) = self.find(version, floor) {
            return Ok(window);
        }
        let window = Arc::new(Window::read(&directory, version, floor)?);
        let settled = now.saturating_sub(SETTLED_AFTER).as_nanos();
        let is_settled = i128::try_from(settled).is_ok_and(|settled| version.modified < settled);
        if is_settled && window.entries.len() >= CACHED_ENTRIES_MIN {
            self.keep(&window);
        }
        Ok(window)
    }

    fn find(&self, version: Version, floor: &str) -> Option<Arc<Window>> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.iter().find(|window| window.directory == version && window.covers(floor)).cloned()
    }

    fn keep(&self, window: &Arc<Window>) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Arc<Window>| {
            other.directory.device == window.directory.device
                && other.directory.inode == window.directory.inode
        };
        windows.retain(|other| !same(other));
        if windows.len() == WINDOWS_MAX {
            windows.remove(0);
        }
        windows.push(Arc::clone(window));
    }
}

impl Window {
    fn read(directory: &OwnedFd, version: Version, floor: &str) -> Result<Self, Errno> {
        let mut entries = Vec::new();
        let mut is_truncated = false;
        let mut reader = Dir::read_from(directory)?;
        while let Some(found) = reader.read() {
            let found = found?;
            let Ok(name) = found.file_name().to_str() else { continue };
            let kind = match found.file_type() {
                FileType::Unknown => kind_of(directory, name)?,
                kind => kind,
            };
            let is_directory = kind == FileType::Directory;
            if !is_directory && kind != FileType::RegularFile {
                continue;
            }
            let Some(entry) = Entry::decode(name, is_directory) else { continue };
            if entry.ends_before(floor) {
                continue;
            }
            entries.push(entry);
            if entries.len() == 2 * WINDOW_ENTRIES {
                entries.select_nth_unstable(WINDOW_ENTRIES);
                entries.truncate(WINDOW_ENTRIES);
                is_truncated = true;
            }
        }
        entries.sort_unstable();
        is_truncated |= entries.len() > WINDOW_ENTRIES;
        entries.truncate(WINDOW_ENTRIES);
        // An object may have two files for a moment while it steps aside for a directory.
        entries.dedup();
        Ok(Self { directory: version, floor: floor.to_owned(), entries, is_truncated })
    }

    fn covers(&self, floor: &str) -> bool {
        let reaches =
            !self.is_truncated || self.entries.last().is_some_and(|last| floor < last.key.as_str());
        self.floor.as_str() <= floor && reaches
    }

    fn from(&self, floor: &str) -> &[Entry] {
        &self.entries[self.entries.partition_point(|entry| entry.ends_before(floor))..]
    }
}

impl Version {
    fn of(stat: &Stat) -> Self {
        Self {
            device: i128::from(stat.st_dev),
            inode: stat.st_ino,
            modified: super::nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: super::nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

fn kind_of(directory: &OwnedFd, name: &str) -> Result<FileType, Errno> {
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode)),
        Err(Errno::NOENT) => Ok(FileType::Unknown),
        Err(errno) => Err(errno),
    }
}

/// Describes the objects of a page. One that was deleted after its name was read is left out.
fn describe(tree: &Tree, bucket: &str, keys: Vec<String>) -> Result<Vec<Listed>, Errno> {
    let mut listed = Vec::with_capacity(keys.len());
    let mut open: Option<(String, OwnedFd)> = None;
    for key in keys {
        let location = locate(bucket, &key);
        let directory = match open.take() {
            Some((path, directory)) if path == location.directory => directory,
            _ => match tree.open_directory(&location.directory) {
                Err(Errno::NOENT | Errno::NOTDIR) => continue,
                directory => directory?,
            },
        };
        match stat_object(directory.as_fd(), &location) {
            Ok(stat) => listed.push(Listed { key, stat }),
            Err(Errno::NOENT | Errno::LOOP) => {}
            Err(errno) => return Err(errno),
        }
        open = Some((location.directory, directory));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    fn pages(tree: &Tree, windows: &Windows, prefix: &str, limit: usize) -> Vec<String> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let selection = Selection { bucket: "rows", prefix, after: token.as_deref(), limit };
            let (listed, next) = list(tree, windows, &selection).unwrap();
            keys.extend(listed.into_iter().map(|found| found.key));
            token = next;
            if token.is_none() {
                return keys;
            }
        }
    }

    /// Makes a directory look as if it had not changed for a while.
    fn settle(path: &Path) {
        let long_ago = SystemTime::now() - Duration::from_mins(1);
        fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn directories_larger_than_a_window_are_listed_whole_and_anew_after_a_change() {
        let root = TempDir::new().unwrap();
        let bucket = root.path().join("rows");
        let mut keys = Vec::new();
        for number in 0..100 {
            let key = match number % 10 {
                3 => format!("{number}/a"),
                7 => format!("{number}/a/b"),
                _ => number.to_string(),
            };
            fs::create_dir_all(bucket.join(&key).parent().unwrap()).unwrap();
            fs::write(bucket.join(&key), "").unwrap();
            keys.push(key);
        }
        keys.sort_unstable();
        settle(&bucket);
        let tree = Tree::open(root.path().to_owned()).unwrap();
        let windows = Windows::default();
        for limit in [1, 3, 7, 8, 9, 30, 100] {
            assert_eq!(pages(&tree, &windows, "", limit), keys, "pages of {limit}");
            assert_eq!(pages(&tree, &Windows::default(), "", limit), keys);
        }
        assert_eq!(pages(&tree, &windows, "5", 2), pages(&tree, &Windows::default(), "5", 100));
        assert!(!windows.0.lock().unwrap().is_empty(), "windows are kept");

        fs::write(bucket.join("99x"), "").unwrap();
        fs::remove_file(bucket.join("0")).unwrap();
        keys.remove(0);
        keys.push("99x".to_owned());
        assert_eq!(pages(&tree, &windows, "", 3), keys);
    }

    #[test]
    fn a_directory_that_has_just_changed_is_not_kept() {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("rows")).unwrap();
        for number in 0..6 {
            fs::write(root.path().join("rows").join(number.to_string()), "").unwrap();
        }
        let tree = Tree::open(root.path().to_owned()).unwrap();
        let windows = Windows::default();
        assert_eq!(pages(&tree, &windows, "", 2).len(), 6);
        assert!(windows.0.lock().unwrap().is_empty());
    }
}
