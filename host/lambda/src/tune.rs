//! Which memory and which timeout a function should have, from what its invocations took.
//!
//! What was measured once tells how long the same work takes with any memory: fuel burns at the share of a
//! CPU that comes with it, up to one whole CPU at 1,769 MB, and waiting takes as long as it took.

mod shown;

use std::time::Duration;

use crate::breach::{Breach, Headroom, breaches, headroom};
use crate::distribution::{Distribution, Spread};
use crate::limits::{MEMORY_MB, TIMEOUT_SECONDS, VCPU_MEMORY_MB, bytes};
use crate::prices::{Bill, Cost, Prices};
use crate::text::{fraction, megabytes, ms_rounded_up, seconds};
use crate::usage::{FunctionLimits, Usage, billed_duration, duration, init_duration};

/// The sizes that are looked at, in MB, unless others are given.
pub const LADDER: [u32; 18] = [
    128, 256, 512, 768, 1_024, 1_280, 1_536, 1_769, 2_048, 2_560, 3_008, 4_096, 5_120, 6_144,
    7_168, 8_192, 9_216, 10_240,
];

/// Costs are told for so many invocations.
const INVOCATIONS: u64 = 1_000_000;

/// How much of the memory a suggested size may have in use, in percent.
const MEMORY_PERCENT_MAX: u128 = 80;

/// A suggested timeout is at least so many times the longest time.
const TIMEOUT_TIMES: u32 = 2;

/// Times that differ by less than so many percent are equally fast.
const FAST_PERCENT: u128 = 1;

/// What to look at.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// The function's name.
    pub function: &'q str,
    /// What its invocations took, one or more for each event. Each counts the same.
    ///
    /// An invocation that a limit stopped did not do its work: leave it out, or measure with limits that
    /// only warn.
    pub samples: &'q [Usage],
    /// What it is given now. A fuel budget of its own is set aside, because Lambda has none.
    pub limits: FunctionLimits,
    /// What it costs.
    pub prices: &'q Prices,
    /// The sizes to look at, in MB, in any order; the current one is always among them.
    pub sizes: &'q [u32],
}

/// There is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TuneError {
    /// No invocation was measured.
    #[error("`{0}` was never invoked, so there is nothing to go by")]
    NoSamples(String),
    /// Lambda has no such size.
    #[error("Lambda has no functions with {0} MB: from {min} to {max} MB there are", min = MEMORY_MB.start(), max = MEMORY_MB.end())]
    Size(u32),
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The function's name.
    pub function: String,
    /// How many invocations were looked at.
    pub samples: u64,
    /// How many of them had an init phase.
    pub cold_samples: u64,
    /// What the function is given now.
    pub limits: FunctionLimits,
    /// Every size that was looked at, from the smallest.
    pub sizes: Vec<Size>,
    /// The size in MB that costs least among those that fit; the smaller one where two cost the same.
    pub cheapest: Option<u32>,
    /// The smallest size in MB that fits and is within one percent of the shortest mean time.
    pub fastest: Option<u32>,
    /// What the function should have; `None` if it fits no size.
    pub suggestion: Option<Suggestion>,
    /// What to know beside the numbers.
    pub notes: Vec<String>,
    /// What it was priced by.
    pub prices: Prices,
}

/// How a function does with one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Size {
    /// The size, in MB.
    pub memory_mb: u32,
    /// The part of a CPU that one thread has with it, at most 1.
    pub cpu_share: f64,
    /// How long the handler takes.
    pub warm: Spread<Duration>,
    /// How long init phase and handler take together; `None` if no sample had an init phase.
    pub cold: Option<Spread<Duration>>,
    /// What is billed for an invocation of a warm instance.
    pub billed: Spread<Duration>,
    /// Whether every sample fits, at the current timeout and `/tmp`.
    pub verdict: Verdict,
    /// The worst of all samples.
    pub headroom: Headroom,
    /// What a million invocations of warm instances cost.
    pub cost: Cost,
    /// What a million invocations cost that all begin with an init phase.
    pub cold_cost: Option<Cost>,
    /// All warm times together, in nanoseconds.
    warm_total: u128,
    /// Whether every sample would fit if the timeout were Lambda's longest.
    fits_with_time: bool,
    memory_peak_bytes: u64,
}

/// Whether the samples fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All do.
    Fits,
    /// Some do not.
    Breaks {
        /// The first limit that is broken, by the sample that breaks it most.
        breach: Breach,
        /// How many samples break any limit.
        samples: u64,
    },
}

