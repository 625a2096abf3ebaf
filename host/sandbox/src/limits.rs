//! What one instance may have: Lambda's limits in force for a function, its memory, and bounds of the host's
//! own (`facts/limits.md` 3, 7, 8). The numbers of Lambda itself are `stepwell_lambda`'s.

use std::time::Duration;

use stepwell_lambda::{
    Cpu, FunctionLimits, HANDLES_MAX, INIT_TIMEOUT, MEMORY_MB, REQUEST_BYTES_MAX,
    RESPONSE_BYTES_MAX, STORAGE_MB, TIMEOUT_SECONDS, VCPU_MEMORY_MB,
};
use wasmtime::{ResourceLimiter, Result, format_err};

use crate::function::Enforcement;
use crate::report::Guard;

/// Handles that the guest's own side keeps, those of resources that it defines itself included.
pub(crate) const GUEST_HANDLES_MAX: usize = 16_384;

/// HTTP requests of an instance under way at one time, bodies not read to their end included.
pub(crate) const HTTP_REQUESTS_MAX: usize = 64;

/// Objects that an instance may be writing piece by piece at one time: each holds files or a part of an
/// upload.
pub(crate) const OBJECT_WRITERS_MAX: usize = 16;

/// Random bytes that a guest may ask for in one call.
pub(crate) const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// The largest file that is compiled: Lambda's unzipped package, in bytes.
pub(crate) const COMPONENT_BYTES_MAX: usize = 262_144_000;

/// The most that a component's compiled code can have, in bytes. What compilers of tasks make grows to
/// three to six times the file's code; this is that of the largest that 4 GiB of memory can compile.
pub(crate) const CODE_BYTES_MAX: usize = 1 << 30;

/// The most that one linear memory can have: what 32 bits address.
pub(crate) const LINEAR_MEMORY_BYTES_MAX: usize = 4 << 30;

/// The most elements that one table can have.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;

/// What an element of a table counts as memory, in bytes: a pointer.
const TABLE_ELEMENT_BYTES: usize = 8;

/// What a handle counts as memory, in bytes: about what the host keeps for one.
pub(crate) const HANDLE_BYTES: usize = 1_024;

/// Payloads of a function whose limits are not enforced, in bytes.
const LENIENT_PAYLOAD_BYTES_MAX: usize = 256 << 20;

/// Handles of a function whose limits are not enforced.
const LENIENT_HANDLES_MAX: usize = 65_536;

/// The limits that are in force for a function: its own, or, where those only warn, the largest that
/// Lambda has at all, so that the host stays bounded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InForce {
    pub(crate) memory_mb: u32,
    pub(crate) storage_mb: u32,
    pub(crate) timeout: Duration,
    pub(crate) cpu: Cpu,
    pub(crate) init_timeout: Duration,
    pub(crate) init_cpu: Cpu,
    pub(crate) request_bytes_max: usize,
    pub(crate) response_bytes_max: usize,
    pub(crate) handles_max: usize,
}

impl InForce {
    pub(crate) fn of(limits: &FunctionLimits, enforcement: Enforcement) -> Self {
        if enforcement == Enforcement::Enforce {
            return Self {
                memory_mb: limits.memory_mb,
                storage_mb: limits.storage_mb,
                timeout: Duration::from_secs(limits.timeout_seconds.into()),
                cpu: Cpu::of(limits.memory_mb, limits.timeout_seconds, limits.fuel),
                init_timeout: INIT_TIMEOUT,
                init_cpu: Cpu::init(),
                request_bytes_max: REQUEST_BYTES_MAX,
                response_bytes_max: RESPONSE_BYTES_MAX,
                handles_max: HANDLES_MAX,
            };
        }
        let seconds = *TIMEOUT_SECONDS.end();
        let timeout = Duration::from_secs(seconds.into());
        let cpu = Cpu::of(VCPU_MEMORY_MB, seconds, None);
        Self {
            memory_mb: *MEMORY_MB.end(),
            storage_mb: *STORAGE_MB.end(),
            timeout,
            cpu,
            init_timeout: timeout,
            init_cpu: cpu,
            request_bytes_max: LENIENT_PAYLOAD_BYTES_MAX,
            response_bytes_max: LENIENT_PAYLOAD_BYTES_MAX,
            handles_max: LENIENT_HANDLES_MAX,
        }
    }
}

