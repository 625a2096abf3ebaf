//! The folder's files: opening below the root, temporary files, and the atomic switch from one to the
//! other. Knows paths that `layout` made, not keys.
//!
//! Nothing here follows a symbolic link below the root: every path is resolved from a handle on the root
//! by `openat2(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH)`, or component by component with `O_NOFOLLOW`
//! where the kernel lacks that call, so a link that somebody plants, at any moment, is refused.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::layout::{Location, beside_directory};

/// How often a write begins again because another one has just changed the directories on its way.
const ATTEMPTS_MAX: usize = 100;

/// The root folder, and the rules for moving about in it.
pub(super) struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// Held while a file makes room for a directory of its name.
    making_room: Mutex<()>,
}

impl Tree {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        let root = rustix::fs::open(&path, DIRECTORY, Mode::empty())?;
        Ok(Self { path, root, making_room: Mutex::new(()) })
    }

    /// The root and a path below it, as a person would write it.
    pub(super) fn display(&self, path: &str) -> String {
        self.path.join(path).display().to_string()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a directory. `NOENT` and `NOTDIR` tell that it does not exist, `LOOP` that a symbolic link
    /// is on the way.
    pub(super) fn open_directory(&self, path: &str) -> Result<OwnedFd, Errno> {
        self.open_beneath(path, DIRECTORY)
    }

    /// Opens an object's file for reading.
    pub(super) fn open_object(&self, location: &Location) -> Result<(File, Stat), Errno> {
        // Without `NONBLOCK` the opening of a planted pipe would never return.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = |path: &str| {
            let file = self.open_beneath(path, flags)?;
            let stat = rustix::fs::fstat(&file)?;
            if is_file(&stat) { Ok((File::from(file), stat)) } else { Err(Errno::NOENT) }
        };
        match open(&location.path()) {
            Err(Errno::NOENT) => open(&beside_directory(&location.path())),
            result => result,
        }
    }

    /// Moves a finished file to an object's place, creating the directories on the way. Whoever does
    /// this last for one place wins; nobody ever sees a mix.
    pub(super) fn place(
        &self,
        from: BorrowedFd<'_>,
        name: &str,
        location: &Location,
    ) -> Result<(), Errno> {
        let mut outcome = Err(Errno::NOENT);
        for _ in 0..ATTEMPTS_MAX {
            let directory = match self.open_directory(&location.directory) {
                Err(Errno::NOENT | Errno::NOTDIR) => self.make_directory(&location.directory)?,
                directory => directory?,
            };
            let rename = |to: &str| rustix::fs::renameat(from, name, &directory, to);
            outcome = match rename(&location.name) {
                Err(Errno::ISDIR) => rename(&beside_directory(&location.name)),
                outcome => outcome,
            };
            // The directory was empty and has just been removed with the last object in it.
            if outcome != Err(Errno::NOENT) {
                return outcome;
            }
        }
        outcome
    }

    /// Removes an object's file, and the directories which that leaves empty. `NOENT` and `NOTDIR` tell
    /// that not even its directory exists.
    pub(super) fn remove(&self, location: &Location) -> Result<(), Errno> {
        let directory = self.open_directory(&location.directory)?;
        let unlink = |name: &str, flags| match rustix::fs::unlinkat(&directory, name, flags) {
            Err(Errno::NOENT) => Ok(()),
            outcome => outcome,
        };
        // The file's other name comes first, so that what it may hold does not reappear, and last,
        // because the file may be moved there in between.
        let beside = beside_directory(&location.name);
        unlink(&beside, AtFlags::empty())?;
        match unlink(&location.name, AtFlags::empty()) {
            // Some systems say `PERM` for a directory, too.
            Err(errno @ (Errno::ISDIR | Errno::PERM)) => {
                if unlink(&location.name, AtFlags::REMOVEDIR) == Err(Errno::NOTDIR) {
                    return Err(errno);
                }
            }
            outcome => outcome?,
        }
        unlink(&beside, AtFlags::empty())?;
        self.remove_empty_directories(&location.directory);
        Ok(())
    }

    /// Removes a directory if it is empty, and then those above it, up to the bucket, which stays.
    fn remove_empty_directories(&self, directory: &str) {
        let mut path = directory;
        while let Some((above, name)) = path.rsplit_once('/') {
            let Ok(parent) = self.open_directory(above) else { return };
            if rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).is_err() {
                return;
            }
            // An object that stepped aside for this directory keeps it, so that it has one name only.
            let beside = beside_directory(name);
            if rustix::fs::statat(&parent, &beside, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                let _made_by_another = rustix::fs::mkdirat(&parent, name, DIRECTORY_MODE);
                return;
            }
            path = above;
        }
    }

    /// Creates a directory and those above it; a file in the way steps aside.
    pub(super) fn make_directory(&self, path: &str) -> Result<OwnedFd, Errno> {
        let mut attempts = 0;
        'again: loop {
            attempts += 1;
            let mut directory = None;
            for name in path.split('/') {
                let parent = directory.as_ref().map_or(self.root.as_fd(), OwnedFd::as_fd);
                match enter_or_make(parent, name) {
                    Err(Errno::NOTDIR) if directory.is_some() && attempts < ATTEMPTS_MAX => {
                        match self.make_room(parent, name) {
                            // The file, or the directory it was in, has just been removed.
                            Ok(()) | Err(Errno::NOENT) => continue 'again,
                            Err(errno) => return Err(errno),
                        }
                    }
                    Err(Errno::NOENT) if attempts < ATTEMPTS_MAX => continue 'again,
                    entered => directory = Some(entered?),
                }
            }
            return directory.ok_or(Errno::NOENT);
        }
    }

    /// Gives an object's file its other name and creates a directory in its place.
    fn make_room(&self, parent: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        let _guard = self.making_room.lock().unwrap_or_else(PoisonError::into_inner);
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if is_file(&stat) {
            rustix::fs::renameat(parent, name, parent, beside_directory(name))?;
        }
        match rustix::fs::mkdirat(parent, name, DIRECTORY_MODE) {
            Err(Errno::EXIST) => Ok(()),
            outcome => outcome,
        }
    }

    fn open_beneath(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
            match rustix::fs::openat2(&self.root, path, flags, Mode::empty(), resolve) {
                // Old kernels and some container runtimes lack the call, and a path may be too long
                // for it; `AGAIN` is a race that it could not decide.
                Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG | Errno::AGAIN) => {}
                result => return result,
            }
        }
        self.open_by_component(path, flags)
    }

    fn open_by_component(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let Some((directories, name)) = path.rsplit_once('/') else {
            return open_no_follow(self.root.as_fd(), path, flags);
        };
        let mut directory = None;
        for name in directories.split('/') {
            let parent = directory.as_ref().map_or(self.root.as_fd(), OwnedFd::as_fd);
            directory = Some(open_no_follow(parent, name, DIRECTORY)?);
        }
        let parent = directory.as_ref().map_or(self.root.as_fd(), OwnedFd::as_fd);
        open_no_follow(parent, name, flags)
    }
}

pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);

/// Describes an object's file.
pub(super) fn stat_object(directory: BorrowedFd<'_>, location: &Location) -> Result<Stat, Errno> {
    let stat = |name: &str| rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    match stat(&location.name) {
        Ok(found) if is_file(&found) => Ok(found),
        Ok(found) if file_type(&found) == FileType::Symlink => Err(Errno::LOOP),
        Ok(_) | Err(Errno::NOENT) => match stat(&beside_directory(&location.name)) {
            Ok(found) if is_file(&found) => Ok(found),
            Ok(_) => Err(Errno::NOENT),
            Err(errno) => Err(errno),
        },
        Err(errno) => Err(errno),
    }
}

fn enter_or_make(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    match open_no_follow(parent, name, DIRECTORY) {
        Err(Errno::NOENT) => {}
        entered => return entered,
    }
    match rustix::fs::mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) | Err(Errno::EXIST) => open_no_follow(parent, name, DIRECTORY),
        Err(errno) => Err(errno),
    }
}

/// Opens one component. Tells a symbolic link (`LOOP`) from a file where a directory should be
/// (`NOTDIR`), which the kernel does not.
fn open_no_follow(parent: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(parent, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
        Err(Errno::NOTDIR) => match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if file_type(&stat) == FileType::Symlink => Err(Errno::LOOP),
            _ => Err(Errno::NOTDIR),
        },
        result => result,
    }
}

fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn is_file(stat: &Stat) -> bool {
    file_type(stat) == FileType::RegularFile
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn both_ways_to_open_agree() {
        let root = TempDir::new().unwrap();
        let outside = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("rows/a/b")).unwrap();
        fs::write(root.path().join("rows/file"), "").unwrap();
        fs::write(outside.path().join("file"), "").unwrap();
        symlink(outside.path(), root.path().join("rows/link")).unwrap();
        symlink(outside.path(), root.path().join("link")).unwrap();
        symlink("file", root.path().join("rows/alias")).unwrap();
        let tree = Tree::open(root.path().to_owned()).unwrap();
        for (path, expected) in [
            ("rows", Ok(())),
            ("rows/a/b", Ok(())),
            ("rows/file", Ok(())),
            ("rows/a/b/c", Err(Errno::NOENT)),
            ("rows/x/b", Err(Errno::NOENT)),
            ("x", Err(Errno::NOENT)),
            ("rows/file/a", Err(Errno::NOTDIR)),
            ("link", Err(Errno::LOOP)),
            ("link/file", Err(Errno::LOOP)),
            ("rows/link/file", Err(Errno::LOOP)),
            ("rows/alias", Err(Errno::LOOP)),
        ] {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            assert_eq!(tree.open_beneath(path, flags).map(drop), expected, "{path}");
            assert_eq!(tree.open_by_component(path, flags).map(drop), expected, "{path}");
        }
        for (path, expected) in [("rows/link", Errno::LOOP), ("rows/file", Errno::NOTDIR)] {
            assert_eq!(tree.open_directory(path).map(drop), Err(expected), "{path}");
            assert_eq!(tree.open_by_component(path, DIRECTORY).map(drop), Err(expected), "{path}");
        }
    }
}
