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

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stepwell_asl::{Definition, load};
use stepwell_engine::{Effect, Event, HistoryEvent, Outcome, Start};
use stepwell_query::Document;
use stepwell_tests::crashing::{Completed, Driver};
use stepwell_tests::machine::{self, Shape};
use stepwell_tests::random::{Random, mix};
use stepwell_tests::run;
use stepwell_tests::world::World;

use ordered::Ordered;
use timed::Timed;

#[path = "simulation/ordered.rs"]
mod ordered;
#[path = "simulation/timed.rs"]
mod timed;

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