/// Counts the memory of one instance: all its linear memories, tables and handles together.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    limit_bytes: usize,
    used_bytes: usize,
    handles_peak: usize,
    refused: Option<Refused>,
}

/// A growth that was refused, which ends the invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) guard: Guard,
    /// What the instance would have had.
    pub(crate) wanted_bytes: u64,
}

impl MemoryMeter {
    pub(crate) fn new(memory_mb: u32) -> Self {
        let limit_bytes = (memory_mb as usize) << 20;
        Self { limit_bytes, used_bytes: 0, handles_peak: 0, refused: None }
    }

    /// The most that there was; memories and tables never shrink.
    pub(crate) fn peak_bytes(&self) -> usize {
        self.used_bytes + self.handles_peak * HANDLE_BYTES
    }

    pub(crate) fn handles_peak(&self) -> usize {
        self.handles_peak
    }

    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Takes up how many handles there are.
    pub(crate) fn count_handles(&mut self, handles: usize) -> Result<()> {
        if handles <= self.handles_peak {
            return Ok(());
        }
        self.handles_peak = handles;
        self.check(0, Guard::Memory)
    }

    fn grow(&mut self, bytes: usize, guard: Guard) -> Result<bool> {
        self.check(bytes, guard)?;
        self.used_bytes += bytes;
        Ok(true)
    }

    fn check(&mut self, more_bytes: usize, guard: Guard) -> Result<()> {
        let wanted = self.peak_bytes().saturating_add(more_bytes);
        if wanted > self.limit_bytes {
            self.refused = Some(Refused { guard, wanted_bytes: wanted as u64 });
            // An error, not `false`: the guest gets no chance to go on without the memory.
            return Err(format_err!("the instance asked for more memory than its function has"));
        }
        Ok(())
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
        Ok(desired <= maximum && self.grow(desired.saturating_sub(current), Guard::Memory)?)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let maximum = maximum.map_or(TABLE_ELEMENTS_MAX, |own| own.min(TABLE_ELEMENTS_MAX));
        let bytes = desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES);
        Ok(desired <= maximum && self.grow(bytes, Guard::Tables)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_grow_is_not_counted() {
        let mut meter = MemoryMeter::new(10_240);
        assert!(!meter.memory_growing(0, 131_072, Some(65_536)).unwrap());
        assert!(!meter.memory_growing(0, LINEAR_MEMORY_BYTES_MAX + 1, None).unwrap());
        assert!(!meter.table_growing(0, TABLE_ELEMENTS_MAX + 1, None).unwrap());
        assert_eq!(meter.peak_bytes(), 0);
        assert!(meter.refused().is_none());
    }

    #[test]
    fn memory_is_summed_over_memories_tables_and_handles() {
        let mut meter = MemoryMeter::new(1);
        assert!(meter.memory_growing(0, 600_000, None).is_ok());
        assert!(meter.table_growing(0, 12_500, None).is_ok());
        assert_eq!(meter.peak_bytes(), 700_000);
        assert!(meter.count_handles(100).is_ok());
        assert!(meter.count_handles(50).is_ok());
        assert_eq!(meter.peak_bytes(), 700_000 + 100 * HANDLE_BYTES);
        assert!(meter.memory_growing(0, 246_177, None).is_err());
        let refused = meter.refused().unwrap();
        assert_eq!((refused.guard, refused.wanted_bytes), (Guard::Memory, (1 << 20) + 1));
        let mut meter = MemoryMeter::new(1);
        assert!(meter.memory_growing(0, 1 << 20, None).is_ok());
        assert!(meter.count_handles(1).is_err());
        let mut meter = MemoryMeter::new(1);
        assert!(meter.memory_growing(0, (1 << 20) - 80, None).is_ok());
        assert!(meter.table_growing(0, 10, None).is_ok());
        assert!(meter.table_growing(10, 11, None).is_err());
        assert_eq!(meter.refused().unwrap().guard, Guard::Tables);
    }
}
