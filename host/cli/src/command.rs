//! One file per command.

pub(crate) mod calibrate;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod debug;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod executions;
pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod invoke;
pub(crate) mod prune;
pub(crate) mod redrive;
pub(crate) mod replay;
pub(crate) mod rerun;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod stop;
pub(crate) mod task;
pub(crate) mod tune;
pub(crate) mod validate;
