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

use crate::effect::EffectId;
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
}

/// An item of a Map state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) index: u32,
    pub(crate) value: Document,
}

/// What a branch waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// Its turn to enter the state.
    Turn,
    /// The outcome of a call, or the time at which it has taken too long.
    Call(Call),
    /// The time of the next attempt.
    Retry(EffectId),
    /// The time at which a Wait state ends.
    Time(EffectId),
    /// The branches below it.
    Fork(Box<Fork>),
}

/// A call of a function that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: EffectId,
    pub(crate) request_id: String,
    pub(crate) timeout: Option<EffectId>,
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
        }
    }

    /// All retries of this visit.
    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// The effects that it waits for.
    pub(crate) fn effects(&self) -> impl Iterator<Item = EffectId> {
        let (first, second) = match &self.waiting {
            Waiting::Turn | Waiting::Fork(_) => (None, None),
            Waiting::Call(call) => (Some(call.id), call.timeout),
            Waiting::Retry(id) | Waiting::Time(id) => (Some(*id), None),
        };
        first.into_iter().chain(second)
    }
}
