//! The sandbox from outside: hostile components against every limit, grant and bound.
//!
//! Two kinds of guests: components written by hand as WAT (`support::guest`), for what no compiler would
//! make, and `guest-tasks/hostile`, which is built by `cargo xtask guests`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests as well")]

mod bounds;
mod buckets;
mod cache;
#[cfg(unix)]
mod compiler;
mod concurrency;
mod context;
mod crashes;
mod determinism;
mod enforcement;
mod files;
mod fuel;
mod hostile;
mod http;
mod init;
mod limits;
mod load;
mod log;
mod memory;
mod mixed;
mod payloads;
mod reach;
mod support;
mod time;
mod warm;
