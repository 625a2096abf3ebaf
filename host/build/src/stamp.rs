//! Whether files have changed, without reading them.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Source;
use crate::digest::is_passed_over;

/// Files as they are at a moment: when they were written, and how long they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp(Vec<(PathBuf, Option<SystemTime>, u64)>);

impl Stamp {
    /// Adds a file. That it is not there is a state as well.
    pub fn add_file(&mut self, path: &Path) {
        let metadata = fs::metadata(path).ok();
        let written = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        self.0.push((path.to_owned(), written, metadata.as_ref().map_or(0, Metadata::len)));
    }

    /// Adds what a component is built from: the source's folder, but for what tools leave behind in it.
    pub fn add_source(&mut self, source: &Source) {
        match source.find() {
            Ok(found) => self.add_folder(&found.folder),
            Err(_) => self.add_file(&source.path),
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if is_passed_over(&entry.file_name()) || entry.file_name() == "node_modules" {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.add_folder(&path),
                _ => self.add_file(&path),
            }
        }
    }

    /// The first file that is another than in an earlier stamp.
    pub fn changed_since<'a>(&'a self, earlier: &'a Self) -> Option<&'a Path> {
        let here = self.0.iter().find(|entry| !earlier.0.contains(entry));
        let gone =
            || earlier.0.iter().find(|(path, ..)| self.0.iter().all(|(other, ..)| other != path));
        here.or_else(gone).map(|(path, ..)| path.as_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_made_or_removed_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("fetch.py"), "a").unwrap();
        let source = Source { path: file("fetch.py"), handler: None };
        let stamp = || {
            let mut stamp = Stamp::default();
            stamp.add_file(&file("workflow.yaml"));
            stamp.add_source(&source);
            stamp
        };
        let before = stamp();
        assert_eq!(stamp().changed_since(&before), None);
        fs::write(file("fetch.py"), "longer").unwrap();
        assert_eq!(stamp().changed_since(&before), Some(&*file("fetch.py")));
        let before = stamp();
        fs::write(file("helper.py"), "").unwrap();
        assert_eq!(stamp().changed_since(&before), Some(&*file("helper.py")));
        assert_eq!(before.changed_since(&stamp()), Some(&*file("helper.py")), "it is gone");
        let before = stamp();
        fs::create_dir(file("__pycache__")).unwrap();
        fs::write(file("__pycache__/fetch.pyc"), "").unwrap();
        assert_eq!(stamp().changed_since(&before), None);
    }
}
