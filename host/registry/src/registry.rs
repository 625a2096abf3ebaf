//! References become components.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use oci_client::manifest::OciDescriptor;
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
        Self { store: Store::new(folder), tags }
    }

    /// The component that a reference means. `tell` is given a line before what may take seconds.
    pub fn fetch(
        &self,
        reference: &RegistryReference,
        tell: &dyn Fn(&str),
    ) -> Result<Fetched, RegistryError> {
        self.fetch_unless_kept(reference, Path::is_file, tell)
    }

    /// The same once more, for whoever found that the file is not what it should be.
    pub fn fetch_again(
        &self,
        damaged: &Fetched,
        tell: &dyn Fn(&str),
    ) -> Result<Fetched, RegistryError> {
        self.fetch_unless_kept(&damaged.pinned, |_| false, tell)
    }

    fn fetch_unless_kept(
        &self,
        reference: &RegistryReference,
        is_kept: impl Fn(&Path) -> bool,
        tell: &dyn Fn(&str),
    ) -> Result<Fetched, RegistryError> {
        let mut client = Client::of(&reference.registry);
        let known = self.known_digest(reference)?;
        let digest = if let Some(digest) = &known {
            digest.clone()
        } else {
            tell(&format!("look up  {reference}"));
            client.digest(reference)?
        };
        let pinned = RegistryReference { digest: Some(digest.clone()), ..reference.clone() };
        let (manifest, layer) = self.manifest(&pinned, &digest, &mut client)?;
        let component = self.store.path(&layer.digest);
        let anew = !is_kept(&component);
        let unkept = |error| self.unkept(error);
        if anew {
            tell(&format!("fetch  {reference}, {} bytes", layer.size));
            let mut file = self.store.begin().map_err(unkept)?;
            client.layer(&pinned, &layer, &mut file)?;
            self.store.keep(file, &layer.digest).map_err(unkept)?;
        }
        if let Some(manifest) = manifest {
            let mut file = self.store.begin().map_err(unkept)?;
            file.write_all(&manifest).map_err(unkept)?;
            self.store.keep(file, &digest).map_err(unkept)?;
        }
        // Last: what cannot be used is not locked.
        if let (None, Some(lock)) = (known, self.lock()) {
            lock.insert(reference, &digest)?;
        }
        let sha256 = layer.digest.trim_start_matches("sha256:").to_owned();
        Ok(Fetched { component, sha256, pinned, anew })
    }

    /// The component's layer, and the manifest that says so unless it was kept already.
    fn manifest(
        &self,
        pinned: &RegistryReference,
        digest: &str,
        client: &mut Client<'_>,
    ) -> Result<(Option<Vec<u8>>, OciDescriptor), RegistryError> {
        let layer_of = |manifest: &[u8]| {
            manifest::component(manifest).map_err(|reason| RegistryError::NoComponent {
                reference: pinned.to_string(),
                reason,
            })
        };
        if let Some(manifest) = self.store.read(digest) {
            return Ok((None, layer_of(&manifest)?));
        }
        let manifest = client.manifest(pinned)?;
        let layer = layer_of(&manifest)?;
        Ok((Some(manifest), layer))
    }

    /// The digest of the manifest that a reference means, unless it is to be looked up.
    fn known_digest(&self, reference: &RegistryReference) -> Result<Option<String>, RegistryError> {
        if let Some(digest) = &reference.digest {
            return Ok(Some(digest.clone()));
        }
        let known = match (&self.tags, self.lock()) {
            (Tags::Locked(_) | Tags::OnlyLocked(_), Some(lock)) => lock.digest(reference)?,
            _ => None,
        };
        match &self.tags {
            Tags::OnlyLocked(folder) if known.is_none() => Err(RegistryError::NotLocked {
                reference: reference.to_string(),
                lock: Lock::of_folder(folder).path().to_owned(),
            }),
            _ => Ok(known),
        }
    }

    fn lock(&self) -> Option<Lock> {
        match &self.tags {
            Tags::Now => None,
            Tags::Locked(folder) | Tags::OnlyLocked(folder) | Tags::Again(folder) => {
                Some(Lock::of_folder(folder))
            }
        }
    }

    fn unkept(&self, error: io::Error) -> RegistryError {
        RegistryError::Cache { path: self.store.folder().to_owned(), error }
    }
}
