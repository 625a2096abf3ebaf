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
use crate::engine::{Idle, Sandbox};
use crate::failure::{Failure, FailureKind};
use crate::grants::Grants;
use crate::host::bindings::Task;
use crate::host::{Current, Host};
use crate::limits::{
    FUEL_PER_VCPU_SECOND, INIT_TIMEOUT, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, VCPU_MEMORY_MB,
    cpu_time, fuel_budget,
};
use crate::meter::{Metered, TimedOut};
use crate::report::{Guard, Report, Status};

/// What makes a component a function.
#[derive(Clone)]
pub struct FunctionSettings {
    /// Its name in the workflow.
    pub name: String,
    /// Memory in MB, 128 to 10,240.
    pub memory_mb: u32,
    /// Timeout in seconds, 1 to 900.
    pub timeout_seconds: u32,
    /// Fuel of one invocation, instead of what memory and timeout give.
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
    fuel_budget: u64,
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

/// How the init phase ended.
struct Init {
    instance: Instance,
    duration: Duration,
}

impl Function {
    /// Makes a function of a component.
    pub fn new(sandbox: &Sandbox, component: Component, settings: FunctionSettings) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let budget = fuel_budget(settings.memory_mb, settings.timeout_seconds);
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            sandbox: sandbox.clone(),
            component,
            name: settings.name.as_str().into(),
            grants: Arc::new(settings.grants.clone()),
            fuel_budget: settings.fuel.unwrap_or(budget),
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
        let (mut instance, slot, init) = match idle {
            Some(Idle { instance, slot, .. }) => (instance, slot, None),
            None => {
                let slot = function.sandbox.inner().slot().await;
                match function.init(&invocation.request_id).await {
                    Ok(init) => (init.instance, slot, Some(init.duration)),
                    Err(failure) => return function.refused(invocation.request_id, failure, began),
                }
            }
        };
        let invoked = function.handle(&mut instance, invocation, init, began).await;
        // What a failure leaves behind is not trusted, as Lambda does not.
        let sound = matches!(invoked.report.status, Status::Success | Status::Failed);
        if sound && function.settings.environment == Environment::Warm {
            function.sandbox.inner().keep(Idle { function: function.id, instance, slot });
        }
        invoked
    }
}

