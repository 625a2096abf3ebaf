//! A branch: one run of states within an execution, and what it waits for.
//!
//! An execution begins with one branch. A Parallel or Map state waits while others run below it:
//!
//! ```text
//!   root: Map, waits for its fork
//!     |-- iteration 0: Task, waits for a function
//!     `-- iteration 1: Parallel, waits for its fork
//!           |-- branch 0: Wait, waits for a time
//!           `-- branch 1: has its turn
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::{Name, StateId};
use stepwell_query::Document;

use crate::effect::{EffectId, Invocation, OpenToken};
use crate::failure::Failure;
use crate::fork::Fork;

/// Identifies a branch within its execution. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct BranchId(pub(crate) u64);

/// Where a run of states is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Branch {
    pub(crate) id: BranchId,
    /// The branch whose Parallel or Map state runs this one, and which of its branches this is.
    pub(crate) parent: Option<(BranchId, u32)>,
    /// The branch that began the child execution this one belongs to; `None`: it belongs to the execution
    /// itself.
    pub(crate) child: Option<BranchId>,
    /// The state it is in.
    pub(crate) state: StateId,
    /// That state's raw input; when it is left, its output.
    pub(crate) input: Document,
    /// When it was entered, and by which event of the history.
    pub(crate) entered_at: Timestamp,
    pub(crate) entered_id: u64,
    /// The last event of this branch, which leads to the next one.
    pub(crate) previous_id: u64,
    /// How often each retrier of the state has retried in this visit.
    pub(crate) retries: Vec<u64>,
    pub(crate) waiting: Waiting,
    /// Its own variables; it sees those of its parents as well.
    pub(crate) variables: BTreeMap<Name, Document>,
    /// The item that it is for, if it is an iteration.
    pub(crate) item: Option<Item>,
    /// The token of its task's current attempt, which the context object tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

/// An item of a Map state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) index: u32,
    pub(crate) value: Document,
    /// The name of the value, where the items are an object's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// What a branch waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// Its turn to enter the state.
    Turn,
    /// The outcome of a call, or the time at which it has taken too long.
    Call(Box<Call>),
    /// The time of the next attempt.
    Retry(Timer),
    /// The time at which a Wait state ends.
    Time(Timer),
    /// The branches below it.
    Fork(Box<Fork>),
}

/// A timer that is set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub(crate) id: EffectId,
    pub(crate) at: Timestamp,
}

/// A task that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The function, until it has answered.
    pub(crate) invocation: Option<Invocation>,
    /// When it has taken too long.
    pub(crate) timeout: Option<Timer>,
    /// How long it may take.
    pub(crate) timeout_seconds: Option<i64>,
    /// What must be answered beside the function, and after it.
    pub(crate) token: Option<Token>,
}

/// A token that is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) open: OpenToken,
    /// When the next heartbeat is overdue: from the function's answer on.
    pub(crate) heartbeat: Option<Timer>,
    /// An answer that came before the function's.
    pub(crate) answer: Option<Result<Document, Failure>>,
}

/// An execution that a distributed Map runs for an item. Its history is its own: here only its events are
/// counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) execution_arn: String,
    pub(crate) machine_arn: String,
    pub(crate) input: Document,
    pub(crate) at: Timestamp,
    pub(crate) history_id: u64,
    /// The size of its variables, in bytes of JSON text.
    pub(crate) variables_bytes: usize,
}

impl Branch {
    /// A branch that is about to enter a state.
    pub(crate) fn before(id: BranchId, state: StateId, input: Document, at: Timestamp) -> Self {
        Self {
            id,
            parent: None,
            child: None,
            state,
            input,
            entered_at: at,
            entered_id: 0,
            previous_id: 0,
            retries: Vec::new(),
            waiting: Waiting::Turn,
            variables: BTreeMap::new(),
            item: None,
            token: None,
        }
    }

    /// All retries of this visit.
    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// The effects that it waits for.
    pub(crate) fn effects(&self) -> impl Iterator<Item = EffectId> + use<> {
        let ids = match &self.waiting {
            Waiting::Turn | Waiting::Fork(_) => [None; 4],
            Waiting::Call(call) => call.effects(),
            Waiting::Retry(timer) | Waiting::Time(timer) => [Some(timer.id), None, None, None],
        };
        ids.into_iter().flatten()
    }
}

impl Call {
    /// The function, its timeout, the token, its heartbeat.
    pub(crate) fn effects(&self) -> [Option<EffectId>; 4] {
        let token = self.token.as_ref();
        [
            self.invocation.as_ref().map(|invocation| invocation.id),
            self.timeout.map(|timer| timer.id),
            self.open_token().map(|open| open.id),
            token.and_then(|token| token.heartbeat).map(|timer| timer.id),
        ]
    }

    /// The token, unless it was answered before the function.
    pub(crate) fn open_token(&self) -> Option<&OpenToken> {
        self.token.as_ref().filter(|token| token.answer.is_none()).map(|token| &token.open)
    }
}
