//! What happened: the only input of the engine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::{Name, StateId};
use stepwell_query::Document;

use crate::{EffectId, Failure};

/// Something that happened. [`crate::Execution::apply`] takes it with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The execution begins.
    Started,
    /// The engine had more to do than one `apply` should; it goes on.
    Resumed,
    /// A function that was to be invoked gave a result.
    FunctionSucceeded {
        /// The effect that asked for it.
        id: EffectId,
        /// The function's answer.
        output: Document,
    },
    /// A function that was to be invoked failed.
    FunctionFailed {
        /// The effect that asked for it.
        id: EffectId,
        /// How.
        failure: Failure,
    },
    /// Somebody answered a task by its token: it gave a result.
    TaskSucceeded {
        /// The effect that opened the token.
        id: EffectId,
        /// The result.
        output: Document,
    },
    /// Somebody answered a task by its token: it failed.
    TaskFailed {
        /// The effect that opened the token.
        id: EffectId,
        /// How.
        failure: Failure,
    },
    /// Somebody said by its token that a task is still being worked on.
    TaskHeartbeat {
        /// The effect that opened the token.
        id: EffectId,
    },
    /// A timer that was set fired.
    TimerFired {
        /// The effect that set it.
        id: EffectId,
    },
    /// Somebody wants the execution to end.
    StopRequested {
        /// The error to record, if any.
        error: Option<String>,
        /// The cause to record, if any.
        cause: Option<String>,
    },
    /// An execution that ended without success goes on where it failed (`facts/api.md` 4). Fits only where
    /// [`crate::Execution::redrivable`] says so.
    RedriveRequested,
    /// The state that waits for an effect begins anew, with another input. Not of ASL: for those who try
    /// what would have happened.
    InputReplaced {
        /// What the state waits for.
        id: EffectId,
        /// Its new raw input.
        input: Document,
    },
}

impl Event {
    /// The effect that it is about: the one that it is the outcome of, or whose state begins anew.
    pub fn effect(&self) -> Option<EffectId> {
        match self {
            Self::FunctionSucceeded { id, .. }
            | Self::FunctionFailed { id, .. }
            | Self::TaskSucceeded { id, .. }
            | Self::TaskFailed { id, .. }
            | Self::TaskHeartbeat { id }
            | Self::InputReplaced { id, .. }
            | Self::TimerFired { id } => Some(*id),
            Self::Started | Self::Resumed | Self::StopRequested { .. } | Self::RedriveRequested => {
                None
            }
        }
    }
}

/// What an execution begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The execution's name, unique for its machine.
    pub name: String,
    /// The machine's name.
    pub machine_name: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// The machine's ARN.
    pub machine_arn: String,
    /// The role that AWS would assume; no meaning here but in the history.
    pub role_arn: String,
    /// The input.
    pub input: Document,
    /// When it begins.
    pub at: Timestamp,
    /// Where everything random of this execution comes from.
    pub seed: u64,
    /// After how many history events the execution fails, as AWS does: [`crate::HISTORY_EVENTS_MAX`];
    /// `None`: never.
    pub history_events_max: Option<u64>,
    /// How many executions a distributed Map runs at a time, at most: what the driver can carry, or AWS's
    /// own [`crate::DISTRIBUTED_EXECUTIONS_MAX`].
    pub child_executions_max: u32,
    /// Where it begins, if not at the machine's first state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<From>,
}

/// Where an execution begins that repeats a part of another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct From {
    /// A state of the outermost machine.
    pub state: StateId,
    /// The variables that are assigned by then.
    pub variables: BTreeMap<Name, Document>,
}

impl Start {
    /// The ARN of a function in the region and account of the execution.
    pub(crate) fn function_arn(&self, function: &str) -> String {
        let account = self.machine_arn.split(':').nth(4).unwrap_or_default();
        format!("arn:aws:lambda:{}:{account}:function:{function}", self.region())
    }

    /// The region of the execution.
    pub(crate) fn region(&self) -> &str {
        self.machine_arn.split(':').nth(3).unwrap_or_default()
    }
}
