//! What can go wrong with a journal, and the way out of it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::records::Key;
use crate::schema::VERSION;

/// Why an operation on a journal failed. Its text says what is wrong, [`JournalError::help`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is no journal in the folder.
    #[error("there is no journal in `{}`", path.display())]
    NotFound {
        /// The folder.
        path: PathBuf,
    },
    /// The file was removed or replaced while it was open.
    #[error("the journal in `{}` was removed while it was in use", path.display())]
    Removed {
        /// The folder.
        path: PathBuf,
    },
    /// The file is there and is something else.
    #[error("`{}` is not a journal", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "`{}` is a journal of version {version}, and this program knows versions up to {VERSION}",
        path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// There is no room for what was to be written.
    #[error("the disk is full: the journal `{}` cannot grow", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder may not be written.
    #[error("the journal `{}` may only be read", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process kept the journal locked for longer than this one waited.
    #[error("another process keeps the journal `{}` locked", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file's structure is broken.
    #[error("the journal `{}` is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// The file's structure is sound, and what it says of an execution is not.
    #[error("the journal of execution `{execution}` is corrupt at event {sequence}: {what}")]
    Corrupt {
        /// The execution's name.
        execution: String,
        /// The event, from 1; 0 for what precedes all events.
        sequence: u64,
        /// What is wrong.
        what: String,
    },
    /// The disk failed, or the system refused.
    #[error("the journal `{}` cannot be used: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A journal is where a new one was to be.
    #[error("there is a journal already: `{}`", path.display())]
    TargetExists {
        /// The file.
        path: PathBuf,
    },
    /// An execution has this name and is another one or has ended. The text is AWS's.
    #[error("Execution Already Exists: '{arn}'")]
    AlreadyExists {
        /// Its ARN.
        arn: String,
    },
    /// No execution is called so. The text is AWS's.
    #[error("Execution Does Not Exist: '{arn}'")]
    NoSuchExecution {
        /// What was asked for.
        arn: String,
    },
    /// Several executions are called so.
    #[error("`{name}` may be any of {}", list(matches))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The ARNs of some of them.
        matches: Vec<String>,
    },
    /// A batch has this name.
    #[error("there is a batch `{name}` already")]
    BatchExists {
        /// The name.
        name: String,
    },
    /// A process that is alive drives the execution.
    #[error("process {pid} is running the execution `{execution}`")]
    Owned {
        /// The execution's name.
        execution: String,
        /// The process.
        pid: u32,
    },
    /// Another process wrote the execution's next event, which only its owner may.
    #[error("another process went on with execution {key}")]
    Overtaken {
        /// The execution: [`crate::Journal::forget`] lets the others be committed.
        key: Key,
    },
    /// The execution has not ended, and the operation is for those that have.
    #[error("the execution `{execution}` has not ended")]
    NotClosed {
        /// The execution's name.
        execution: String,
    },
    /// The text is no task token. The text is AWS's.
    #[error("Invalid Token: 'Invalid token'")]
    InvalidToken,
    /// No task has this token. The text is AWS's.
    #[error("Task Does Not Exist: 'Provided task does not exist'")]
    TaskDoesNotExist,
    /// The task has been answered, has ended or took too long. The text is AWS's.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TaskTimedOut,
}

impl JournalError {
    /// What a person can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "name the folder that the executions were started with",
            Self::Removed { .. } => "put the file back, or start the execution again",
            Self::NotAJournal { .. } => "name another folder, or move the file away",
            Self::TooNew { .. } => "use the version of stepwell that wrote it, or a newer one",
            Self::DiskFull { .. } => {
                "make room and go on; what was committed is safe, and pruning gives room inside the file"
            }
            Self::ReadOnly { .. } => "allow this user to write the folder and the files in it",
            Self::Busy { .. } => "wait for the other process, or end it",
            Self::Damaged { .. } | Self::Corrupt { .. } => {
                "let the doctor look at it, and salvage what can be read into a new folder"
            }
            Self::Io { .. } => "look at the disk and at the folder's permissions",
            Self::TargetExists { .. } => "name an empty folder",
            Self::AlreadyExists { .. } => "start it under another name, or delete the old one",
            Self::NoSuchExecution { .. } => "list the executions",
            Self::Ambiguous { .. } => "name more of it, or the whole ARN",
            Self::BatchExists { .. } => "go on with that batch, or choose another name",
            Self::Owned { .. } => "wait for the process, or end it",
            Self::Overtaken { .. } => "stop here: what the journal has is what happened",
            Self::NotClosed { .. } => "stop it first",
            Self::InvalidToken => "pass the token as the task got it",
            Self::TaskDoesNotExist => "look whether the token belongs to this journal",
            Self::TaskTimedOut => "nothing waits for this answer any more",
        }
    }

    /// The same error, naming the file if it does not name one yet.
    pub(crate) fn at(mut self, file: &Path) -> Self {
        match &mut self {
            Self::DiskFull { path }
            | Self::ReadOnly { path }
            | Self::Busy { path }
            | Self::NotAJournal { path }
            | Self::Damaged { path, .. }
            | Self::Io { path, .. }
                if path.as_os_str().is_empty() =>
            {
                file.clone_into(path);
            }
            _ => {}
        }
        self
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, source: source.into() },
        }
    }

    pub(crate) fn corrupt(execution: &str, sequence: u64, what: impl Into<String>) -> Self {
        Self::Corrupt { execution: execution.to_owned(), sequence, what: what.into() }
    }
}

/// The file is filled in by `JournalError::at`, which knows it.
impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        let path = PathBuf::new();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Busy { path },
            Some(ErrorCode::NotADatabase) => Self::NotAJournal { path },
            // Without a code: a column that holds another type than ours, or no row where one must be.
            Some(ErrorCode::DatabaseCorrupt) | None => {
                Self::Damaged { path, what: error.to_string() }
            }
            Some(_) => Self::Io { path, source: error.into() },
        }
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
