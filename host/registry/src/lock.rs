//! What tags meant when they were looked up: a file beside the workflow file, for its repository.
//!
//! ```json
//! {
//!   "version": 1,
//!   "components": {
//!     "ghcr.io/acme/fetch:1.2.0": "sha256:9f86d0..."
//!   }
//! }
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use stepwell_asl::RegistryReference;

use crate::RegistryError;

/// The file's name.
pub(crate) const LOCK_FILE: &str = "stepwell.lock";

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// Digests of manifests, by references without a scheme.
    components: BTreeMap<String, String>,
}

/// A lock file, which need not be there.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
}

impl Lock {
    /// The one of the workflow files in a folder.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        Self { path: folder.join(LOCK_FILE) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What a reference meant when it was looked up.
    pub(crate) fn digest(
        &self,
        reference: &RegistryReference,
    ) -> Result<Option<String>, RegistryError> {
        Ok(self.read()?.components.remove(&key(reference)))
    }

    /// Writes down what a reference means. What others have written stays.
    pub(crate) fn insert(
        &self,
        reference: &RegistryReference,
        digest: &str,
    ) -> Result<(), RegistryError> {
        // One writer at a time, in all processes: the folder stays when the file is replaced.
        let folder = File::open(self.folder()).map_err(|error| self.failed("write", error))?;
        folder.lock().map_err(|error| self.failed("write", error))?;
        let mut content = self.read()?;
        let before = content.components.insert(key(reference), digest.to_owned());
        if before.as_deref() == Some(digest) {
            return Ok(());
        }
        let mut text =
            serde_json::to_string_pretty(&content).expect("texts can be written as JSON");
        text.push('\n');
        self.write(text.as_bytes()).map_err(|error| self.failed("write", error))
    }

    fn read(&self) -> Result<Content, RegistryError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Content { version: VERSION, components: BTreeMap::new() });
            }
            Err(error) => return Err(self.failed("read", error)),
        };
        let ill_formed = |reason| RegistryError::IllFormedLock { path: self.path.clone(), reason };
        let content: Content =
            serde_json::from_slice(&text).map_err(|error| ill_formed(error.to_string()))?;
        if content.version != VERSION {
            let version = content.version;
            return Err(ill_formed(format!("it is of version {version}, and known is {VERSION}")));
        }
        for (reference, digest) in &content.components {
            let locked = format!("oci://{reference}@{digest}").parse::<RegistryReference>();
            locked.map_err(|error| ill_formed(error.message))?;
        }
        Ok(content)
    }

    /// In one step, so that nobody ever sees half of it.
    fn write(&self, text: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(LOCK_FILE)
            .permissions(readable_by_all())
            .tempfile_in(self.folder())?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    fn failed(&self, action: &'static str, error: io::Error) -> RegistryError {
        RegistryError::Lock { path: self.path.clone(), action, error }
    }
}

/// As every file that is made, and not as temporary ones are; the user's mask takes away from that.
fn readable_by_all() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}

/// As people write it elsewhere: without a scheme.
fn key(reference: &RegistryReference) -> String {
    reference.to_string().trim_start_matches("oci://").to_owned()
}