impl Inner {
    /// Makes an instance: unthrottled CPU for up to ten seconds, as Lambda's init phase has.
    async fn init(&self, request_id: &str) -> Result<Init, Failure> {
        let settings = &self.settings;
        let host = Host::new(
            settings.memory_mb,
            &settings.variables,
            Arc::clone(&self.grants),
            Arc::clone(&settings.objects),
        );
        let mut store = Store::new(&self.sandbox.inner().engine, host);
        store.limiter(|host| &mut host.memory);
        let fuel = FUEL_PER_VCPU_SECOND * INIT_TIMEOUT.as_secs();
        store.set_fuel(fuel).expect("the engine was configured to consume fuel");
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(on_tick);
        let clocks = Arc::clone(&store.data().clocks);
        store.data_mut().current = Current {
            memory_mb: VCPU_MEMORY_MB,
            fuel_budget: fuel,
            timeout_ms: u64::try_from(INIT_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
            ..Current::default()
        };
        let made = {
            let call = pin!(self.component.pre().instantiate_async(&mut store));
            Metered::new(call, &clocks, INIT_TIMEOUT).await
        };
        let left = store.get_fuel().unwrap_or(0);
        let duration = cpu_time(fuel - left, VCPU_MEMORY_MB) + clocks.waited();
        let init_seconds = u32::try_from(INIT_TIMEOUT.as_secs()).unwrap_or(u32::MAX);
        match made {
            Ok(Ok(task)) => Ok(Init { instance: Instance { store, task }, duration }),
            Ok(Err(error)) => {
                let failure = failure_of(&error, &store, request_id, init_seconds);
                Err(match failure.kind {
                    FailureKind::Crash => Failure::init(request_id, &cause_of(&error)),
                    _ => failure,
                })
            }
            Err(TimedOut) => Err(Failure::timed_out(Guard::Time, request_id, init_seconds)),
        }
    }

    async fn handle(
        &self,
        instance: &mut Instance,
        invocation: Invocation,
        init_duration: Option<Duration>,
        began: Instant,
    ) -> Invoked {
        let Instance { store, task } = instance;
        let timeout = Duration::from_secs(u64::from(self.settings.timeout_seconds));
        let request_id = invocation.request_id;
        let clocks = Arc::clone(&store.data().clocks);
        clocks.reset();
        store.set_fuel(self.fuel_budget).expect("the engine was configured to consume fuel");
        store.set_epoch_deadline(1);
        store.data_mut().current = Current {
            request_id: request_id.clone(),
            function_name: Arc::clone(&self.name),
            function_arn: invocation.function_arn,
            memory_mb: self.settings.memory_mb,
            timeout_ms: u64::from(self.settings.timeout_seconds) * 1000,
            fuel_budget: self.fuel_budget,
            deadline: Some(SystemTime::now() + timeout),
        };
        let answered = {
            let handler = task.stepwell_task_handler();
            let call = pin!(handler.call_handle(&mut *store, &invocation.payload));
            Metered::new(call, &clocks, timeout).await
        };
        let fuel_used = self.fuel_budget - store.get_fuel().unwrap_or(0).min(self.fuel_budget);
        let duration = cpu_time(fuel_used, self.settings.memory_mb) + clocks.waited();
        let seconds = self.settings.timeout_seconds;
        let result = match answered {
            // With a budget of its own, CPU time is not what limits a function.
            Ok(Ok(_)) if duration > timeout && self.settings.fuel.is_none() => {
                Err(Failure::timed_out(Guard::Time, &request_id, seconds))
            }
            Ok(Ok(Ok(answer))) => check_answer(answer),
            Ok(Ok(Err(failure))) => Err(Failure::task(&failure.error, &failure.cause)),
            Ok(Err(error)) => Err(failure_of(&error, store, &request_id, seconds)),
            Err(TimedOut) => Err(Failure::timed_out(Guard::Time, &request_id, seconds)),
        };
        let duration = match &result {
            Err(Failure { kind: FailureKind::Guard(Guard::Fuel | Guard::Time), .. }) => timeout,
            _ => duration,
        };
        let host = store.data_mut();
        let (log, log_dropped_bytes) =
            host.log.lock().expect("nothing panics while it holds this lock").take();
        let report = Report {
            request_id,
            duration,
            init_duration,
            wall: began.elapsed(),
            memory_size_mb: self.settings.memory_mb,
            memory_peak_bytes: match &result {
                Err(Failure { kind: FailureKind::Guard(Guard::Memory), .. }) => {
                    (self.settings.memory_mb as usize) << 20
                }
                _ => host.memory.used_bytes(),
            },
            fuel_used,
            fuel_budget: self.fuel_budget,
            status: status_of(&result),
            log,
            log_dropped_bytes,
        };
        Invoked { result, report }
    }

    /// An invocation that never reached its handler.
    fn refused(&self, request_id: String, failure: Failure, began: Instant) -> Invoked {
        let result = Err(failure);
        let report = Report {
            request_id,
            duration: Duration::ZERO,
            init_duration: None,
            wall: began.elapsed(),
            memory_size_mb: self.settings.memory_mb,
            memory_peak_bytes: 0,
            fuel_used: 0,
            fuel_budget: self.fuel_budget,
            status: status_of(&result),
            log: Vec::new(),
            log_dropped_bytes: 0,
        };
        Invoked { result, report }
    }
}

/// Called while the guest computes: notes how much CPU time it has had, ends it when that and its
/// waiting are too much, and lets others run.
fn on_tick(store: wasmtime::StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
    let fuel = store.get_fuel()?;
    let host = store.data();
    let burnt = host.current.fuel_budget.saturating_sub(fuel);
    host.clocks.tick(cpu_time(burnt, host.current.memory_mb));
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
