//! A driver that may crash at any moment, with a journal in memory.
//!
//! ```text
//!   apply ----> uncommitted: event, effects, history
//!                    |  commit: to the journal, then the effects may be performed
//!   crash            v
//!   (live and   journal: start, events as text, snapshots as text
//!   uncommitted      |
//!   are lost)        '---> restored = last snapshot + events since; open effects are performed again
//! ```
//!
//! It checks at every step what must hold of any driver that keeps this rule, and panics if it does not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stepwell_asl::Definition;
use stepwell_engine::{
    Effect, EffectId, Event, Execution, HistoryEvent, Invocation, Outcome, Purpose, Start, View,
};
use stepwell_query::Document;

use crate::machine::FORK;
use crate::run::closed_by;
use crate::world;

/// A driver that may crash, and all that outlives it.
pub struct Driver<'d> {
    definition: &'d Definition,
    live: Execution,
    /// What was asked for and neither answered nor cancelled.
    open: BTreeMap<EffectId, Effect>,
    /// It asked for another turn. That holds until the next event.
    resume: bool,
    /// What was begun in this life.
    performed: BTreeSet<EffectId>,
    uncommitted: Vec<Record>,
    last_at: Timestamp,
    journal: Journal,
    /// The last snapshot and the events since.
    committed: Execution,
    /// It may crash, so it keeps a journal.
    crashes: bool,
    ledger: Ledger,
}

/// An event and what came of it.
struct Record {
    at: Timestamp,
    event: Event,
    effects: Vec<Effect>,
    history: Vec<HistoryEvent>,
    /// What the event is the outcome of.
    of: Option<Effect>,
}

/// What outlives a crash.
struct Journal {
    start: String,
    events: Vec<(Timestamp, String)>,
    /// What the history gained by each event.
    history: Vec<Vec<HistoryEvent>>,
    /// After so many events.
    snapshots: Vec<(usize, String)>,
}

/// Which calls were made and which results are kept, by request id and by the work that they are for.
#[derive(Default)]
struct Ledger {
    /// The effect that each request id was for.
    requested: BTreeMap<String, EffectId>,
    settled: BTreeSet<String>,
    /// In this life.
    under_way: BTreeSet<String>,
    done: BTreeSet<Work>,
    /// Functions that answered, and tokens that were answered, with success: both make the work done.
    half_done: BTreeMap<String, Option<Work>>,
    completed: Vec<Completed>,
}

/// A state and what it works on.
type Work = (String, String);

/// A result that was committed: state, what it was for, attempt, result.
pub type Completed = (String, String, u64, String);

impl<'d> Driver<'d> {
    /// Begins an execution; nothing has happened yet. `crashes`: it may crash.
    pub fn new(definition: &'d Definition, start: Start, crashes: bool) -> Self {
        let text = serde_json::to_string(&start).expect("a start is JSON");
        Self {
            definition,
            last_at: start.at,
            live: Execution::new(start.clone()),
            open: BTreeMap::new(),
            resume: false,
            performed: BTreeSet::new(),
            uncommitted: Vec::new(),
            journal: Journal {
                start: text,
                events: Vec::new(),
                history: Vec::new(),
                snapshots: Vec::new(),
            },
            committed: Execution::new(start),
            crashes,
            ledger: Ledger::default(),
        }
    }

    /// Applies an event. Its effects must wait for [`Self::commit`].
    pub fn apply(&mut self, at: Timestamp, event: Event) {
        let applied = self
            .live
            .apply(self.definition, at, event.clone())
            .unwrap_or_else(|illegal| panic!("the engine refuses what it asked for: {illegal}"));
        let of = event.effect().and_then(|id| self.open.get(&id).cloned());
        if let Some(id) = closed_by(&event) {
            self.open.remove(&id);
        }
        self.resume = false;
        for effect in &applied.effects {
            match (effect, effect.id()) {
                (Effect::Cancel { id }, _) => {
                    let cancelled = self.open.remove(id);
                    assert!(cancelled.is_some(), "{id:?} is cancelled, but nobody waits for it");
                }
                (Effect::Resume, _) => self.resume = true,
                (effect, Some(id)) => {
                    let before = self.open.insert(id, effect.clone());
                    assert!(before.is_none(), "{id:?} is given out twice");
                }
                _ => {}
            }
        }
        for child in &applied.failed_children {
            self.check_failure(child.failure.error.as_deref());
        }
        if let Some(Outcome::Failed { error, .. }) = self.live.outcome() {
            self.check_failure(error.as_deref());
        }
        self.last_at = at;
        self.uncommitted.push(Record {
            at,
            event,
            effects: applied.effects,
            history: applied.history,
            of,
        });
        self.check_open_effects();
        self.check_history();
    }

