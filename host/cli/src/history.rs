//! `--history FILE`: the history in the shape of GetExecutionHistory's reply, written as it grows and
//! put in place whole at the end, whatever the end is.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use stepwell_engine::HistoryEvent;
use tempfile::NamedTempFile;

use crate::error::CommandError;

/// A history that is being written.
pub(crate) struct HistoryFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    empty: bool,
    /// The first error; an execution does not stop for its history.
    failed: Option<std::io::Error>,
}

impl HistoryFile {
    /// Begins one, so that a path that cannot be written is known before anything runs.
    pub(crate) fn create(path: &Path) -> Result<Self, CommandError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = NamedTempFile::new_in(folder).map_err(|error| unwritable(path, &error))?;
        if path.is_dir() {
            return Err(CommandError::invalid(format!("`{}` is a folder", path.display())));
        }
        let mut file = BufWriter::new(file);
        let failed = file.write_all(b"{\"events\":[").err();
        Ok(Self { path: path.to_owned(), file, empty: true, failed })
    }

    pub(crate) fn append(&mut self, events: &[HistoryEvent]) {
        for event in events {
            if self.failed.is_some() {
                return;
            }
            let separator: &[u8] = if self.empty { b"\n" } else { b",\n" };
            self.empty = false;
            let written = self
                .file
                .write_all(separator)
                .and_then(|()| serde_json::to_writer(&mut self.file, event).map_err(Into::into));
            self.failed = written.err();
        }
    }

    /// Ends it and puts it in its place, as one step.
    pub(crate) fn finish(mut self) -> Result<(), CommandError> {
        let path = self.path;
        if let Some(error) = self.failed {
            return Err(unwritable(&path, &error));
        }
        self.file
            .write_all(b"\n]}\n")
            .and_then(|()| self.file.flush())
            .map_err(|error| unwritable(&path, &error))?;
        let file = self.file.into_inner().map_err(|error| unwritable(&path, error.error()))?;
        make_readable(&file);
        file.persist(&path).map_err(|error| unwritable(&path, &error.error))?;
        Ok(())
    }
}

/// Temporary files are private; a history is an ordinary file.
#[cfg(unix)]
fn make_readable(file: &NamedTempFile) {
    use std::os::unix::fs::PermissionsExt;
    _ = file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn make_readable(_: &NamedTempFile) {}

fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::environment(format!("cannot write the history to `{}`: {error}", path.display()))
}
