//! The sandbox as a whole: one wasmtime engine, one set of host functions, one account whose concurrency
//! all functions share.

use std::collections::VecDeque;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use stepwell_lambda::ACCOUNT_CONCURRENCY;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::compiler::Compiler;
use crate::concurrency::Account;
use crate::fuel;
use crate::function::Instance;
use crate::host::{self, Host};
use crate::limits::{LINEAR_MEMORY_BYTES_MAX, TABLE_ELEMENTS_MAX};

/// Instances at one time, idle warm ones included. Each reserves address space, not memory.
pub const CONCURRENT_INVOCATIONS_MAX: u32 = ACCOUNT_CONCURRENCY;

/// After so long without an invocation a warm instance is given up, as Lambda's are after some minutes.
const IDLE_MAX: Duration = Duration::from_mins(5);

/// What one component may be made of, so that none can use up the pool that all share. A component
/// from a bundler holds several modules: a task, an adapter, an interpreter and its libraries.
pub(crate) const CORE_INSTANCES_MAX: u32 = 64;
pub(crate) const MEMORIES_MAX: u32 = 4;
pub(crate) const TABLES_MAX: u32 = 8;

/// Runs tasks. Cloning shares it.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Host>,
    pub(crate) cache: Option<CodeCache>,
    pub(crate) compiler: Compiler,
    /// One compilation at a time, so that the bounds of one are those of all. Each uses every core.
    pub(crate) compiling: Mutex<()>,
    /// Everything that compiled code depends on beside the component.
    pub(crate) compatibility: u64,
    pub(crate) account: Account,
    slots: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

/// What a sandbox is set up with.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where compiled code is kept. Without one, every component is compiled in every process.
    pub cache: Option<CodeCache>,
    /// Invocations that may be under way at one time, over all functions.
    pub account_concurrency: u32,
    /// Where components are compiled.
    pub compiler: Compiler,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        let compiler = Compiler::InProcess;
        Self { cache: None, account_concurrency: ACCOUNT_CONCURRENCY, compiler }
    }
}

/// Warm instances that serve nobody.
#[derive(Default)]
struct Idle {
    /// With the function that each belongs to, and since when; the one idle for longest in front.
    instances: VecDeque<(u64, Instant, Placed)>,
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
    /// Sets the sandbox up.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let SandboxSettings { cache, account_concurrency, compiler } = settings;
        let engine = Engine::new(&config()).map_err(SandboxError)?;
        let linker = host::linker(&engine).map_err(SandboxError)?;
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let compatibility = hasher.hash_one(engine.precompile_compatibility_hash());
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            compiler,
            compiling: Mutex::default(),
            compatibility,
            account: Account::new(account_concurrency),
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
        if let Some((_, _, Placed { instance, slot })) = oldest {
            drop(instance);
            return slot;
        }
        let _waiting = Waiting(self);
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }

    /// An idle instance of a function, the one used last.
    pub(crate) fn take_idle(&self, function: u64) -> Option<Placed> {
        self.evict();
        let instances = &mut self.idle().instances;
        let index = instances.iter().rposition(|(owner, ..)| *owner == function)?;
        instances.remove(index).map(|(.., placed)| placed)
    }

    /// Gives up what has been idle for too long.
    fn evict(&self) {
        let mut old = Vec::new();
        let mut idle = self.idle();
        while let Some((_, since, _)) = idle.instances.front()
            && since.elapsed() > IDLE_MAX
        {
            old.extend(idle.instances.pop_front());
        }
        drop(idle);
        drop(old);
    }

    /// Keeps an instance for a function's next invocation, unless somebody waits for its slot.
    pub(crate) fn keep(&self, function: u64, placed: Placed) {
        let unwanted = {
            let mut idle = self.idle();
            if idle.waiting > 0 {
                Some(placed)
            } else {
                idle.instances.push_back((function, Instant::now(), placed));
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
                std::mem::take(instances).into_iter().partition(|(owner, ..)| *owner == function);
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

/// How the host runs code: what was compiled for it, in the pool's places.
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
    let mut config = code_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// What compiled code depends on: the same here and in the compiler's process, which needs no pool.
pub(crate) fn code_config() -> Config {
    let mut config = Config::new();
    config
        .memory_init_cow(true)
        .consume_fuel(true)
        .operator_cost(fuel::operator_cost())
        // The same input must burn the same fuel on every machine.
        .relaxed_simd_deterministic(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
    config
}

/// Lets this process have as many open files as the system allows it: a thousand invocations that write
/// objects and files need more than the thousand that most systems begin with. A limit that cannot be raised
/// stays as it is.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}
