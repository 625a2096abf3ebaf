//! The execution's clock: the wall's, or one that jumps over waits (`--skip-waits`).

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells the time of an execution, which never goes back.
#[derive(Debug, Clone)]
pub struct Clock {
    last: Timestamp,
    /// `None`: the wall's clock.
    jumping: Option<Jumping>,
}

/// A clock that goes on by jumps, and with the wall's while something runs that takes real time: so that a
/// run of stubs takes the same time again and again, and a guest has the time that it takes.
#[derive(Debug, Clone, Copy)]
struct Jumping {
    now: Timestamp,
    running_since: Option<Instant>,
}

impl Clock {
    /// `skips`: whether waits are jumped over. `now` is when the execution begins.
    pub fn new(skips: bool, now: Timestamp) -> Self {
        let jumping = skips.then_some(Jumping { now, running_since: None });
        Self { last: now, jumping }
    }

    /// The wall's time in milliseconds, as AWS tells it.
    pub fn wall() -> Timestamp {
        in_milliseconds(Timestamp::now())
    }

    /// Whether waits are jumped over.
    pub fn skips(&self) -> bool {
        self.jumping.is_some()
    }

    /// The time now.
    pub fn now(&mut self) -> Timestamp {
        let now = match &self.jumping {
            None => Timestamp::now(),
            Some(Jumping { now, running_since: None }) => *now,
            Some(Jumping { now, running_since: Some(since) }) => {
                let elapsed = SignedDuration::try_from(since.elapsed());
                now.saturating_add(elapsed.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
            }
        };
        self.last = self.last.max(in_milliseconds(now));
        self.last
    }

    /// The time of something that the wall's clock says happened a while ago: not before `after`, and not in
    /// the future. A clock that jumps knows only its own time.
    pub fn heard_at(&mut self, wall: Timestamp, after: Timestamp) -> Timestamp {
        let now = self.now();
        if self.skips() { now } else { in_milliseconds(wall).min(now).max(after) }
    }

    /// How long until a time, by the wall's clock; nothing if it has come.
    pub fn until(&mut self, at: Timestamp) -> Duration {
        at.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }

    /// Says whether something runs that takes real time.
    pub fn set_running(&mut self, running: bool) {
        let now = self.now();
        if let Some(jumping) = &mut self.jumping
            && jumping.running_since.is_some() != running
        {
            *jumping = Jumping { now, running_since: running.then(Instant::now) };
        }
    }

    /// Jumps to a time, unless it has come.
    pub fn jump_to(&mut self, at: Timestamp) {
        if let Some(jumping) = &mut self.jumping {
            jumping.now = jumping.now.max(at);
        }
    }
}

fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
