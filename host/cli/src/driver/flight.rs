//! An execution under way: what it waits for, and what that comes to.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::{Definition, Name};
use stepwell_engine::{Applied, Effect, EffectId, Event, Execution, Failure, Invocation, Purpose};
use stepwell_journal::{Answer as Said, Key, Letter, LetterId, Message};
use stepwell_sandbox::Report;
use tokio::task::AbortHandle;

use super::observer::{Answered, Observer};
use crate::clock::Clock;
use crate::functions::{self, Answer, Call, Callable, Functions};

/// What is so late was not looked after for a while: the process, or the machine, slept or died.
const LATE: Duration = Duration::from_secs(1);

/// What executions of one machine share.
#[derive(Clone)]
pub struct Machine {
    /// What they run.
    pub definition: Arc<Definition>,
    /// What their tasks call.
    pub functions: Functions,
}

/// An execution that is to be run.
pub struct Run<O> {
    /// What it runs and calls.
    pub machine: Arc<Machine>,
    /// Where it stands.
    pub execution: Execution,
    /// What happens to it first; nothing if it goes on where it was.
    pub first: Option<Event>,
    /// What time it is for it.
    pub clock: Clock,
    /// When something happened to it last.
    pub last_at: Timestamp,
    /// Where the journal keeps it.
    pub key: Option<Key>,
    /// Who is told what happens.
    pub observer: O,
}

/// Something that happened to a flight.
pub(super) enum Happened {
    /// It begins, if it has not.
    Begins,
    /// Something that the engine is to know.
    Event(Event),
    /// A call ended.
    Ended(Ended),
    /// Something may be due.
    Due,
    /// A message came.
    Letter(Letter),
}

/// What the engine is to know of something that happened.
pub(super) struct News {
    pub(super) event: Event,
    /// When it happened, by the execution's clock.
    pub(super) at: Timestamp,
    /// The message that it comes from.
    pub(super) letter: Option<LetterId>,
    /// The call that it ends, for whoever observes.
    pub(super) call: Option<EndedCall>,
}

/// What is told of a call that was answered.
pub(super) struct EndedCall {
    state: Name,
    function: Name,
    failure: Option<Failure>,
    report: Option<Box<Report>>,
}

/// A call that was answered.
pub(super) struct Ended {
    pub(super) id: EffectId,
    state: Name,
    function: Name,
    answer: Answer,
}

pub(super) type Calling = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// What happens at a time.
enum Due {
    /// A timer of the engine fires.
    Timer { is_limit: bool },
    /// A stub answers.
    Stub(Box<Ended>),
}

/// An execution under way.
pub(super) struct Flight<O> {
    pub(super) key: Option<Key>,
    pub(super) machine: Arc<Machine>,
    pub(super) execution: Execution,
    pub(super) clock: Clock,
    /// When something happened to it last.
    pub(super) last_at: Timestamp,
    pub(super) observer: O,
    /// Calls of components. One that the driver itself takes on has no handle.
    calls: BTreeMap<EffectId, Option<AbortHandle>>,
    due: BTreeMap<(Timestamp, EffectId), Due>,
    /// When what is due is due.
    due_at: BTreeMap<EffectId, Timestamp>,
    pub(super) tokens: BTreeMap<EffectId, String>,
    /// When the driver looks after it.
    pub(super) wake_at: Option<Timestamp>,
    /// The driver is about to look after it.
    pub(super) is_queued: bool,
    /// The engine has more to do, which comes before anything that a clock could jump to.
    resumes: bool,
    /// What happens to it before anything else does.
    first: Option<Event>,
    /// Calls that wait until the time limits have been dealt with that passed while nobody looked.
    deferred: Vec<Invocation>,
    /// The driver's last round in which something happened to it.
    pub(super) round: u64,
}

/// What a flight wants of the driver after its effects were begun.
#[derive(Default)]
pub(super) struct Wants {
    pub(super) calls: Vec<(EffectId, Calling)>,
    pub(super) resume: bool,
    pub(super) finished: bool,
}

impl<O: Observer> Flight<O> {
    pub(super) fn new(run: Run<O>) -> Self {
        let Run { machine, execution, first, clock, last_at, key, observer } = run;
        Self {
            key,
            machine,
            execution,
            clock,
            last_at,
            observer,
            calls: BTreeMap::new(),
            due: BTreeMap::new(),
            due_at: BTreeMap::new(),
            tokens: BTreeMap::new(),
            wake_at: None,
            is_queued: false,
            resumes: false,
            first,
            deferred: Vec::new(),
            round: 0,
        }
    }

    /// Takes what happens to it before anything else, as long as that has not happened.
    pub(super) fn take_first(&mut self) -> Option<News> {
        let event = self.first.take()?;
        let began = self.execution.start().at;
        let at = if event == Event::Started { began } else { self.clock.now() };
        Some(News { event, at, letter: None, call: None })
    }

