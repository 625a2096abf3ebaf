//! Functions: a component under a name, with limits and grants; and their invocations.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::value::RawValue;
use stepwell_lambda::{
    self as lambda, Breach, Cpu, FunctionLimits, HANDLES_MAX, InitUsage, Limit, Usage,
};
use stepwell_objects::Buckets;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use crate::component::{Component, chain};
use crate::concurrency::Share;
use crate::engine::{Placed, Sandbox};
use crate::failure::{Failure, FailureKind};
use crate::fuel;
use crate::grants::Grants;
use crate::host::bindings::Task;
use crate::host::{Current, Host};
use crate::limits::{GUEST_HANDLES_MAX, InForce, Refused};
use crate::meter::{Bounds, Metered, TimedOut};
use crate::report::{FailedInit, Guard, InitPhase, Report, Status};

/// What makes a component a function.
#[derive(Clone)]
pub struct FunctionSettings {
    /// Its name in the workflow.
    pub name: String,
    /// Memory, timeout and what else Lambda limits. More fuel than memory and timeout give makes the CPU
    /// faster, so that burning all of it still takes the timeout; less ends the invocation sooner.
    pub limits: FunctionLimits,
    /// What becomes of an invocation that breaks a limit.
    pub enforcement: Enforcement,
    /// How many invocations may be under way at one time; `None`: what the account has for all.
    pub reserved_concurrency: Option<u32>,
    /// Variables that the task sees.
    pub variables: BTreeMap<String, String>,
    /// Whether instances are kept.
    pub environment: Environment,
    /// What it may do.
    pub grants: Grants,
    /// Where its objects are.
    pub objects: Arc<dyn Buckets>,
    /// What its random numbers follow from, together with the id of the invocation that an instance was
    /// made for; `None`: chance.
    pub seed: Option<u64>,
    /// The time that it sees when an instance is made; from then on it goes on with what the task computes
    /// and sleeps, not with the clock on the wall. `None`: the time that it is.
    pub clock: Option<SystemTime>,
}

/// What becomes of an invocation that breaks one of its function's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcement {
    /// It fails as on Lambda.
    #[default]
    Enforce,
    /// It goes on under the largest limits that Lambda has, and the report tells what it broke.
    Warn,
    /// It goes on like that, and nothing is told.
    Off,
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
    /// The CPU that durations are told by.
    cpu: Cpu,
    in_force: InForce,
    share: Share,
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

