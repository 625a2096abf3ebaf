//! An execution: a value that events change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stepwell_asl::{Definition, Name, StateKind, Transition};
use stepwell_query::Document;

use crate::effect::{Applied, Effect, EffectId, Outcome};
use crate::event::{Event, Start};
use crate::failure::Failure;
use crate::history::{Details, HistoryEvent};
use crate::state;

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
    Running(Branch),
    Ended(Outcome),
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Counters {
    history_id: u64,
    effect_id: u64,
}

/// Where a run of states is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Branch {
    /// The state it is in.
    pub(crate) state: Name,
    /// That state's raw input.
    pub(crate) input: Document,
    /// When it was entered, and by which event of the history.
    pub(crate) entered_at: Timestamp,
    pub(crate) entered_id: u64,
    /// The last event of this branch, which leads to the next one.
    pub(crate) previous_id: u64,
    /// How often each retrier of the state has retried in this visit.
    pub(crate) retries: Vec<u64>,
    pub(crate) waiting: Waiting,
}

/// What a branch waits for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// Its turn to enter the state.
    Turn,
    /// The outcome of a function.
    Function(EffectId),
    /// The time of the next attempt.
    Retry(EffectId),
    /// The time at which a Wait state ends.
    Time(EffectId),
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

/// What ends an execution from within a state.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A failure that nothing catches.
    Failed(Failure),
    /// The history has no room for another event.
    HistoryFull,
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How a state goes on after what it did.
pub(crate) enum Flow {
    /// It is done and leads on.
    Exit(Document, Transition),
    /// It waits.
    Wait(Waiting),
}

/// One `apply` under way: what the states need of it.
pub(crate) struct Turn<'e> {
    pub(crate) start: &'e Start,
    pub(crate) at: Timestamp,
    counters: &'e mut Counters,
    applied: &'e mut Applied,
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
        let mut turn =
            Turn { start: &self.start, at, counters: &mut self.counters, applied: &mut applied };
        let ended = match (&mut self.status, event) {
            (Status::Ready, Event::Started) => {
                let (first, input) = (definition.start_at().clone(), self.start.input.clone());
                let mut branch = Branch::before(first, input, at);
                let result = turn.begin(definition, &mut branch);
                let ended = turn.settle(&branch, result);
                self.status = Status::Running(branch);
                ended
            }
            (Status::Running(branch), Event::StopRequested { error, cause }) => {
                Some(turn.stop(branch.waiting, error, cause))
            }
            (Status::Running(branch), event) => {
                let result = turn.go_on(definition, branch, event)?;
                turn.settle(branch, result)
            }
            (Status::Ready, event) => return Err(IllegalEvent::new(&event, "has not begun")),
            (Status::Ended(_), event) => return Err(IllegalEvent::new(&event, "has ended")),
        };
        if let Some(outcome) = ended {
            applied.effects.push(Effect::Finish(outcome.clone()));
            self.status = Status::Ended(outcome);
        }
        Ok(applied)
    }
}

impl IllegalEvent {
    fn new(event: &Event, situation: &'static str) -> Self {
        Self { event: format!("{event:?}"), situation }
    }
}

impl Branch {
    /// A branch that is about to enter a state.
    fn before(state: Name, input: Document, at: Timestamp) -> Self {
        Self {
            state,
            input,
            entered_at: at,
            entered_id: 0,
            previous_id: 0,
            retries: Vec::new(),
            waiting: Waiting::Turn,
        }
    }

    /// All retries of this visit.
    pub(crate) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }
}

/// What a turn comes to: an outcome when the execution has ended, or what halted it.
type TurnResult = Result<Option<Outcome>, Halt>;

