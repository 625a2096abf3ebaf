//! An execution: a value that events change.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use stepwell_asl::Definition;

use crate::branch::{Branch, BranchId, Child, Waiting};
use crate::effect::{Applied, Effect, EffectId, Outcome, Purpose};
use crate::event::{Event, Start};
use crate::failure::{Failure, draw};
use crate::history::Details;
use crate::state;
use crate::turn::{End, Turn};

/// Input and output of a state or an execution, in bytes of JSON text (`facts/limits.md` 1).
pub const STATE_BYTES_MAX: usize = 262_144;

/// Events in the history of one execution: the last of them is its failure (`facts/limits.md` 2).
pub const HISTORY_EVENTS_MAX: u64 = 25_000;

/// Transitions in one `apply`, after which the engine asks for another turn: a machine that loops
/// without waiting for anything must not keep its driver from looking up.
pub const TRANSITIONS_PER_APPLY_MAX: u32 = 256;

/// One run of a state machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    start: Start,
    status: Status,
    counters: Counters,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    Ready,
    Running(Running),
    Ended(Outcome),
}

/// What runs and what waits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) branches: BTreeMap<BranchId, Branch>,
    /// Those that have their turn next, in order.
    pub(crate) ready: VecDeque<BranchId>,
    /// Which branch waits for an effect.
    pub(crate) waits: BTreeMap<EffectId, BranchId>,
    /// Executions that distributed Maps run, by the branch that begins them.
    pub(crate) children: BTreeMap<BranchId, Child>,
    /// The timer that ends the execution.
    timeout: Option<EffectId>,
}

/// What was given out so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) history_id: u64,
    pub(crate) effect_id: u64,
    pub(crate) branch_id: u64,
    /// Random numbers. Drawn while data is looked at, hence the cell.
    pub(crate) draws: Cell<u64>,
    /// The size of all variables, in bytes of JSON text.
    pub(crate) variables_bytes: usize,
}

impl Counters {
    /// A random number, the next of the execution's sequence.
    pub(crate) fn draw(&self, seed: u64) -> u64 {
        /// Keeps the sequence apart from the numbers that belong to effects.
        const SEQUENCE: u64 = 0x5bd1_e995_9d1b_54a5;
        let number = self.draws.get() + 1;
        self.draws.set(number);
        draw(seed ^ SEQUENCE, number)
    }
}

/// An event that does not fit the execution: a bug of the driver or a corrupt journal, never a user's
/// mistake.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the event `{event}` does not fit an execution that {situation}")]
pub struct IllegalEvent {
    /// The event.
    pub event: String,
    /// What the execution was doing.
    pub situation: &'static str,
}

impl Execution {
    /// An execution that has not begun: it waits for [`Event::Started`].
    pub fn new(start: Start) -> Self {
        Self { start, status: Status::Ready, counters: Counters::default() }
    }

