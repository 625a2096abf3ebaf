//! Compiled code on disk, so that a component is compiled once for a machine and not once for a run.
//!
//! An entry's name holds the hash of the component and of everything that compilation depends on, so a
//! foreign one is never found; its seal holds a hash over name and code, so one that is damaged, or lies
//! where another belongs, is recompiled. Against somebody who can write here a hash is no help: so nothing is
//! read that others can have written.
//!
//! Code is mapped into memory, not read: an interpreter's is 60 MB, of which one run touches little. So the hash is
//! not computed each time. The seal tells which file it was computed of, down to when the system last saw it
//! changed, and only where that is another is the whole looked at. In the same way it is known what a component's
//! file hashes to.

use std::fs::{self, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::component::hex;
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

    /// The file with the code for a key, if it is there and whole.
    pub(crate) fn get(&self, key: &str) -> Option<PathBuf> {
        if !is_private(&self.folder) {
            return None;
        }
        let path = self.folder.join(key);
        let file = open_private(&path).ok()?;
        let metadata = file.metadata().ok()?;
        let sealed = self.read(&seal_of(key))?;
        let (identity, hash) = sealed.split_once('\n')?;
        if identity != identity_of(&metadata) {
            if metadata.len() > CODE_BYTES_MAX as u64 {
                return None;
            }
            let mut code = Vec::new();
            file.take(CODE_BYTES_MAX as u64).read_to_end(&mut code).ok()?;
            if digest(key, &code) != hash {
                return None;
            }
            // Copied with the whole folder, say: it is looked at once.
            _ = self.write(&seal_of(key), format!("{}\n{hash}", identity_of(&metadata)).as_bytes());
        }
        Some(path)
    }

    /// Writes an entry. A reader sees the old one, the new one or none, never a part.
    pub(crate) fn put(&self, key: &str, code: &[u8]) -> io::Result<PathBuf> {
        create_private(&self.folder)?;
        if !is_private(&self.folder) {
            return Err(io::Error::other("others may write to the folder"));
        }
        let path = self.folder.join(key);
        self.write(key, code)?;
        let identity = identity_of(&fs::symlink_metadata(&path)?);
        self.write(&seal_of(key), format!("{identity}\n{}", digest(key, code)).as_bytes())?;
        self.prune(&path);
        Ok(path)
    }

    /// What the file of a component hashes to, if that was computed since it last changed.
    pub(crate) fn known_hash(&self, component: &Metadata) -> Option<String> {
        if !is_private(&self.folder) {
            return None;
        }
        self.read(&known_of(component)).filter(|hash| hash.len() == HASH_LENGTH)
    }

    /// Keeps what the file of a component hashes to.
    pub(crate) fn remember_hash(&self, component: &Metadata, hash: &str) {
        // It might be changed once more before the system's clock ticks, and then look the same.
        let settled = component.modified().ok().and_then(|written| written.elapsed().ok());
        if settled.is_some_and(|since| since > SETTLED_AFTER) && is_private(&self.folder) {
            _ = self.write(&known_of(component), hash.as_bytes());
        }
    }

    /// A small file of ours.
    fn read(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        open_private(&self.folder.join(name)).ok()?.take(1_024).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        // What is mapped must be there: after a crash of the machine a renamed file may be empty otherwise.
        file.as_file().sync_data()?;
        file.persist(self.folder.join(name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes what was written longest ago, where there is too much; never what was written just now.
    fn prune(&self, newest: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                metadata.is_file().then_some(())?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        files.sort();
        for (_, length, path) in files {
            if bytes <= CACHE_BYTES_MAX {
                return;
            }
            if path != newest {
                // Whoever has mapped it keeps it.
                _ = fs::remove_file(&path);
                bytes -= length;
            }
        }
    }
}

/// The length of a hash in hexadecimal.
const HASH_LENGTH: usize = 64;
/// More code than that is pruned.
const CACHE_BYTES_MAX: u64 = 4 << 30;
/// How long after its last change a file is taken for what it is.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// The name of what is known about an entry.
fn seal_of(key: &str) -> String {
    format!("{key}.seal")
}

/// The name under which the hash of a file is kept.
fn known_of(file: &Metadata) -> String {
    format!("{}.known", hex(&Sha256::digest(identity_of(file))))
}

/// What tells a file from another and from itself before a change. The time of the last change cannot be set by
/// anybody, as that of the last writing can.
#[cfg(unix)]
fn identity_of(file: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let written = (file.mtime(), file.mtime_nsec());
    let changed = (file.ctime(), file.ctime_nsec());
    format!("{} {} {} {written:?} {changed:?}", file.dev(), file.ino(), file.size())
}

#[cfg(not(unix))]
fn identity_of(file: &Metadata) -> String {
    format!("{} {:?}", file.len(), file.modified().ok())
}

/// The hash of code with the key that it belongs to.
fn digest(key: &str, code: &[u8]) -> String {
    // Keys are of one length, so that none ends where another's code begins.
    hex(&Sha256::new().chain_update(key).chain_update(code).finalize())
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
fn is_ours(metadata: &Metadata) -> bool {
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

    fn held(cache: &CodeCache, key: &str) -> Option<Vec<u8>> {
        Some(fs::read(cache.get(key)?).unwrap())
    }

    #[test]
    fn an_entry_comes_back() {
        let (_folder, cache) = cache();
        assert_eq!(held(&cache, "key"), None);
        cache.put("key", b"code").unwrap();
        assert_eq!(held(&cache, "key").unwrap(), b"code");
    }

    #[test]
    fn a_copy_of_the_folder_serves_as_well() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let copy = folder.path().join("copy");
        create_private(&copy).unwrap();
        for name in ["key", "key.seal"] {
            fs::copy(folder.path().join("code").join(name), copy.join(name)).unwrap();
        }
        let cache = CodeCache::new(copy);
        assert_eq!(held(&cache, "key").unwrap(), b"code");
        assert_eq!(held(&cache, "key").unwrap(), b"code", "with a seal of its own");
    }

    #[test]
    fn what_a_file_hashes_to_is_known_until_it_changes() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let path = folder.path().join("task.wasm");
        fs::write(&path, "a").unwrap();
        let hash = "0".repeat(HASH_LENGTH);
        let metadata = || fs::metadata(&path).unwrap();
        cache.remember_hash(&metadata(), &hash);
        assert_eq!(cache.known_hash(&metadata()), None, "it may still change");
        let settled = std::time::SystemTime::now() - Duration::from_mins(1);
        let age =
            || fs::File::options().write(true).open(&path).unwrap().set_modified(settled).unwrap();
        age();
        cache.remember_hash(&metadata(), &hash);
        assert_eq!(cache.known_hash(&metadata()), Some(hash));
        // As long as before, and as old as before for whoever asks for that.
        fs::write(&path, "b").unwrap();
        age();
        assert_eq!(cache.known_hash(&metadata()), None);
    }

    #[test]
    fn a_damaged_entry_is_no_entry() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        let path = folder.path().join("code/key");
        for damaged in [&b""[..], b"short", &[0; 36]] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(held(&cache, "key"), None);
        }
    }

    #[test]
    fn an_entry_under_another_key_is_no_entry() {
        let (folder, cache) = cache();
        cache.put("one", b"code").unwrap();
        for end in ["", ".seal"] {
            let of = |name: &str| folder.path().join(format!("code/{name}{end}"));
            fs::copy(of("one"), of("two")).unwrap();
        }
        assert_eq!(held(&cache, "one").unwrap(), b"code");
        assert_eq!(held(&cache, "two"), None);
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
            assert_eq!(held(&cache, "key"), None);
            assert!(cache.put("key", b"code").is_err());
            permit(&code, 0o700);
            permit(&code.join("key"), open);
            assert_eq!(held(&cache, "key"), None);
            // It is written anew, for us alone.
            cache.put("key", b"code").unwrap();
            assert_eq!(held(&cache, "key").unwrap(), b"code");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_entry_that_belongs_to_somebody_else_is_not_trusted() {
        let (folder, cache) = cache();
        cache.put("key", b"code").unwrap();
        // Only the superuser can give a file away.
        if std::os::unix::fs::chown(folder.path().join("code/key"), Some(12_345), None).is_ok() {
            assert_eq!(held(&cache, "key"), None);
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
        assert_eq!(held(&cache, "key"), None, "a link, although what it leads to is whole");
        cache.put("key", b"new").unwrap();
        assert_eq!(held(&cache, "key").unwrap(), b"new", "the link is replaced");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"code", "and not followed");
        fs::remove_file(code.join("key")).unwrap();
        fs::create_dir(code.join("key")).unwrap();
        assert_eq!(held(&cache, "key"), None, "a folder");
        assert!(cache.put("key", b"new").is_err());
        fs::remove_dir(code.join("key")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(code.join("key")).status().unwrap();
        assert!(made.success());
        assert_eq!(held(&cache, "key"), None, "a pipe, which nobody writes to");
    }
}
