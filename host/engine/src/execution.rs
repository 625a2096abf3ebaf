//! An execution: a value that events change.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::{Definition, Name};
use stepwell_query::Document;

use crate::branch::{Branch, BranchId, Child, Timer, Waiting};
use crate::effect::{Applied, Effect, EffectId, Outcome};
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
    pub(crate) start: Start,
    pub(crate) status: Status,
    pub(crate) counters: Counters,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Status {
    Ready,
    Running(Running),
    Ended(Ended),
}

/// How it ended, and what a redrive goes on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) at: Timestamp,
    /// What was under way, if it did not succeed.
    pub(crate) left: Option<Box<Running>>,
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
    pub(crate) timeout: Option<Timer>,
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
    /// How often each function was called.
    pub(crate) calls: BTreeMap<Name, u64>,
    pub(crate) redrives: Redrives,
}

/// How often and when the execution was redriven.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Redrives {
    pub(crate) count: u64,
    pub(crate) last_at: Option<Timestamp>,
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
            Status::Ended(ended) => Some(&ended.outcome),
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
        if event == Event::RedriveRequested {
            return self.redrive(definition, at);
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
            Event::TimerFired { id }
                if turn.running.timeout.is_some_and(|timer| timer.id == id) =>
            {
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
    pub(crate) fn settle(&mut self, at: Timestamp, end: Result<(), End>, applied: &mut Applied) {
        let Status::Running(running) = &mut self.status else { return };
        let mut left = None;
        let outcome = match end {
            Ok(()) => return,
            Err(End::Outcome(outcome)) => outcome,
            Err(End::Failed { error, cause, left: under_way }) => {
                left = under_way;
                Outcome::Failed { error, cause }
            }
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
        let timeout = running.timeout.map(|timer| timer.id);
        let open = running.waits.keys().copied().chain(timeout);
        applied.effects.extend(open.map(|id| Effect::Cancel { id }));
        applied.effects.push(Effect::Finish(outcome.clone()));
        if matches!(outcome, Outcome::Aborted { .. } | Outcome::TimedOut) {
            left = Some(Box::new(std::mem::take(running)));
        }
        self.status = Status::Ended(Ended { outcome, at, left });
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
    turn.limit_time();
    let id = turn.next_branch_id();
    let first = start.from.as_ref().map_or(definition.outermost().start_at, |from| from.state);
    let variables = start.from.as_ref().map(|from| from.variables.clone()).unwrap_or_default();
    turn.counters.variables_bytes = variables.values().map(Document::size_bytes).sum();
    turn.run(Branch { variables, ..Branch::before(id, first, input, turn.at) })
}

/// Takes up the branch that the event is for. The outer error: the event does not fit.
fn go_on(turn: &mut Turn<'_>, event: Event) -> Result<Result<(), End>, IllegalEvent> {
    const WAITS: &str = "waits for something else";
    if event == Event::Resumed && !turn.running.ready.is_empty() {
        return Ok(turn.run_ready());
    }
    let Some(id) = event.effect() else { return Err(IllegalEvent::new(&event, WAITS)) };
    let waiting = turn.running.waits.get(&id).and_then(|branch| turn.running.branches.get(branch));
    let fits = waiting.is_some_and(|branch| match (&event, &branch.waiting) {
        (Event::InputReplaced { .. }, _)
        | (Event::TimerFired { .. }, Waiting::Retry(_) | Waiting::Time(_)) => true,
        (event, Waiting::Call(call)) => {
            let [function, timeout, token, heartbeat] = call.effects();
            match event {
                Event::FunctionSucceeded { .. } | Event::FunctionFailed { .. } => {
                    function == Some(id)
                }
                Event::TimerFired { .. } => timeout == Some(id) || heartbeat == Some(id),
                _ => token == Some(id),
            }
        }
        _ => false,
    });
    let Some(branch) = waiting.filter(|_| fits).map(|branch| branch.id) else {
        return Err(IllegalEvent::new(&event, WAITS));
    };
    if let Event::InputReplaced { input, .. } = event {
        return Ok(turn.enter_anew(branch, input));
    }
    let (mut branch, waiting) = turn.wake(branch);
    let flow = state::go_on(turn, &mut branch, waiting, event);
    let flow = state::after_evaluation(turn, &mut branch, flow, None);
    Ok(turn.follow(branch, flow).and_then(|()| turn.run_ready()))
}
