//! What the tables' columns are in Rust, and the way between both.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};
use stepwell_engine::Outcome;

/// An execution's number in its journal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Key(pub(crate) i64);

/// A workflow that executions were started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkflowId(pub(crate) i64);

/// A batch of executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchId(pub(crate) i64);

/// A message in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LetterId(pub(crate) i64);

/// Events and documents of one execution, at most.
const NUMBER_MAX: u64 = u32::MAX as u64;

impl Key {
    /// Where the row of a number lies in `events` or `documents`.
    pub(crate) fn row(self, number: u64) -> i64 {
        assert!(number <= NUMBER_MAX, "an execution has fewer events and documents than 2^32");
        self.0 << 32 | number.cast_signed()
    }

    /// All such rows of the execution.
    pub(crate) fn rows(self) -> Range<i64> {
        self.0 << 32..(self.0 + 1) << 32
    }
}

/// The number within its execution of a row of `events` or `documents`.
pub(crate) fn number(row: i64) -> u64 {
    row.cast_unsigned() & NUMBER_MAX
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

macro_rules! numbers {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    )*};
}

numbers!(Key, WorkflowId, BatchId, LetterId);

/// Where an execution stands. All but the first are AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It is of a batch and has not begun.
    Pending,
    /// It has begun and not ended.
    Running,
    /// It gave an output.
    Succeeded,
    /// It failed.
    Failed,
    /// It took too long.
    TimedOut,
    /// It was stopped.
    Aborted,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Aborted,
    ];

    /// The status as AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// Whether the execution has ended.
    pub fn is_closed(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    pub(crate) fn of(outcome: Option<&Outcome>) -> Self {
        match outcome {
            None => Self::Running,
            Some(Outcome::Succeeded { .. }) => Self::Succeeded,
            Some(Outcome::Failed { .. }) => Self::Failed,
            Some(Outcome::TimedOut) => Self::TimedOut,
            Some(Outcome::Aborted { .. }) => Self::Aborted,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let status = Self::ALL.into_iter().find(|status| status.name() == name);
        status.ok_or_else(|| FromSqlError::Other(format!("`{name}` is no status").into()))
    }
}

/// A time in a column: milliseconds since 1970, which is as exact as AWS shows it.
pub(crate) struct Milliseconds(pub(crate) Timestamp);

impl ToSql for Milliseconds {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Milliseconds {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let at = Timestamp::from_millisecond(i64::column_result(value)?);
        at.map(Self).map_err(|error| FromSqlError::Other(error.into()))
    }
}
