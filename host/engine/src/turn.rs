//! One `apply` under way: it runs branches until all of them wait, and gathers what came of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::{Definition, Name, State, StateKind, Transition};
use stepwell_query::{Document, format_token, format_uuid, random_uuid};

use crate::branch::{Branch, BranchId, Child, Timer, Waiting};
use crate::effect::{Applied, Effect, EffectId, FailedChild, Outcome, Purpose};
use crate::event::Start;
use crate::execution::{Counters, Running, STATE_BYTES_MAX, TRANSITIONS_PER_APPLY_MAX};
use crate::failure::Failure;
use crate::history::{Assigned, Details, HistoryEvent};
use crate::state;

/// What ends the execution.
#[derive(Debug)]
pub(crate) enum End {
    Outcome(Outcome),
    /// A failure that nothing handles. What was under way then is what a redrive goes on with.
    Failed {
        error: Option<String>,
        cause: Option<String>,
        left: Option<Box<Running>>,
    },
    /// The history has no room for another event.
    HistoryFull {
        previous_id: u64,
    },
}

/// What ends a branch from within a state.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A failure that the state does not catch.
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
    /// It is done and leads on. Without an output, its input goes on as it is.
    Exit { output: Option<Document>, assigned: Assigned, transition: Transition },
    /// It waits.
    Wait(Waiting),
}

/// One `apply` under way.
pub(crate) struct Turn<'e> {
    pub(crate) definition: &'e Definition,
    pub(crate) start: &'e Start,
    pub(crate) at: Timestamp,
    pub(crate) counters: &'e mut Counters,
    pub(crate) running: &'e mut Running,
    applied: &'e mut Applied,
    transitions: u32,
    /// What was under way when something failed that nothing handles.
    left: Option<Box<Running>>,
}

impl<'e> Turn<'e> {
    pub(crate) fn new(
        definition: &'e Definition,
        start: &'e Start,
        at: Timestamp,
        counters: &'e mut Counters,
        running: &'e mut Running,
        applied: &'e mut Applied,
    ) -> Self {
        Self { definition, start, at, counters, running, applied, transitions: 0, left: None }
    }