impl Invoked {
    /// What Lambda would have written to the function's log, line by line (`facts/limits.md` 5).
    /// `ended_at` is the time of the end, such as `2026-11-23T20:15:00.000Z`. A line may have line ends of
    /// the task's own.
    pub fn log_lines(&self, ended_at: &str) -> Vec<String> {
        let Self { result, report } = self;
        if report.status == Status::Throttled {
            return Vec::new();
        }
        let id = &report.request_id;
        let mut lines = report.lines_before();
        lines.extend(report.log.iter().map(ToString::to_string));
        if let Err(failure) = result {
            match failure.kind {
                FailureKind::Guard(Guard::Fuel | Guard::Time | Guard::Wall) => {
                    let seconds = report.limits.timeout_seconds;
                    let text = format!("{ended_at} {id} Task timed out after {seconds}.00 seconds");
                    lines.extend([text, String::new()]);
                }
                FailureKind::Guard(_) | FailureKind::Crash | FailureKind::Init => {
                    lines.extend([failure.message.clone(), failure.error_type.clone()]);
                }
                _ => {}
            }
        }
        lines.push(format!("END RequestId: {id}"));
        lines.push(report.to_string());
        lines
    }
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

/// An instance that could not be made.
struct Unmade {
    failure: Failure,
    usage: InitUsage,
    store: Store<Host>,
    /// Given back after the store, whose room in the pool it stands for.
    slot: Option<OwnedSemaphorePermit>,
}

/// A call of a function that is under way.
struct Call {
    request_id: String,
    function_arn: Arc<str>,
    request_bytes: usize,
    /// What the task answered, however that was taken.
    response_bytes: usize,
    began: Instant,
    began_at: SystemTime,
    init: Init,
    /// A limit that was broken before the call reached the task.
    breach: Option<Breach>,
}

/// How the call came to its instance.
#[derive(Default)]
struct Init {
    /// Attempts that failed.
    failed: Vec<FailedInit>,
    /// The attempt before the invocation.
    usage: Option<InitUsage>,
    /// The instance was made within the invocation, whose fuel and time went on since then.
    within: bool,
}

impl Function {
    /// Makes a function of a component.
    pub fn new(sandbox: &Sandbox, component: Component, settings: FunctionSettings) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let FunctionLimits { memory_mb, timeout_seconds, fuel, .. } = settings.limits;
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            sandbox: sandbox.clone(),
            component,
            name: settings.name.as_str().into(),
            grants: Arc::new(settings.grants.clone()),
            cpu: Cpu::of(memory_mb, timeout_seconds, fuel),
            in_force: InForce::of(&settings.limits, settings.enforcement),
            share: Share::new(&sandbox.inner().account, settings.reserved_concurrency),
            settings,
        }))
    }

    /// Its component.
    pub fn component(&self) -> &Component {
        &self.0.component
    }

    /// What it is.
    pub fn settings(&self) -> &FunctionSettings {
        &self.0.settings
    }

    /// The same component as another function.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut FunctionSettings)) -> Self {
        let mut settings = self.0.settings.clone();
        change(&mut settings);
        Self::new(&self.0.sandbox, self.0.component.clone(), settings)
    }

    /// Invokes the function. Dropping the future stops the guest at once.
    ///
    /// A guest that computes gives way to others every millisecond or so, so invocations share a thread
    /// fairly; put each on a task of its own to use all cores.
    pub async fn invoke(&self, invocation: Invocation) -> Invoked {
        let function = &*self.0;
        let Invocation { request_id, function_arn, payload } = invocation;
        let mut call = Call {
            request_id,
            function_arn,
            request_bytes: payload.len(),
            response_bytes: 0,
            began: Instant::now(),
            began_at: SystemTime::now(),
            init: Init::default(),
            breach: None,
        };
        if payload.len() > function.in_force.request_bytes_max {
            return function.refused(call, Failure::request_too_large());
        }
        let _admission = match function.share.admit(&function.sandbox.inner().account) {
            Ok(admission) => admission,
            Err(crowded) => {
                let (used, allowed) = (crowded.wanted.into(), crowded.allowed.into());
                call.breach = Some(Breach { limit: Limit::Concurrency, used, allowed });
                if function.settings.enforcement == Enforcement::Enforce {
                    let reserved = function.share.is_reserved();
                    let failure = Failure::throttled(&call.request_id, reserved);
                    return function.refused(call, failure);
                }
                crowded.anyway()
            }
        };
        let idle = match function.settings.environment {
            Environment::Warm => function.sandbox.inner().take_idle(function.id),
            Environment::Fresh => None,
        };
        let mut placed = match idle {
            Some(placed) => placed,
            None => match function.place(&mut call).await {
                Ok(placed) => placed,
                Err(unmade) => return function.not_made(call, *unmade),
            },
        };
        let invoked = function.handle(&mut placed.instance, call, &payload).await;
        // What a failure leaves behind is not trusted, as Lambda does not.
        let sound = matches!(invoked.report.status, Status::Success | Status::Failed { .. });
        if sound && function.settings.environment == Environment::Warm {
            placed.instance.store.data_mut().rest();
            function.sandbox.inner().keep(function.id, placed);
        }
        invoked
    }
}

