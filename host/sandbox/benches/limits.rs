//! What the limits cost on work that is all CPU, and how fair they are.
//!
//! `cargo bench -p stepwell-sandbox --bench limits`. Compare the medians within `integer` and within `json`:
//!
//! - `none`: wasmtime with its WASI and no guard at all.
//! - `epochs`, `fuel`, `both`: the same with these guards.
//! - `sandbox`: `Function::invoke`, every limit and charge in force.
//!
//! All on a warm instance. `neighbours`: a task of about a millisecond by itself, and beside an endless loop
//! for each of two threads; the slowest of many is what its share comes to.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use stepwell_lambda::FunctionLimits;
use stepwell_objects::FolderBuckets;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Invocation, Sandbox,
    SandboxSettings,
};
use tokio::runtime::Runtime;

use crate::wasmtime_alone::{Bare, Guards};

const INTEGER: &str = r#"{"integer":200000}"#;
const JSON: &str = r#"{"json":20}"#;
/// As good as endless.
const ENDLESS: &str = r#"{"integer":9000000000000}"#;

fn main() {
    divan::main();
}

fn component_bytes() -> Vec<u8> {
    let guest = "../../guest-tasks/target/wasm32-wasip2/release/kernel.wasm";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(guest);
    std::fs::read(path).expect("the guests are built: run `cargo xtask guests`")
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime can be made")
    })
}

/// Runs a future on a thread of the runtime.
fn on_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    runtime().block_on(runtime().spawn(future)).expect("the benchmark does not panic")
}

fn function() -> &'static Function {
    static FUNCTION: OnceLock<Function> = OnceLock::new();
    FUNCTION.get_or_init(|| {
        let sandbox = Sandbox::new(SandboxSettings::default()).expect("it can be set up");
        let component = Component::load(&sandbox, &component_bytes()).expect("it is a task");
        let folder = std::env::temp_dir().join("stepwell-bench-objects");
        let settings = FunctionSettings {
            name: "kernel".to_owned(),
            limits: FunctionLimits {
                memory_mb: 1_769,
                timeout_seconds: 900,
                ..FunctionLimits::default()
            },
            enforcement: Enforcement::Enforce,
            reserved_concurrency: None,
            variables: std::collections::BTreeMap::new(),
            environment: Environment::Warm,
            grants: Grants::default(),
            objects: Arc::new(FolderBuckets::open(folder).expect("a folder can be opened")),
            seed: None,
            clock: None,
        };
        Function::new(&sandbox, component, settings)
    })
}

async fn invoke(event: &str) {
    let invocation = Invocation {
        request_id: "11111111-2222-4333-8444-555555555555".to_owned(),
        function_arn: "arn".into(),
        payload: event.to_owned(),
    };
    let invoked = function().invoke(invocation).await;
    divan::black_box(invoked.result.expect("it answers"));
}

fn sandbox(bencher: Bencher<'_, '_>, event: &'static str) {
    bencher.bench(|| on_worker(invoke(event)));
}

fn alone(bencher: Bencher<'_, '_>, guards: Guards, event: &'static str) {
    let bare = Bare::new(&component_bytes(), guards);
    let instance = Arc::new(tokio::sync::Mutex::new(runtime().block_on(bare.instance())));
    bencher.bench(|| {
        let instance = Arc::clone(&instance);
        on_worker(async move {
            let (store, handle) = &mut *instance.lock().await;
            Bare::call(store, handle, guards, event).await;
        });
    });
}

/// The yardstick: wasmtime and nothing of ours.
mod wasmtime_alone {
    use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, TypedFunc};
    use wasmtime::{
        Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
    };
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    /// What is on.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Guards {
        pub(super) fuel: bool,
        pub(super) epochs: bool,
    }

    pub(super) struct State {
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
        handler: String,
        guards: Guards,
    }

    impl Bare {
        pub(super) fn new(bytes: &[u8], guards: Guards) -> Self {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_component_instances(8).total_memories(8).total_tables(8);
            let mut config = Config::new();
            config
                .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
                .consume_fuel(guards.fuel)
                .epoch_interruption(guards.epochs)
                .concurrency_support(false);
            let engine = Engine::new(&config).expect("an engine can be made");
            let component = Component::new(&engine, bytes).expect("it compiles");
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI can be linked");
            let pre = linker.instantiate_pre(&component).expect("it can be linked");
            let exports = component.component_type();
            let handler = exports.exports(&engine).map(|(name, _)| name.to_owned()).next();
            Self { pre, handler: handler.expect("it exports its handler"), guards }
        }

        pub(super) async fn instance(&self) -> (Store<State>, Handle) {
            let (wasi, table) = (WasiCtx::builder().build(), ResourceTable::new());
            let mut store = Store::new(self.pre.engine(), State { wasi, table });
            if self.guards.epochs {
                // Nobody advances the epoch: what is measured is the check.
                store.set_epoch_deadline(1);
                store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Yield(1)));
            }
            if self.guards.fuel {
                store.set_fuel(u64::MAX / 2).expect("fuel is on");
            }
            let instance = self.pre.instantiate_async(&mut store).await.expect("it starts");
            let outer = instance.get_export_index(&mut store, None, &self.handler);
            let inner = instance.get_export_index(&mut store, outer.as_ref(), "handle");
            let handle = instance.get_typed_func(&mut store, inner.expect("`handle` is there"));
            (store, handle.expect("`handle` has its type"))
        }

        pub(super) async fn call(
            store: &mut Store<State>,
            handle: &Handle,
            guards: Guards,
            event: &str,
        ) {
            if guards.fuel {
                store.set_fuel(u64::MAX / 2).expect("fuel is on");
            }
            let answer = handle.call_async(store, (event.to_owned(),)).await;
            let (answer,) = answer.expect("it does not trap");
            divan::black_box(answer.expect("it answers"));
        }
    }
}

macro_rules! kernel {
    ($name:ident, $event:expr) => {
        #[divan::bench_group(sample_count = 200)]
        mod $name {
            use super::{Bencher, Guards, alone};

            #[divan::bench]
            fn none(bencher: Bencher<'_, '_>) {
                alone(bencher, Guards { fuel: false, epochs: false }, $event);
            }

            #[divan::bench]
            fn epochs(bencher: Bencher<'_, '_>) {
                alone(bencher, Guards { fuel: false, epochs: true }, $event);
            }

            #[divan::bench]
            fn fuel(bencher: Bencher<'_, '_>) {
                alone(bencher, Guards { fuel: true, epochs: false }, $event);
            }

            #[divan::bench]
            fn both(bencher: Bencher<'_, '_>) {
                alone(bencher, Guards { fuel: true, epochs: true }, $event);
            }

            #[divan::bench]
            fn sandbox(bencher: Bencher<'_, '_>) {
                super::sandbox(bencher, $event);
            }
        }
    };
}

kernel!(integer, super::INTEGER);
kernel!(json, super::JSON);

/// A task of about a millisecond beside others.
#[divan::bench_group(sample_count = 500)]
mod neighbours {
    use super::{Bencher, ENDLESS, INTEGER, invoke, runtime, sandbox};

    #[divan::bench]
    fn by_itself(bencher: Bencher<'_, '_>) {
        sandbox(bencher, INTEGER);
    }

    #[divan::bench]
    fn beside_endless_loops(bencher: Bencher<'_, '_>) {
        let spinning: Vec<_> = (0..2).map(|_| runtime().spawn(invoke(ENDLESS))).collect();
        sandbox(bencher, INTEGER);
        for task in spinning {
            task.abort();
        }
    }
}
