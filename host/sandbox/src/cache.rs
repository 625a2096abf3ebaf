//! Compiled code on disk, so that a component is compiled once for a machine and not once for a run.
//!
//! An entry's name holds the hash of the component and of everything that compilation depends on, so a
//! foreign one is never found; a hash over name and code stands beside the code, so one that is damaged, or lies
//! where another belongs, is recompiled. Against somebody who can write here a hash is no help: so nothing is
//! read that others can have written.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::limits::CODE_BYTES_MAX;

/// A folder of compiled code. Losing it costs time and nothing else.
#[derive(Debug, Clone)]
pub struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    /// A cache in a folder, which is created when the first entry is written, for its owner alone:
    /// whoever can write here can run code in the host.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The entry for a key, if it is there and whole.
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        if !is_private(&self.folder) {
            return None;
        }
        let mut file = open_private(&self.folder.join(key)).ok()?;
        let (mut hash, mut code) = ([0; 32], Vec::new());
        file.read_exact(&mut hash).ok()?;
        // One byte more than there may be shows that there are more.
        file.take(CODE_BYTES_MAX as u64 + 1).read_to_end(&mut code).ok()?;
        (code.len() <= CODE_BYTES_MAX && digest(key, &code) == hash).then_some(code)
    }

    /// Writes an entry. A reader sees the old one, the new one or none, never a part.
    pub(crate) fn put(&self, key: &str, code: &[u8]) -> io::Result<()> {
        create_private(&self.folder)?;
        if !is_private(&self.folder) {
            return Err(io::Error::other("others may write to the folder"));
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&digest(key, code))?;
        file.write_all(code)?;
        file.persist(self.folder.join(key)).map_err(|error| error.error)?;
        Ok(())
    }
}

/// What stands before the code: its hash with the key that it belongs to.
fn digest(key: &str, code: &[u8]) -> [u8; 32] {
    // Keys are of one length, so that none ends where another's code begins.
    Sha256::new().chain_update(key).chain_update(code).finalize().into()
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Whether nobody but us can have put something into the folder.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|folder| folder.is_dir() && is_ours(&folder))
}

/// Whether this belongs to us, and nobody else may write to it.
#[cfg(unix)]
fn is_ours(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Opens a file of ours: no link to elsewhere, no pipe that somebody else would write to.
#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<fs::File> {
    use rustix::fs::{Mode, OFlags};
    // A pipe would be waited for without `NONBLOCK`.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() && is_ours(&metadata) {
        return Ok(file);
    }
    Err(io::Error::other("no file that only we can have written"))
}

#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    folder.is_dir()
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<fs::File> {
    fs::File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, CodeCache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(folder.path().join("code"));
        (folder, cache)
    }

    #[test]
    fn an_entry_comes_back() {
        let (_folder, cache) = cache();
        assert_eq!(cache.get("key"), None);
        cache.put("key", b"code").unwrap();
        assert_eq!(cache.get("key").unwrap(), b"code");
    }

    #[test]
    fn a_damaged_entry_is_no_entry() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let path = folder.path().join("code/key");
        for damaged in [&b""[..], b"short", &[0; 36]] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.get("key"), None);
        }
    }

    #[test]
    fn an_entry_under_another_key_is_no_entry() {
        let (folder, cache) = cache();
        cache.put("one", b"code").unwrap();
        fs::copy(folder.path().join("code/one"), folder.path().join("code/two")).unwrap();
        assert_eq!(cache.get("one").unwrap(), b"code");
        assert_eq!(cache.get("two"), None);
    }

    #[cfg(unix)]
    fn permit(path: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_or_entry_that_others_can_write_to_is_not_trusted() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let code = folder.path().join("code");
        for open in [0o720, 0o702, 0o777] {
            permit(&code, open);
            assert_eq!(cache.get("key"), None);
            assert!(cache.put("key", b"code").is_err());
            permit(&code, 0o700);
            permit(&code.join("key"), open);
            assert_eq!(cache.get("key"), None);
            // It is written anew, for us alone.
            cache.put("key", b"code").unwrap();
            assert_eq!(cache.get("key").unwrap(), b"code");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_entry_that_belongs_to_somebody_else_is_not_trusted() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        // Only the superuser can give a file away.
        if std::os::unix::fs::chown(folder.path().join("code/key"), Some(12_345), None).is_ok() {
            assert_eq!(cache.get("key"), None);
        }
        let root = fs::metadata("/").unwrap();
        assert_eq!(is_ours(&root), rustix::process::geteuid().is_root());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_no_entry() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let code = folder.path().join("code");
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(code.join("key"), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, code.join("key")).unwrap();
        assert_eq!(cache.get("key"), None, "a link, although what it leads to is whole");
        cache.put("key", b"new").unwrap();
        assert_eq!(cache.get("key").unwrap(), b"new", "the link is replaced");
        assert!(fs::read(&elsewhere).unwrap().ends_with(b"code"), "and not followed");
        fs::remove_file(code.join("key")).unwrap();
        fs::create_dir(code.join("key")).unwrap();
        assert_eq!(cache.get("key"), None, "a folder");
        assert!(cache.put("key", b"new").is_err());
        fs::remove_dir(code.join("key")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(code.join("key")).status().unwrap();
        assert!(made.success());
        assert_eq!(cache.get("key"), None, "a pipe, which nobody writes to");
    }
}