impl Turn<'_> {
    fn begin(&mut self, definition: &Definition, branch: &mut Branch) -> TurnResult {
        let (input, role_arn) = (self.start.input.clone(), self.start.role_arn.clone());
        self.record(branch, Details::ExecutionStarted { input, role_arn })?;
        // AWS lets the first state follow event 0, not `ExecutionStarted`.
        branch.previous_id = 0;
        let flow = self.enter(definition, branch)?;
        self.follow(definition, branch, flow)
    }

    /// Takes up a running branch where the event says. The outer error: the event does not fit.
    fn go_on(
        &mut self,
        definition: &Definition,
        branch: &mut Branch,
        event: Event,
    ) -> Result<TurnResult, IllegalEvent> {
        let state = definition.state(branch.state.as_str()).expect("load checked every target");
        let flow = match (event, branch.waiting, &state.kind) {
            (Event::Resumed, Waiting::Turn, _) => self.enter(definition, branch),
            (
                Event::FunctionSucceeded { id, output },
                Waiting::Function(asked),
                StateKind::Task(task),
            ) if id == asked => state::task::succeeded(self, branch, task, output),
            (
                Event::FunctionFailed { id, failure },
                Waiting::Function(asked),
                StateKind::Task(task),
            ) if id == asked => state::task::failed(self, branch, task, &failure),
            (Event::TimerFired { id }, Waiting::Retry(asked), StateKind::Task(task))
                if id == asked =>
            {
                state::task::attempt(self, branch, task)
            }
            (Event::TimerFired { id }, Waiting::Time(asked), StateKind::Wait(wait))
                if id == asked =>
            {
                state::wait::ended(self, branch, wait)
            }
            (event, _, _) => return Err(IllegalEvent::new(&event, "waits for something else")),
        };
        Ok(flow.and_then(|flow| self.follow(definition, branch, flow)))
    }

    /// Goes from state to state until one waits or the machine ends.
    fn follow(&mut self, definition: &Definition, branch: &mut Branch, first: Flow) -> TurnResult {
        let mut flow = first;
        for transitions in 1.. {
            let (output, transition) = match flow {
                Flow::Exit(output, transition) => (output, transition),
                Flow::Wait(waiting) => {
                    branch.waiting = waiting;
                    return Ok(None);
                }
            };
            self.exit(definition, branch, &output)?;
            match transition {
                Transition::Next(next) => {
                    branch.state = next;
                    branch.input = output;
                }
                Transition::End => {
                    self.record(branch, Details::ExecutionSucceeded { output: output.clone() })?;
                    return Ok(Some(Outcome::Succeeded { output }));
                }
            }
            if transitions == TRANSITIONS_PER_APPLY_MAX {
                branch.waiting = Waiting::Turn;
                self.ask(Effect::Resume);
                return Ok(None);
            }
            flow = self.enter(definition, branch)?;
        }
        unreachable!("the loop returns at the latest after `TRANSITIONS_PER_APPLY_MAX` rounds")
    }

    fn enter(&mut self, definition: &Definition, branch: &mut Branch) -> Result<Flow, Halt> {
        let state = definition.state(branch.state.as_str()).expect("load checked every target");
        branch.entered_at = self.at;
        branch.retries.clear();
        let (state_type, name) = (state.kind.state_type(), state.name.clone());
        let input = branch.input.clone();
        self.record(branch, Details::StateEntered { state_type, name, input })?;
        branch.entered_id = branch.previous_id;
        state::enter(self, branch, state)
    }

    fn exit(
        &mut self,
        definition: &Definition,
        branch: &mut Branch,
        output: &Document,
    ) -> Result<(), Halt> {
        let state = definition.state(branch.state.as_str()).expect("load checked every target");
        if output.size_bytes() > STATE_BYTES_MAX {
            return Err(Failure::data_limit_exceeded(branch.state.as_str()).into());
        }
        let (state_type, name) = (state.kind.state_type(), state.name.clone());
        self.record(branch, Details::StateExited { state_type, name, output: output.clone() })
    }

    fn stop(&mut self, waiting: Waiting, error: Option<String>, cause: Option<String>) -> Outcome {
        match waiting {
            Waiting::Function(id) | Waiting::Retry(id) | Waiting::Time(id) => {
                self.ask(Effect::Cancel { id });
            }
            Waiting::Turn => {}
        }
        let details = Details::ExecutionAborted { error: error.clone(), cause: cause.clone() };
        self.push(0, details);
        Outcome::Aborted { error, cause }
    }

    /// Ends the execution if something halted it.
    fn settle(&mut self, branch: &Branch, result: TurnResult) -> Option<Outcome> {
        let Failure { error, cause } = match result {
            Ok(outcome) => return outcome,
            Err(Halt::Failed(failure)) if self.has_room() => failure,
            Err(Halt::Failed(_) | Halt::HistoryFull) => self.history_full(),
        };
        let details = Details::ExecutionFailed { error: error.clone(), cause: cause.clone() };
        self.push(branch.previous_id, details);
        Some(Outcome::Failed { error, cause })
    }

    /// Adds an event to the history as the consequence of the branch's last one.
    pub(crate) fn record(&mut self, branch: &mut Branch, details: Details) -> Result<(), Halt> {
        if !self.has_room() {
            return Err(Halt::HistoryFull);
        }
        branch.previous_id = self.push(branch.previous_id, details);
        Ok(())
    }

    /// Asks for an effect that has an id; `make` puts the id into it.
    pub(crate) fn ask_with_id(&mut self, make: impl FnOnce(EffectId) -> Effect) -> EffectId {
        self.counters.effect_id += 1;
        let id = EffectId(self.counters.effect_id);
        self.ask(make(id));
        id
    }

    /// A failure that the language cannot go on from, told as AWS tells it.
    pub(crate) fn runtime_failure(branch: &Branch, what: &str) -> Halt {
        let cause = format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {what}",
            branch.state, branch.entered_id
        );
        Failure::runtime(cause).into()
    }

    fn ask(&mut self, effect: Effect) {
        self.applied.effects.push(effect);
    }

    fn push(&mut self, previous_id: u64, details: Details) -> u64 {
        self.counters.history_id += 1;
        let id = self.counters.history_id;
        self.applied.history.push(HistoryEvent { id, previous_id, at: self.at, details });
        id
    }

    /// Whether another event fits before the one that says that the history is full.
    fn has_room(&self) -> bool {
        self.start.history_events_max.is_none_or(|most| self.counters.history_id + 1 < most)
    }

    fn history_full(&self) -> Failure {
        let most = self.start.history_events_max.unwrap_or(HISTORY_EVENTS_MAX);
        Failure::runtime(format!(
            "The execution reached the maximum number of history events ({most})."
        ))
    }
}
