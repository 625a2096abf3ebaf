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

/// What an element of a table counts as memory, in bytes: a pointer.
const TABLE_ELEMENT_BYTES: usize = 8;

/// The fuel that a function may burn in one invocation: its CPU share times its timeout.
///
/// A task runs on one thread, so more memory than [`VCPU_MEMORY_MB`] gives it no more CPU.
pub fn fuel_budget(memory_mb: u32, timeout_seconds: u32) -> u64 {
    let share_mb = u64::from(memory_mb.min(VCPU_MEMORY_MB));
    FUEL_PER_VCPU_SECOND * u64::from(timeout_seconds) * share_mb / u64::from(VCPU_MEMORY_MB)
}

/// The time that burning fuel takes a function with that memory on Lambda.
pub(crate) fn cpu_time(fuel: u64, memory_mb: u32) -> Duration {
    let share_mb = u128::from(memory_mb.min(VCPU_MEMORY_MB));
    let nanos = u128::from(fuel) * 1_000_000_000 * u128::from(VCPU_MEMORY_MB)
        / (u128::from(FUEL_PER_VCPU_SECOND) * share_mb);
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
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES))
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
            let spent = cpu_time(fuel_budget(memory_mb, timeout), memory_mb);
            let timeout = Duration::from_secs(u64::from(timeout));
            assert!(
                spent <= timeout && timeout.checked_sub(spent).unwrap().as_millis() < 2,
                "{spent:?}"
            );
        }
    }

    #[test]
    fn memory_is_summed_over_memories_and_tables() {
        let mut meter = MemoryMeter::new(1);
        assert!(meter.memory_growing(0, 600_000, None).is_ok());
        assert!(meter.table_growing(0, 50_000, None).is_ok());
        assert_eq!(meter.used_bytes(), 1_000_000);
        assert!(meter.memory_growing(0, 65_536, None).is_err());
        assert!(meter.refused);
    }
}
