//! What a run may take, for CI: a budget, and what exceeds it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::money::Money;
use crate::report::{RunReport, Tally};
use crate::text::{counted, fraction, grouped, megabytes, ms_rounded_up};

/// What a budget may say.
const FIELDS: [&str; 3] = ["functions", "maxCost", "maxTransitions"];

/// What a budget may say of a function.
const FUNCTION_FIELDS: [&str; 4] = ["maxFuel", "maxDurationMs", "maxBilledMs", "maxMemoryMB"];

/// The most dollars that a budget may name: beyond, a JSON number is not exact to the cent.
const DOLLARS_MAX: f64 = 1e12;

/// What a run may take.
///
/// What it says of a function is for each single invocation; costs and transitions are the run's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    functions: BTreeMap<String, FunctionBudget>,
    cost: Option<Money>,
    transitions: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct FunctionBudget {
    fuel: Option<u64>,
    duration_ms: Option<u64>,
    billed_ms: Option<u64>,
    memory_mb: Option<u64>,
}

/// A budget that cannot be read. Places are as `functions.fetch.maxFuel`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// A field that nobody knows.
    #[error("`{place}` is not known; known are {known}")]
    Unknown {
        /// Where.
        place: String,
        /// What may stand there.
        known: String,
    },
    /// A value of the wrong kind.
    #[error("`{place}` is not {expected}")]
    Wrong {
        /// Where.
        place: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Budget {
    /// From JSON: `{ "functions": { "fetch": { "maxFuel": 1, "maxDurationMs": 2, "maxBilledMs": 3,
    /// "maxMemoryMB": 4 } }, "maxCost": 0.5, "maxTransitions": 6 }`, in which everything may be missing.
    /// All are whole numbers but `maxCost`, which is in dollars.
    pub fn from_json(value: &Value) -> Result<Self, BudgetError> {
        let mut budget = Self::default();
        for (name, value) in object(value, "the budget")? {
            match name.as_str() {
                "functions" => {
                    for (function, value) in object(value, name)? {
                        let place = format!("functions.{function}");
                        budget.functions.insert(function.clone(), of_function(value, &place)?);
                    }
                }
                "maxCost" => budget.cost = Some(dollars(value, name)?),
                "maxTransitions" => budget.transitions = Some(whole(value, name)?),
                _ => return Err(unknown(name, &FIELDS)),
            }
        }
        Ok(budget)
    }

    /// Sets the fuel that one invocation of a function may burn.
    #[must_use]
    pub fn max_fuel(mut self, function: &str, fuel: u64) -> Self {
        self.functions.entry(function.to_owned()).or_default().fuel = Some(fuel);
        self
    }

    /// What exceeds the budget, in the order of the functions' names and the run's own last.
    pub fn check(&self, report: &RunReport) -> Vec<Excess> {
        let mut excesses = Vec::new();
        for (name, budget) in &self.functions {
            let mut exceeds = |what, used: u128, allowed: u128| {
                let function = Some(name.clone());
                excesses.push(Excess { function, what, used, allowed });
            };
            match report.function(name) {
                None => exceeds(What::NeverInvoked, 0, 0),
                Some(tally) => {
                    for (what, used, allowed) in budget.compared(tally) {
                        if allowed.is_some_and(|allowed| used > allowed) {
                            exceeds(what, used, allowed.unwrap_or_default());
                        }
                    }
                }
            }
        }
        let cost = report.cost().total().picodollars();
        let transitions = u128::from(report.transitions());
        for (what, used, allowed) in [
            (What::Cost, cost, self.cost.map(Money::picodollars)),
            (What::Transitions, transitions, self.transitions.map(u128::from)),
        ] {
            if let Some(allowed) = allowed.filter(|allowed| used > *allowed) {
                excesses.push(Excess { function: None, what, used, allowed });
            }
        }
        excesses
    }
}

impl FunctionBudget {
    /// What the worst invocation took, in base units, beside what it may take.
    fn compared(&self, tally: &Tally) -> [(What, u128, Option<u128>); 4] {
        let duration = tally.durations().unwrap_or_default().max.as_nanos();
        let billed = tally.billed().unwrap_or_default().max.as_nanos();
        let nanos = |ms: u64| u128::from(ms) * 1_000_000;
        [
            (What::Fuel, tally.fuel().unwrap_or_default().max.into(), self.fuel.map(u128::from)),
            (What::Duration, duration, self.duration_ms.map(nanos)),
            (What::Billed, billed, self.billed_ms.map(nanos)),
            (
                What::Memory,
                tally.memory_peak_bytes().into(),
                self.memory_mb.map(|mb| u128::from(mb) << 20),
            ),
        ]
    }
}

/// Something that exceeds its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The function; `None` for what is the run's.
    pub function: Option<String>,
    /// What exceeds.
    pub what: What,
    /// What was used, in the unit of [`What`].
    pub used: u128,
    /// What the budget has, in the same unit.
    pub allowed: u128,
}

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// `maxFuel`: the most fuel of one invocation.
    Fuel,
    /// `maxDurationMs`: the longest invocation, in nanoseconds.
    Duration,
    /// `maxBilledMs`: the longest billed duration, in nanoseconds.
    Billed,
    /// `maxMemoryMB`: the most memory of one invocation, in bytes.
    Memory,
    /// The function was never invoked, so its budget says nothing.
    NeverInvoked,
    /// `maxCost`: what the run costs, in picodollars.
    Cost,
    /// `maxTransitions`: state transitions of the run.
    Transitions,
}

