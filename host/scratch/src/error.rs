//! Why an operation failed, in the words of POSIX.

use std::io;

/// Why an operation failed. The operation has then changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `EBUSY`: `.` or `..` cannot be renamed.
    #[error("device or resource busy")]
    Busy,
    /// `EEXIST`
    #[error("file exists")]
    Exists,
    /// `EFBIG`: beyond [`crate::FILE_BYTES_MAX`].
    #[error("file too large")]
    FileTooLarge,
    /// `EINVAL`
    #[error("invalid argument")]
    Invalid,
    /// `EIO`: the host could not read or write its temporary file.
    #[error("input/output error ({0})")]
    Io(io::ErrorKind),
    /// `EISDIR`
    #[error("is a directory")]
    IsDirectory,
    /// `ELOOP`: too many symbolic links on the way, or a link where none may be.
    #[error("too many levels of symbolic links")]
    Loop,
    /// `ENAMETOOLONG`: a name or a path.
    #[error("file name too long")]
    NameTooLong,
    /// `ENOSPC`: all bytes or all files of the quota are taken.
    #[error("no space left on device")]
    NoSpace,
    /// `ENOTDIR`
    #[error("not a directory")]
    NotDirectory,
    /// `ENOTEMPTY`
    #[error("directory not empty")]
    NotEmpty,
    /// `ENOENT`
    #[error("no such file or directory")]
    NotFound,
    /// `EPERM`: the path is absolute or climbs above where it starts; or a directory was to be linked.
    #[error("operation not permitted")]
    NotPermitted,
    /// `EMLINK`: more than [`crate::LINKS_MAX`] names for one file.
    #[error("too many links")]
    TooManyLinks,
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}
