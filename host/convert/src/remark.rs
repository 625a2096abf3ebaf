//! Remarks: what is to be said about a conversion.

use std::ops::Range;

/// What kind of thing a remark says. `docs/convert.md` has a section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemarkKind {
    /// A state, or a whole machine, stays as it is.
    Kept,
    /// Something is converted, and can differ in a way that the remark names.
    Differs,
    /// A failure that nobody could catch is now one that the state's `Catch` or `Retry` takes.
    Caught,
    /// A comment could not be kept.
    CommentLost,
}

impl RemarkKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Differs, Self::Caught, Self::CommentLost];

    /// Stable, such as `CONV01`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Kept => "CONV01",
            Self::Differs => "CONV02",
            Self::Caught => "CONV03",
            Self::CommentLost => "CONV04",
        }
    }
}

/// One thing that is to be said about a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What kind of thing.
    pub kind: RemarkKind,
    /// Where it stands, as a JSON pointer into the file or the definition as it was.
    pub pointer: String,
    /// Where that is in the text, in bytes; empty for a definition that has no text.
    pub span: Range<usize>,
    /// What is said: lower case, no final period, names in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Remark {
    pub(crate) fn new(
        kind: RemarkKind,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        Self { kind, pointer, span: 0..0, message, help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Why something cannot be converted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new<T>(pointer: &str, message: impl Into<String>) -> Result<T, Self> {
        Err(Self { pointer: pointer.to_owned(), message: message.into() })
    }
}

/// A pointer to a member.
pub(crate) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
