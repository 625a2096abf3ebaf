//! Executions whose driver crashes at any moment, each of them a function of a seed.
//!
//! A seed decides on a machine, an input, what functions and those with tokens answer, and when the driver
//! commits, takes a snapshot and crashes. What holds at every step is checked by `crashing::Driver`. Beyond that:
//!
//! | kind | what happens next | must be the same without crashes |
//! |---|---|---|
//! | ordered | is drawn by the number of events so far, whatever the time | outcome and the whole history; timestamps, too, if crashing takes no time |
//! | steady | what is earliest; crashes delay calls, which changes their order | outcome, and what was done, of machines without races |
//! | timed | what is earliest, with timeouts, stops and redrives | nothing: only what holds at every step |
//!
//! `STEPWELL_SEEDS=100000` tries more seeds, `STEPWELL_SEED=7` one, and tells what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stepwell_asl::{Definition, load};
use stepwell_engine::{Effect, EffectId, Event, HistoryEvent, Outcome, Purpose, Start};
use stepwell_query::Document;
use stepwell_tests::crashing::{self, Completed, Driver};
use stepwell_tests::machine::{self, Shape};
use stepwell_tests::random::{Random, mix};
use stepwell_tests::run::{self, effect_id, effect_of};
use stepwell_tests::world::{self, Answer, World};

const SEEDS: u64 = 10_000;
const SHARDS: u64 = 8;
/// More events than any of these executions should have.
const EVENTS_MAX: usize = 20_000;
/// How often an execution is redriven, at most.
const REDRIVES_MAX: u64 = 3;

/// How often something happened.
type Tally = BTreeMap<&'static str, u64>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Ordered,
    Steady,
    Timed,
}

/// What a seed decides on, but for the crashes.
struct Scenario {
    seed: u64,
    kind: Kind,
    machine: Value,
    definition: Definition,
    start: Start,
    world: World,
    /// Somebody may stop it, or try another input.
    disturbed: bool,
}

/// When the driver commits and crashes.
#[derive(Debug, Clone, Copy)]
struct Faults {
    /// In so many of a hundred steps.
    crashes: u64,
    /// A crash takes time.
    delays: bool,
}

const NO_FAULTS: Faults = Faults { crashes: 0, delays: false };

/// What an execution came to, for comparison.
struct Ran {
    outcome: Outcome,
    history: Vec<HistoryEvent>,
    completed: Vec<Completed>,
}

impl Scenario {
    fn of(seed: u64) -> Self {
        let mut random = Random::of(seed, "scenario");
        let kind = *random.pick(&[Kind::Ordered, Kind::Ordered, Kind::Steady, Kind::Timed]);
        let shape = Shape { races: kind != Kind::Steady, long: random.percent(3) };
        let machine = machine::machine(&mut random, shape);
        let mut start = run::start(Document::from(machine::input(&mut random)));
        start.seed = mix(seed, "execution");
        let short = shape.races && random.percent(10);
        start.history_events_max = short.then(|| 10 + random.below(100));
        let world = World { seed: mix(seed, "world"), steady: kind == Kind::Steady };
        let disturbed = shape.races && random.percent(30);
        let loaded = load(&machine.to_string(), "machine");
        let mut workflow = loaded.unwrap_or_else(|found| panic!("{machine:#} has {found:?}"));
        let definition = workflow.machines.remove(0).definition;
        Self { seed, kind, machine, definition, start, world, disturbed }
    }

    fn faults(&self) -> Faults {
        let mut random = Random::of(self.seed, "faults");
        Faults { crashes: 1 + random.below(20), delays: random.percent(50) }
    }

