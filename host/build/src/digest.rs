//! What a built component is kept under: a hash of everything that it is made from.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use include_dir::Dir;
use sha2::{Digest, Sha256};

/// Folders that no task is built from: what tools leave behind.
const PASSED_OVER: [&str; 6] = ["target", "__pycache__", "venv", "dist", "wit_world", "tests"];

/// Whether no task is built from something of this name.
pub(crate) fn is_passed_over(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
        || name.to_str().is_some_and(|name| PASSED_OVER.contains(&name))
}

/// Gathers what a component depends on.
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    /// A text, with its length before it: `ab`, `c` is not `a`, `bc`.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Files that are a part of this program.
    pub(crate) fn add_embedded(&mut self, folder: &Dir<'_>) {
        for file in folder.files() {
            self.add(file.path().as_os_str().as_encoded_bytes());
            self.add(file.contents());
        }
        for folder in folder.dirs() {
            self.add_embedded(folder);
        }
    }

    /// All files below a folder, in the order of their names. Hidden ones are not looked at, nor what tools leave
    /// behind; of `node_modules` only what npm has written down of it.
    pub(crate) fn add_folder(&mut self, folder: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (name, path) = (entry.file_name(), entry.path());
            let bytes = name.as_encoded_bytes();
            if is_passed_over(&name) {
                continue;
            }
            // What a link leads to is what a toolchain reads; one that leads nowhere is read by nobody.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if name == "node_modules" {
                if let Ok(installed) = fs::read(path.join(".package-lock.json")) {
                    self.add(&installed);
                }
            } else if metadata.is_dir() {
                self.add(bytes);
                self.add(b"/");
                self.add_folder(&path)?;
                self.add(b"..");
            } else if metadata.is_file() {
                self.add(bytes);
                self.add(&fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// In hexadecimal.
    pub(crate) fn finish(self) -> String {
        use std::fmt::Write as _;
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(folder: &Path) -> String {
        let mut fingerprint = Fingerprint::new();
        fingerprint.add_folder(folder).unwrap();
        fingerprint.finish()
    }

    #[test]
    fn whatever_is_built_from_counts_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("fetch.py", "a");
        let mut before = of(root);
        for (name, text, counts) in [
            ("fetch.py", "b", true),
            ("helpers/page.py", "a", true),
            ("data.json", "{}", true),
            ("__pycache__/fetch.pyc", "x", false),
            (".venv/lib/a.py", "x", false),
            ("node_modules/left/index.js", "x", false),
            ("node_modules/.package-lock.json", "{}", true),
            ("tests/test_fetch.py", "x", false),
        ] {
            write(name, text);
            let after = of(root);
            assert_eq!(before != after, counts, "{name}");
            before = after;
        }
        // What is moved is another.
        fs::rename(root.join("helpers/page.py"), root.join("page.py")).unwrap();
        assert_ne!(of(root), before);
    }
}
