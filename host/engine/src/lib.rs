//! The pure core: a definition and events in, effects and AWS's history out.
//!
//! An [`Execution`] is a plain value, and [`Execution::apply`] the only way it changes:
//!
//! ```text
//!              Event (with its time)            Applied
//!   driver ----------------------> Execution ----------> effects: invoke, set or cancel a timer, finish
//!      ^                                     \---------> history: events as AWS records them
//!      '---- an effect's outcome is the next event ----'
//! ```
//!
//! Reading order: [`Event`], [`Effect`], [`HistoryEvent`], [`Execution`], then `branch` and `fork` (what an
//! execution is made of), `turn` (how branches run), `state`, one file per state type, `failure` and
//! `context` (the context object and variables).
//!
//! Reads no clock, does no I/O, draws no random numbers and spawns nothing: time and a seed come with
//! the events, and the same events give the same effects and the same history in the same order.

mod branch;
mod context;
mod effect;
mod event;
mod execution;
mod failure;
mod fork;
mod history;
mod redrive;
mod state;
mod turn;
mod view;

pub use effect::{Applied, Effect, EffectId, FailedChild, Invocation, OpenToken, Outcome, Purpose};
pub use event::{Event, From, Start};
pub use execution::{
    Execution, HISTORY_EVENTS_MAX, IllegalEvent, STATE_BYTES_MAX, TRANSITIONS_PER_APPLY_MAX,
};
pub use failure::Failure;
pub use history::{Assigned, Details, HistoryEvent, Stored, TaskPattern, epoch_seconds};
pub use redrive::{REDRIVE_DAYS_MAX, REDRIVE_EVENTS_MAX};
pub use state::map::DISTRIBUTED_EXECUTIONS_MAX;
pub use view::View;
