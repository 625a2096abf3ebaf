//! What a step costs beside a bare wasmtime loop over the same component, with the same limits on.
//!
//! `cargo bench -p stepwell-cli --bench step`. Compare the medians within `fresh` and within `warm`:
//!
//! - `bare`: wasmtime with its WASI and nothing else: fuel that yields, the pooling allocator, a memory limit.
//! - `sandbox`: `Function::invoke`: grants, log, report, charges, the time's end.
//! - `step`: a state of a running execution: engine, history, driver and sandbox. One of 64 in a row.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use stepwell_cli::{Callable, Clock, Functions, Machine, Run, Silent, drive};
use stepwell_engine::{Event, Execution, Outcome, Start};
use stepwell_lambda::FunctionLimits;
use stepwell_objects::{Buckets, FolderBuckets};
use stepwell_query::Document;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Invocation, Sandbox,
    SandboxSettings,
};
use tokio::runtime::Runtime;

use crate::wasmtime_alone::Bare;

const EVENT: &str = r#"{"continue":true,"offset":25,"bucket":"orders","cache":"cache/import/"}"#;
const STEPS: usize = 64;

fn main() {
    divan::main();
}

fn component_path() -> PathBuf {
    let guests = "../../guest-tasks/target/wasm32-wasip2/release/echo.wasm";
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(guests)
}

fn component_bytes() -> Vec<u8> {
    std::fs::read(component_path()).expect("the guests are built: run `cargo xtask guests`")
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime can be made")
    })
}

/// Runs a future on a thread of the runtime, as the command line runs its driver.
fn on_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    runtime().block_on(runtime().spawn(future)).expect("the benchmark does not panic")
}

fn function(environment: Environment) -> Function {
    static SANDBOX: OnceLock<(Sandbox, Component)> = OnceLock::new();
    let (sandbox, component) = SANDBOX.get_or_init(|| {
        let sandbox = Sandbox::new(SandboxSettings::default()).expect("the sandbox can be set up");
        let component = Component::load(&sandbox, &component_bytes()).expect("echo is a task");
        (sandbox, component)
    });
    let folder = std::env::temp_dir().join("stepwell-bench-objects");
    let objects: Arc<dyn Buckets> =
        Arc::new(FolderBuckets::open(folder).expect("a folder can be opened"));
    let settings = FunctionSettings {
        name: "echo".to_owned(),
        limits: FunctionLimits { timeout_seconds: 30, ..FunctionLimits::default() },
        enforcement: Enforcement::Enforce,
        reserved_concurrency: None,
        variables: BTreeMap::new(),
        environment,
        grants: Grants::default(),
        objects,
        seed: None,
        clock: None,
    };
    Function::new(sandbox, component.clone(), settings)
}

fn invoke(bencher: Bencher<'_, '_>, environment: Environment) {
    let function = function(environment);
    bencher.counter(ItemsCount::new(STEPS)).bench(|| {
        let function = function.clone();
        on_worker(async move {
            for _ in 0..STEPS {
                let invocation = Invocation {
                    request_id: "11111111-2222-4333-8444-555555555555".to_owned(),
                    function_arn: "arn".into(),
                    payload: EVENT.to_owned(),
                };
                let invoked = function.invoke(invocation).await;
                divan::black_box(invoked.result.expect("echo answers"));
            }
        });
    });
}

fn step(bencher: Bencher<'_, '_>, environment: Environment) {
    let states: Vec<String> = (0..STEPS)
        .map(|index| {
            let next = if index + 1 == STEPS {
                r#""End":true"#.to_owned()
            } else {
                format!(r#""Next":"S{}""#, index + 1)
            };
            format!(r#""S{index}":{{"Type":"Task","Resource":"echo",{next}}}"#)
        })
        .collect();
    let source = format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","));
    let workflow = stepwell_asl::load(&source, "steps").expect("the machine is sound");
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let mut functions = Functions::new();
    functions.insert("echo", Callable::Function(function(environment)));
    let machine = Arc::new(Machine { definition, functions });
    bencher.counter(ItemsCount::new(STEPS)).bench(|| {
        let run = Run {
            machine: Arc::clone(&machine),
            execution: Execution::new(start()),
            first: Some(Event::Started),
            clock: Clock::new(false, Clock::wall()),
            last_at: Clock::wall(),
            key: None,
            observer: Silent,
        };
        let (outcome, _) = on_worker(drive(run, std::future::pending()));
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    });
}

