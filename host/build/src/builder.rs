//! Builds, and keeps what was built.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Fingerprint;
use crate::source::Found;
use crate::{BuildError, Language, Source, javascript, python, rust};

/// Builds sources, and has the components that it built before.
#[derive(Debug, Clone)]
pub struct Builder {
    /// Where components are kept that no toolchain keeps itself.
    folder: PathBuf,
}

/// A component that was built, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The file.
    pub component: PathBuf,
    /// Its language.
    pub language: Language,
    /// Whether it had to be built.
    pub anew: bool,
}

impl Builder {
    /// One that keeps components in a folder, which is made when the first is.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The component of a source. `tell` is given a line when a toolchain begins with what takes seconds. With
    /// `again`, what was built before is built once more; cargo knows better, so for Rust that means nothing.
    pub fn build(
        &self,
        source: &Source,
        again: bool,
        tell: &dyn Fn(&str),
    ) -> Result<Built, BuildError> {
        let found = source.find()?;
        let language = found.language;
        if language == Language::Rust {
            let (component, anew) = rust::build(&found, tell)?;
            return Ok(Built { component, language, anew });
        }
        let component = self.folder.join(format!("{}.wasm", key(&found)?));
        let elsewhere = component.with_extension("elsewhere");
        if !again && component.is_file() && is_as_it_was(&elsewhere) {
            return Ok(Built { component, language, anew: false });
        }
        tell(&format!("{language}: {}", found.file.display()));
        let unwritable = |error| BuildError::Unwritable { path: self.folder.clone(), error };
        create_private(&self.folder).map_err(unwritable)?;
        // Beside the place where it will be, so that nobody ever sees half of it.
        let made = tempfile::Builder::new().prefix("making-").tempdir_in(&self.folder);
        let made = made.map_err(unwritable)?;
        let file = made.path().join("task.wasm");
        let inputs = match language {
            Language::Python => python::build(&found, made.path(), &file).map(|()| Vec::new())?,
            Language::JavaScript => javascript::build(&found, made.path(), &file)?,
            Language::Rust => unreachable!("cargo keeps what it builds"),
        };
        // First, so that no component is there without it.
        let hashes = made.path().join("elsewhere");
        fs::write(&hashes, hashes_of(&inputs)).map_err(unwritable)?;
        fs::rename(&hashes, &elsewhere).map_err(unwritable)?;
        fs::rename(&file, &component).map_err(unwritable)?;
        self.prune(&component);
        Ok(Built { component, language, anew: true })
    }

    /// Removes what was built longest ago, where there is too much: each change of a source leaves a component.
    fn prune(&self, newest: &Path) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                let of_newest = entry.path().file_stem() == newest.file_stem();
                let is_component = metadata.is_file() && !of_newest;
                is_component.then_some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut kept: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if kept <= KEPT_BYTES_MAX {
                return;
            }
            _ = fs::remove_file(path);
            kept -= length;
        }
    }
}

/// More than that beside the newest is pruned.
const KEPT_BYTES_MAX: u64 = 2 << 30;

/// Everything that a component is made from.
fn key(found: &Found) -> Result<String, BuildError> {
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(env!("CARGO_PKG_VERSION").as_bytes());
    fingerprint.add_embedded(&crate::WIT);
    match found.language {
        Language::Python => python::add_to(&mut fingerprint),
        Language::JavaScript => javascript::add_to(&mut fingerprint),
        Language::Rust => {}
    }
    for text in [&found.module, &found.function] {
        fingerprint.add(text.as_bytes());
    }
    fingerprint.add(found.file.file_name().unwrap_or_default().as_encoded_bytes());
    fingerprint
        .add_folder(&found.folder)
        .map_err(|error| BuildError::Unreadable { path: found.folder.clone(), error })?;
    Ok(fingerprint.finish())
}

/// The hashes of files beside their names, one a line. One that cannot be read is another each time.
fn hashes_of(files: &[PathBuf]) -> String {
    let mut text = String::new();
    for file in files {
        text.push_str(&hash_of(file).unwrap_or_default());
        text.push(' ');
        text.push_str(&file.display().to_string());
        text.push('\n');
    }
    text
}

fn hash_of(file: &Path) -> Option<String> {
    let mut fingerprint = Fingerprint::new();
    fingerprint.add(&fs::read(file).ok()?);
    Some(fingerprint.finish())
}

/// Whether files have the hashes that are written down of them.
fn is_as_it_was(hashes: &Path) -> bool {
    let Ok(hashes) = fs::read_to_string(hashes) else { return false };
    hashes.lines().all(|line| {
        line.split_once(' ')
            .is_some_and(|(hash, file)| hash_of(Path::new(file)).is_some_and(|now| now == hash))
    })
}

/// Files of this program, in a folder.
pub(crate) fn unpack(files: &include_dir::Dir<'_>, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    files.extract(folder)
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