impl Inner {
    /// Makes an instance: at first with an unthrottled CPU for ten seconds, and when that fails once more
    /// within the invocation, as Lambda does (`facts/limits.md` 3, 5).
    async fn place(&self, call: &mut Call) -> Result<Placed, Box<Unmade>> {
        let slot = self.sandbox.inner().slot().await;
        let InForce { init_cpu, init_timeout, cpu, timeout, .. } = self.in_force;
        let bounds = Bounds { cpu: init_cpu, timeout: init_timeout };
        match self.init(bounds, &call.request_id).await {
            Ok((mut instance, usage)) => {
                call.init.usage = Some(usage);
                instance.store.data_mut().rest();
                return Ok(Placed { instance, slot });
            }
            Err(unmade) => call.init.note(InitPhase::Init, &unmade, &bounds),
        }
        call.init.within = true;
        let bounds = Bounds { cpu, timeout };
        match self.init(bounds, &call.request_id).await {
            Ok((instance, _)) => Ok(Placed { instance, slot }),
            Err(mut unmade) => {
                unmade.slot = Some(slot);
                if !unmade.failure.is_timeout() {
                    call.init.note(InitPhase::Invoke, &unmade, &bounds);
                }
                Err(Box::new(unmade))
            }
        }
    }

    async fn init(
        &self,
        bounds: Bounds,
        request_id: &str,
    ) -> Result<(Instance, InitUsage), Unmade> {
        let mut store = self.store(request_id);
        fuel::fill(&mut store, &bounds.cpu);
        let meter = Arc::clone(&store.data().meter);
        store.data_mut().begin(Current {
            budget: bounds.cpu.budget,
            timeout_ms: u64::try_from(bounds.timeout.as_millis()).unwrap_or(u64::MAX),
            cpu: bounds.cpu,
            ..Current::default()
        });
        let made = {
            let call = pin!(self.component.pre().instantiate_async(&mut store));
            Metered::new(call, &meter, bounds).await
        };
        let left = store.get_fuel().unwrap_or(0);
        meter.note_fuel(left);
        let usage =
            InitUsage { fuel: bounds.cpu.budget.saturating_sub(left), waited: meter.waited() };
        let seconds = self.settings.limits.timeout_seconds;
        let failure = match made {
            Ok(Ok(_)) if bounds.cpu.time(usage.fuel) + usage.waited > bounds.timeout => {
                Failure::timed_out(Guard::Time, request_id, seconds)
            }
            Ok(Ok(task)) => return Ok((Instance { store, task }, usage)),
            Ok(Err(error)) => {
                let failure = self.failure_of(&error, &store, request_id);
                let crashed = error.is::<Trap>() || error.is::<I32Exit>();
                match failure.kind {
                    FailureKind::Crash if !crashed => Failure::init(request_id, &cause_of(&error)),
                    _ => failure,
                }
            }
            Err(TimedOut(guard)) => Failure::timed_out(guard, request_id, seconds),
        };
        Err(Unmade { failure, usage, store, slot: None })
    }

    /// A store for one instance, with its bounds.
    fn store(&self, request_id: &str) -> Store<Host> {
        let host = Host::new(&self.settings, &self.in_force, &self.grants, request_id);
        let mut store = Store::new(&self.sandbox.inner().engine, host);
        store.limiter(|host| &mut host.memory);
        store.call_hook(fuel::on_call);
        // A guest cannot hand over more than it has; what it hands over twice in one call can be more.
        store.set_hostcall_fuel((self.in_force.memory_mb as usize) << 20);
        store.set_max_component_handles(GUEST_HANDLES_MAX);
        store
    }

