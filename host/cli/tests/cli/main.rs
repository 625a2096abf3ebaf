//! The `stepwell` binary as a person or a script meets it: exit codes, standard output, standard error
//! and the files that it leaves. One process per run, through the builder in `support`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed test panics and prints; Clippy does not count helpers as tests"
)]

mod support;

mod compile;
mod components;
mod concurrency;
mod convert;
mod crash;
mod durable;
mod eval;
mod grants;
mod graph;
mod help;
mod history;
mod import;
mod input;
mod inspect;
mod interruption;
mod invoke;
mod languages;
mod limits;
mod new;
mod options;
mod output;
mod registry;
mod reply;
mod report;
mod s3;
mod source_failures;
mod storage;
mod stubs;
mod tasks;
mod tune;
mod validate;
mod workflow_files;
mod workflows;
