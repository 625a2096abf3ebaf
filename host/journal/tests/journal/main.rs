//! Journals as their callers see them: what was committed comes back, whatever happens in between.

mod creating;
mod restoring;
mod support;
