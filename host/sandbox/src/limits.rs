//! Lambda's limits as numbers: CPU as fuel, memory summed over an instance, payloads
//! (`facts/limits.md` 3, 7).

use std::time::Duration;

use wasmtime::{ResourceLimiter, Result, format_err};

/// Fuel that one unthrottled vCPU burns in a second: the reference for every machine, so that the same
/// work gets the same verdict everywhere.
pub const FUEL_PER_VCPU_SECOND: u64 = 1_000_000_000;

/// The memory that comes with one vCPU, in MB.
pub const VCPU_MEMORY_MB: u32 = 1_769;

/// A synchronous invocation's payload, in bytes.
pub const REQUEST_BYTES_MAX: usize = 6_291_456;

/// A response, in bytes: the number that Lambda names in its error.
pub const RESPONSE_BYTES_MAX: usize = 6_291_556;

/// The init phase gets unthrottled CPU for as long as Lambda gives it.
pub(crate) const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Open handles of an instance: streams, requests, writers.
pub(crate) const HANDLES_MAX: usize = 1_024;

/// Handles that the guest's own side keeps, those of resources that it defines itself included.
pub(crate) const GUEST_HANDLES_MAX: usize = 16_384;

/// HTTP requests of an instance under way at one time, bodies not read to their end included.
pub(crate) const HTTP_REQUESTS_MAX: usize = 64;

/// Random bytes that a guest may ask for in one call.
pub(crate) const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// The largest file that is compiled: Lambda's unzipped package, in bytes.
pub(crate) const COMPONENT_BYTES_MAX: usize = 262_144_000;

/// How many times slower than the reference a machine may be. On one that is slower still, or with a
/// guest whose host calls cost more than its fuel says, the time that the host works for an invocation
/// ends it.
const SLOWNESS_MAX: u32 = 10;

/// The most that one linear memory can have: what 32 bits address.
pub(crate) const LINEAR_MEMORY_BYTES_MAX: usize = 4 << 30;

/// The most elements that one table can have.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 20_000;

/// What an element of a table counts as memory, in bytes: a pointer.
const TABLE_ELEMENT_BYTES: usize = 8;

/// The fuel that a function may burn in one invocation: its CPU share times its timeout.
///
/// A task runs on one thread, so more memory than [`VCPU_MEMORY_MB`] gives it no more CPU.
pub fn fuel_budget(memory_mb: u32, timeout_seconds: u32) -> u64 {
    let share_mb = u128::from(memory_mb.clamp(1, VCPU_MEMORY_MB));
    let fuel = u128::from(FUEL_PER_VCPU_SECOND) * u128::from(timeout_seconds) * share_mb
        / u128::from(VCPU_MEMORY_MB);
    u64::try_from(fuel).unwrap_or(u64::MAX)
}

/// The CPU of an invocation: how much fuel it has, and how long burning it takes on Lambda.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// Fuel that there is.
    pub(crate) budget: u64,
    /// So much fuel takes so many nanoseconds.
    rate: (u128, u128),
    /// How long the invocation may take on the wall, without the time that others have.
    pub(crate) wall_max: Duration,
}

impl Cpu {
    /// Unthrottled for ten seconds, as the init phase has it.
    pub(crate) fn init() -> Self {
        let budget = fuel_budget(VCPU_MEMORY_MB, 1) * INIT_TIMEOUT.as_secs();
        let rate = (budget.into(), INIT_TIMEOUT.as_nanos());
        Self { budget, rate, wall_max: INIT_TIMEOUT * 2 }
    }

    /// A function's share.
    ///
    /// A budget of its own that is larger makes its CPU faster, so that burning all of it takes the
    /// timeout. A smaller one leaves the CPU as fast as it is.
    pub(crate) fn of(memory_mb: u32, timeout_seconds: u32, own_budget: Option<u64>) -> Self {
        let derived = fuel_budget(memory_mb, timeout_seconds);
        let budget = own_budget.unwrap_or(derived);
        let timeout = Duration::from_secs(timeout_seconds.into());
        let rate = if budget > derived {
            (budget.into(), timeout.as_nanos())
        } else {
            let share_mb = u128::from(memory_mb.clamp(1, VCPU_MEMORY_MB));
            (
                u128::from(FUEL_PER_VCPU_SECOND) * share_mb,
                1_000_000_000 * u128::from(VCPU_MEMORY_MB),
            )
        };
        let slowest = nanos(u128::from(budget) * u128::from(SLOWNESS_MAX));
        Self { budget, rate, wall_max: slowest.clamp(timeout, timeout * SLOWNESS_MAX) }
    }

    /// The time that burning fuel takes.
    pub(crate) fn time(&self, fuel: u64) -> Duration {
        let (fuel_unit, time_unit) = self.rate;
        nanos((u128::from(fuel) * time_unit).checked_div(fuel_unit).unwrap_or(0))
    }

    /// The time that it took to come from the budget to what is left.
    pub(crate) fn time_of_rest(&self, left: u64) -> Duration {
        self.time(self.budget.saturating_sub(left))
    }
}

/// One unit of fuel is one nanosecond of the reference.
const _: () = assert!(FUEL_PER_VCPU_SECOND == 1_000_000_000);

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Counts the memory of one instance: all its linear memories and tables together.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    limit_bytes: usize,
    used_bytes: usize,
    /// Whether a growth was refused, which ends the invocation.
    pub(crate) refused: bool,
}

impl MemoryMeter {
    pub(crate) fn new(memory_mb: u32) -> Self {
        Self { limit_bytes: (memory_mb as usize) << 20, used_bytes: 0, refused: false }
    }

    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    fn grow(&mut self, bytes: usize) -> Result<bool> {
        let wanted = self.used_bytes.saturating_add(bytes);
        if wanted > self.limit_bytes {
            self.refused = true;
            // An error, not `false`: the guest gets no chance to go on without the memory.
            return Err(format_err!("the instance asked for more memory than its function has"));
        }
        self.used_bytes = wanted;
        Ok(true)
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let maximum =
            maximum.map_or(LINEAR_MEMORY_BYTES_MAX, |own| own.min(LINEAR_MEMORY_BYTES_MAX));
        Ok(desired <= maximum && self.grow(desired.saturating_sub(current))?)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let maximum = maximum.map_or(TABLE_ELEMENTS_MAX, |own| own.min(TABLE_ELEMENTS_MAX));
        let bytes = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(desired <= maximum && self.grow(bytes)?)
    }
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
    fn what_cannot_grow_is_not_counted() {
        let mut meter = MemoryMeter::new(10_240);
        assert!(!meter.memory_growing(0, 131_072, Some(65_536)).unwrap());
        assert!(!meter.memory_growing(0, LINEAR_MEMORY_BYTES_MAX + 1, None).unwrap());
        assert!(!meter.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).unwrap());
        assert_eq!(meter.used_bytes(), 0);
        assert!(!meter.refused);
    }

    #[test]
    fn memory_is_summed_over_memories_and_tables() {
        let mut meter = MemoryMeter::new(1);
        assert!(meter.memory_growing(0, 600_000, None).is_ok());
        assert!(meter.table_growing(0, 12_500, None).is_ok());
        assert_eq!(meter.used_bytes(), 700_000);
        assert!(meter.memory_growing(0, 400_000, None).is_err());
        assert!(meter.refused);
    }
}