    /// Checks one seed; `log` gathers what happened.
    fn check(&self, tally: &mut Tally, log: &mut String) {
        let faults = self.faults();
        match self.kind {
            Kind::Ordered => {
                let calm = Ordered::new(self, NO_FAULTS, log).run(tally);
                let crashed = Ordered::new(self, faults, log).run(tally);
                assert_eq!(crashed.outcome, calm.outcome, "a crash does not change the outcome");
                assert_eq!(crashed.completed, calm.completed, "a crash changes no result");
                for (calm, crashed) in calm.history.iter().zip(&crashed.history) {
                    assert_same(calm, crashed, faults.delays);
                }
                assert_eq!(crashed.history.len(), calm.history.len(), "the history's length");
            }
            Kind::Steady => {
                let calm = Timed::new(self, NO_FAULTS, log).run(tally);
                let crashed = Timed::new(self, faults, log).run(tally);
                assert_eq!(crashed.outcome, calm.outcome, "a crash does not change the outcome");
                assert_eq!(crashed.completed, calm.completed, "a crash changes no result");
                let succeeded = matches!(calm.outcome, Outcome::Succeeded { .. });
                assert!(succeeded, "without races, every failure is caught");
            }
            Kind::Timed => drop(Timed::new(self, faults, log).run(tally)),
        }
    }

    /// Whether an end is the last one.
    fn is_over(&self, driver: &Driver<'_>) -> bool {
        let most = mix(self.seed, "redrives") % (REDRIVES_MAX + 1);
        let end = driver.end(driver.last_at());
        end.is_some_and(|(_, redrivable)| !redrivable || driver.redrives() >= most)
    }
}

/// Compares events of the history; where crashing takes time, without what tells of it.
fn assert_same(calm: &HistoryEvent, crashed: &HistoryEvent, delays: bool) {
    if calm == crashed {
        return;
    }
    let shown = |event: &HistoryEvent| {
        let HistoryEvent { id, previous_id, at, details } = event;
        let details = serde_json::to_string(details).expect("details are JSON");
        if delays {
            format!("{id}<{previous_id} {}", without_dates(&details))
        } else {
            format!("{id}<{previous_id} {at} {details}")
        }
    };
    assert_eq!(shown(crashed), shown(calm), "a crash does not change the history");
}

/// The answers of `lambda:invoke` tell when they were given.
fn without_dates(text: &str) -> String {
    const LENGTH: usize = "Sat, 31 Jan 2026 12:00:00".len();
    let parts: Vec<&str> = text.split(" GMT").collect();
    let (last, before) = parts.split_last().expect("a text has a part");
    let mut without: String =
        before.iter().flat_map(|part| [&part[..part.len() - LENGTH], "then"]).collect();
    without.push_str(last);
    without
}

/// A driver with what both kinds of runs do alike.
struct Base<'s> {
    scenario: &'s Scenario,
    driver: Driver<'s>,
    faults: Faults,
    /// Decides on commits and crashes.
    chance: Random,
    log: &'s mut String,
    logs: bool,
}

impl<'s> Base<'s> {
    fn new(scenario: &'s Scenario, faults: Faults, log: &'s mut String) -> Self {
        let driver = Driver::new(&scenario.definition, scenario.start.clone(), faults.crashes > 0);
        let chance = Random::of(scenario.seed, "chance");
        let logs = !log.is_empty();
        let mut base = Self { scenario, driver, faults, chance, log, logs };
        base.tell(|| format!("-- {:?} with {faults:?}", scenario.kind));
        base
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.logs {
            let line = line();
            writeln!(self.log, "{line}").expect("a text can be written to");
        }
    }

    fn apply(&mut self, at: Timestamp, event: Event, tally: &mut Tally) {
        *tally.entry(name_of(&event)).or_default() += 1;
        self.tell(|| format!("{at} {event:?}"));
        self.driver.apply(at, event);
        let applied = self.driver.applied();
        assert!(applied < EVENTS_MAX, "it goes on and on");
    }

    fn commit(&mut self) -> Vec<Effect> {
        let snapshot = self.chance.percent(15);
        self.tell(|| format!("commit{}", if snapshot { " with a snapshot" } else { "" }));
        let effects = self.driver.commit(snapshot);
        self.tell(|| format!("  {effects:?}"));
        effects
    }

