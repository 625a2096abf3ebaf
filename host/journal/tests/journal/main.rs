//! Journals as their callers see them: what was committed comes back, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests as well")]

mod answering;
mod creating;
mod damaged;
mod exporting;
mod failing;
mod owning;
mod restoring;
mod support;
mod versions;
