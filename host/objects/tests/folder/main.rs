//! What is special about a folder: hostile links, failing disks, crashes, many keys at random.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed test panics and prints; Clippy does not count helpers as tests"
)]

mod failures;
mod hostile;
mod model;