    fn crashes(&mut self) -> bool {
        let crashes = self.faults.crashes;
        crashes > 0 && self.chance.percent(crashes)
    }

    fn crash(&mut self, tally: &mut Tally) -> Vec<Effect> {
        *tally.entry("crash").or_default() += 1;
        let effects = self.driver.crash();
        self.tell(|| format!("crash\n  {effects:?}"));
        effects
    }

    fn ran(&self) -> Ran {
        let (outcome, _) = self.driver.end(self.driver.last_at()).expect("it has ended");
        let history = self.driver.history().cloned().collect();
        Ran { outcome: outcome.clone(), history, completed: self.driver.completed() }
    }

    fn delay(&mut self) -> SignedDuration {
        let most = if self.faults.delays { 20_000 } else { 1 };
        milliseconds(self.chance.below(most))
    }
}

fn milliseconds(number: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(number).expect("it is small"))
}

fn stop() -> Event {
    Event::StopRequested { error: Some("Enough".to_owned()), cause: None }
}

fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Started => "start",
        Event::Resumed => "resumption",
        Event::FunctionSucceeded { .. } => "success",
        Event::FunctionFailed { .. } => "failure",
        Event::TaskSucceeded { .. } => "success by token",
        Event::TaskFailed { .. } => "failure by token",
        Event::TaskHeartbeat { .. } => "heartbeat",
        Event::TimerFired { .. } => "timer",
        Event::StopRequested { .. } => "stop",
        Event::RedriveRequested => "redrive",
        Event::InputReplaced { .. } => "another input",
    }
}

/// A run in which the number of events so far decides what happens next.
struct Ordered<'s> {
    base: Base<'s>,
    /// How much later the next event is for crashes.
    late: SignedDuration,
}

impl<'s> Ordered<'s> {
    fn new(scenario: &'s Scenario, faults: Faults, log: &'s mut String) -> Self {
        Self { base: Base::new(scenario, faults, log), late: SignedDuration::ZERO }
    }

    fn run(mut self, tally: &mut Tally) -> Ran {
        loop {
            if self.base.crashes() {
                self.base.crash(tally);
                self.late += self.base.delay();
            }
            let Some((at, event)) = self.next() else {
                self.base.commit();
                if !self.base.crashes() {
                    return self.base.ran();
                }
                self.base.crash(tally);
                continue;
            };
            let waits = |id| !self.base.driver.is_performed(id);
            if effect_of(&event).is_some_and(waits) {
                // Only what was begun can have an outcome.
                assert!(self.base.driver.uncommitted() > 0, "what is open is begun by a commit");
                self.base.commit();
                continue;
            }
            self.base.apply(at, event, tally);
            self.late = SignedDuration::ZERO;
            if self.base.faults.crashes == 0 || self.base.chance.percent(40) {
                self.base.commit();
            }
        }
    }

