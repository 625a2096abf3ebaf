//! `--history FILE`: the history in the shape of GetExecutionHistory's reply, written as it grows and
//! put in place whole at the end, whatever the end is.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use stepwell_engine::HistoryEvent;
use tempfile::NamedTempFile;

use crate::error::{CommandError, reason};

/// A history that is being written.
pub(crate) struct HistoryFile {
    path: PathBuf,
    file: BufWriter<Target>,
    empty: bool,
    /// The first error; an execution does not stop for its history.
    failed: Option<std::io::Error>,
}

/// What is written to.
enum Target {
    /// A file beside the path, which takes its place at the end.
    Beside(NamedTempFile),
    /// What is there and cannot be replaced: a pipe, a terminal, a device.
    Itself(File),
}

impl HistoryFile {
    /// Begins one, so that a path that cannot be written is known before anything runs.
    pub(crate) fn create(path: &Path) -> Result<Self, CommandError> {
        let target = Target::open(path).map_err(|error| match error.kind() {
            ErrorKind::IsADirectory => {
                let message = format!("cannot write the history: `{}` is a folder", path.display());
                CommandError::invalid(message).with_help("name a file, such as `history.json`")
            }
            _ => unwritable(path, &error),
        })?;
        let mut file = BufWriter::new(target);
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
    pub(crate) fn finish(self) -> Result<(), CommandError> {
        let Self { path, mut file, failed, .. } = self;
        let end = || match failed {
            Some(error) => Err(error),
            None => file.write_all(b"\n]}\n").and_then(|()| file.flush()),
        };
        end()
            .and_then(|()| file.into_inner().map_err(IntoInnerError::into_error))
            .and_then(|target| target.put_in_place(&path))
            .map_err(|error| unwritable(&path, &error))
    }
}

impl Target {
    fn open(path: &Path) -> std::io::Result<Self> {
        match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                Ok(Self::Itself(File::options().write(true).open(path)?))
            }
            _ => {
                let folder = match path.parent() {
                    Some(folder) if !folder.as_os_str().is_empty() => folder,
                    _ => Path::new("."),
                };
                Ok(Self::Beside(NamedTempFile::new_in(folder)?))
            }
        }
    }

    fn put_in_place(self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Beside(file) => {
                make_readable(&file);
                file.persist(path).map(|_| ()).map_err(|error| error.error)
            }
            Self::Itself(_) => Ok(()),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(bytes),
            Self::Itself(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Beside(file) => file.flush(),
            Self::Itself(file) => file.flush(),
        }
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
    // What is missing can only be the folder: the file is made.
    let why = match error.kind() {
        ErrorKind::NotFound => "its folder does not exist".to_owned(),
        _ => reason(error),
    };
    CommandError::environment(format!("cannot write the history to `{}`: {why}", path.display()))
}
