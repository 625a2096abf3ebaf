//! What the engine wants done: the only output of the engine beside the history.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::Name;
use stepwell_query::Document;

use crate::{Failure, HistoryEvent};

/// Identifies an effect within its execution. A pure function of the events so far, so that a replay
/// asks for the same effects under the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId(pub u64);

/// Something that the engine wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Invoke a function, and tell its outcome by an event with this id.
    Invoke(Invocation),
    /// Somebody may answer for a task by its token, once, until this is cancelled. Asked for before the
    /// function that hands the token on is invoked.
    OpenToken(OpenToken),
    /// Send [`crate::Event::TimerFired`] with this id at that time, or at once when it has passed.
    SetTimer {
        /// The event carries it.
        id: EffectId,
        /// When.
        at: Timestamp,
        /// What for.
        purpose: Purpose,
    },
    /// What was asked for under this id is not wanted any more: stop it. Its outcome, should it still
    /// come, is ignored.
    Cancel {
        /// The effect that asked for it.
        id: EffectId,
    },
    /// Send [`crate::Event::Resumed`]: there is more to do, and others should have their turn first. Whatever
    /// event comes first, this holds until then: it is asked for again where it is still so.
    Resume,
    /// The execution has ended.
    Finish(Outcome),
}

impl Effect {
    /// Its id, if it has an outcome.
    pub fn id(&self) -> Option<EffectId> {
        match self {
            Self::Invoke(invocation) => Some(invocation.id),
            Self::OpenToken(token) => Some(token.id),
            Self::SetTimer { id, .. } => Some(*id),
            Self::Cancel { .. } | Self::Resume | Self::Finish(_) => None,
        }
    }
}

/// A function that is to be invoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The outcome carries it.
    pub id: EffectId,
    /// The state that calls it.
    pub state: Name,
    /// The function's name in the file.
    pub function: Name,
    /// Its ARN as the history shows it.
    pub arn: Arc<str>,
    /// What it gets.
    pub payload: Document,
    /// The invocation's id: a UUID. The same when it is asked for again after a crash, another one in a
    /// retry: whoever must not do a thing twice can go by it.
    pub request_id: String,
    /// 0 for the first attempt of a state visit, then 1, 2, ...
    pub attempt: u64,
    /// Which of the execution's calls of this function it is, from 0.
    pub call: u64,
}

/// A token that somebody may answer with [`crate::Event::TaskSucceeded`], [`crate::Event::TaskFailed`]
/// and [`crate::Event::TaskHeartbeat`] (`facts/asl.md` 13.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenToken {
    /// The answer carries it.
    pub id: EffectId,
    /// The state that waits for it.
    pub state: Name,
    /// The token.
    pub token: String,
    /// When an answer comes too late, if ever.
    pub timeout_at: Option<Timestamp>,
    /// How many seconds may pass between two heartbeats.
    pub heartbeat_seconds: Option<i64>,
}

/// What a timer is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Purpose {
    /// A state waits until then, by itself or before it retries.
    Wait {
        /// The state.
        state: Name,
    },
    /// What runs until then has taken too long.
    Timeout,
    /// A task that waits for its token has been silent for too long by then.
    Heartbeat {
        /// The effect that opened the token.
        token: EffectId,
    },
}

/// A child execution of a distributed Map that failed. Its history is its own, so that the history of the
/// execution does not tell.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedChild {
    /// The Map.
    pub state: Name,
    /// Which of its items it was for.
    pub index: u32,
    /// How it failed.
    pub failure: Failure,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It gave an output.
    Succeeded {
        /// The output.
        output: Document,
    },
    /// It failed.
    Failed {
        /// The error's name, if it has one.
        error: Option<String>,
        /// What happened, if anything was said.
        cause: Option<String>,
    },
    /// It took longer than the machine's `TimeoutSeconds`.
    TimedOut,
    /// It was stopped from outside.
    Aborted {
        /// The error given with the stop.
        error: Option<String>,
        /// The cause given with the stop.
        cause: Option<String>,
    },
}

/// What came of one event.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use]
pub struct Applied {
    /// What is to be done, in order.
    pub effects: Vec<Effect>,
    /// What the history gained, in order.
    pub history: Vec<HistoryEvent>,
    /// Child executions that failed, in order.
    pub failed_children: Vec<FailedChild>,
}