    /// The state that a branch is in.
    pub(crate) fn state(&self, branch: &Branch) -> &'e State {
        self.definition.state(branch.state)
    }

    /// Runs a branch that is about to enter its state, and then all that are ready.
    pub(crate) fn run(&mut self, mut branch: Branch) -> Result<(), End> {
        let flow = self.enter(&mut branch);
        self.follow(branch, flow)?;
        self.run_ready()
    }

    /// Sets the timer of the machine's `TimeoutSeconds`.
    pub(crate) fn limit_time(&mut self) {
        let seconds = self.definition.timeout_seconds();
        self.running.timeout = seconds.map(|seconds| {
            let at = self.seconds_from_now(i64::try_from(seconds).unwrap_or(i64::MAX));
            self.set_timer(Purpose::Timeout, |_| at)
        });
    }

    /// Lets a branch that waits enter its state anew, with another input.
    pub(crate) fn enter_anew(&mut self, id: BranchId, input: Document) -> Result<(), End> {
        let (mut branch, waiting) = self.wake(id);
        branch.waiting = waiting;
        for effect in branch.effects() {
            self.ask(Effect::Cancel { id: effect });
        }
        self.run(Branch { waiting: Waiting::Turn, input, ..branch })
    }

    /// Runs branches until none is ready or the turn has been long enough.
    pub(crate) fn run_ready(&mut self) -> Result<(), End> {
        while self.transitions < TRANSITIONS_PER_APPLY_MAX {
            let Some(id) = self.running.ready.pop_front() else { return Ok(()) };
            let (mut branch, _) = self.wake(id);
            let flow = self.enter(&mut branch);
            self.follow(branch, flow)?;
        }
        if !self.running.ready.is_empty() {
            self.ask(Effect::Resume);
        }
        Ok(())
    }

    /// Takes a branch that waits. What it waited for is off, and cancelled by whoever knows that it has
    /// not happened.
    pub(crate) fn wake(&mut self, id: BranchId) -> (Branch, Waiting) {
        let mut branch =
            self.running.branches.remove(&id).expect("a branch that waits is among the branches");
        for effect in branch.effects() {
            self.running.waits.remove(&effect);
        }
        let waiting = std::mem::replace(&mut branch.waiting, Waiting::Turn);
        (branch, waiting)
    }

    /// Puts a branch among those that wait.
    fn put(&mut self, branch: Branch, waiting: Waiting) {
        let branch = Branch { waiting, ..branch };
        for effect in branch.effects() {
            self.running.waits.insert(effect, branch.id);
        }
        self.running.branches.insert(branch.id, branch);
    }

    /// Puts a branch among those that have their turn next.
    pub(crate) fn make_ready(&mut self, branch: Branch) {
        self.running.ready.push_back(branch.id);
        self.put(branch, Waiting::Turn);
    }

    /// Goes from state to state, and up to the parent when a branch ends, until something waits.
    pub(crate) fn follow(
        &mut self,
        mut branch: Branch,
        mut flow: Result<Flow, Halt>,
    ) -> Result<(), End> {
        loop {
            let ended = match flow {
                Ok(Flow::Wait(waiting)) => {
                    self.put(branch, waiting);
                    return Ok(());
                }
                Ok(Flow::Exit { output, assigned, transition }) => {
                    let input = output.map(|output| std::mem::replace(&mut branch.input, output));
                    match (self.exit(&mut branch, assigned), transition) {
                        (Ok(()), Transition::Next(next)) => {
                            branch.state = next;
                            self.transitions += 1;
                            if self.transitions >= TRANSITIONS_PER_APPLY_MAX {
                                self.make_ready(branch);
                                return Ok(());
                            }
                            flow = self.enter(&mut branch);
                            continue;
                        }
                        (Ok(()), Transition::End) => Ok(()),
                        (failed, _) => {
                            // It has not been left: what goes on from here begins with its input.
                            branch.input = input.unwrap_or(branch.input);
                            failed
                        }
                    }
                }
                Err(halt) => Err(halt),
            };
            self.transitions += 1;
            let went_on = match ended {
                Ok(()) => self.succeeded(branch)?,
                Err(Halt::Failed(failure)) => self.failed(&branch, failure)?,
                Err(Halt::HistoryFull) => self.history_full(&branch)?,
            };
            // A branch below another one has ended, and its parent goes on.
            let Some((parent, next)) = went_on else { return Ok(()) };
            (branch, flow) = (parent, next);
        }
    }

    /// Tells of a child execution of a branch's Map that failed, which the history does not.
    pub(crate) fn tell_of_failed_child(&mut self, branch: &Branch, index: u32, failure: &Failure) {
        let (state, failure) = (self.state(branch).name.clone(), failure.clone());
        self.applied.failed_children.push(FailedChild { state, index, failure });
    }

    /// A branch came to its end: so does the execution, or its parent may go on.
    fn succeeded(&mut self, mut branch: Branch) -> Result<GoesOn, End> {
        let output = branch.input.clone();
        let Some((parent, index)) = branch.parent else {
            let details = Details::ExecutionSucceeded { output: output.clone() };
            return match self.record(&mut branch, details) {
                Ok(()) => Err(End::Outcome(Outcome::Succeeded { output })),
                Err(_) => Err(End::HistoryFull { previous_id: branch.previous_id }),
            };
        };
        if branch.child == Some(branch.id) && !self.has_room(branch.child) {
            // The history of a child execution ends in `ExecutionSucceeded` as well.
            return self.history_full(&branch);
        }
        self.forget(&branch);
        let (mut parent, mut fork) = self.wake_fork(parent);
        fork.end(index, output);
        let state = self.state(&parent);
        let flow = match &state.kind {
            StateKind::Parallel(parallel) => {
                state::parallel::branch_ended(self, &mut parent, &branch, parallel, fork)
            }
            StateKind::Map(map) => {
                state::map::iteration_ended(self, &mut parent, &branch, map, index, fork)
            }
            _ => unreachable!("only Parallel and Map have branches below them"),
        };
        let flow = state::after_evaluation(self, &mut parent, flow, None);
        Ok(Some((parent, flow)))
    }

    /// A branch failed: so does the execution, or its parent's state.
    fn failed(&mut self, branch: &Branch, failure: Failure) -> Result<GoesOn, End> {
        if self.left.is_none() && !self.is_handled(branch, &failure) {
            self.left = Some(Box::new(self.remains(branch)));
        }
        let forks = matches!(self.state(branch).kind, StateKind::Parallel(_) | StateKind::Map(_));
        if forks {
            // A Map's next item may be at fault while iterations are under way.
            let stopped = self.stop_below(branch, branch.previous_id);
            if stopped.is_err() && branch.child.is_none() {
                return Err(End::HistoryFull { previous_id: branch.previous_id });
            }
        }
        let Some((parent, index)) = branch.parent else {
            if !self.has_room(None) {
                return Err(End::HistoryFull { previous_id: branch.previous_id });
            }
            let Failure { error, cause, .. } = failure;
            let details = Details::ExecutionFailed { error: error.clone(), cause: cause.clone() };
            self.push(None, branch.previous_id, details);
            return Err(End::Failed { error, cause, left: self.left.take() });
        };
        self.forget(branch);
        let (mut parent, fork) = self.wake_fork(parent);
        let state = self.state(&parent);
        let flow = match &state.kind {
            StateKind::Parallel(parallel) => {
                state::parallel::branch_failed(self, &mut parent, branch, parallel, &failure)
            }
            StateKind::Map(map) => {
                state::map::iteration_failed(self, &mut parent, branch, map, index, fork, &failure)
            }
            _ => unreachable!("only Parallel and Map have branches below them"),
        };
        let flow = state::after_evaluation(self, &mut parent, flow, None);
        Ok(Some((parent, flow)))
    }

    /// The history that a branch writes to is full. A child execution fails by that, as any would.
    fn history_full(&mut self, branch: &Branch) -> Result<GoesOn, End> {
        if branch.child.is_none() {
            return Err(End::HistoryFull { previous_id: branch.previous_id });
        }
        self.failed(branch, Failure::history_full(self.start.history_events_max))
    }

    fn wake_fork(&mut self, parent: BranchId) -> (Branch, Box<crate::fork::Fork>) {
        let (parent, waiting) = self.wake(parent);
        let Waiting::Fork(fork) = waiting else {
            unreachable!("the parent of a branch waits for its fork")
        };
        (parent, fork)
    }

    /// Stops every branch below a parent. AWS records it as the consequence of the failure `cause_id`.
    ///
    /// All of them are stopped, whether or not the history has room for that.
    pub(crate) fn stop_below(&mut self, parent: &Branch, cause_id: u64) -> Result<(), Halt> {
        let branches = self.running.branches.values();
        let of_parent =
            branches.filter(|branch| branch.parent.is_some_and(|(id, _)| id == parent.id));
        let below: BTreeSet<BranchId> = of_parent.map(|branch| branch.id).collect();
        self.running.ready.retain(|ready| !below.contains(ready));
        let mut recorded = Ok(());
        for id in below {
            for effect in self.running.branches[&id].effects() {
                self.ask(Effect::Cancel { id: effect });
            }
            let (branch, waiting) = self.wake(id);
            let mut stopped = self.record_stopped(parent, &branch, cause_id);
            if let Waiting::Fork(_) = waiting {
                stopped = stopped.and(self.stop_below(&branch, cause_id));
            }
            self.forget(&branch);
            // Whether a child execution that is stopped has room for that is nobody's business.
            if branch.child == parent.child {
                recorded = recorded.and(stopped);
            }
        }
        recorded
    }

    /// Records that a branch below a parent is stopped.
    fn record_stopped(
        &mut self,
        parent: &Branch,
        branch: &Branch,
        cause_id: u64,
    ) -> Result<(), Halt> {
        let state = self.state(parent);
        // A child execution is no iteration of the history that its parent writes to.
        if let (StateKind::Map(_), Some((_, index))) = (&state.kind, branch.parent)
            && branch.child == parent.child
        {
            let details = Details::MapIterationAborted { name: state.name.clone(), index };
            self.record_apart(branch, cause_id, details)?;
        }
        self.record_aborted(branch, cause_id)
    }

    /// Records that a branch's state is given up, if AWS does so for its type.
    pub(crate) fn record_aborted(&mut self, branch: &Branch, cause_id: u64) -> Result<(), Halt> {
        let state = self.state(branch);
        let aborts = matches!(
            state.kind,
            StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_)
        );
        // A branch that has its turn next has not entered its state.
        if !aborts || branch.entered_id == 0 {
            return Ok(());
        }
        let details = Details::StateAborted { state_type: state.kind.state_type() };
        self.record_apart(branch, cause_id, details).map(|_| ())
    }

    /// Enters the branch's state.
    pub(crate) fn enter(&mut self, branch: &mut Branch) -> Result<Flow, Halt> {
        let state = self.state(branch);
        let before = branch.previous_id;
        branch.entered_at = self.at;
        branch.retries.clear();
        let (state_type, name) = (state.kind.state_type(), state.name.clone());
        let input = branch.input.clone();
        self.record(branch, Details::StateEntered { state_type, name, input })?;
        branch.entered_id = branch.previous_id;
        let flow = state::enter(self, branch, state);
        state::after_evaluation(self, branch, flow, Some(before))
    }

    /// Leaves the branch's state with what is now the branch's data.
    fn exit(&mut self, branch: &mut Branch, assigned: Assigned) -> Result<(), Halt> {
        let state = self.state(branch);
        if branch.input.size_bytes() > STATE_BYTES_MAX {
            return Err(Failure::data_limit_exceeded(state.name.as_str()).into());
        }
        self.assign(branch, &assigned)?;
        let (state_type, name) = (state.kind.state_type(), state.name.clone());
        let output = branch.input.clone();
        self.record(branch, Details::StateExited { state_type, name, output, assigned })?;
        branch.entered_id = 0;
        branch.token = None;
        Ok(())
    }

    /// Gives a branch new values of its variables.
    fn assign(&mut self, branch: &mut Branch, assigned: &Assigned) -> Result<(), Halt> {
        /// All variables of an execution, in bytes (`facts/asl.md` 2.5).
        const VARIABLES_BYTES_MAX: usize = 10 << 20;
        for (name, value) in assigned.iter() {
            let before = branch.variables.insert(name.clone(), value.clone());
            let bytes = self.variables_bytes(branch.child);
            *bytes += value.size_bytes();
            *bytes -= before.map_or(0, |value| value.size_bytes());
        }
        if *self.variables_bytes(branch.child) > VARIABLES_BYTES_MAX {
            let what = "The total size of all variables exceeds the maximum of 10 MiB.";
            return Err(self.runtime_failure(branch, what));
        }
        Ok(())
    }

    /// The size of all variables of the execution, or child execution, that a branch belongs to.
    fn variables_bytes(&mut self, child: Option<BranchId>) -> &mut usize {
        match child.and_then(|child| self.running.children.get_mut(&child)) {
            Some(child) => &mut child.variables_bytes,
            None => &mut self.counters.variables_bytes,
        }
    }

    /// Lets go of what only a branch needed that will not go on.
    fn forget(&mut self, branch: &Branch) {
        let bytes = branch.variables.values().map(Document::size_bytes).sum::<usize>();
        *self.variables_bytes(branch.child) -= bytes;
        self.running.children.remove(&branch.id);
    }

    /// Adds an event to the history as the consequence of the branch's last one.
    pub(crate) fn record(&mut self, branch: &mut Branch, details: Details) -> Result<(), Halt> {
        if !self.has_room(branch.child) {
            return Err(Halt::HistoryFull);
        }
        branch.previous_id = self.push(branch.child, branch.previous_id, details);
        Ok(())
    }

    /// Adds an event to the history that the branch does not go on from.
    pub(crate) fn record_apart(
        &mut self,
        branch: &Branch,
        previous_id: u64,
        details: Details,
    ) -> Result<u64, Halt> {
        if !self.has_room(branch.child) {
            return Err(Halt::HistoryFull);
        }
        Ok(self.push(branch.child, previous_id, details))
    }

    pub(crate) fn next_effect_id(&mut self) -> EffectId {
        self.counters.effect_id += 1;
        EffectId(self.counters.effect_id)
    }

    /// Sets a timer; `when` may make the time depend on the timer's id.
    pub(crate) fn set_timer(
        &mut self,
        purpose: Purpose,
        when: impl FnOnce(EffectId) -> Timestamp,
    ) -> Timer {
        let id = self.next_effect_id();
        let at = when(id);
        self.ask(Effect::SetTimer { id, at, purpose });
        Timer { id, at }
    }

    /// So many seconds from now; a time beyond the calendar is its end.
    pub(crate) fn seconds_from_now(&self, seconds: i64) -> Timestamp {
        self.at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn ask(&mut self, effect: Effect) {
        self.applied.effects.push(effect);
    }

    pub(crate) fn next_branch_id(&mut self) -> BranchId {
        self.counters.branch_id += 1;
        BranchId(self.counters.branch_id)
    }

    /// Which call of a function the next one is, from 0.
    pub(crate) fn count_call(&mut self, function: &Name) -> u64 {
        let calls = self.counters.calls.entry(function.clone()).or_default();
        *calls += 1;
        *calls - 1
    }

    /// A task token of the execution's own.
    pub(crate) fn token(&self) -> String {
        format_token([(); 4].map(|()| self.counters.draw(self.start.seed)))
    }

    /// A UUID of the execution's own.
    pub(crate) fn uuid(&self) -> String {
        format_uuid(random_uuid([(); 2].map(|()| self.counters.draw(self.start.seed))))
    }

    /// A failure that the language cannot go on from, told as AWS tells it.
    pub(crate) fn runtime_failure(&self, branch: &Branch, what: &str) -> Halt {
        Failure::runtime(told(self.state(branch), branch, what)).into()
    }

    /// Adds an event to the execution's history, or counts it as one of a child execution's.
    pub(crate) fn push(
        &mut self,
        child: Option<BranchId>,
        previous_id: u64,
        details: Details,
    ) -> u64 {
        if let Some(child) = child.and_then(|child| self.running.children.get_mut(&child)) {
            child.history_id += 1;
            return child.history_id;
        }
        self.counters.history_id += 1;
        let id = self.counters.history_id;
        self.applied.history.push(HistoryEvent { id, previous_id, at: self.at, details });
        id
    }

    /// Whether another event fits before the one that says that the history is full.
    fn has_room(&self, child: Option<BranchId>) -> bool {
        let child = child.and_then(|child| self.running.children.get(&child));
        let last = child.map_or(self.counters.history_id, |child: &Child| child.history_id);
        self.start.history_events_max.is_none_or(|most| last + 1 < most)
    }
}

/// What happened in a state, as the causes of AWS tell it.
pub(crate) fn told(state: &State, branch: &Branch, what: &str) -> String {
    let (name, id) = (&state.name, branch.entered_id);
    format!(
        "An error occurred while executing the state '{name}' (entered at the event id #{id}). {what}"
    )
}

/// A parent that goes on, and how; none if nothing does.
type GoesOn = Option<(Branch, Result<Flow, Halt>)>;
