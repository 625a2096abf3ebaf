//! What a task sees of the world: the imports of `wit/task.wit`, behind the grants of its function.

mod bounds;
mod buckets;
mod chance;
mod files;
mod http;
mod invocation;
mod logging;
mod time;

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use stepwell_lambda::{Cpu, Usage};
use stepwell_objects::Buckets;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::fuel::Turns;
use crate::function::FunctionSettings;
use crate::grants::Grants;
use crate::host::chance::Chance;
use crate::host::files::Files;
use crate::host::http::HttpGate;
use crate::host::logging::Printer;
use crate::host::time::GuestClock;
use crate::limits::{InForce, MemoryMeter, OBJECT_WRITERS_MAX, RANDOM_BYTES_MAX};
use crate::meter::Meter;
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
    /// One for each object that may be written at one time.
    writers: Arc<Semaphore>,
    files: Files,
    pub(crate) memory: MemoryMeter,
    pub(crate) meter: Arc<Meter>,
    pub(crate) turns: Turns,
    clock: GuestClock,
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
    /// The fuel that there was.
    pub(crate) budget: u64,
    /// How fast the function burns it.
    pub(crate) cpu: Cpu,
    pub(crate) deadline: Option<SystemTime>,
    /// How the task's runtime reports the failure, if that is what comes.
    pub(crate) reported_error: Option<String>,
}

impl Host {
    /// For an instance that is made for an invocation.
    pub(crate) fn new(
        settings: &FunctionSettings,
        in_force: &InForce,
        grants: &Arc<Grants>,
        request_id: &str,
    ) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let meter = Arc::new(Meter::default());
        let clock = GuestClock::new(settings.clock, &meter);
        let mut table = ResourceTable::new();
        table.set_max_capacity(in_force.handles_max);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(Printer::new(&log, &meter, LogSource::Stdout))
            .stderr(Printer::new(&log, &meter, LogSource::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(Chance::new(settings.seed, request_id, &meter))
            .insecure_random(Chance::new(settings.seed, &format!("{request_id} insecure"), &meter))
            // Hash tables are seeded with it: the same input must burn the same fuel.
            .insecure_random_seed(INSECURE_SEED)
            .max_random_size(RANDOM_BYTES_MAX);
        for (name, value) in &settings.variables {
            wasi.env(name, value);
        }
        Self {
            wasi: wasi.build(),
            http: http_context(),
            http_gate: HttpGate::new(Arc::clone(grants), Arc::clone(&log), Arc::clone(&meter)),
            table,
            objects: Arc::clone(&settings.objects),
            grants: Arc::clone(grants),
            writers: Arc::new(Semaphore::new(OBJECT_WRITERS_MAX)),
            memory: MemoryMeter::new(in_force.memory_mb),
            files: Files::new(in_force.storage_mb, &clock, &meter, &log),
            meter,
            turns: Turns::default(),
            clock,
            log,
            current: Current::default(),
        }
    }

    /// The time that the task sees.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// The invocation that begins.
    pub(crate) fn begin(&mut self, current: Current) {
        self.clock.begin_call(current.budget, current.cpu);
        self.current = current;
    }

    /// The invocation has ended, and the instance is kept.
    pub(crate) fn rest(&mut self) {
        self.clock.end_call();
    }

    /// What the instance has taken so far, as far as it is known here.
    pub(crate) fn use_up(&self, usage: &mut Usage) {
        usage.memory_peak_bytes = self.memory.peak_bytes() as u64;
        let files = self.files.peak();
        usage.storage_peak_bytes = files.bytes;
        usage.storage_peak_files = files.files;
        usage.handles_peak = u32::try_from(self.memory.handles_peak()).unwrap_or(u32::MAX);
    }

    /// Takes up how many handles there are. A new one tells: it comes after all others, unless one before
    /// it was given back.
    pub(crate) fn count_handles(&mut self) -> wasmtime::Result<()> {
        let handles = match self.table.push(()) {
            Ok(probe) => {
                let before = probe.rep() as usize;
                self.table.delete(probe)?;
                before
            }
            Err(_) => self.table.max_capacity(),
        };
        self.memory.count_handles(handles)
    }

    /// For each call of a host function.
    fn called(&mut self) -> &mut Self {
        self.meter.charge_call();
        self
    }

    /// Ends the HTTP requests that the invocation has left open.
    pub(crate) fn end_requests(&mut self) {
        self.http_gate.end_requests();
    }
}

/// With headers of the size that the head of an answer may have.
fn http_context() -> WasiHttpCtx {
    const FIELDS_BYTES_MAX: usize = 32 << 10;
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_BYTES_MAX);
    context
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
    linker.allow_shadowing(true);
    time::add_to_linker(&mut linker)?;
    bounds::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    bindings::stepwell::task::buckets::add_to_linker::<_, HasSelf<_>>(&mut linker, Host::called)?;
    invocation::add_to_linker(&mut linker)?;
    bindings::wasi::logging::logging::add_to_linker::<_, HasSelf<_>>(&mut linker, Host::called)?;
    Ok(linker)
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.meter.charge_call();
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.meter.charge_call();
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.http_gate }
    }
}
