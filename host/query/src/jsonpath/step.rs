//! The steps of a compiled path, and how messages spell them.

use std::fmt;

use super::filter::Filter;

/// One step of a path, from a value to those below it.
#[derive(Debug)]
pub(super) enum Step {
    /// `.a` or `['a']`.
    Name(Box<str>),
    /// `['a','b']`, and what is left of a quotation that never ends: no name at all.
    Names(Box<[Box<str>]>),
    /// `[3]`.
    Index(i32),
    /// `[0,3]`.
    Indexes(Box<[i32]>),
    /// `[(@.length-1)]`: what is added to the length.
    FromEnd(i32),
    /// `[1:]` and its like.
    Slice(Slice),
    /// `*`.
    Wildcard,
    /// `[?(@.a)]`.
    Filter(Filter),
    /// `..`: the next step, applied to the value and to everything below it.
    Scan,
}

/// A range of an array. The three forms treat negative numbers differently.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slice {
    From(i32),
    To(i32),
    Between(i32, i32),
}

impl Step {
    /// Whether the step leads to one value at most.
    pub(super) fn is_definite(&self) -> bool {
        match self {
            Self::Name(_) | Self::Names(_) | Self::Index(_) | Self::FromEnd(_) => true,
            Self::Indexes(_) | Self::Slice(_) | Self::Wildcard | Self::Filter(_) | Self::Scan => {
                false
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "['{name}']"),
            Self::Names(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
                write!(formatter, "[{}]", names.join(", "))
            }
            Self::Index(index) => write!(formatter, "[{index}]"),
            Self::Indexes(indexes) => {
                let indexes: Vec<_> = indexes.iter().map(i32::to_string).collect();
                write!(formatter, "[{}]", indexes.join(","))
            }
            Self::FromEnd(distance) => write!(formatter, "[@.size(){distance}]"),
            Self::Slice(Slice::From(from)) => write!(formatter, "[{from}:]"),
            Self::Slice(Slice::To(to)) => write!(formatter, "[:{to}]"),
            Self::Slice(Slice::Between(from, to)) => write!(formatter, "[{from}:{to}]"),
            Self::Wildcard => formatter.write_str("[*]"),
            Self::Filter(_) => formatter.write_str("[?]"),
            Self::Scan => formatter.write_str(".."),
        }
    }
}

/// Steps as messages spell them, one after the other.
pub(super) struct Canonical<'a>(pub(super) &'a [Step]);

impl fmt::Display for Canonical<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(formatter, "{step}"))
    }
}