fn start() -> Start {
    Start {
        name: "bench".to_owned(),
        machine_name: "steps".to_owned(),
        execution_arn: "arn:execution".to_owned(),
        machine_arn: "arn:machine".to_owned(),
        role_arn: "arn:role".to_owned(),
        input: Document::parse(EVENT).expect("the event is JSON"),
        at: Clock::wall(),
        seed: 7,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// The yardstick: wasmtime and nothing of ours.
mod wasmtime_alone {
    use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, TypedFunc};
    use wasmtime::{
        Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
        StoreLimitsBuilder,
    };
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    /// What the component's standard library imports, denied as the sandbox denies it.
    pub(super) struct State {
        limits: StoreLimits,
        wasi: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
        }
    }

    type Answer = (Result<String, Failure>,);
    pub(super) type Handle = TypedFunc<(String,), Answer>;

    #[derive(wasmtime::component::ComponentType, wasmtime::component::Lift, Debug)]
    #[component(record)]
    #[expect(dead_code, reason = "only a failing benchmark shows them")]
    pub(super) struct Failure {
        error: String,
        cause: String,
    }

    pub(super) struct Bare {
        pre: InstancePre<State>,
        handler: (String, String),
    }

    impl Bare {
        pub(super) fn new(bytes: &[u8]) -> Self {
            let mut pool = PoolingAllocationConfig::new();
            pool.decommit_batch_size(16);
            pool.linear_memory_keep_resident(1 << 20);
            pool.pagemap_scan(wasmtime::Enabled::Auto);
            pool.table_keep_resident(64 << 10);
            let mut config = Config::new();
            config
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
                .consume_fuel(true)
                .concurrency_support(false);
            let engine = Engine::new(&config).expect("an engine can be made");
            let component = Component::new(&engine, bytes).expect("echo compiles");
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI can be linked");
            let pre = linker.instantiate_pre(&component).expect("echo can be linked");
            let exports = component.component_type();
            let handler = exports.exports(&engine).map(|(name, _)| name.to_owned()).next();
            let handler = (handler.expect("echo exports its handler"), "handle".to_owned());
            Self { pre, handler }
        }

        pub(super) async fn instance(&self) -> (Store<State>, Handle) {
            let limits = StoreLimitsBuilder::new().memory_size(128 << 20).build();
            let (wasi, table) = (WasiCtx::builder().build(), ResourceTable::new());
            let mut store = Store::new(self.pre.engine(), State { limits, wasi, table });
            store.limiter(|state| &mut state.limits);
            store.set_fuel(2_000_000_000).expect("fuel is on");
            store.fuel_async_yield_interval(Some(1_000_000)).expect("fuel is on");
            let instance = self.pre.instantiate_async(&mut store).await.expect("echo starts");
            let outer = instance.get_export_index(&mut store, None, &self.handler.0);
            let inner = instance.get_export_index(&mut store, outer.as_ref(), &self.handler.1);
            let handle = instance.get_typed_func(&mut store, inner.expect("`handle` is there"));
            (store, handle.expect("`handle` has its type"))
        }

        pub(super) async fn call(store: &mut Store<State>, handle: &Handle, event: &str) {
            store.set_fuel(2_000_000_000).expect("fuel is on");
            let answer = handle.call_async(store, (event.to_owned(),)).await;
            let (answer,) = answer.expect("echo does not trap");
            divan::black_box(answer.expect("echo answers"));
        }
    }
}

fn yardstick() -> &'static Bare {
    static BARE: OnceLock<Bare> = OnceLock::new();
    BARE.get_or_init(|| Bare::new(&component_bytes()))
}

/// A fresh instance for each call.
#[divan::bench_group(sample_count = 200)]
mod fresh {
    use super::{
        Bare, Bencher, EVENT, Environment, ItemsCount, STEPS, invoke, on_worker, yardstick,
    };

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        let bare = yardstick();
        bencher.counter(ItemsCount::new(STEPS)).bench(|| {
            on_worker(async move {
                for _ in 0..STEPS {
                    let (mut store, handle) = bare.instance().await;
                    Bare::call(&mut store, &handle, EVENT).await;
                }
            });
        });
    }

    #[divan::bench]
    fn sandbox(bencher: Bencher<'_, '_>) {
        invoke(bencher, Environment::Fresh);
    }

    #[divan::bench]
    fn step(bencher: Bencher<'_, '_>) {
        super::step(bencher, Environment::Fresh);
    }
}

/// The same instance for all calls.
#[divan::bench_group(sample_count = 200)]
mod warm {
    use super::{
        Arc, Bare, Bencher, EVENT, Environment, ItemsCount, STEPS, invoke, on_worker, runtime,
        yardstick,
    };

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        let instance =
            Arc::new(tokio::sync::Mutex::new(runtime().block_on(yardstick().instance())));
        bencher.counter(ItemsCount::new(STEPS)).bench(|| {
            let instance = Arc::clone(&instance);
            on_worker(async move {
                let (store, handle) = &mut *instance.lock().await;
                for _ in 0..STEPS {
                    Bare::call(store, handle, EVENT).await;
                }
            });
        });
    }

    #[divan::bench]
    fn sandbox(bencher: Bencher<'_, '_>) {
        invoke(bencher, Environment::Warm);
    }

    #[divan::bench]
    fn step(bencher: Bencher<'_, '_>) {
        super::step(bencher, Environment::Warm);
    }
}
