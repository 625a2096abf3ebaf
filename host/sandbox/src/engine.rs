//! The sandbox as a whole: one wasmtime engine, one epoch clock, one set of host functions.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::function::Instance;
use crate::host::{self, Host};
use crate::meter::TICK;

/// Instances at one time, idle warm ones included. Each reserves address space, not memory.
pub const CONCURRENT_INVOCATIONS_MAX: u32 = 256;

/// The most that one linear memory can have: what 32 bits address.
const LINEAR_MEMORY_BYTES_MAX: usize = 4 << 30;

/// Runs tasks. Cloning shares it.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Host>,
    pub(crate) cache: Option<CodeCache>,
    /// Everything that compiled code depends on beside the component.
    pub(crate) compatibility: u64,
    slots: Arc<Semaphore>,
    /// Warm instances, the one idle for longest in front.
    idle: Mutex<VecDeque<Idle>>,
}

/// A warm instance and the slot that it keeps.
pub(crate) struct Idle {
    pub(crate) function: u64,
    pub(crate) instance: Instance,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// The sandbox could not be set up: the machine lacks something that it needs.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox could not be set up: {0:#}")]
pub struct SandboxError(wasmtime::Error);

impl Sandbox {
    /// Sets the sandbox up. Without a cache, every component is compiled in every process.
    pub fn new(cache: Option<CodeCache>) -> Result<Self, SandboxError> {
        let engine = Engine::new(&config()).map_err(SandboxError)?;
        let linker = host::linker(&engine).map_err(SandboxError)?;
        start_clock(engine.weak());
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let compatibility = hasher.hash_one(engine.precompile_compatibility_hash());
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            compatibility,
            slots: Arc::new(Semaphore::new(CONCURRENT_INVOCATIONS_MAX as usize)),
            idle: Mutex::default(),
        })))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// A place for one instance; waits until there is one, and makes one from an idle instance first.
    pub(crate) async fn slot(&self) -> OwnedSemaphorePermit {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return slot;
        }
        let oldest = self.idle().pop_front();
        if let Some(Idle { instance, slot, .. }) = oldest {
            drop(instance);
            return slot;
        }
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }

    /// An idle instance of a function, the one used last.
    pub(crate) fn take_idle(&self, function: u64) -> Option<Idle> {
        let mut idle = self.idle();
        let index = idle.iter().rposition(|idle| idle.function == function)?;
        idle.remove(index)
    }

    pub(crate) fn keep(&self, idle: Idle) {
        self.idle().push_back(idle);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().expect("nothing panics while it holds this lock")
    }
}

fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    // Measured (`DESIGN.md`, the sandbox): these three are what makes a fresh instance cheap.
    pool.decommit_batch_size(16);
    pool.linear_memory_keep_resident(1 << 20);
    pool.pagemap_scan(wasmtime::Enabled::Auto);
    pool.table_keep_resident(64 << 10);
    pool.max_memory_size(LINEAR_MEMORY_BYTES_MAX);
    pool.total_component_instances(CONCURRENT_INVOCATIONS_MAX);
    pool.total_stacks(CONCURRENT_INVOCATIONS_MAX);
    // A component from a bundler may hold several modules: a task, an adapter, a libc.
    pool.total_core_instances(CONCURRENT_INVOCATIONS_MAX * 8);
    pool.total_memories(CONCURRENT_INVOCATIONS_MAX * 2);
    pool.total_tables(CONCURRENT_INVOCATIONS_MAX * 8);
    pool.max_memories_per_module(4);
    pool.max_tables_per_module(4);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

/// Advances the epoch until the engine is gone.
fn start_clock(engine: EngineWeak) {
    let clock = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("epoch clock".to_owned())
        .stack_size(64 << 10)
        .spawn(clock)
        .expect("a process can start one thread more");
}
