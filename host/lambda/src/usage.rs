//! What one invocation took, and what Lambda would report and bill for it.
//!
//! Fuel is CPU time at the function's share of a CPU; waiting is waiting whatever the share
//! (`facts/limits.md` 7). So a [`Usage`] that was measured once tells how long the same work takes with any
//! memory.

use std::fmt;
use std::time::Duration;

use crate::limits::{
    Cpu, INIT_TIMEOUT, MEMORY_MB_DEFAULT, STORAGE_MB_DEFAULT, TIMEOUT_SECONDS_DEFAULT,
};
use crate::text::ms_rounded_up;

/// What one invocation took, as far as Lambda's limits and bills know it.
///
/// An invocation that a limit stopped took less than its work would have: measure with limits that only
/// warn where it matters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Fuel that the handler burnt.
    pub fuel: u64,
    /// How long the handler waited for the host: HTTP, buckets, sleeping.
    pub waited: Duration,
    /// The init phase; `None` where a warm instance was found.
    pub init: Option<InitUsage>,
    /// The most memory that the instance had.
    pub memory_peak_bytes: u64,
    /// The most that lay below `/tmp`.
    pub storage_peak_bytes: u64,
    /// The most files and folders that lay below `/tmp`.
    pub storage_peak_files: u64,
    /// The payload, as JSON text.
    pub request_bytes: u64,
    /// The answer, as JSON text.
    pub response_bytes: u64,
    /// The most handles that were open at one time.
    pub handles_peak: u32,
    /// What was logged or printed, what was dropped included.
    pub log_bytes: u64,
}

/// What making an instance took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InitUsage {
    /// Fuel that it burnt.
    pub fuel: u64,
    /// How long it waited for the host.
    pub waited: Duration,
}

/// What a function is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionLimits {
    /// `memorySize`, in MB; decides the share of a CPU as well.
    pub memory_mb: u32,
    /// `timeout`, in seconds.
    pub timeout_seconds: u32,
    /// The space below `/tmp`, in MB.
    pub storage_mb: u32,
    /// What kind of machine is billed. It does not change how fast fuel burns.
    pub architecture: Architecture,
    /// A budget of fuel instead of the one that memory and timeout give. Lambda knows none.
    pub fuel: Option<u64>,
}

/// Lambda's own defaults.
impl Default for FunctionLimits {
    fn default() -> Self {
        Self {
            memory_mb: MEMORY_MB_DEFAULT,
            timeout_seconds: TIMEOUT_SECONDS_DEFAULT,
            storage_mb: STORAGE_MB_DEFAULT,
            architecture: Architecture::default(),
            fuel: None,
        }
    }
}

/// The machine that a function runs on, with Lambda's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Architecture {
    /// `x86_64`, Lambda's default.
    #[default]
    X86_64,
    /// `arm64`.
    Arm64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// How long the init phase took beside the invocation, on a CPU that is not throttled.
///
/// `None` for a warm instance, and where it took more than [`INIT_TIMEOUT`]: then Lambda runs it again
/// within the invocation, whose [`duration`] it becomes a part of (`facts/limits.md` 3, 5).
pub fn init_duration(usage: &Usage) -> Option<Duration> {
    usage.init.map(init_time).filter(|time| *time <= INIT_TIMEOUT)
}

/// How long the invocation takes on Lambda: its fuel at the function's share of a CPU, and its waiting.
///
/// Not cut at the timeout, so that it says what a larger one would have to be.
pub fn duration(usage: &Usage, limits: &FunctionLimits) -> Duration {
    let cpu = Cpu::of(limits.memory_mb, limits.timeout_seconds, limits.fuel);
    let (init_fuel, init_waited) = init_again(usage);
    let waited = usage.waited.saturating_add(init_waited);
    cpu.time(usage.fuel.saturating_add(init_fuel)).saturating_add(waited)
}

