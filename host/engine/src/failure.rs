//! Failures, and what a state does about them: Retry, then Catch (`facts/asl.md` 7 to 9).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stepwell_asl::{Jitter, Retrier};

use crate::execution::HISTORY_EVENTS_MAX;

/// An error as the language knows it: data, not a bug.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failure {
    /// The error's name, which `ErrorEquals` matches.
    pub error: Option<String>,
    /// What happened; for functions the error payload as JSON text.
    pub cause: Option<String>,
    /// It is a heartbeat that is missing, which has a name of its own in `ErrorEquals` only.
    #[serde(skip)]
    heartbeat: bool,
    /// It is an expression that failed, which the history tells first.
    #[serde(skip)]
    pub(crate) evaluation: Option<Evaluation>,
}

/// An expression that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// The way to its field from the state, if it has one.
    pub(crate) location: Option<String>,
    /// Whether its value is at fault, which AWS looks at when the state has been entered.
    pub(crate) of_value: bool,
    /// Whether it stands in a catcher, which does not catch itself.
    pub(crate) in_catcher: bool,
}

impl Failure {
    /// A failure that may lack a name or a cause.
    pub fn from_parts(error: Option<String>, cause: Option<String>) -> Self {
        Self { error, cause, ..Self::default() }
    }

    /// A failure with a name and a cause.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: Some(error.into()), cause: Some(cause.into()), ..Self::default() }
    }

    /// Something that the language cannot go on from: never retried, never caught.
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::new(RUNTIME, cause)
    }

    /// The last event that the history has room for (`facts/asl.md` 14).
    pub(crate) fn history_full(events_max: Option<u64>) -> Self {
        let most = events_max.unwrap_or(HISTORY_EVENTS_MAX);
        Self::runtime(format!(
            "The execution reached the maximum number of history events ({most})."
        ))
    }

    /// More data than a state may hand on (`facts/asl.md` 9). `what` is a state's name or an ARN.
    pub(crate) fn data_limit_exceeded(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes \
             service limit."
        );
        Self::new("States.DataLimitExceeded", cause)
    }

    /// More children of a distributed Map failed than may (`facts/asl.md` 11.2).
    pub(crate) fn tolerance_exceeded() -> Self {
        Self::new(
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )
    }

    /// An attempt took longer than `TimeoutSeconds`. AWS tells no cause.
    pub(crate) fn timeout() -> Self {
        Self { error: Some(TIMEOUT.to_owned()), ..Self::default() }
    }

    /// A task was silent for longer than `HeartbeatSeconds`.
    pub(crate) fn heartbeat_timeout() -> Self {
        Self { heartbeat: true, ..Self::timeout() }
    }

    /// What a catcher's state gets.
    pub(crate) fn to_output(&self) -> Value {
        // Recorded on AWS: a timeout has an empty cause, other errors without one have null.
        let cause = match (&self.cause, self.error.as_deref()) {
            (None, Some(TIMEOUT)) => Some(""),
            (cause, _) => cause.as_deref(),
        };
        json!({ "Error": self.error, "Cause": cause })
    }

    /// Whether one of `ErrorEquals` is for this failure (the policy of `facts/asl.md` 9).
    pub(crate) fn matches(&self, error_equals: &[String]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        if error == RUNTIME {
            return false;
        }
        error_equals.iter().any(|name| match name.as_str() {
            "States.ALL" => true,
            "States.TaskFailed" => error != TIMEOUT,
            "States.HeartbeatTimeout" if self.heartbeat => true,
            name => name == error,
        })
    }
}

const TIMEOUT: &str = "States.Timeout";
pub(crate) const RUNTIME: &str = "States.Runtime";

/// Milliseconds before a retry. `number` counts this retrier's retries from 0; `draw` is a random
/// number that belongs to this retry.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the delay is at least 0 and cut to a year, far below 2^53 milliseconds"
)]
pub(crate) fn delay_ms(retrier: &Retrier, number: u64, draw: u64) -> i64 {
    /// No delay is longer than a year (`facts/limits.md` 1).
    const DELAY_SECONDS_MAX: f64 = 31_536_000.0;
    let exponent = i32::try_from(number).unwrap_or(i32::MAX);
    let mut seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    if let Some(most) = retrier.max_delay_seconds {
        seconds = seconds.min(most as f64);
    }
    seconds = seconds.min(DELAY_SECONDS_MAX);
    if retrier.jitter == Jitter::Full {
        // 53 random bits are a number from 0 (included) to 1 (excluded).
        seconds *= (draw >> 11) as f64 / (1_u64 << 53) as f64;
    }
    (seconds * 1000.0) as i64
}

/// A random number that is a pure function of a seed and an id (`SplitMix64`'s finaliser).
pub(crate) fn draw(seed: u64, id: u64) -> u64 {
    let mut x = seed.wrapping_add(id.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(backoff_rate: f64, max_delay_seconds: Option<u64>, jitter: Jitter) -> Retrier {
        Retrier {
            error_equals: vec!["States.ALL".to_owned()],
            interval_seconds: 3,
            max_attempts: 9,
            backoff_rate,
            max_delay_seconds,
            jitter,
        }
    }

    #[test]
    fn the_delay_grows_by_the_rate_and_is_bounded() {
        let plain = retrier(2.0, None, Jitter::None);
        assert_eq!([0, 1, 2].map(|number| delay_ms(&plain, number, 7)), [3000, 6000, 12000]);
        let bounded = retrier(2.0, Some(10), Jitter::None);
        assert_eq!([1, 2, 99].map(|number| delay_ms(&bounded, number, 7)), [6000, 10000, 10000]);
        assert_eq!(delay_ms(&plain, u64::MAX, 7), 31_536_000_000);
    }

    #[test]
    fn full_jitter_stays_below_the_delay_and_depends_on_the_draw_only() {
        let jittered = retrier(1.0, None, Jitter::Full);
        let delays: Vec<_> = (0..100).map(|id| delay_ms(&jittered, 0, draw(42, id))).collect();
        assert!(delays.iter().all(|delay| (0..3000).contains(delay)));
        assert!(
            delays.iter().any(|delay| *delay < 500) && delays.iter().any(|delay| *delay > 2500)
        );
        assert_eq!(
            delays,
            (0..100).map(|id| delay_ms(&jittered, 0, draw(42, id))).collect::<Vec<_>>()
        );
    }

    #[test]
    fn wildcards_match_as_the_language_says() {
        let named = |error: &str| Failure::new(error, "");
        let all = ["States.ALL".to_owned()];
        let task_failed = ["States.TaskFailed".to_owned()];
        assert!(named("Custom").matches(&all) && named("States.Timeout").matches(&all));
        assert!(
            named("Custom").matches(&task_failed) && !named("States.Timeout").matches(&task_failed)
        );
        for error_equals in [all, task_failed, ["States.Runtime".to_owned()]] {
            assert!(!named("States.Runtime").matches(&error_equals));
        }
    }
}
