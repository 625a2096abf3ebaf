//! What a run took: all its invocations together, by function and by state.
//!
//! A report takes no more space for a million invocations than for some thousands
//! ([`EXACT_VALUES_MAX`](crate::EXACT_VALUES_MAX)).

mod shown;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::breach::{Breach, Headroom, Limit, headroom};
use crate::distribution::{Distribution, Spread};
use crate::prices::{Bill, Cost, Prices};
use crate::text::fraction;
use crate::usage::{Architecture, FunctionLimits, Usage};

/// How many types of errors are told apart; a task chooses its own, so there may be any number.
const ERROR_TYPES_MAX: usize = 50;

/// What stands for all further types of errors.
const OTHER_ERRORS: &str = "(other)";

/// One invocation of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The state that invoked it.
    pub state: String,
    /// The function's name.
    pub function: String,
    /// What the function is given.
    pub limits: FunctionLimits,
    /// What the invocation took.
    pub usage: Usage,
    /// Its duration as reported.
    pub duration: Duration,
    /// Its init phase as reported, if it had one beside the invocation.
    pub init_duration: Option<Duration>,
    /// Its billed duration as reported.
    pub billed: Duration,
    /// The error's type, if it failed.
    pub error: Option<String>,
    /// The limits that it broke.
    pub breaches: Vec<Breach>,
}

/// What a run took so far.
#[derive(Debug, Clone)]
pub struct RunReport {
    prices: Prices,
    all: Tally,
    functions: BTreeMap<String, FunctionTally>,
    states: BTreeMap<String, StateTally>,
    breaches: BTreeMap<(String, Limit), Broken>,
    transitions: u64,
}

#[derive(Debug, Clone)]
struct FunctionTally {
    /// As the latest invocation had them.
    limits: FunctionLimits,
    tally: Tally,
}

#[derive(Debug, Clone, Default)]
struct StateTally {
    /// The functions that it invoked, and how often.
    functions: BTreeMap<String, u64>,
    tally: Tally,
}

/// How a function broke a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Broken {
    count: u64,
    worst: Breach,
}

/// Some invocations together.
#[derive(Debug, Clone)]
pub struct Tally {
    cold_starts: u64,
    failures: u64,
    errors: BTreeMap<String, u64>,
    durations: Distribution,
    init_durations: Distribution,
    billed: Distribution,
    fuel: Distribution,
    memory_peak_bytes: u64,
    storage_peak_bytes: u64,
    request_bytes_max: u64,
    response_bytes_max: u64,
    headroom: Headroom,
    bills: BTreeMap<Architecture, Bill>,
}

impl RunReport {
    /// Of nothing yet.
    pub fn new(prices: Prices) -> Self {
        Self {
            prices,
            all: Tally::default(),
            functions: BTreeMap::new(),
            states: BTreeMap::new(),
            breaches: BTreeMap::new(),
            transitions: 0,
        }
    }

    /// Adds an invocation.
    pub fn add(&mut self, sample: &Sample) {
        self.all.add(sample);
        let fresh = || FunctionTally { limits: sample.limits, tally: Tally::default() };
        let function = self.functions.entry(sample.function.clone()).or_insert_with(fresh);
        function.limits = sample.limits;
        function.tally.add(sample);
        let state = self.states.entry(sample.state.clone()).or_default();
        *state.functions.entry(sample.function.clone()).or_default() += 1;
        state.tally.add(sample);
        for breach in &sample.breaches {
            let key = (sample.function.clone(), breach.limit);
            let broken = self.breaches.entry(key).or_insert(Broken { count: 0, worst: *breach });
            broken.count += 1;
            if breach.used > broken.worst.used {
                broken.worst = *breach;
            }
        }
    }

    /// Adds state transitions of Standard workflows.
    pub fn add_transitions(&mut self, count: u64) {
        self.transitions = self.transitions.saturating_add(count);
    }

    /// State transitions so far.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// All invocations together.
    pub fn all(&self) -> &Tally {
        &self.all
    }

    /// The invocations of a function, if there were any.
    pub fn function(&self, name: &str) -> Option<&Tally> {
        self.functions.get(name).map(|function| &function.tally)
    }

