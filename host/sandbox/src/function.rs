//! Functions: a component under a name, with limits and grants; and their invocations.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::value::RawValue;
use stepwell_objects::Buckets;
use wasmtime::{Store, Trap, UpdateDeadline};
use wasmtime_wasi::I32Exit;

use crate::component::{Component, chain};
use crate::engine::{Placed, Sandbox};
use crate::failure::{Failure, FailureKind};
use crate::grants::Grants;
use crate::host::bindings::Task;
use crate::host::{Current, Host};
use crate::limits::{Cpu, GUEST_HANDLES_MAX, INIT_TIMEOUT, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};
use crate::meter::{Metered, TimedOut};
use crate::report::{Guard, Report, Status};

/// What makes a component a function.
#[derive(Clone)]
pub struct FunctionSettings {
    /// Its name in the workflow.
    pub name: String,
    /// Memory in MB, 128 to 10,240.
    pub memory_mb: u32,
    /// The size of `/tmp` in MB, 512 to 10,240. It lives as long as the instance.
    pub storage_mb: u32,
    /// Timeout in seconds, 1 to 900.
    pub timeout_seconds: u32,
    /// Fuel of one invocation, instead of what memory and timeout give. More fuel makes the CPU faster,
    /// so that burning all of it still takes the timeout; less ends the invocation sooner.
    pub fuel: Option<u64>,
    /// Variables that the task sees.
    pub variables: BTreeMap<String, String>,
    /// Whether instances are kept.
    pub environment: Environment,
    /// What it may do.
    pub grants: Grants,
    /// Where its objects are.
    pub objects: Arc<dyn Buckets>,
}

/// Whether an instance serves more than one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// A fresh instance for each invocation.
    Fresh,
    /// An instance that succeeded is kept for the next invocation.
    Warm,
}

/// A function, ready to be invoked. Cloning shares it.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    id: u64,
    sandbox: Sandbox,
    component: Component,
    settings: FunctionSettings,
    name: Arc<str>,
    grants: Arc<Grants>,
    cpu: Cpu,
}

/// One call of a function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Identifies it: a UUID.
    pub request_id: String,
    /// The function's ARN as it was invoked.
    pub function_arn: Arc<str>,
    /// The event: JSON text.
    pub payload: String,
}

/// What came of an invocation.
#[derive(Debug)]
pub struct Invoked {
    /// The answer, which is JSON text, or how it failed.
    pub result: Result<String, Failure>,
    /// What it took.
    pub report: Report,
}

/// An instance of a component with its store.
pub(crate) struct Instance {
    store: Store<Host>,
    task: Task,
}

/// How the init phase failed.
struct FailedInit {
    failure: Failure,
    duration: Duration,
    store: Store<Host>,
}

/// What an invocation took, for its report.
#[derive(Clone, Copy, Default)]
struct Took {
    duration: Duration,
    init_duration: Option<Duration>,
    fuel_used: u64,
}

impl Function {
    /// Makes a function of a component.
    pub fn new(sandbox: &Sandbox, component: Component, settings: FunctionSettings) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            sandbox: sandbox.clone(),
            component,
            name: settings.name.as_str().into(),
            grants: Arc::new(settings.grants.clone()),
            cpu: Cpu::of(settings.memory_mb, settings.timeout_seconds, settings.fuel),
            settings,
        }))
    }

    /// Its component.
    pub fn component(&self) -> &Component {
        &self.0.component
    }

    /// Invokes the function. Dropping the future stops the guest at once.
    ///
    /// A guest that computes gives way to others every tick, so invocations share a thread fairly; put
    /// each on a task of its own to use all cores.
    pub async fn invoke(&self, invocation: Invocation) -> Invoked {
        let began = Instant::now();
        let function = &*self.0;
        if invocation.payload.len() > REQUEST_BYTES_MAX {
            return function.refused(invocation.request_id, Failure::request_too_large(), began);
        }
        let idle = match function.settings.environment {
            Environment::Warm => function.sandbox.inner().take_idle(function.id),
            Environment::Fresh => None,
        };
        let (mut placed, init) = if let Some(placed) = idle {
            (placed, None)
        } else {
            let slot = function.sandbox.inner().slot().await;
            match function.init(&invocation.request_id).await {
                Ok((instance, duration)) => (Placed { instance, slot }, Some(duration)),
                Err(failed) => return function.not_made(invocation.request_id, failed, began),
            }
        };
        let invoked = function.handle(&mut placed.instance, invocation, init, began).await;
        // What a failure leaves behind is not trusted, as Lambda does not.
        let sound = matches!(invoked.report.status, Status::Success | Status::Failed);
        if sound && function.settings.environment == Environment::Warm {
            function.sandbox.inner().keep(function.id, placed);
        }
        invoked
    }
}

