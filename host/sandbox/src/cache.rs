//! Compiled code on disk, so that a component is compiled once for a machine and not once for a run.
//!
//! An entry's name holds the hash of the component and of everything that compilation depends on, so a
//! foreign one is never found; its own hash stands beside it, so a damaged one is recompiled.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

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
        let entry = fs::read(self.folder.join(key)).ok()?;
        let (hash, code) = entry.split_first_chunk::<32>()?;
        (Sha256::digest(code).as_slice() == hash).then(|| code.to_vec())
    }

    /// Writes an entry. A reader sees the old one, the new one or none, never a part.
    pub(crate) fn put(&self, key: &str, code: &[u8]) -> io::Result<()> {
        create_private(&self.folder)?;
        if !is_private(&self.folder) {
            return Err(io::Error::other("others may write to the folder"));
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.persist(self.folder.join(key)).map_err(|error| error.error)?;
        Ok(())
    }
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

/// Whether nobody but us can have written here.
#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;
    static WE: OnceLock<Option<u32>> = OnceLock::new();
    // A file of ours tells who we are, without a call that is not safe.
    let we = || Some(tempfile::tempfile().ok()?.metadata().ok()?.uid());
    let we = *WE.get_or_init(we);
    fs::metadata(folder)
        .is_ok_and(|folder| folder.mode() & 0o022 == 0 && we.is_some_and(|we| folder.uid() == we))
}

#[cfg(not(unix))]
fn is_private(folder: &Path) -> bool {
    folder.is_dir()
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

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path().join("code"), open).unwrap();
        assert_eq!(cache.get("key"), None);
        assert!(cache.put("key", b"code").is_err());
    }
}
