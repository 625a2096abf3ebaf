//! References become components.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use stepwell_asl::RegistryReference;

use crate::RegistryError;
use crate::client::Client;
use crate::lock::Lock;
use crate::manifest;
use crate::store::{self, Store};

/// What tags mean.
#[derive(Debug)]
pub enum Tags {
    /// What they mean in this moment.
    Now,
    /// What the lock file of a folder says; tags that are not in it are looked up, and written there.
    Locked(PathBuf),
    /// What the lock file of a folder says, and nothing else.
    OnlyLocked(PathBuf),
    /// What they mean in this moment, which the lock file of a folder then says.
    Again(PathBuf),
}

/// Components from registries, each fetched once.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    tags: Tags,
    /// Held while a tag is looked up: those of one file are looked up one after the other.
    looking_up: Mutex<()>,
}

/// A component that was fetched, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub component: PathBuf,
    /// What the component's SHA-256 must be, in hexadecimal digits. Whoever loads the file compares, and calls
    /// [`Registry::fetch_again`] if it has become something else since it was fetched.
    pub sha256: String,
    /// The reference with the digest of the manifest, by which it means the same for ever.
    pub pinned: RegistryReference,
    /// Whether it had to be fetched.
    pub anew: bool,
}

impl Fetched {
    /// Whether the file is what was fetched. Reads all of it.
    pub fn is_intact(&self) -> bool {
        fs::read(&self.component).is_ok_and(|bytes| store::is(&bytes, &self.sha256))
    }
}

impl Registry {
    /// One that keeps components in a folder, which is made when the first is.
    pub fn new(folder: PathBuf, tags: Tags) -> Self {
        Self { store: Store::new(folder), tags, looking_up: Mutex::new(()) }
    }

    /// The component that a reference means. `tell` is given a line before what may take seconds.
    pub fn fetch(
        &self,
        reference: &RegistryReference,
        tell: &dyn Fn(&str),
    ) -> Result<Fetched, RegistryError> {
        let mut client = Client::of(&reference.registry);
        let digest = self.digest(reference, &mut client, tell)?;
        let pinned = RegistryReference { digest: Some(digest.clone()), ..reference.clone() };
        let manifest = if let Some(manifest) = self.store.read(&digest) {
            manifest
        } else {
            let manifest = client.manifest(&pinned)?;
            let kept = self.store.begin().and_then(|mut file| {
                file.write_all(&manifest)?;
                self.store.keep(file, &digest)
            });
            kept.map_err(|error| self.unkept(error))?;
            manifest
        };
        let layer = manifest::component(&manifest).map_err(|reason| {
            RegistryError::NoComponent { reference: pinned.to_string(), reason }
        })?;
        let component = self.store.path(&layer.digest);
        let anew = !component.is_file();
        if anew {
            tell(&format!("fetch  {reference}, {} bytes", layer.size));
            let mut file = self.store.begin().map_err(|error| self.unkept(error))?;
            client.layer(&pinned, &layer, &mut file)?;
            self.store.keep(file, &layer.digest).map_err(|error| self.unkept(error))?;
        }
        let sha256 = layer.digest.trim_start_matches("sha256:").to_owned();
        Ok(Fetched { component, sha256, pinned, anew })
    }

    /// The same once more, for whoever found that the file is not what it should be.
    pub fn fetch_again(
        &self,
        damaged: &Fetched,
        tell: &dyn Fn(&str),
    ) -> Result<Fetched, RegistryError> {
        fs::remove_file(&damaged.component).map_err(|error| self.unkept(error))?;
        self.fetch(&damaged.pinned, tell)
    }

    /// The digest of the manifest that a reference means.
    fn digest(
        &self,
        reference: &RegistryReference,
        client: &mut Client<'_>,
        tell: &dyn Fn(&str),
    ) -> Result<String, RegistryError> {
        if let Some(digest) = &reference.digest {
            return Ok(digest.clone());
        }
        let _alone = self.looking_up.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = match &self.tags {
            Tags::Now => None,
            Tags::Locked(folder) | Tags::OnlyLocked(folder) | Tags::Again(folder) => {
                Some(Lock::of_folder(folder))
            }
        };
        if let (Some(lock), Tags::Locked(_) | Tags::OnlyLocked(_)) = (&lock, &self.tags) {
            if let Some(digest) = lock.digest(reference)? {
                return Ok(digest);
            }
            if let Tags::OnlyLocked(_) = self.tags {
                let (reference, lock) = (reference.to_string(), lock.path().to_owned());
                return Err(RegistryError::NotLocked { reference, lock });
            }
        }
        tell(&format!("look up  {reference}"));
        let digest = client.digest(reference)?;
        if let Some(lock) = lock {
            lock.insert(reference, &digest)?;
        }
        Ok(digest)
    }

    fn unkept(&self, error: io::Error) -> RegistryError {
        RegistryError::Cache { path: self.store.folder().to_owned(), error }
    }
}