/// What Lambda bills: init phase and invocation together, rounded up once to a millisecond
/// (`facts/limits.md` 5).
pub fn billed_duration(usage: &Usage, limits: &FunctionLimits) -> Duration {
    let init = init_duration(usage).unwrap_or_default();
    Duration::from_millis(ms_rounded_up(duration(usage, limits).saturating_add(init)))
}

/// The fuel and the waiting of an init phase that runs again within the invocation.
pub(crate) fn init_again(usage: &Usage) -> (u64, Duration) {
    match usage.init {
        Some(init) if init_time(init) > INIT_TIMEOUT => (init.fuel, init.waited),
        _ => (0, Duration::ZERO),
    }
}

pub(crate) fn init_time(init: InitUsage) -> Duration {
    Cpu::init().time(init.fuel).saturating_add(init.waited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breach::{Limit, breaches};

    const MILLION: u64 = 1_000_000;

    fn limits(memory_mb: u32) -> FunctionLimits {
        FunctionLimits { memory_mb, ..FunctionLimits::default() }
    }

    fn only(usage: &Usage, limits: &FunctionLimits) -> String {
        let breaches = breaches(usage, limits);
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        breaches[0].to_string()
    }

    #[test]
    fn fuel_takes_longer_with_less_memory_and_waiting_does_not() {
        let usage =
            Usage { fuel: 217 * MILLION, waited: Duration::from_secs(1), ..Usage::default() };
        // `facts/limits.md` 7: 2.17e8 are three seconds at 128 MB.
        let throttled = duration(&usage, &limits(128)).as_secs_f64();
        assert!((throttled - 4.0).abs() < 0.001, "{throttled}");
        assert_eq!(duration(&usage, &limits(1_769)), Duration::from_millis(1_217));
        assert_eq!(duration(&usage, &limits(10_240)), Duration::from_millis(1_217));
    }

    #[test]
    fn init_and_duration_are_rounded_up_once() {
        // Measured on Lambda: `facts/limits.md` 5.
        for (init, invocation, billed) in
            [(1_293_830, 1_049_630, 2_344), (1_258_240, 1_002_250, 2_261)]
        {
            let usage = Usage {
                waited: Duration::from_micros(invocation),
                init: Some(InitUsage { fuel: 0, waited: Duration::from_micros(init) }),
                ..Usage::default()
            };
            assert_eq!(billed_duration(&usage, &limits(128)), Duration::from_millis(billed));
            assert_eq!(init_duration(&usage), Some(Duration::from_micros(init)));
        }
    }

    #[test]
    fn the_init_phase_is_not_throttled() {
        let init = InitUsage { fuel: 500 * MILLION, waited: Duration::from_millis(1) };
        let usage = Usage { init: Some(init), ..Usage::default() };
        assert_eq!(init_duration(&usage), Some(Duration::from_millis(501)));
        assert_eq!(duration(&usage, &limits(128)), Duration::ZERO);
    }

    #[test]
    fn an_init_phase_that_takes_too_long_runs_again_within_the_invocation() {
        let mut usage = Usage {
            init: Some(InitUsage { fuel: 0, waited: Duration::from_secs(10) }),
            waited: Duration::from_micros(2_079_530),
            ..Usage::default()
        };
        assert_eq!(init_duration(&usage), Some(INIT_TIMEOUT));
        usage.init = Some(InitUsage { fuel: 1_769 * MILLION, waited: Duration::from_secs(10) });
        assert_eq!(init_duration(&usage), None);
        // At 128 MB the CPU is 13.8 times slower: 1.769 s become 24.448 s.
        assert_eq!(duration(&usage, &limits(128)).as_millis(), 24_448 + 10_000 + 2_079);
        usage.init = Some(InitUsage { fuel: 0, waited: Duration::from_nanos(10_000_000_001) });
        // 12079.53 ms are billed as 12080 ms.
        assert_eq!(billed_duration(&usage, &limits(128)), Duration::from_millis(12_080));
        let limits = FunctionLimits { timeout_seconds: 30, ..limits(128) };
        assert_eq!(only(&usage, &limits), "init phase: 10.001 s of 10 s");
        assert!(!Limit::Init.is_fatal());
    }
}
