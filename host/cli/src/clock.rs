//! The execution's clock: the wall's, or one that jumps over waits (`--skip-waits`).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time of an execution, which never goes back.
#[derive(Debug, Clone)]
pub struct Clock {
    skips: bool,
    /// How far ahead of the wall's clock this one is.
    ahead: SignedDuration,
    last: Timestamp,
}

impl Clock {
    /// `skips`: whether waits are jumped over.
    pub fn new(skips: bool) -> Self {
        Self { skips, ahead: SignedDuration::ZERO, last: Timestamp::UNIX_EPOCH }
    }

    /// Whether waits are jumped over.
    pub fn skips(&self) -> bool {
        self.skips
    }

    /// The time now, in milliseconds as AWS tells it.
    pub fn now(&mut self) -> Timestamp {
        let now = Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX);
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.last = self.last.max(now);
        self.last
    }

    /// How long until a time, by the wall's clock; nothing if it has come.
    pub fn until(&mut self, at: Timestamp) -> Duration {
        at.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }

    /// Jumps to a time, unless it has come.
    pub fn jump_to(&mut self, at: Timestamp) {
        let rest = at.duration_since(self.now());
        if rest.is_positive() {
            self.ahead = self.ahead.checked_add(rest).unwrap_or(SignedDuration::MAX);
        }
    }
}
