//! Runs in which what is earliest happens next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stepwell_engine::{Effect, EffectId, Event};
use stepwell_query::Document;
use stepwell_tests::crashing;
use stepwell_tests::random::mix;
use stepwell_tests::world::{self, Answer};

use crate::{Base, Faults, Ran, Scenario, Tally, milliseconds, stop};

/// A run in which the earliest happens next.
pub(crate) struct Timed<'s> {
    base: Base<'s>,
    now: Timestamp,
    /// By time, and in the order in which it was added.
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    added: u64,
    /// Tokens that somebody has.
    known: BTreeSet<String>,
    /// What came from outside and is not committed: it is tried again after a crash.
    unheard: Vec<Happening>,
}

/// Something that is to happen at some time.
#[derive(Debug, Clone)]
enum Happening {
    /// Begun by the driver: a crash makes an end of it.
    Ours(Event),
    /// Said by a token.
    Said(String, Option<Answer>),
    /// Asked for from outside.
    Asked(Event),
}

impl<'s> Timed<'s> {
    pub(crate) fn new(scenario: &'s Scenario, faults: Faults, log: &'s mut String) -> Self {
        let (agenda, known, unheard) = Default::default();
        let now = scenario.start.at;
        let base = Base::new(scenario, faults, log);
        let mut timed = Self { base, now, agenda, added: 0, known, unheard };
        timed.add(SignedDuration::ZERO, Happening::Asked(Event::Started));
        if scenario.disturbed {
            let after = milliseconds(mix(scenario.seed, "stop") % 60_000);
            timed.add(after, Happening::Asked(stop()));
        }
        timed
    }

    pub(crate) fn run(mut self, tally: &mut Tally) -> Ran {
        loop {
            if self.base.crashes() {
                self.crash(tally);
            }
            let Some(((at, _), happening)) = self.agenda.pop_first() else {
                if self.base.driver.uncommitted() > 0 {
                    self.commit();
                } else if self.base.scenario.is_over(&self.base.driver) {
                    return self.base.ran();
                } else {
                    self.go_on();
                }
                continue;
            };
            self.now = self.now.max(at);
            let Some(event) = self.event(&happening) else { continue };
            if !matches!(happening, Happening::Ours(_)) {
                self.unheard.push(happening);
            }
            self.base.apply(self.now, event, tally);
            if self.base.faults.crashes == 0 || self.base.chance.percent(60) {
                self.commit();
            }
        }
    }

    /// Nothing happens by itself: it has ended, or somebody has forgotten an answer.
    fn go_on(&mut self) {
        if self.base.driver.end(self.now).is_some() {
            self.add(SignedDuration::from_secs(60), Happening::Asked(Event::RedriveRequested));
            return;
        }
        let tokens = self.base.driver.open().values().filter_map(|effect| match effect {
            Effect::OpenToken(open) => Some(open.token.clone()),
            _ => None,
        });
        let tokens: Vec<_> = tokens.collect();
        assert!(!tokens.is_empty(), "an execution that has not ended waits for something");
        for token in tokens {
            let answer = Document::from(Value::from(1));
            self.add(SignedDuration::from_hours(1), Happening::Said(token, Some(Ok(answer))));
        }
    }

    /// The event that something is by now, if any.
    fn event(&self, happening: &Happening) -> Option<Event> {
        let driver = &self.base.driver;
        match happening {
            Happening::Ours(event) => {
                let fits = match event.effect() {
                    Some(id) => driver.open().contains_key(&id),
                    None => driver.resumes(),
                };
                fits.then(|| event.clone())
            }
            Happening::Said(token, said) => {
                let open = driver.open().values().find_map(|effect| match effect {
                    Effect::OpenToken(open) if open.token == *token => Some(open.id),
                    _ => None,
                });
                open.map(|id| crashing::token_said(id, said.clone()))
            }
            Happening::Asked(event) => {
                let fits = match (event, driver.end(self.now)) {
                    (Event::Started, _) => driver.applied() == 0,
                    (Event::RedriveRequested, end) => end.is_some_and(|(_, may)| may),
                    (_, end) => driver.applied() > 0 && end.is_none(),
                };
                fits.then(|| event.clone())
            }
        }
    }

    fn crash(&mut self, tally: &mut Tally) {
        self.agenda.retain(|_, happening| !matches!(happening, Happening::Ours(_)));
        let effects = self.base.crash(tally);
        self.now += self.base.delay();
        for happening in std::mem::take(&mut self.unheard) {
            self.add(SignedDuration::ZERO, happening);
        }
        self.perform(effects);
    }

    fn commit(&mut self) {
        self.unheard.clear();
        let effects = self.base.commit();
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let around = self.base.scenario.world;
        for effect in effects {
            match effect {
                Effect::Invoke(call) => {
                    let event = crashing::function_answered(call.id, around.answer(&call));
                    self.add(around.takes(&call), Happening::Ours(event));
                    let Some(token) = world::token(&call.payload) else { continue };
                    if self.known.insert(token.to_owned()) {
                        for (after, said) in around.says(&call) {
                            self.add(after, Happening::Said(token.to_owned(), said));
                        }
                    }
                }
                Effect::SetTimer { id, at, .. } => {
                    let after = at.duration_since(self.now).max(SignedDuration::ZERO);
                    self.add(after, Happening::Ours(Event::TimerFired { id }));
                }
                Effect::Resume => {
                    self.add(SignedDuration::ZERO, Happening::Ours(Event::Resumed));
                }
                Effect::Cancel { id } => self.cancel(id),
                Effect::OpenToken(_) | Effect::Finish(_) => {}
            }
        }
    }

    fn cancel(&mut self, id: EffectId) {
        self.agenda.retain(
            |_, happening| !matches!(happening, Happening::Ours(event) if event.effect() == Some(id)),
        );
    }

    fn add(&mut self, after: SignedDuration, happening: Happening) {
        self.added += 1;
        self.agenda.insert((self.now + after, self.added), happening);
    }
}
