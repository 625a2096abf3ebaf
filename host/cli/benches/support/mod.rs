//! What the benchmarks of invocations share: a component in the sandbox and in a bare wasmtime, and the loops over
//! both. A component answers with its event.

pub(crate) mod bare;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use stepwell_lambda::FunctionLimits;
use stepwell_objects::{Buckets, FolderBuckets};
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Invocation, Sandbox,
    SandboxSettings,
};
use tokio::runtime::Runtime;

use bare::Bare;

/// What is echoed.
pub(crate) const EVENT: &str =
    r#"{"continue":true,"offset":25,"bucket":"orders","cache":"cache/import/"}"#;

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime can be made")
    })
}

/// Runs a future on a thread of the runtime, as the command line runs its driver.
pub(crate) fn on_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    runtime().block_on(runtime().spawn(future)).expect("the benchmark does not panic")
}

/// A component in both.
pub(crate) struct Echo {
    sandboxed: (Sandbox, Component),
    bare: Bare,
}

impl Echo {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let sandbox = Sandbox::new(SandboxSettings::default()).expect("the sandbox can be set up");
        let component = Component::load(&sandbox, bytes).expect("it is a task");
        Self { sandboxed: (sandbox, component), bare: Bare::new(bytes) }
    }

    pub(crate) fn function(&self, environment: Environment) -> Function {
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
        let (sandbox, component) = &self.sandboxed;
        Function::new(sandbox, component.clone(), settings)
    }

    /// So many invocations in the sandbox, one after the other.
    pub(crate) fn sandbox(&self, bencher: Bencher<'_, '_>, environment: Environment, calls: usize) {
        let function = self.function(environment);
        bencher.counter(ItemsCount::new(calls)).bench(|| {
            let function = function.clone();
            on_worker(async move {
                for _ in 0..calls {
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

    /// So many calls in bare wasmtime, each of a fresh instance.
    pub(crate) fn bare_fresh(&'static self, bencher: Bencher<'_, '_>, calls: usize) {
        bencher.counter(ItemsCount::new(calls)).bench(|| {
            on_worker(async move {
                for _ in 0..calls {
                    let (mut store, handle) = self.bare.instance().await;
                    Bare::call(&mut store, &handle, EVENT).await;
                }
            });
        });
    }

    /// The same, of one instance.
    pub(crate) fn bare_warm(&'static self, bencher: Bencher<'_, '_>, calls: usize) {
        let instance = Arc::new(tokio::sync::Mutex::new(runtime().block_on(self.bare.instance())));
        bencher.counter(ItemsCount::new(calls)).bench(|| {
            let instance = Arc::clone(&instance);
            on_worker(async move {
                let (store, handle) = &mut *instance.lock().await;
                for _ in 0..calls {
                    Bare::call(store, handle, EVENT).await;
                }
            });
        });
    }
}
