//! A checked definition: machines and states, which name each other by numbers.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::State;

/// The name of a state or a machine. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A state of a definition. Numbers follow the order of the file, an outer machine's states before those
/// nested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateId(pub(crate) u32);

/// A machine of a definition: the outermost one, a branch of a Parallel, or what a Map does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId(pub(crate) u32);

/// A checked state machine. It comes only from [`crate::load`], so every state that something in it leads
/// to is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub(crate) comment: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
    /// The outermost one first.
    pub(crate) machines: Vec<Machine>,
    pub(crate) states: Vec<State>,
}

/// A machine within a definition: states that lead to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The first state.
    pub start_at: StateId,
    /// Its states in the order of the file, without those of machines nested in them.
    pub states: Vec<StateId>,
}

/// Where a state leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// To another state of its machine.
    Next(StateId),
    /// Out of the machine: the state's output is the machine's.
    End,
}

impl Definition {
    /// What the author says about it.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// `TimeoutSeconds`: how long an execution may take.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The outermost machine.
    pub fn outermost(&self) -> &Machine {
        &self.machines[0]
    }

    /// A machine. Every id that stands in this definition has one.
    ///
    /// # Panics
    ///
    /// When the id comes from another definition.
    pub fn machine(&self, id: MachineId) -> &Machine {
        &self.machines[id.0 as usize]
    }

    /// A state. Every id that stands in this definition has one.
    ///
    /// # Panics
    ///
    /// When the id comes from another definition.
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }

    /// All states, nested ones after those of the machine around them.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.states.iter()
    }
}
