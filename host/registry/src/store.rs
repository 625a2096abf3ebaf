//! What was fetched: files under their digests, `sha256/HEX`, in a folder.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where something lies, if it is there.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(digest.replace(':', "/"))
    }

    /// Something that is there and is still what its name says.
    pub(crate) fn read(&self, digest: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(digest)).ok()?;
        is(&bytes, digest.trim_start_matches("sha256:")).then_some(bytes)
    }

    /// A file to write to. Unless it is kept, it is gone when it is dropped.
    pub(crate) fn begin(&self) -> io::Result<NamedTempFile> {
        // Ours alone: what lies here is run.
        DirBuilder::new().recursive(true).mode(0o700).create(self.path("sha256"))?;
        // The folder is what is private: copies of a component should be as other files are.
        let permissions = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new();
        file.prefix("fetching-").permissions(permissions).tempfile_in(&self.folder)
    }

    /// Puts a file in its place, in one step, so that nobody ever sees half of it.
    pub(crate) fn keep(&self, file: NamedTempFile, digest: &str) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist(self.path(digest))?;
        Ok(())
    }
}

/// Whether bytes have a SHA-256, in hexadecimal digits.
pub(crate) fn is(bytes: &[u8], sha256: &str) -> bool {
    format!("{:x}", Sha256::digest(bytes)) == sha256
}