    /// Keeps what was applied, and gives the effects that may be performed now.
    pub fn commit(&mut self, snapshot: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        for record in std::mem::take(&mut self.uncommitted) {
            self.ledger.settle(&record);
            if self.crashes {
                let text = serde_json::to_string(&record.event).expect("an event is JSON");
                self.replay(&record, &text);
                self.journal.events.push((record.at, text));
            }
            self.journal.history.push(record.history);
            effects.extend(record.effects);
        }
        if self.crashes {
            assert_eq!(self.committed, self.live, "what is restored is the live execution");
        }
        if snapshot && self.crashes {
            let text = serde_json::to_string(&self.live).expect("an execution is JSON");
            self.committed = serde_json::from_str(&text).expect("it was written just now");
            assert_eq!(self.committed, self.live, "a snapshot is the live execution");
            self.journal.snapshots.push((self.journal.events.len(), text));
        }
        // What was asked for and cancelled in one commit is never begun.
        effects.retain(|effect| match effect {
            Effect::Cancel { id } => self.performed.remove(id),
            effect => effect.id().is_none_or(|id| self.open.contains_key(&id)),
        });
        self.performing(&effects);
        effects
    }

    /// Applies an event as it was written down to what was restored.
    fn replay(&mut self, record: &Record, text: &str) {
        let event = serde_json::from_str(text).expect("it was written just now");
        assert_eq!(event, record.event, "an event is what it was written as");
        let again = self.committed.apply(self.definition, record.at, event);
        let again = again.expect("it was applied before");
        assert_eq!(again.history, record.history, "the same event gives the same history");
        assert_eq!(again.effects, record.effects, "the same event gives the same effects");
    }

    /// Loses everything but the journal, and gives the effects that are to be performed again.
    pub fn crash(&mut self) -> Vec<Effect> {
        self.uncommitted.clear();
        self.performed.clear();
        self.ledger.under_way.clear();
        self.live = self.restored(self.journal.snapshots.last());
        assert_eq!(self.live, self.committed, "snapshot and journal give what was committed");
        self.last_at = self.journal.events.last().map_or(self.live.start().at, |(at, _)| *at);
        let effects = self.live.open_effects(self.definition);
        self.resume = effects.contains(&Effect::Resume);
        let by_id = effects.iter().filter_map(|effect| Some((effect.id()?, effect.clone())));
        self.open = by_id.collect();
        self.performing(&effects);
        effects
    }

    /// Begins what is asked for.
    fn performing(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.performed.extend(effect.id());
            if let Effect::Invoke(invocation) = effect {
                self.ledger.invoke(invocation);
            }
        }
    }

    fn restored(&self, snapshot: Option<&(usize, String)>) -> Execution {
        let (from, mut execution) = snapshot.map_or_else(
            || {
                let start = serde_json::from_str(&self.journal.start);
                (0, Execution::new(start.expect("it was written so")))
            },
            |(after, text)| (*after, serde_json::from_str(text).expect("it was written so")),
        );
        let tail = self.journal.events.iter().zip(&self.journal.history).skip(from);
        for ((at, text), history) in tail {
            let event = serde_json::from_str(text).expect("it was written so");
            let applied = execution.apply(self.definition, *at, event).expect("it was applied");
            assert_eq!(applied.history, *history, "a replay gives the same history");
        }
        execution
    }

    /// What it waits for is what was asked for, but for what was answered or cancelled.
    fn check_open_effects(&self) {
        let mut asked: Vec<_> = self.open.values().cloned().collect();
        asked.extend(self.resume.then_some(Effect::Resume));
        assert_eq!(self.live.open_effects(self.definition), asked, "what it waits for");
    }

    /// The machines are such that only a history without room makes them fail by themselves.
    fn check_failure(&self, error: Option<&str>) {
        let full = self.live.start().history_events_max.is_some();
        assert!(full || error != Some("States.Runtime"), "a state fails by its data");
    }

    fn check_history(&self) {
        let committed = self.journal.history.iter().map(Vec::len).sum::<usize>();
        let (last, before) = self.uncommitted.split_last().expect("an event was applied");
        let before = committed + before.iter().map(|record| record.history.len()).sum::<usize>();
        for (id, event) in (before as u64 + 1..).zip(&last.history) {
            assert_eq!(event.id, id, "ids of the history have no gaps");
            assert!(event.previous_id < event.id, "an event follows an earlier one");
            assert_eq!(event.at, last.at, "an event of the history happened when its cause did");
        }
    }

    /// How many events were applied, committed or not.
    pub fn applied(&self) -> usize {
        self.journal.history.len() + self.uncommitted.len()
    }

    /// The time of the last event.
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// What it waits for, in the order in which it was asked for.
    pub fn open(&self) -> &BTreeMap<EffectId, Effect> {
        &self.open
    }

    /// Whether it asked for another turn.
    pub fn resumes(&self) -> bool {
        self.resume
    }

    /// Whether something that it waits for was begun in this life.
    pub fn is_performed(&self, id: EffectId) -> bool {
        self.performed.contains(&id)
    }

    /// How many events would be lost in a crash.
    pub fn uncommitted(&self) -> usize {
        self.uncommitted.len()
    }

    /// How often it was redriven.
    pub fn redrives(&self) -> u64 {
        self.live.redrives().0
    }

    /// How it ended, and whether it may be redriven.
    pub fn end(&self, at: Timestamp) -> Option<(&Outcome, bool)> {
        Some((self.live.outcome()?, self.live.redrivable(at).is_ok()))
    }

    /// The branch that waits for an effect.
    pub fn view(&self, id: EffectId) -> Option<View> {
        let mut views = self.live.views(self.definition).into_iter();
        views.find(|view| view.effects.contains(&id))
    }

    /// The committed history.
    pub fn history(&self) -> impl Iterator<Item = &HistoryEvent> {
        self.journal.history.iter().flatten()
    }

    /// The results that were committed, in any order.
    pub fn completed(&self) -> Vec<Completed> {
        let mut completed = self.ledger.completed.clone();
        completed.sort();
        completed
    }
}