    /// What it began with.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.status {
            Status::Ended(outcome) => Some(outcome),
            Status::Ready | Status::Running(_) => None,
        }
    }

    /// Applies one event that happened at a time, and returns what came of it.
    ///
    /// `definition` must be the same in every call. On an [`IllegalEvent`] nothing has changed.
    pub fn apply(
        &mut self,
        definition: &Definition,
        at: Timestamp,
        event: Event,
    ) -> Result<Applied, IllegalEvent> {
        let mut applied = Applied::default();
        if matches!(self.status, Status::Ready) && event == Event::Started {
            self.status = Status::Running(Running::default());
            let Status::Running(running) = &mut self.status else { unreachable!("it was set") };
            let (start, counters) = (&self.start, &mut self.counters);
            let mut turn = Turn::new(definition, start, at, counters, running, &mut applied);
            let end = begin(&mut turn);
            self.settle(at, end, &mut applied);
            return Ok(applied);
        }
        let running = match &mut self.status {
            Status::Running(running) => running,
            Status::Ready => return Err(IllegalEvent::new(&event, "has not begun")),
            Status::Ended(_) => return Err(IllegalEvent::new(&event, "has ended")),
        };
        let (start, counters) = (&self.start, &mut self.counters);
        let mut turn = Turn::new(definition, start, at, counters, running, &mut applied);
        let end = match event {
            Event::StopRequested { error, cause } => {
                let details =
                    Details::ExecutionAborted { error: error.clone(), cause: cause.clone() };
                turn.push(None, 0, details);
                Err(End::Outcome(Outcome::Aborted { error, cause }))
            }
            Event::TimerFired { id } if turn.running.timeout == Some(id) => {
                turn.running.timeout = None;
                turn.push(None, 0, Details::ExecutionTimedOut);
                Err(End::Outcome(Outcome::TimedOut))
            }
            event => go_on(&mut turn, event)?,
        };
        self.settle(at, end, &mut applied);
        Ok(applied)
    }

    /// Ends the execution, if it has.
    fn settle(&mut self, at: Timestamp, end: Result<(), End>, applied: &mut Applied) {
        let Status::Running(running) = &mut self.status else { return };
        let outcome = match end {
            Ok(()) => return,
            Err(End::Outcome(outcome)) => outcome,
            Err(End::HistoryFull { previous_id }) => {
                let failure = Failure::history_full(self.start.history_events_max);
                let (error, cause) = (failure.error, failure.cause);
                self.counters.history_id += 1;
                applied.history.push(crate::HistoryEvent {
                    id: self.counters.history_id,
                    previous_id,
                    at,
                    details: Details::ExecutionFailed {
                        error: error.clone(),
                        cause: cause.clone(),
                    },
                });
                Outcome::Failed { error, cause }
            }
        };
        let open = running.waits.keys().copied().chain(running.timeout);
        applied.effects.extend(open.map(|id| Effect::Cancel { id }));
        applied.effects.push(Effect::Finish(outcome.clone()));
        self.status = Status::Ended(outcome);
    }
}

impl IllegalEvent {
    pub(crate) fn new(event: &Event, situation: &'static str) -> Self {
        Self { event: format!("{event:?}"), situation }
    }
}

fn begin(turn: &mut Turn<'_>) -> Result<(), End> {
    let (definition, start) = (turn.definition, turn.start);
    let (input, role_arn) = (start.input.clone(), start.role_arn.clone());
    // AWS lets the first state follow event 0, not `ExecutionStarted`.
    turn.push(None, 0, Details::ExecutionStarted { input: input.clone(), role_arn });
    if let Some(seconds) = definition.timeout_seconds() {
        let duration = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        let at = turn.at.saturating_add(duration).unwrap_or(Timestamp::MAX);
        turn.running.timeout =
            Some(turn.ask_with_id(|id| Effect::SetTimer { id, at, purpose: Purpose::Timeout }));
    }
    let id = turn.next_branch_id();
    let root = Branch::before(id, definition.outermost().start_at, input, turn.at);
    turn.run(root)
}

/// Takes up the branch that the event is for. The outer error: the event does not fit.
fn go_on(turn: &mut Turn<'_>, event: Event) -> Result<Result<(), End>, IllegalEvent> {
    const WAITS: &str = "waits for something else";
    let id = match &event {
        Event::Resumed if !turn.running.ready.is_empty() => return Ok(turn.run_ready()),
        Event::FunctionSucceeded { id, .. }
        | Event::FunctionFailed { id, .. }
        | Event::TimerFired { id } => *id,
        Event::Started | Event::Resumed | Event::StopRequested { .. } => {
            return Err(IllegalEvent::new(&event, WAITS));
        }
    };
    let waiting = turn.running.waits.get(&id).and_then(|branch| turn.running.branches.get(branch));
    let fits = waiting.is_some_and(|branch| match (&event, &branch.waiting) {
        (Event::FunctionSucceeded { .. } | Event::FunctionFailed { .. }, Waiting::Call(call)) => {
            call.id == id
        }
        (Event::TimerFired { .. }, Waiting::Call(call)) => call.timeout == Some(id),
        (Event::TimerFired { .. }, Waiting::Retry(_) | Waiting::Time(_)) => true,
        _ => false,
    });
    let Some(branch) = waiting.filter(|_| fits).map(|branch| branch.id) else {
        return Err(IllegalEvent::new(&event, WAITS));
    };
    let (mut branch, waiting) = turn.wake(branch);
    let flow = state::go_on(turn, &mut branch, waiting, event);
    Ok(turn.follow(branch, flow).and_then(|()| turn.run_ready()))
}
