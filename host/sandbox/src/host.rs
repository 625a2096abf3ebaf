//! What a task sees of the world: the imports of `wit/task.wit`, behind the grants of its function.

mod buckets;
mod files;
mod http;
mod invocation;
mod logging;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use stepwell_objects::Buckets;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::grants::Grants;
use crate::host::files::Files;
use crate::host::http::HttpGate;
use crate::host::logging::Printer;
use crate::limits::{Cpu, HANDLES_MAX, MemoryMeter, RANDOM_BYTES_MAX};
use crate::meter::Clocks;
use crate::report::{Log, LogSource};

#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub use buckets::BucketWriter;

/// The world's bindings, generated from the contract itself.
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "stepwell:task/task",
        imports: {
            "stepwell:task/buckets": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "stepwell:task/buckets.writer": crate::host::BucketWriter,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:random": wasmtime_wasi::p2::bindings::random,
        },
    });
}

const INSECURE_SEED: u128 = 0x5743_7765_6c6c_5374_6570_7765_6c6c_2121;

/// The host's side of one instance.
pub(crate) struct Host {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    http_gate: HttpGate,
    table: ResourceTable,
    objects: Arc<dyn Buckets>,
    grants: Arc<Grants>,
    pub(crate) files: Files,
    pub(crate) memory: MemoryMeter,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) log: Arc<Mutex<Log>>,
    pub(crate) current: Current,
}

/// The invocation that the instance serves.
#[derive(Default)]
pub(crate) struct Current {
    pub(crate) request_id: String,
    pub(crate) function_name: Arc<str>,
    pub(crate) function_arn: Arc<str>,
    pub(crate) memory_mb: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) cpu: Cpu,
    pub(crate) deadline: Option<SystemTime>,
}

impl Host {
    pub(crate) fn new(
        memory_mb: u32,
        storage_mb: u32,
        environment: &BTreeMap<String, String>,
        grants: Arc<Grants>,
        objects: Arc<dyn Buckets>,
    ) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Printer::new(&log, LogSource::Stdout))
            .stderr(Printer::new(&log, LogSource::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            // Hash tables are seeded with it: the same input must burn the same fuel.
            .insecure_random_seed(INSECURE_SEED)
            .max_random_size(RANDOM_BYTES_MAX);
        for (name, value) in environment {
            wasi.env(name, value);
        }
        Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            http_gate: HttpGate::new(Arc::clone(&grants), Arc::clone(&log)),
            table,
            objects,
            grants,
            files: Files::new(storage_mb, &log),
            memory: MemoryMeter::new(memory_mb),
            clocks: Arc::default(),
            log,
            current: Current::default(),
        }
    }
}

pub(crate) fn log_line(log: &Mutex<Log>, source: LogSource, text: &str) {
    log.lock().expect("nothing panics while it holds this lock").line(source, text);
}

/// A name that a guest gave, for a message: it may be as long as the guest's memory.
fn shown(name: &str) -> &str {
    const BYTES_MAX: usize = 256;
    &name[..name.floor_char_boundary(BYTES_MAX)]
}

/// Everything that a task can import. Made once; a task takes what it uses.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    files::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    bindings::stepwell::task::buckets::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
    invocation::add_to_linker(&mut linker)?;
    bindings::wasi::logging::logging::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
    Ok(linker)
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.http_gate }
    }
}
