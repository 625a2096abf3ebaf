//! The yardstick: wasmtime and nothing of ours.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, InstancePre, Linker, ResourceTable, ResourceType, TypedFunc, Val,
};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// What the component's standard library imports, denied as the sandbox denies it.
pub(crate) struct State {
    limits: StoreLimits,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    nobody: Nobody,
    table: ResourceTable,
}

/// Whom requests reach.
struct Nobody;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Nobody {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Io,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.nobody }
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
        give_ours(&mut linker, &component);
        let pre = linker.instantiate_pre(&component).expect("echo can be linked");
        let exports = component.component_type();
        let handler = exports
            .exports(&engine)
            .map(|(name, _)| name.to_owned())
            .find(|name| name.starts_with("stepwell:task/handler"));
        let handler = (handler.expect("echo exports its handler"), "handle".to_owned());
        Self { pre, handler }
    }

    pub(crate) async fn instance(&self) -> (Store<State>, Handle) {
        let limits = StoreLimitsBuilder::new().memory_size(128 << 20).build();
        let (wasi, table) = (WasiCtx::builder().build(), ResourceTable::new());
        let mut store = Store::new(
            self.pre.engine(),
            State { limits, wasi, http: WasiHttpCtx::new(), nobody: Nobody, table },
        );
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

/// Our own interfaces: the context of the invocation, for which Python and JavaScript ask each time, and functions
/// that an echo does not call.
fn give_ours(linker: &mut Linker<State>, component: &Component) {
    let engine = linker.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else { continue };
        if !name.starts_with("stepwell:") && !name.starts_with("wasi:logging") {
            continue;
        }
        let mut instance = linker.instance(name).expect("nobody else has it");
        for (function, item) in interface.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) if function == "get-context" => {
                    let context = context();
                    instance.func_new(function, move |_, _, _, results| {
                        results[0] = context.clone();
                        Ok(())
                    })
                }
                ComponentItem::ComponentFunc(_) => {
                    instance.func_new(function, |_, _, _, _| panic!("an echo does not call it"))
                }
                ComponentItem::Resource(_) => {
                    instance.resource(function, ResourceType::host::<()>(), |_, _| Ok(()))
                }
                _ => continue,
            }
            .expect("nobody else has it");
        }
    }
}

fn context() -> Val {
    let text = |text: &str| Val::String(text.to_owned());
    let members = [
        ("request-id", text("11111111-2222-4333-8444-555555555555")),
        ("function-name", text("echo")),
        ("function-version", text("$LATEST")),
        ("invoked-function-arn", text("arn")),
        ("memory-limit-mb", Val::U32(128)),
        ("deadline-ms", Val::U64(2_000_000_000_000)),
    ];
    Val::Record(members.map(|(name, value)| (name.to_owned(), value)).to_vec())
}