    async fn handle(&self, instance: &mut Instance, mut call: Call, payload: &str) -> Invoked {
        let Instance { store, task } = instance;
        let InForce { cpu, timeout, .. } = self.in_force;
        let meter = Arc::clone(&store.data().meter);
        if !call.init.within {
            fuel::fill(store, &cpu);
        }
        let host = store.data_mut();
        host.begin(Current {
            request_id: call.request_id.clone(),
            function_name: Arc::clone(&self.name),
            function_arn: Arc::clone(&call.function_arn),
            memory_mb: self.settings.limits.memory_mb,
            timeout_ms: u64::from(self.settings.limits.timeout_seconds) * 1000,
            budget: cpu.budget,
            cpu: self.cpu,
            deadline: None,
            reported_error: None,
        });
        host.current.deadline = Some(host.now() + self.timeout());
        let answered = {
            let handler = task.stepwell_task_handler();
            let call = pin!(handler.call_handle(&mut *store, payload));
            Metered::new(call, &meter, Bounds { cpu, timeout }).await
        };
        store.data_mut().end_requests();
        let fuel = cpu.budget.saturating_sub(store.get_fuel().unwrap_or(0));
        let seconds = self.settings.limits.timeout_seconds;
        let request_id = &call.request_id;
        let result = match answered {
            Ok(Ok(_)) if cpu.time(fuel) + meter.waited() > timeout => {
                Err(Failure::timed_out(Guard::Time, request_id, seconds))
            }
            Ok(Ok(Ok(answer))) => {
                call.response_bytes = answer.len();
                check_answer(answer, self.in_force.response_bytes_max)
            }
            Ok(Ok(Err(failure))) => {
                let reported = store.data_mut().current.reported_error.take();
                Err(Failure::task(&failure.error, &failure.cause, reported))
            }
            Ok(Err(error)) => Err(self.failure_of(&error, store, request_id)),
            Err(TimedOut(guard)) => Err(Failure::timed_out(guard, request_id, seconds)),
        };
        self.report(call, result, fuel, meter.waited(), Some(store.data_mut()))
    }

    /// An invocation whose instance could not be made: what failed last is what it tells.
    fn not_made(&self, call: Call, unmade: Unmade) -> Invoked {
        let Unmade { failure, usage, mut store, slot: _slot } = unmade;
        self.report(call, Err(failure), usage.fuel, usage.waited, Some(store.data_mut()))
    }

    /// An invocation that never came to the task.
    fn refused(&self, call: Call, failure: Failure) -> Invoked {
        self.report(call, Err(failure), 0, Duration::ZERO, None)
    }

    fn report(
        &self,
        call: Call,
        result: Result<String, Failure>,
        fuel: u64,
        waited: Duration,
        host: Option<&mut Host>,
    ) -> Invoked {
        let limits = self.settings.limits;
        let refused = host.as_ref().and_then(|host| host.memory.refused());
        let mut usage = Usage {
            fuel,
            waited,
            init: call.init.usage,
            request_bytes: call.request_bytes as u64,
            response_bytes: call.response_bytes as u64,
            ..Usage::default()
        };
        let (mut log, mut log_dropped_bytes) = (Vec::new(), 0);
        if let Some(host) = host {
            host.use_up(&mut usage);
            let mut written = host.log.lock().expect("nothing panics while it holds this lock");
            usage.log_bytes = written.bytes();
            (log, log_dropped_bytes) = written.take();
        }
        if refused.is_some() {
            // As Lambda tells it: what was refused was more than there is.
            usage.memory_peak_bytes = u64::from(self.in_force.memory_mb) << 20;
        }
        let duration = match &result {
            Err(failure) if failure.is_timeout() && !self.is_short_of_own_fuel(failure) => {
                self.timeout()
            }
            _ => lambda::duration(&usage, &limits),
        };
        let report = Report {
            function_name: Arc::clone(&self.name),
            request_id: call.request_id,
            began_at: call.began_at,
            duration,
            init_duration: lambda::init_duration(&usage),
            failed_inits: call.init.failed,
            wall: call.began.elapsed(),
            limits,
            fuel_budget: self.cpu.budget,
            status: status_of(&result),
            breaches: self.breaches(call.breach, &usage, refused, &result),
            usage,
            log,
            log_dropped_bytes,
        };
        Invoked { result, report }
    }

