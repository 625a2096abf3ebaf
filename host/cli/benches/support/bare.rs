//! The yardstick: wasmtime and nothing of ours.

use wasmtime::component::{Component, InstancePre, Linker, ResourceTable, TypedFunc, Val};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// What the component's standard library imports, denied as the sandbox denies it.
pub(crate) struct State {
    limits: StoreLimits,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: Default::default() }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

type Answer = (Result<String, Failure>,);
pub(crate) type Handle = TypedFunc<(String,), Answer>;

#[derive(wasmtime::component::ComponentType, wasmtime::component::Lift, Debug)]
#[component(record)]
#[expect(dead_code, reason = "only a failing benchmark shows them")]
pub(crate) struct Failure {
    error: String,
    cause: String,
}

pub(crate) struct Bare {
    pre: InstancePre<State>,
    handler: (String, String),
}

impl Bare {
    pub(crate) fn new(bytes: &[u8]) -> Self {
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
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)
            .expect("HTTP can be linked");
        linker.allow_shadowing(true);
        give_context(&mut linker);
        // Whatever else interpreters import, an echo does not call it.
        linker.define_unknown_imports_as_traps(&component).expect("imports can be defined");
        let pre = linker.instantiate_pre(&component).expect("echo can be linked");
        let exports = component.component_type();
        let handler = exports.exports(&engine).map(|(name, _)| name.to_owned()).next();
        let handler = (handler.expect("echo exports its handler"), "handle".to_owned());
        Self { pre, handler }
    }

    pub(crate) async fn instance(&self) -> (Store<State>, Handle) {
        let limits = StoreLimitsBuilder::new().memory_size(128 << 20).build();
        let (wasi, table) = (WasiCtx::builder().build(), ResourceTable::new());
        let mut store =
            Store::new(self.pre.engine(), State { limits, wasi, http: WasiHttpCtx::new(), table });
        store.limiter(|state| &mut state.limits);
        store.set_fuel(2_000_000_000).expect("fuel is on");
        store.fuel_async_yield_interval(Some(1_000_000)).expect("fuel is on");
        let instance = self.pre.instantiate_async(&mut store).await.expect("echo starts");
        let outer = instance.get_export_index(&mut store, None, &self.handler.0);
        let inner = instance.get_export_index(&mut store, outer.as_ref(), &self.handler.1);
        let handle = instance.get_typed_func(&mut store, inner.expect("`handle` is there"));
        (store, handle.expect("`handle` has its type"))
    }

    pub(crate) async fn call(store: &mut Store<State>, handle: &Handle, event: &str) {
        store.set_fuel(2_000_000_000).expect("fuel is on");
        let answer = handle.call_async(store, (event.to_owned(),)).await;
        let (answer,) = answer.expect("echo does not trap");
        divan::black_box(answer.expect("echo answers"));
    }
}

/// The context of the invocation, for which Python and JavaScript ask each time.
fn give_context(linker: &mut Linker<State>) {
    let text = |text: &str| Val::String(text.to_owned());
    let context = Val::Record(
        [
            ("request-id", text("11111111-2222-4333-8444-555555555555")),
            ("function-name", text("echo")),
            ("function-version", text("$LATEST")),
            ("invoked-function-arn", text("arn")),
            ("memory-limit-mb", Val::U32(128)),
            ("deadline-ms", Val::U64(2_000_000_000_000)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
    );
    let mut invocation = linker.instance("stepwell:task/invocation@0.1.0").expect("a name");
    invocation
        .func_new("get-context", move |_, _, _, results| {
            results[0] = context.clone();
            Ok(())
        })
        .expect("it is not there yet");
}