impl Ledger {
    /// A call is begun: it must not be one whose result is kept, nor be for work that is done.
    fn invoke(&mut self, invocation: &Invocation) {
        let Invocation { id, state, payload, request_id, .. } = invocation;
        assert!(!self.settled.contains(request_id), "{id:?} of `{state}` is invoked once more");
        assert!(self.under_way.insert(request_id.clone()), "{id:?} is invoked twice in one life");
        let first = *self.requested.entry(request_id.clone()).or_insert(*id);
        assert_eq!(first, *id, "two calls have one request id");
        let work = (state.to_string(), world::work(payload));
        assert!(!self.done.contains(&work), "{id:?} does what is done: {work:?}");
    }

    /// Keeps what an event that is committed means for calls.
    fn settle(&mut self, record: &Record) {
        match (&record.event, &record.of) {
            (Event::FunctionSucceeded { output, .. }, Some(Effect::Invoke(call))) => {
                let work = self.complete(call, output.text());
                match world::token(&call.payload) {
                    None => drop(self.done.insert(work)),
                    Some(token) => self.half_done(token.to_owned(), Some(work)),
                }
            }
            (Event::FunctionFailed { failure, .. }, Some(Effect::Invoke(call))) => {
                self.complete(call, &format!("{:?}", failure.error));
            }
            (Event::TaskSucceeded { .. }, Some(Effect::OpenToken(open))) => {
                self.half_done(open.token.clone(), None);
            }
            _ => {}
        }
        for effect in &record.effects {
            match effect {
                Effect::SetTimer { purpose: Purpose::Wait { state }, .. }
                    if state.as_str().starts_with(FORK) =>
                {
                    // It failed and will begin anew as a whole.
                    self.done.clear();
                }
                // New tokens are handed out in a redrive.
                Effect::Finish(_) => self.half_done.clear(),
                _ => {}
            }
        }
    }

    fn complete(&mut self, call: &Invocation, result: &str) -> Work {
        self.settled.insert(call.request_id.clone());
        let work = (call.state.to_string(), world::work(&call.payload));
        let (state, of) = work.clone();
        self.completed.push((state, of, call.attempt, result.to_owned()));
        work
    }

    fn half_done(&mut self, token: String, work: Option<Work>) {
        let done = match self.half_done.remove(&token) {
            None => {
                self.half_done.insert(token, work);
                return;
            }
            Some(before) => before.or(work).expect("one of them is the function's"),
        };
        self.done.insert(done);
    }
}

/// The event that an answer of a function is.
pub fn function_answered(id: EffectId, answer: world::Answer) -> Event {
    match answer {
        Ok(output) => Event::FunctionSucceeded { id, output },
        Err(failure) => Event::FunctionFailed { id, failure },
    }
}

/// The event that something said by a token is.
pub fn token_said(id: EffectId, said: Option<world::Answer>) -> Event {
    match said {
        None => Event::TaskHeartbeat { id },
        Some(Ok(output)) => Event::TaskSucceeded { id, output },
        Some(Err(failure)) => Event::TaskFailed { id, failure },
    }
}

/// A document with another `x`.
pub fn with_x(document: &Document, x: u64) -> Document {
    let mut value = document.value().clone();
    value["x"] = x.into();
    Document::from(value)
}