impl Inner {
    /// Makes an instance: unthrottled CPU for up to ten seconds, as Lambda's init phase has.
    async fn init(&self, request_id: &str) -> Result<(Instance, Duration), FailedInit> {
        let mut store = self.store();
        let cpu = Cpu::init();
        store.set_fuel(cpu.budget).expect("the engine was configured to consume fuel");
        store.set_epoch_deadline(1);
        let clocks = Arc::clone(&store.data().clocks);
        let timeout_ms = u64::try_from(INIT_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        store.data_mut().current = Current { timeout_ms, cpu, ..Current::default() };
        let made = {
            let call = pin!(self.component.pre().instantiate_async(&mut store));
            Metered::new(call, &clocks, INIT_TIMEOUT, cpu.wall_max).await
        };
        let duration = cpu.time_of_rest(store.get_fuel().unwrap_or(0)) + clocks.waited();
        // Lambda would try once more, within the invocation and its timeout, and see the same.
        let seconds = self.settings.timeout_seconds;
        let failure = match made {
            Ok(Ok(_)) if duration > INIT_TIMEOUT => {
                Failure::timed_out(Guard::Time, request_id, seconds)
            }
            Ok(Ok(task)) => return Ok((Instance { store, task }, duration)),
            Ok(Err(error)) => {
                let failure = failure_of(&error, &store, request_id, seconds);
                let crashed = error.is::<Trap>() || error.is::<I32Exit>();
                match failure.kind {
                    FailureKind::Crash if !crashed => Failure::init(request_id, &cause_of(&error)),
                    _ => failure,
                }
            }
            Err(TimedOut) => Failure::timed_out(Guard::Time, request_id, seconds),
        };
        Err(FailedInit { failure, duration, store })
    }

    /// A store for one instance, with its bounds.
    fn store(&self) -> Store<Host> {
        let settings = &self.settings;
        let host = Host::new(
            settings.memory_mb,
            settings.storage_mb,
            &settings.variables,
            Arc::clone(&self.grants),
            Arc::clone(&settings.objects),
        );
        let mut store = Store::new(&self.sandbox.inner().engine, host);
        store.limiter(|host| &mut host.memory);
        store.epoch_deadline_callback(on_tick);
        // A guest cannot hand over more than it has; what it hands over twice in one call can be more.
        store.set_hostcall_fuel((settings.memory_mb as usize) << 20);
        store.set_max_component_handles(GUEST_HANDLES_MAX);
        store
    }

    async fn handle(
        &self,
        instance: &mut Instance,
        invocation: Invocation,
        init_duration: Option<Duration>,
        began: Instant,
    ) -> Invoked {
        let Instance { store, task } = instance;
        let cpu = self.cpu;
        let timeout = self.timeout();
        let request_id = invocation.request_id;
        let clocks = Arc::clone(&store.data().clocks);
        clocks.reset();
        store.set_fuel(cpu.budget).expect("the engine was configured to consume fuel");
        store.set_epoch_deadline(1);
        store.data_mut().current = Current {
            request_id: request_id.clone(),
            function_name: Arc::clone(&self.name),
            function_arn: invocation.function_arn,
            memory_mb: self.settings.memory_mb,
            timeout_ms: u64::from(self.settings.timeout_seconds) * 1000,
            cpu,
            deadline: Some(SystemTime::now() + timeout),
        };
        let answered = {
            let handler = task.stepwell_task_handler();
            let call = pin!(handler.call_handle(&mut *store, &invocation.payload));
            Metered::new(call, &clocks, timeout, cpu.wall_max).await
        };
        let fuel_left = store.get_fuel().unwrap_or(0);
        let duration = cpu.time_of_rest(fuel_left) + clocks.waited();
        let seconds = self.settings.timeout_seconds;
        let result = match answered {
            Ok(Ok(_)) if duration > timeout => {
                Err(Failure::timed_out(Guard::Time, &request_id, seconds))
            }
            Ok(Ok(Ok(answer))) => check_answer(answer),
            Ok(Ok(Err(failure))) => Err(Failure::task(&failure.error, &failure.cause)),
            Ok(Err(error)) => Err(failure_of(&error, store, &request_id, seconds)),
            Err(TimedOut) => Err(Failure::timed_out(Guard::Time, &request_id, seconds)),
        };
        let fuel_used = cpu.budget.saturating_sub(fuel_left);
        let took = Took { duration, init_duration, fuel_used };
        self.report(request_id, result, took, began, Some(store.data_mut()))
    }

    /// An invocation whose instance could not be made.
    fn not_made(&self, request_id: String, failed: FailedInit, began: Instant) -> Invoked {
        let FailedInit { failure, duration, mut store } = failed;
        // As Lambda reports it: an init phase that timed out has become part of the invocation.
        let init_duration = (!failure.is_timeout()).then_some(duration);
        let took = Took { duration: Duration::ZERO, init_duration, fuel_used: 0 };
        self.report(request_id, Err(failure), took, began, Some(store.data_mut()))
    }

    /// An invocation that never came to the sandbox.
    fn refused(&self, request_id: String, failure: Failure, began: Instant) -> Invoked {
        self.report(request_id, Err(failure), Took::default(), began, None)
    }

    fn report(
        &self,
        request_id: String,
        result: Result<String, Failure>,
        took: Took,
        began: Instant,
        host: Option<&mut Host>,
    ) -> Invoked {
        let memory_max = (self.settings.memory_mb as usize) << 20;
        let memory_used = host.as_ref().map_or(0, |host| host.memory.used_bytes());
        let storage = host.as_ref().map(|host| host.files.peak()).unwrap_or_default();
        let (log, log_dropped_bytes) = host.map_or_else(Default::default, |host| {
            host.log.lock().expect("nothing panics while it holds this lock").take()
        });
        let guard = result.as_ref().err().map(|failure| failure.kind);
        let report = Report {
            request_id,
            duration: match &result {
                Err(failure) if failure.is_timeout() => self.timeout(),
                _ => took.duration,
            },
            init_duration: took.init_duration,
            wall: began.elapsed(),
            memory_size_mb: self.settings.memory_mb,
            memory_peak_bytes: match guard {
                Some(FailureKind::Guard(Guard::Memory)) => memory_max,
                _ => memory_used,
            },
            storage_peak_bytes: storage.bytes,
            storage_peak_files: storage.files,
            fuel_used: took.fuel_used,
            fuel_budget: self.cpu.budget,
            status: status_of(&result),
            log,
            log_dropped_bytes,
        };
        Invoked { result, report }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.timeout_seconds))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.sandbox.inner().forget(self.id);
    }
}