impl Excess {
    /// By how many percent the budget is exceeded: infinite where it is nothing.
    pub fn percent(&self) -> f64 {
        fraction(self.used.saturating_sub(self.allowed), self.allowed) * 100.0
    }

    fn told(&self, amount: u128) -> String {
        let small = u64::try_from(amount).unwrap_or(u64::MAX);
        match self.what {
            What::Fuel => format!("{} fuel", grouped(amount)),
            What::Duration | What::Billed => {
                let ms = ms_rounded_up(std::time::Duration::from_nanos(small));
                format!("{} ms", grouped(ms))
            }
            What::Memory => megabytes(small),
            What::Cost => Money::from_picodollars(amount).to_string(),
            What::Transitions => counted(amount, "transition"),
            What::NeverInvoked => String::new(),
        }
    }
}

/// For a person: `` `fetch` burnt 1,200 fuel in one invocation: 20 % more than 1,000 fuel (maxFuel) ``.
impl fmt::Display for Excess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, rest, field) = match self.what {
            What::NeverInvoked => {
                let name = self.function.as_deref().unwrap_or_default();
                return write!(formatter, "`{name}` has a budget and was never invoked");
            }
            What::Fuel => ("burnt", " in one invocation", "maxFuel"),
            What::Duration => ("took", " for one invocation", "maxDurationMs"),
            What::Billed => ("was billed", " for one invocation", "maxBilledMs"),
            What::Memory => ("had", " of memory", "maxMemoryMB"),
            What::Cost => ("costs", "", "maxCost"),
            What::Transitions => ("made", "", "maxTransitions"),
        };
        match &self.function {
            Some(name) => write!(formatter, "`{name}` ")?,
            None => formatter.write_str("the run ")?,
        }
        let (used, allowed) = (self.told(self.used), self.told(self.allowed));
        write!(formatter, "{verb} {used}{rest}: ")?;
        if self.allowed == 0 {
            return write!(formatter, "{field} allows none");
        }
        write!(formatter, "{} % more than {allowed} ({field})", percent(self.percent()))
    }
}

/// With as many digits as show that it is more than nothing.
fn percent(percent: f64) -> String {
    if percent < 0.1 { "less than 0.1".to_owned() } else { format!("{percent:.1}") }
}

fn of_function(value: &Value, place: &str) -> Result<FunctionBudget, BudgetError> {
    let mut budget = FunctionBudget::default();
    for (name, value) in object(value, place)? {
        let place = format!("{place}.{name}");
        let field = match name.as_str() {
            "maxFuel" => &mut budget.fuel,
            "maxDurationMs" => &mut budget.duration_ms,
            "maxBilledMs" => &mut budget.billed_ms,
            "maxMemoryMB" => &mut budget.memory_mb,
            _ => return Err(unknown(&place, &FUNCTION_FIELDS)),
        };
        *field = Some(whole(value, &place)?);
    }
    Ok(budget)
}

fn object<'v>(value: &'v Value, place: &str) -> Result<&'v Map<String, Value>, BudgetError> {
    value.as_object().ok_or_else(|| wrong(place, "an object"))
}

fn whole(value: &Value, place: &str) -> Result<u64, BudgetError> {
    value.as_u64().ok_or_else(|| wrong(place, "a whole number from 0"))
}

/// To a picodollar, as far as a JSON number has it.
fn dollars(value: &Value, place: &str) -> Result<Money, BudgetError> {
    let number = value.as_f64().filter(|number| (0.0..=DOLLARS_MAX).contains(number));
    let money = number.and_then(|number| format!("{number:.12}").parse().ok());
    money.ok_or_else(|| wrong(place, "a number of dollars from 0"))
}

fn unknown(place: &str, known: &[&str]) -> BudgetError {
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    BudgetError::Unknown { place: place.to_owned(), known: known.join(", ") }
}

fn wrong(place: &str, expected: &'static str) -> BudgetError {
    BudgetError::Wrong { place: place.to_owned(), expected }
}