/// What a function should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// `memorySize`, in MB: the cheapest that fits with no more than 80 % of it in use.
    pub memory_mb: u32,
    /// `timeout`: whole seconds, at least twice the longest cold (else warm) time, at most 900.
    pub timeout_seconds: u32,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
}

impl Tuning {
    /// The size in MB, if it was looked at.
    pub fn size(&self, memory_mb: u32) -> Option<&Size> {
        self.sizes.iter().find(|size| size.memory_mb == memory_mb)
    }
}

impl Size {
    /// Whether every sample fits.
    pub fn fits(&self) -> bool {
        self.verdict == Verdict::Fits
    }

    fn has_memory_left(&self) -> bool {
        u128::from(self.memory_peak_bytes) * 100
            <= u128::from(bytes(self.memory_mb)) * MEMORY_PERCENT_MAX
    }

    /// The longest time, with the init phase if there is any.
    fn longest(&self) -> Duration {
        self.cold.map_or(self.warm.max, |cold| cold.max.max(self.warm.max))
    }
}

/// Looks at every size.
pub fn tune(question: &Question<'_>) -> Result<Tuning, TuneError> {
    if question.samples.is_empty() {
        return Err(TuneError::NoSamples(question.function.to_owned()));
    }
    let current = question.limits.memory_mb;
    let mut looked_at: Vec<u32> = question.sizes.iter().copied().chain([current]).collect();
    if let Some(size) = looked_at.iter().find(|size| !MEMORY_MB.contains(size)) {
        return Err(TuneError::Size(*size));
    }
    looked_at.sort_unstable();
    looked_at.dedup();
    let sizes: Vec<Size> = looked_at.iter().map(|size| simulate(question, *size)).collect();
    let cheapest = cheapest(sizes.iter().filter(|size| size.fits())).map(|size| size.memory_mb);
    let cold_samples = question.samples.iter().filter(|usage| usage.init.is_some()).count();
    Ok(Tuning {
        function: question.function.to_owned(),
        samples: question.samples.len() as u64,
        cold_samples: cold_samples as u64,
        limits: question.limits,
        cheapest,
        fastest: fastest(&sizes),
        suggestion: suggestion(&sizes, &question.limits),
        notes: notes(question, &sizes),
        sizes,
        prices: question.prices.clone(),
    })
}

fn simulate(question: &Question<'_>, memory_mb: u32) -> Size {
    let limits = FunctionLimits { memory_mb, fuel: None, ..question.limits };
    let architecture = limits.architecture;
    let with_time = FunctionLimits { timeout_seconds: *TIMEOUT_SECONDS.end(), ..limits };
    let (mut warm, mut cold, mut billed) =
        (Distribution::default(), Distribution::default(), Distribution::default());
    let (mut warm_bill, mut cold_bill) = (Bill::default(), Bill::default());
    let (mut left, mut memory_peak_bytes) = (Headroom::FULL, 0);
    let mut fits_with_time = true;
    for usage in question.samples {
        let handler = Usage { init: None, ..usage.clone() };
        warm.add_duration(duration(&handler, &limits));
        let handler_billed = billed_duration(&handler, &limits);
        billed.add_duration(handler_billed);
        warm_bill.add(&limits, handler_billed);
        if usage.init.is_some() {
            let init = init_duration(usage).unwrap_or_default();
            cold.add_duration(duration(usage, &limits).saturating_add(init));
            cold_bill.add(&limits, billed_duration(usage, &limits));
        }
        left = left.worse(&headroom(usage, &limits));
        memory_peak_bytes = memory_peak_bytes.max(usage.memory_peak_bytes);
        fits_with_time &= !breaches(usage, &with_time).iter().any(|breach| breach.limit.is_fatal());
    }
    let mean = |bill: &Bill| question.prices.cost_of_mean(architecture, bill, INVOCATIONS);
    Size {
        memory_mb,
        cpu_share: fraction(memory_mb.min(VCPU_MEMORY_MB).into(), VCPU_MEMORY_MB.into()),
        warm: warm.durations().unwrap_or_default(),
        cold: cold.durations(),
        billed: billed.durations().unwrap_or_default(),
        verdict: verdict(question.samples, &limits),
        headroom: left,
        cost: mean(&warm_bill),
        cold_cost: (cold.count() > 0).then(|| mean(&cold_bill)),
        warm_total: warm.total(),
        fits_with_time,
        memory_peak_bytes,
    }
}