    /// The invocations by a state, if there were any.
    pub fn state(&self, name: &str) -> Option<&Tally> {
        self.states.get(name).map(|state| &state.tally)
    }

    /// Every limit that was broken: the function, how often, and the worst of it.
    pub fn breaches(&self) -> impl Iterator<Item = (&str, u64, &Breach)> {
        self.breaches.iter().map(|((name, _), broken)| (name.as_str(), broken.count, &broken.worst))
    }

    /// What the run costs on AWS, transitions included.
    pub fn cost(&self) -> Cost {
        self.all.cost(&self.prices).plus(&self.prices.transitions(self.transitions))
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            cold_starts: 0,
            failures: 0,
            errors: BTreeMap::new(),
            durations: Distribution::default(),
            init_durations: Distribution::default(),
            billed: Distribution::default(),
            fuel: Distribution::default(),
            memory_peak_bytes: 0,
            storage_peak_bytes: 0,
            request_bytes_max: 0,
            response_bytes_max: 0,
            headroom: Headroom::FULL,
            bills: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// How many invocations.
    pub fn invocations(&self) -> u64 {
        self.durations.count()
    }

    /// How many had an init phase.
    pub fn cold_starts(&self) -> u64 {
        self.cold_starts
    }

    /// How many failed.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// The types of their errors and how often each was; beyond 50 types they are `(other)`.
    pub fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// Of durations as reported, without init phases.
    pub fn durations(&self) -> Option<Spread<Duration>> {
        self.durations.durations()
    }

    /// Of init phases beside the invocation.
    pub fn init_durations(&self) -> Option<Spread<Duration>> {
        self.init_durations.durations()
    }

    /// Of billed durations.
    pub fn billed(&self) -> Option<Spread<Duration>> {
        self.billed.durations()
    }

    /// All billed durations together, in milliseconds.
    pub fn billed_total_ms(&self) -> u128 {
        self.billed.total() / 1_000_000
    }

    /// Of the fuel that handlers burnt.
    pub fn fuel(&self) -> Option<Spread<u64>> {
        self.fuel.spread()
    }

    /// All fuel that handlers burnt.
    pub fn fuel_total(&self) -> u128 {
        self.fuel.total()
    }

    /// The most memory that one had.
    pub fn memory_peak_bytes(&self) -> u64 {
        self.memory_peak_bytes
    }

    /// How much of each limit was left where least was.
    pub fn headroom(&self) -> &Headroom {
        &self.headroom
    }

    /// What they cost on Lambda.
    pub fn cost(&self, prices: &Prices) -> Cost {
        let costs = self.bills.iter().map(|(architecture, bill)| prices.cost(*architecture, bill));
        costs.fold(Cost::default(), |sum, cost| sum.plus(&cost))
    }

    fn add(&mut self, sample: &Sample) {
        let usage = &sample.usage;
        self.cold_starts += u64::from(usage.init.is_some());
        if let Some(error) = &sample.error {
            self.failures += 1;
            let known = self.errors.contains_key(error) || self.errors.len() < ERROR_TYPES_MAX;
            let name = if known { error } else { OTHER_ERRORS };
            *self.errors.entry(name.to_owned()).or_default() += 1;
        }
        self.durations.add_duration(sample.duration);
        if let Some(init) = sample.init_duration {
            self.init_durations.add_duration(init);
        }
        self.billed.add_duration(sample.billed);
        self.fuel.add(usage.fuel);
        self.memory_peak_bytes = self.memory_peak_bytes.max(usage.memory_peak_bytes);
        self.storage_peak_bytes = self.storage_peak_bytes.max(usage.storage_peak_bytes);
        self.request_bytes_max = self.request_bytes_max.max(usage.request_bytes);
        self.response_bytes_max = self.response_bytes_max.max(usage.response_bytes);
        let timeout = Duration::from_secs(sample.limits.timeout_seconds.into());
        // The time that was reported, which may differ from what the usage alone would take.
        let time = 1.0 - fraction(sample.duration.as_nanos(), timeout.as_nanos());
        let left = Headroom { time, ..headroom(usage, &sample.limits) };
        self.headroom = self.headroom.worse(&left);
        let bill = self.bills.entry(sample.limits.architecture).or_default();
        bill.add(&sample.limits, sample.billed);
    }
}
