//! What can be wrong with a path, and the words for it.

use std::fmt;

use serde_json::Value;

use super::step::{Canonical, Step};
use crate::java;

/// How much of the value at hand a message shows: as much as fits into the `Cause` of a failed
/// execution.
const CONTEXT_BYTES_MAX: usize = 32 * 1024;

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathSyntaxError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// Why a path gave nothing. The words are Jayway's, which AWS puts into its causes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Something the path names is not there.
    #[error("{0}")]
    NotFound(String),
    /// The path asks something of a value that cannot be asked of it, such as an index of an object.
    #[error("{0}")]
    NotApplicable(String),
    /// The path and the document together ask for too much.
    #[error("the path needs more than {max} {what}")]
    TooMuch {
        /// The limit.
        max: usize,
        /// What is limited, in the plural.
        what: &'static str,
    },
}

/// Why a step leads nowhere from the value at hand.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// A name, and the value is no object.
    NotObject,
    /// A name that the object lacks.
    Missing,
    /// An index or a slice, and the value is null.
    Null,
    /// An index or a slice, and the value is no array.
    NotArray,
    /// There is no such element.
    OutOfBounds(i64),
    /// A filter, and the value is neither array nor object.
    Primitive,
    /// Several names in the middle of a path.
    NotLeaf,
    /// The value is too much to copy.
    Other(PathError),
}

impl Obstacle {
    /// Whether this is a matter of something not being there.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Self::NotObject | Self::Missing | Self::Null | Self::OutOfBounds(_) => true,
            Self::NotArray | Self::Primitive | Self::NotLeaf | Self::Other(_) => false,
        }
    }

    /// Puts it into words. `place` is the path to `value`, `steps` begins with the step that failed.
    pub(super) fn describe(
        self,
        place: impl fmt::Display,
        steps: &[Step],
        value: &Value,
    ) -> PathError {
        let step = Canonical(steps.get(..1).unwrap_or_default());
        let tail = Canonical(steps);
        match self {
            Self::NotObject => {
                PathError::NotFound(format!("Property {step} not found in path {place}"))
            }
            Self::Missing if steps.len() > 1 => {
                PathError::NotFound(format!("Missing property in path {place}{step}"))
            }
            Self::Missing => PathError::NotFound(format!("No results for path: {place}{step}")),
            Self::Null => PathError::NotFound(format!("The path {place} is null")),
            Self::OutOfBounds(index) => PathError::NotFound(format!(
                "Index out of bounds when evaluating path {place}[{index}]"
            )),
            Self::NotArray => PathError::NotApplicable(format!(
                "Filter: {tail} can only be applied to arrays. Current context is: {}",
                context(value)
            )),
            Self::Primitive => PathError::NotApplicable(format!(
                "Filter: {tail} can not be applied to primitives. Current context is: {}",
                context(value)
            )),
            Self::NotLeaf => PathError::NotApplicable(format!(
                "Multi properties can only be used as path leafs: {place}{step}"
            )),
            Self::Other(error) => error,
        }
    }
}

/// A value as Jayway's messages show it. Cut when it is long.
pub(super) fn context(value: &Value) -> String {
    let (Ok(text) | Err(text)) = java::text(value, CONTEXT_BYTES_MAX);
    text
}