fn verdict(samples: &[Usage], limits: &FunctionLimits) -> Verdict {
    let fatal =
        |usage: &Usage| breaches(usage, limits).into_iter().find(|breach| breach.limit.is_fatal());
    let broken: Vec<Breach> = samples.iter().filter_map(fatal).collect();
    let Some(first) = broken.iter().map(|breach| breach.limit).min() else { return Verdict::Fits };
    let of_first = broken.iter().filter(|breach| breach.limit == first);
    match of_first.max_by_key(|breach| breach.used) {
        Some(breach) => Verdict::Breaks { breach: *breach, samples: broken.len() as u64 },
        None => Verdict::Fits,
    }
}

/// The first of those that cost least: sizes come from the smallest.
fn cheapest<'s>(sizes: impl Iterator<Item = &'s Size>) -> Option<&'s Size> {
    sizes.min_by_key(|size| size.cost.total())
}

fn fastest(sizes: &[Size]) -> Option<u32> {
    let fitting = || sizes.iter().filter(|size| size.fits());
    let shortest = fitting().map(|size| size.warm_total).min()?;
    let fast = |size: &&Size| size.warm_total * 100 <= shortest * (100 + FAST_PERCENT);
    fitting().find(fast).map(|size| size.memory_mb)
}

fn suggestion(sizes: &[Size], limits: &FunctionLimits) -> Option<Suggestion> {
    let fitting = || sizes.iter().filter(|size| size.fits());
    // Where none fits, a longer timeout may help.
    let later = || sizes.iter().filter(|size| size.fits_with_time);
    let size = cheapest(fitting().filter(|size| size.has_memory_left()))
        .or_else(|| cheapest(fitting()))
        .or_else(|| cheapest(later().filter(|size| size.has_memory_left())))
        .or_else(|| cheapest(later()))?;
    let longest = size.longest();
    let wanted_ms = ms_rounded_up(longest).saturating_mul(TIMEOUT_TIMES.into());
    let wanted = u32::try_from(wanted_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    let timeout_seconds = wanted.clamp(*TIMEOUT_SECONDS.start(), *TIMEOUT_SECONDS.end());
    let mut reasons = vec![cost_reason(size, sizes, limits), memory_reason(size)];
    let with_init = if size.cold.is_some() { ", its init phase included" } else { "" };
    let longest = seconds(ms_rounded_up(longest));
    reasons.push(if wanted > timeout_seconds {
        format!("the longest invocation takes {longest}{with_init}, and no timeout is longer")
    } else {
        format!("the timeout is at least twice the longest invocation: {longest}{with_init}")
    });
    if !size.fits() {
        let present = limits.timeout_seconds;
        reasons.push(format!("no size fits the present timeout of {present} s"));
    }
    Some(Suggestion { memory_mb: size.memory_mb, timeout_seconds, reasons })
}

fn memory_reason(size: &Size) -> String {
    let part = fraction(size.memory_peak_bytes.into(), bytes(size.memory_mb).into()) * 100.0;
    let peak = megabytes(size.memory_peak_bytes);
    let verdict = if size.has_memory_left() {
        format!("which leaves room (up to {MEMORY_PERCENT_MAX} %)")
    } else {
        format!("which leaves little room, but no size fits with {MEMORY_PERCENT_MAX} %")
    };
    format!("at most {peak} of memory are in use, {part:.0} % of it, {verdict}")
}

fn cost_reason(size: &Size, sizes: &[Size], limits: &FunctionLimits) -> String {
    let cost = size.cost.total();
    let told = format!("a million warm invocations cost {}", cost.short());
    if size.memory_mb == limits.memory_mb {
        return format!("{told}, and no other size that has room costs less");
    }
    let present = sizes.iter().find(|other| other.memory_mb == limits.memory_mb);
    let Some(present) = present else { return told };
    let unfit = if present.fits() { "" } else { ", which do not fit," };
    let present = present.cost.total();
    let change = fraction(cost.picodollars(), present.picodollars()) * 100.0 - 100.0;
    let (memory, present) = (limits.memory_mb, present.short());
    format!("{told}; with the present {memory} MB{unfit} {present} ({change:+.0} %)")
}

fn notes(question: &Question<'_>, sizes: &[Size]) -> Vec<String> {
    let mut notes = vec![question.prices.note()];
    if sizes.iter().any(|size| size.memory_mb > VCPU_MEMORY_MB) {
        notes.push(format!(
            "beyond {VCPU_MEMORY_MB} MB a function of one thread gets no faster: that is one whole CPU"
        ));
    }
    notes.push(
        "memory is the instance's own; Lambda counts a process, which has some tens of MB more"
            .to_owned(),
    );
    if question.limits.fuel.is_some() {
        notes.push("the function's own budget of fuel is set aside: Lambda has none".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests;
