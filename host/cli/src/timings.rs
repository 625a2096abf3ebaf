//! What takes how long before the first task begins, for `--timings`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Marks of time since the process began. Cloning shares them.
#[derive(Debug, Clone)]
pub(crate) struct Timings {
    start: Instant,
    marks: Arc<Mutex<Vec<(&'static str, Duration)>>>,
}

impl Timings {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), marks: Arc::default() }
    }

    /// Notes that something is done.
    pub(crate) fn mark(&self, done: &'static str) {
        let mut marks = self.marks.lock().expect("nothing panics while it holds this lock");
        marks.push((done, self.start.elapsed()));
    }

    /// A line for each mark: what, how long it took, how long since the start.
    pub(crate) fn lines(&self) -> Vec<String> {
        let marks = self.marks.lock().expect("nothing panics while it holds this lock");
        let mut before = Duration::ZERO;
        let mut lines = Vec::with_capacity(marks.len());
        for (done, at) in marks.iter() {
            let took = at.saturating_sub(before);
            let (took, at_ms) = (took.as_secs_f64() * 1e3, at.as_secs_f64() * 1e3);
            lines.push(format!("{done:<28} {took:>8.2} ms   at {at_ms:>8.2} ms"));
            before = *at;
        }
        lines
    }
}