    /// Does again what it waits for. No call begins that a time limit would have ended by now.
    pub(super) fn perform_again(&mut self, mut open: Vec<Effect>) -> Wants {
        let now = self.clock.now();
        let limits = self.execution.time_limits();
        for effect in &mut open {
            if let Effect::SetTimer { id, at, .. } = effect
                && let Some(seconds) = limits.get(id)
            {
                // Its function is called again, and has its whole time again.
                let again = now.saturating_add(SignedDuration::from_secs(*seconds));
                *at = again.unwrap_or(Timestamp::MAX);
            }
        }
        let is_over = |effect: &Effect| match effect {
            Effect::SetTimer { at, purpose, .. } => {
                !matches!(purpose, Purpose::Wait { .. }) && *at + LATE < now
            }
            _ => false,
        };
        if !open.iter().any(is_over) {
            return self.perform(open, now);
        }
        let mut rest = Vec::new();
        for effect in open {
            match effect {
                Effect::Invoke(invocation) => self.deferred.push(invocation),
                effect => rest.push(effect),
            }
        }
        self.perform(rest, now)
    }

    /// Whether nothing is under way that takes real time: a component, or somebody who is to answer.
    fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.tokens.is_empty() && self.deferred.is_empty()
    }

    /// Whether its clock jumps to what is due next: only when nothing is under way that could happen
    /// before.
    pub(super) fn jumps(&self) -> bool {
        self.clock.skips() && self.is_idle() && !self.resumes
    }

    /// What the engine is to know of something that happened; none if it is not wanted any more.
    pub(super) fn news_of(&mut self, happened: Happened) -> Option<News> {
        match happened {
            // The engine asks again after each event, if it has more to do then.
            Happened::Event(Event::Resumed) if !self.resumes => None,
            Happened::Begins => self.take_first(),
            Happened::Event(event) => {
                Some(News { event, at: self.clock.now(), letter: None, call: None })
            }
            // A call that ended while it was being cancelled is none of the engine's any more.
            Happened::Ended(ended) => {
                self.calls.remove(&ended.id)?;
                Some(outcome(ended, self.clock.now()))
            }
            Happened::Due => {
                self.is_queued = false;
                self.due()
            }
            Happened::Letter(letter) => {
                let event = self.message(letter.message)?;
                // The next heartbeat is due so long after this one. What goes on after an answer does so now.
                let at = match event {
                    Event::TaskHeartbeat { .. } => self.clock.heard_at(letter.at, self.last_at),
                    _ => self.clock.now(),
                };
                Some(News { event, at, letter: Some(letter.id), call: None })
            }
        }
    }

    /// What the engine was to be let go on with is taken up by any event.
    pub(super) fn take_up(&mut self, at: Timestamp) {
        self.resumes = false;
        self.last_at = at;
    }

    /// Tells whoever observes of what came of an event.
    pub(super) fn tell(&mut self, call: Option<&EndedCall>, applied: &Applied) {
        if let Some(EndedCall { state, function, failure, report }) = call {
            let (failure, report) = (failure.as_ref(), report.as_deref());
            self.observer.on_answer(&Answered { state, function, failure, report });
        }
        for child in &applied.failed_children {
            self.observer.on_failed_child(child);
        }
        self.observer.on_history(&applied.history);
    }

    /// What is due, if its time has come.
    fn due(&mut self) -> Option<News> {
        let (at, id) = *self.due.first_key_value()?.0;
        if self.jumps() {
            self.clock.jump_to(at);
        }
        if !self.clock.until(at).is_zero() {
            return None;
        }
        let now = self.clock.now();
        let (at, id) = self.overdue_limit(now).unwrap_or((at, id));
        self.due_at.remove(&id);
        match self.due.remove(&(at, id))? {
            Due::Timer { .. } => {
                let event = Event::TimerFired { id };
                Some(News { event, at: now, letter: None, call: None })
            }
            Due::Stub(ended) => Some(outcome(*ended, now)),
        }
    }

    /// Whether a time limit had passed when something was said: it ended what was waited for.
    pub(super) fn limit_passed_before(&self, at: Timestamp) -> bool {
        let before = self.due.range(..(at, EffectId(0)));
        let mut limits = before.filter(|(_, due)| matches!(due, Due::Timer { is_limit: true }));
        !self.clock.skips() && limits.next().is_some()
    }

    /// A time limit that passed while nobody looked: nothing begins any more that it would have ended.
    fn overdue_limit(&self, now: Timestamp) -> Option<(Timestamp, EffectId)> {
        let overdue = self.due.range(..=(now, EffectId(u64::MAX)));
        let mut limits = overdue.filter(|(_, due)| matches!(due, Due::Timer { is_limit: true }));
        limits.next().map(|((at, id), _)| (*at, *id)).filter(|(at, _)| *at + LATE < now)
    }

    fn message(&mut self, message: Message) -> Option<Event> {
        let (id, answer) = match message {
            Message::StopRequested { error, cause } => {
                return Some(Event::StopRequested { error, cause });
            }
            Message::Answered { effect, answer } => (effect, answer),
        };
        if answer == Said::Heartbeat {
            return self.tokens.contains_key(&id).then_some(Event::TaskHeartbeat { id });
        }
        self.tokens.remove(&id)?;
        Some(match answer {
            Said::Success(output) => Event::TaskSucceeded { id, output },
            Said::Failure { error, cause } => {
                Event::TaskFailed { id, failure: Failure::from_parts(error, cause) }
            }
            Said::Heartbeat => unreachable!("it was taken above"),
        })
    }

    /// Begins what the engine asked for at a time.
    pub(super) fn perform(&mut self, effects: Vec<Effect>, at: Timestamp) -> Wants {
        let mut wants = Wants::default();
        for effect in effects {
            match effect {
                Effect::Invoke(invocation) => {
                    self.observer.on_call(&invocation.state, &invocation.function);
                    if let Some(call) = self.call(invocation, at) {
                        wants.calls.push(call);
                    }
                }
                Effect::OpenToken(open) => {
                    self.observer.on_token(&open);
                    self.tokens.insert(open.id, open.token);
                }
                Effect::SetTimer { id, at, purpose } => {
                    let is_limit = !matches!(purpose, Purpose::Wait { .. });
                    if let Purpose::Wait { state } = purpose {
                        self.observer.on_wait(&state, at);
                    }
                    self.schedule(id, at, Due::Timer { is_limit });
                }
                Effect::Cancel { id } => {
                    wants.calls.retain(|(call, _)| *call != id);
                    self.cancel(id);
                }
                Effect::Resume => {
                    self.resumes = true;
                    wants.resume = true;
                }
                Effect::Finish(_) => {
                    self.abort();
                    wants.finished = true;
                }
            }
        }
        if !self.deferred.is_empty() && !wants.finished && self.overdue_limit(at).is_none() {
            for invocation in std::mem::take(&mut self.deferred) {
                wants.calls.extend(self.call(invocation, at));
            }
        }
        self.clock.set_running(!self.is_idle());
        wants
    }

    /// Begins a call. What has no component answers in its turn, when it has slept; the rest is the
    /// driver's.
    fn call(&mut self, invocation: Invocation, now: Timestamp) -> Option<(EffectId, Calling)> {
        let Invocation { id, state, function, arn, payload, request_id, call: number, .. } =
            invocation;
        let call = Call { request_id, arn, payload };
        let functions = &self.machine.functions;
        let (seconds, answer) = match functions.get(function.as_str()) {
            Some(Callable::Function(callable)) => {
                let callable = callable.clone();
                self.calls.insert(id, None);
                let calling: Calling = Box::pin(async move {
                    let answer = functions::invoke(&callable, call).await;
                    Ended { id, state, function, answer }
                });
                return Some((id, calling));
            }
            Some(Callable::Stub(stub)) => {
                let (seconds, answer) = functions::answer_of(stub, number);
                (seconds, functions::answer(answer, call))
            }
            None => (0.0, functions.missing(function.as_str(), &call)),
        };
        let sleeps = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let at = now.saturating_add(sleeps).unwrap_or(Timestamp::MAX);
        self.schedule(id, at, Due::Stub(Box::new(Ended { id, state, function, answer })));
        None
    }

    /// Says how a call can be stopped.
    pub(super) fn set_handle(&mut self, id: EffectId, handle: AbortHandle) {
        self.calls.insert(id, Some(handle));
    }

    fn schedule(&mut self, id: EffectId, at: Timestamp, due: Due) {
        self.due_at.insert(id, at);
        self.due.insert((at, id), due);
    }

    fn cancel(&mut self, id: EffectId) {
        if let Some(Some(handle)) = self.calls.remove(&id) {
            handle.abort();
        }
        if let Some(at) = self.due_at.remove(&id) {
            self.due.remove(&(at, id));
        }
        self.tokens.remove(&id);
        self.deferred.retain(|invocation| invocation.id != id);
    }

    /// Whether a call is still wanted.
    pub(super) fn wants_call(&self, id: EffectId) -> bool {
        self.calls.contains_key(&id)
    }

    /// Stops every call.
    pub(super) fn abort(&mut self) {
        for handle in std::mem::take(&mut self.calls).into_values().flatten() {
            handle.abort();
        }
    }

    /// When something is due next, by its own clock.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }
}

fn outcome(ended: Ended, at: Timestamp) -> News {
    let Ended { id, state, function, answer } = ended;
    let failure = answer.result.as_ref().err().cloned();
    let call = EndedCall { state, function, failure, report: answer.report };
    let event = match answer.result {
        Ok(output) => Event::FunctionSucceeded { id, output },
        Err(failure) => Event::FunctionFailed { id, failure },
    };
    News { event, at, letter: None, call: Some(call) }
}
