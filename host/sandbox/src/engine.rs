//! The sandbox as a whole: one wasmtime engine, one epoch clock, one set of host functions.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::function::Instance;
use crate::host::{self, Host};
use crate::limits::{LINEAR_MEMORY_BYTES_MAX, TABLE_ELEMENTS_MAX};
use crate::meter::TICK;

/// Instances at one time, idle warm ones included. Each reserves address space, not memory.
pub const CONCURRENT_INVOCATIONS_MAX: u32 = 256;

/// What one component may be made of, so that none can use up the pool that all share. A component
/// from a bundler holds several modules: a task, an adapter, an interpreter and its libraries.
const CORE_INSTANCES_MAX: u32 = 64;
const MEMORIES_MAX: u32 = 4;
const TABLES_MAX: u32 = 8;

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
    idle: Mutex<Idle>,
}

/// Warm instances that serve nobody.
#[derive(Default)]
struct Idle {
    /// With the function that each belongs to; the one idle for longest in front.
    instances: VecDeque<(u64, Placed)>,
    /// How many invocations wait for a slot.
    waiting: usize,
}

/// An instance and its slot. The instance is dropped first: a slot that is free has room in the pool.
pub(crate) struct Placed {
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
        let oldest = {
            let mut idle = self.idle();
            let oldest = idle.instances.pop_front();
            // In the same breath, so that no instance is kept between looking and waiting.
            idle.waiting += usize::from(oldest.is_none());
            oldest
        };
        if let Some((_, Placed { instance, slot })) = oldest {
            drop(instance);
            return slot;
        }
        let _waiting = Waiting(self);
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }

    /// An idle instance of a function, the one used last.
    pub(crate) fn take_idle(&self, function: u64) -> Option<Placed> {
        let instances = &mut self.idle().instances;
        let index = instances.iter().rposition(|(owner, _)| *owner == function)?;
        instances.remove(index).map(|(_, placed)| placed)
    }

    /// Keeps an instance for a function's next invocation, unless somebody waits for its slot.
    pub(crate) fn keep(&self, function: u64, placed: Placed) {
        let unwanted = {
            let mut idle = self.idle();
            if idle.waiting > 0 {
                Some(placed)
            } else {
                idle.instances.push_back((function, placed));
                None
            }
        };
        drop(unwanted);
    }

    /// Drops the idle instances of a function that is gone.
    pub(crate) fn forget(&self, function: u64) {
        let gone: VecDeque<_> = {
            let instances = &mut self.idle().instances;
            let (gone, kept) =
                std::mem::take(instances).into_iter().partition(|(owner, _)| *owner == function);
            *instances = kept;
            gone
        };
        drop(gone);
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("nothing panics while it holds this lock")
    }
}

/// An invocation that waits for a slot, for as long as it lives.
struct Waiting<'s>(&'s Inner);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.idle().waiting -= 1;
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
    pool.table_elements(TABLE_ELEMENTS_MAX);
    pool.total_component_instances(CONCURRENT_INVOCATIONS_MAX);
    pool.total_stacks(CONCURRENT_INVOCATIONS_MAX);
    pool.total_core_instances(CONCURRENT_INVOCATIONS_MAX * CORE_INSTANCES_MAX);
    pool.total_memories(CONCURRENT_INVOCATIONS_MAX * MEMORIES_MAX);
    pool.total_tables(CONCURRENT_INVOCATIONS_MAX * TABLES_MAX);
    pool.max_core_instances_per_component(CORE_INSTANCES_MAX);
    pool.max_memories_per_component(MEMORIES_MAX);
    pool.max_tables_per_component(TABLES_MAX);
    pool.max_memories_per_module(MEMORIES_MAX);
    pool.max_tables_per_module(TABLES_MAX);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        // The same input must burn the same fuel on every machine.
        .relaxed_simd_deterministic(true)
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