    /// The limits that were broken: where they are enforced, by what ended the invocation.
    fn breaches(
        &self,
        before: Option<Breach>,
        usage: &Usage,
        refused: Option<Refused>,
        result: &Result<String, Failure>,
    ) -> Vec<Breach> {
        if self.settings.enforcement == Enforcement::Off {
            return Vec::new();
        }
        let mut breaches: Vec<Breach> = before.into_iter().collect();
        breaches.extend(lambda::breaches(usage, &self.settings.limits));
        if let Some(refused) = refused {
            let allowed = u64::from(self.settings.limits.memory_mb) << 20;
            breaches.retain(|breach| breach.limit != Limit::Memory);
            breaches.push(Breach { limit: Limit::Memory, used: refused.wanted_bytes, allowed });
        }
        if let Err(Failure { kind: FailureKind::Guard(Guard::Handles), .. }) = result {
            breaches.retain(|breach| breach.limit != Limit::Handles);
            // The one that was refused.
            let used = self.in_force.handles_max as u64 + 1;
            breaches.push(Breach { limit: Limit::Handles, used, allowed: HANDLES_MAX as u64 });
        }
        if let (Err(failure), Some(allowed)) = (result, self.settings.limits.fuel)
            && self.is_short_of_own_fuel(failure)
        {
            let used = usage.fuel.max(allowed);
            breaches.retain(|breach| breach.limit != Limit::Fuel);
            breaches.push(Breach { limit: Limit::Fuel, used, allowed });
            return breaches;
        }
        let is_timeout = result.as_ref().is_err_and(Failure::is_timeout);
        if is_timeout && !breaches.iter().any(|breach| breach.limit == Limit::Timeout) {
            // It was stopped there: how long it would have taken, nobody knows.
            let timeout = u64::from(self.settings.limits.timeout_seconds) * 1000;
            breaches.push(Breach { limit: Limit::Timeout, used: timeout, allowed: timeout });
        }
        breaches
    }

    /// Whether what ended an invocation was a budget of the function's own that is smaller than what its
    /// CPU could burn until the timeout.
    fn is_short_of_own_fuel(&self, failure: &Failure) -> bool {
        let FunctionLimits { memory_mb, timeout_seconds, fuel, .. } = self.settings.limits;
        let derived = lambda::fuel_budget(memory_mb, timeout_seconds);
        failure.kind == FailureKind::Guard(Guard::Fuel) && fuel.is_some_and(|own| own < derived)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.limits.timeout_seconds))
    }

    /// What an error of wasmtime means to the function.
    fn failure_of(
        &self,
        error: &wasmtime::Error,
        store: &Store<Host>,
        request_id: &str,
    ) -> Failure {
        if let Some(refused) = store.data().memory.refused() {
            return Failure::out_of_memory(refused.guard, request_id);
        }
        if let Some(I32Exit(status)) = error.downcast_ref() {
            return Failure::exit(request_id, *status);
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Failure::out_of_handles(request_id, self.in_force.handles_max);
        }
        let seconds = self.settings.limits.timeout_seconds;
        if error.is::<fuel::Busy>() {
            return Failure::timed_out(Guard::Wall, request_id, seconds);
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => Failure::timed_out(Guard::Fuel, request_id, seconds),
            Some(Trap::StackOverflow) => Failure::stack_exhausted(request_id),
            _ => Failure::crash(request_id, &cause_of(error)),
        }
    }
}

impl Init {
    /// Keeps an attempt that failed.
    fn note(&mut self, phase: InitPhase, unmade: &Unmade, bounds: &Bounds) {
        let is_timeout = unmade.failure.is_timeout();
        let took = bounds.cpu.time(unmade.usage.fuel) + unmade.usage.waited;
        self.failed.push(FailedInit {
            phase,
            duration: if is_timeout { bounds.timeout } else { took },
            error_type: (!is_timeout).then(|| unmade.failure.error_type.clone()),
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.share.release(&self.sandbox.inner().account);
        self.sandbox.inner().forget(self.id);
    }
}

fn check_answer(answer: String, bytes_max: usize) -> Result<String, Failure> {
    if answer.len() > bytes_max {
        return Err(Failure::response_too_large());
    }
    match serde_json::from_str::<&RawValue>(&answer) {
        Ok(_) => Ok(answer),
        Err(error) => Err(Failure::not_json(&error.to_string())),
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
        FailureKind::Task => Status::Failed { error_type: failure.error_type.clone() },
        FailureKind::Guard(guard @ (Guard::Fuel | Guard::Time | Guard::Wall)) => {
            Status::Timeout(guard)
        }
        FailureKind::Throttled => Status::Throttled,
        FailureKind::Guard(guard) => error(Some(guard)),
        FailureKind::Crash | FailureKind::Init | FailureKind::Answer | FailureKind::Request => {
            error(None)
        }
    }
}