    /// What happens next, if anything.
    fn next(&self) -> Option<(Timestamp, Event)> {
        let (driver, scenario) = (&self.base.driver, self.base.scenario);
        let applied = driver.applied();
        let mut random = Random::of(scenario.seed, &format!("event {applied}"));
        if applied == 0 {
            return Some((scenario.start.at, Event::Started));
        }
        let soon = driver.last_at() + milliseconds(random.below(3000)) + self.late;
        if let Some((_, redrivable)) = driver.end(soon) {
            let goes_on = redrivable && !scenario.is_over(driver);
            return goes_on.then_some((soon, Event::RedriveRequested));
        }
        if scenario.disturbed && random.percent(1) {
            return Some((soon, stop()));
        }
        let open: Vec<&Effect> = driver.open().values().collect();
        let places = open.len() + usize::from(driver.resumes());
        assert!(places > 0, "an execution that has not ended waits for something");
        let mut place = random.index(places);
        let is_timeout =
            |effect: &Effect| matches!(effect, Effect::SetTimer { purpose: Purpose::Timeout, .. });
        if open.get(place).is_some_and(|effect| is_timeout(effect)) && random.percent(70) {
            place = random.index(places);
        }
        let Some(effect) = open.get(place) else { return Some((soon, Event::Resumed)) };
        let id = effect_id(effect).expect("it is open");
        let view = (scenario.disturbed && random.percent(2)).then(|| driver.view(id)).flatten();
        if let Some(view) = view {
            let input = crashing::with_x(&view.input, random.below(9));
            return Some((soon, Event::InputReplaced { id, input }));
        }
        let event = match effect {
            Effect::Invoke(call) => crashing::function_answered(id, scenario.world.answer(call)),
            Effect::OpenToken(_) => crashing::token_said(id, scenario.world.says_now(&mut random)),
            Effect::SetTimer { at, .. } => {
                return Some((soon.max(*at), Event::TimerFired { id }));
            }
            Effect::Cancel { .. } | Effect::Resume | Effect::Finish(_) => unreachable!("not open"),
        };
        Some((soon, event))
    }
}

/// A run in which the earliest happens next.
struct Timed<'s> {
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
    fn new(scenario: &'s Scenario, faults: Faults, log: &'s mut String) -> Self {
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

    fn run(mut self, tally: &mut Tally) -> Ran {
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
                let fits = match effect_of(event) {
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
            |_, happening| !matches!(happening, Happening::Ours(event) if effect_of(event) == Some(id)),
        );
    }

    fn add(&mut self, after: SignedDuration, happening: Happening) {
        self.added += 1;
        self.agenda.insert((self.now + after, self.added), happening);
    }
}

/// Checks one of eight parts of the seeds.
fn shard(number: u64) {
    if let Ok(seed) = env::var("STEPWELL_SEED") {
        let seed = seed.parse().expect("STEPWELL_SEED is a number");
        if seed % SHARDS == number {
            check_and_tell(seed);
        }
        return;
    }
    let seeds = env::var("STEPWELL_SEEDS");
    let seeds = seeds.map_or(SEEDS, |most| most.parse().expect("STEPWELL_SEEDS is a number"));
    let mut tally = Tally::new();
    for seed in (0..seeds).filter(|seed| seed % SHARDS == number) {
        let check = || Scenario::of(seed).check(&mut tally, &mut String::new());
        let checked = catch_unwind(AssertUnwindSafe(check));
        assert!(
            checked.is_ok(),
            "seed {seed} fails, as STEPWELL_SEED={seed} cargo test -p stepwell-tests --test simulation tells"
        );
    }
    let words = ["crash", "heartbeat", "resumption", "redrive", "stop", "another input"];
    let missing: Vec<_> = words.iter().filter(|word| !tally.contains_key(**word)).collect();
    assert!(seeds < SEEDS || missing.is_empty(), "no seed leads to {missing:?} in {tally:?}");
}

/// Checks one seed and tells its machine and what happened.
#[expect(clippy::print_stderr, reason = "it is what was asked for")]
fn check_and_tell(seed: u64) {
    let scenario = Scenario::of(seed);
    let mut log = "what happened\n".to_owned();
    let checked = catch_unwind(AssertUnwindSafe(|| scenario.check(&mut Tally::new(), &mut log)));
    eprintln!("{:#}\n{} {log}", scenario.machine, scenario.start.input.text());
    assert!(checked.is_ok(), "seed {seed} fails");
}

macro_rules! shards {
    ($($name:ident $number:literal)*) => {
        $(#[test]
        fn $name() {
            shard($number);
        })*
    };
}

shards! { seeds_0 0 seeds_1 1 seeds_2 2 seeds_3 3 seeds_4 4 seeds_5 5 seeds_6 6 seeds_7 7 }
