//! Lambda's limits as numbers: CPU as fuel, memory, `/tmp`, payloads, concurrency (`facts/limits.md` 3, 7).
//!
//! "MB" is 2^20 bytes, as in Lambda's documents. What is not Lambda's says so.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Fuel that one unthrottled vCPU burns in a second: the reference for every machine, so that the same
/// work gets the same verdict everywhere.
pub const FUEL_PER_VCPU_SECOND: u64 = 1_000_000_000;

/// The memory that comes with one vCPU, in MB.
pub const VCPU_MEMORY_MB: u32 = 1_769;

/// What Lambda takes as a function's memory, in MB.
pub const MEMORY_MB: RangeInclusive<u32> = 128..=10_240;

/// The memory of a function that does not say, in MB.
pub const MEMORY_MB_DEFAULT: u32 = 128;

/// What Lambda takes as a function's timeout, in seconds.
pub const TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=900;

/// The timeout of a function that does not say, in seconds.
pub const TIMEOUT_SECONDS_DEFAULT: u32 = 3;

/// What Lambda takes as the space below `/tmp`, in MB.
pub const STORAGE_MB: RangeInclusive<u32> = 512..=10_240;

/// The space below `/tmp` of a function that does not say, in MB. So much is free of charge.
pub const STORAGE_MB_DEFAULT: u32 = 512;

/// A file system has room for one file or folder per so many bytes.
///
/// Lambda documents no number; this is the one that `mke2fs` takes unless told otherwise.
const BYTES_PER_FILE: u64 = 16 << 10;

/// A synchronous invocation's payload, in bytes.
pub const REQUEST_BYTES_MAX: usize = 6_291_456;

/// A response, in bytes: the number that Lambda names in its error.
pub const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// The environment variables of a function, in bytes of their JSON.
pub const ENVIRONMENT_BYTES_MAX: usize = 4_096;

/// The init phase gets unthrottled CPU for as long as Lambda gives it.
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Open handles of an instance, as Lambda limits open files: streams, requests, writers.
pub const HANDLES_MAX: usize = 1_024;

/// What a task may log in one invocation, in bytes. Not Lambda's: there the log is limited by what it
/// costs.
pub const LOG_BYTES_MAX: usize = 1 << 20;

/// Invocations that an account may have under way at one time, in a region, unless it asked for more.
pub const ACCOUNT_CONCURRENCY: u32 = 1_000;

/// What functions with a concurrency of their own must leave to all others.
pub const UNRESERVED_CONCURRENCY_MIN: u32 = 100;

/// How many times slower than the reference a machine may be. On one that is slower still, or with a
/// guest whose host calls cost more than its fuel says, the time that the host works for an invocation
/// ends it.
const SLOWNESS_MAX: u32 = 10;

/// The fuel that a function may burn in one invocation: its CPU share times its timeout.
///
/// A task runs on one thread, so more memory than [`VCPU_MEMORY_MB`] gives it no more CPU.
pub fn fuel_budget(memory_mb: u32, timeout_seconds: u32) -> u64 {
    let fuel = u128::from(FUEL_PER_VCPU_SECOND) * u128::from(timeout_seconds) * share_mb(memory_mb)
        / u128::from(VCPU_MEMORY_MB);
    u64::try_from(fuel).unwrap_or(u64::MAX)
}

/// Files and folders that fit below `/tmp`. Lambda documents no number: one for every 16 KiB is assumed.
pub fn storage_files_max(storage_mb: u32) -> u64 {
    bytes(storage_mb) / BYTES_PER_FILE
}

/// MB in bytes.
pub(crate) fn bytes(mb: u32) -> u64 {
    u64::from(mb) << 20
}

/// The part of [`VCPU_MEMORY_MB`] that one thread has the use of.
fn share_mb(memory_mb: u32) -> u128 {
    memory_mb.clamp(1, VCPU_MEMORY_MB).into()
}

/// The CPU of an invocation: how much fuel it has, and how long burning it takes on Lambda.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// Fuel that there is.
    pub budget: u64,
    /// So much fuel takes so many nanoseconds.
    rate: (u128, u128),
    /// How long the invocation may take on the wall, without the time that others have.
    pub wall_max: Duration,
}

impl Cpu {
    /// Unthrottled for ten seconds, as the init phase has it.
    pub fn init() -> Self {
        let budget = fuel_budget(VCPU_MEMORY_MB, 1) * INIT_TIMEOUT.as_secs();
        let rate = (budget.into(), INIT_TIMEOUT.as_nanos());
        Self { budget, rate, wall_max: INIT_TIMEOUT * SLOWNESS_MAX }
    }

