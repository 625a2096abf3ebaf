//! Log lines. The host adds the time and bounds their number and length.
//!
//! ```
//! use stepwell_task::log;
//! # let rows = 25;
//! log::info(format_args!("{rows} rows"));
//! log::warn("the last page was short");
//! ```

use std::fmt::Display;

use crate::platform;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For who debugs the task.
    Debug,
    /// For who watches the task.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
    /// The task cannot go on.
    Critical,
}

/// Logs for who debugs the task.
pub fn debug(text: impl Display) {
    message(Level::Debug, "", text);
}

/// Logs for who watches the task.
pub fn info(text: impl Display) {
    message(Level::Info, "", text);
}

/// Logs that something may be wrong.
pub fn warn(text: impl Display) {
    message(Level::Warn, "", text);
}

/// Logs that something is wrong.
pub fn error(text: impl Display) {
    message(Level::Error, "", text);
}

/// Logs at a level; `context` says where the message comes from (a module, an action).
pub fn message(level: Level, context: &str, text: impl Display) {
    platform::log(level, context, &text.to_string());
}