/// Called while the guest computes: notes how much CPU time it has had and lets others run. [`Metered`]
/// ends it there when that and its waiting are too much.
#[expect(clippy::needless_pass_by_value, reason = "wasmtime calls it so")]
fn on_tick(store: wasmtime::StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
    let fuel = store.get_fuel()?;
    let host = store.data();
    host.clocks.tick(host.current.cpu.time_of_rest(fuel));
    Ok(UpdateDeadline::Yield(1))
}

fn check_answer(answer: String) -> Result<String, Failure> {
    if answer.len() > RESPONSE_BYTES_MAX {
        return Err(Failure::response_too_large());
    }
    match serde_json::from_str::<&RawValue>(&answer) {
        Ok(_) => Ok(answer),
        Err(error) => Err(Failure::not_json(&error.to_string())),
    }
}

/// What an error of wasmtime means to the function.
fn failure_of(
    error: &wasmtime::Error,
    store: &Store<Host>,
    request_id: &str,
    timeout_seconds: u32,
) -> Failure {
    if store.data().memory.refused {
        return Failure::out_of_memory(request_id);
    }
    if let Some(I32Exit(status)) = error.downcast_ref() {
        return Failure::exit(request_id, *status);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::timed_out(Guard::Fuel, request_id, timeout_seconds),
        Some(Trap::StackOverflow) => Failure::stack_exhausted(request_id),
        _ => Failure::crash(request_id, &cause_of(error)),
    }
}

/// The last cause says what happened; those above it say where, in wasmtime's words.
fn cause_of(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => chain(error),
    }
}

fn status_of(result: &Result<String, Failure>) -> Status {
    let Err(failure) = result else { return Status::Success };
    let error = |guard| Status::Error { error_type: failure.error_type.clone(), guard };
    match failure.kind {
        FailureKind::Task => Status::Failed,
        FailureKind::Guard(guard @ (Guard::Fuel | Guard::Time)) => Status::Timeout(guard),
        FailureKind::Guard(guard) => error(Some(guard)),
        FailureKind::Crash | FailureKind::Init | FailureKind::Answer | FailureKind::Request => {
            error(None)
        }
    }
}