    /// A function's share.
    ///
    /// A budget of its own that is larger makes its CPU faster, so that burning all of it takes the
    /// timeout. A smaller one leaves the CPU as fast as it is.
    pub fn of(memory_mb: u32, timeout_seconds: u32, own_budget: Option<u64>) -> Self {
        let derived = fuel_budget(memory_mb, timeout_seconds);
        let budget = own_budget.unwrap_or(derived);
        let timeout = Duration::from_secs(timeout_seconds.into());
        let rate = if budget > derived {
            (budget.into(), timeout.as_nanos())
        } else {
            (
                u128::from(FUEL_PER_VCPU_SECOND) * share_mb(memory_mb),
                1_000_000_000 * u128::from(VCPU_MEMORY_MB),
            )
        };
        let slowest = nanos(u128::from(budget) * u128::from(SLOWNESS_MAX));
        Self { budget, rate, wall_max: slowest.clamp(timeout, timeout * SLOWNESS_MAX) }
    }

    /// The time that burning fuel takes, rounded down to a nanosecond.
    pub fn time(&self, fuel: u64) -> Duration {
        let (fuel_unit, time_unit) = self.rate;
        nanos((u128::from(fuel) * time_unit).checked_div(fuel_unit).unwrap_or(0))
    }

    /// The time that it took to come from the budget to what is left.
    pub fn time_of_rest(&self, left: u64) -> Duration {
        self.time(self.budget.saturating_sub(left))
    }
}

/// One unit of fuel is one nanosecond of the reference.
const _: () = assert!(FUEL_PER_VCPU_SECOND == 1_000_000_000);

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_share_times_timeout() {
        // The worked numbers of `facts/limits.md` 7.
        assert_eq!(fuel_budget(128, 3) / 1_000_000, 217);
        assert_eq!(fuel_budget(1_769, 3) / 1_000_000, 3_000);
        assert_eq!(fuel_budget(10_240, 3), fuel_budget(1_769, 3));
    }

    #[test]
    fn burning_the_whole_budget_takes_the_timeout() {
        for (memory_mb, timeout) in [(128, 1), (128, 900), (1_769, 3), (10_240, 900)] {
            let cpu = Cpu::of(memory_mb, timeout, None);
            let spent = cpu.time(cpu.budget);
            let timeout = Duration::from_secs(u64::from(timeout));
            assert!(
                spent <= timeout && timeout.checked_sub(spent).unwrap().as_millis() < 2,
                "{spent:?}"
            );
        }
    }

    #[test]
    fn a_budget_of_its_own_changes_the_cpu_only_when_it_is_larger() {
        let derived = fuel_budget(128, 3);
        let larger = Cpu::of(128, 3, Some(derived * 100));
        assert_eq!(larger.time(larger.budget), Duration::from_secs(3));
        assert_eq!(larger.wall_max, Duration::from_secs(30));
        let smaller = Cpu::of(128, 3, Some(derived / 100));
        assert_eq!(smaller.time(smaller.budget).as_millis(), 29);
        assert_eq!(smaller.wall_max, Duration::from_secs(3));
        for (memory_mb, timeout, fuel) in [(0, 0, None), (u32::MAX, u32::MAX, Some(u64::MAX))] {
            let cpu = Cpu::of(memory_mb, timeout, fuel);
            assert!(cpu.time(cpu.budget).as_secs() <= timeout.into());
        }
    }

    #[test]
    fn the_init_phase_is_a_whole_cpu_for_ten_seconds() {
        let init = Cpu::init();
        assert_eq!(init.time(init.budget), INIT_TIMEOUT);
        assert_eq!(init.time(1_000), Duration::from_micros(1));
        assert_eq!(init.time_of_rest(init.budget - 1_000), Duration::from_micros(1));
    }

    #[test]
    fn defaults_lie_within_their_ranges() {
        assert!(MEMORY_MB.contains(&MEMORY_MB_DEFAULT));
        assert!(TIMEOUT_SECONDS.contains(&TIMEOUT_SECONDS_DEFAULT));
        assert!(STORAGE_MB.contains(&STORAGE_MB_DEFAULT));
        assert_eq!(storage_files_max(STORAGE_MB_DEFAULT), 32_768);
    }
}
