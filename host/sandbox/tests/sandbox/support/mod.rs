//! What the tests share: functions with few words, guests, and what to expect.

mod cases;
mod guest;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;

use serde_json::Value;
use stepwell_lambda::FunctionLimits;
use stepwell_objects::{Buckets, FolderBuckets};
use stepwell_sandbox::{
    Component, Enforcement, Environment, Failure, Function, FunctionSettings, Grants, Invocation,
    Invoked, Sandbox, SandboxSettings,
};

pub(crate) use cases::{Case, End, Honest, Ready, cases};
pub(crate) use guest::{Guest, NULL, WAITING};
pub(crate) use server::Server;

pub(crate) const REQUEST_ID: &str = "5f1c2b3a-0000-4000-8000-00000000c0de";

/// One sandbox for all tests that do not care.
pub(crate) static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    Sandbox::new(SandboxSettings::default()).expect("the machine can run a sandbox")
});

static HOSTILE: LazyLock<Component> = LazyLock::new(|| hostile(&SANDBOX));

/// A sandbox that takes the place of [`SANDBOX`] for a while, with `guest-tasks/hostile`.
static INSTEAD: Mutex<Option<(Sandbox, Component)>> = Mutex::new(None);

/// Makes all guests that are loaded from now on those of another sandbox, or of [`SANDBOX`] again.
pub(crate) fn use_sandbox(sandbox: Option<Sandbox>) {
    let instead = sandbox.map(|sandbox| {
        let component = hostile(&sandbox);
        (sandbox, component)
    });
    *INSTEAD.lock().unwrap() = instead;
}

/// The sandbox of guests, and `guest-tasks/hostile` in it.
fn sandbox_in_use() -> (Sandbox, Component) {
    let instead = INSTEAD.lock().unwrap().clone();
    instead.unwrap_or_else(|| (SANDBOX.clone(), HOSTILE.clone()))
}

/// The folder of buckets of functions that have no grants.
static NO_OBJECTS: LazyLock<Arc<dyn Buckets>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap().keep();
    Arc::new(FolderBuckets::open(folder).unwrap())
});

/// A function in the making: 128 MB, 3 seconds, no grants, unless said otherwise.
pub(crate) struct Setup {
    sandbox: Sandbox,
    component: Component,
    settings: FunctionSettings,
}

impl Setup {
    /// Of a component.
    pub(crate) fn of(sandbox: &Sandbox, component: Component) -> Self {
        let settings = FunctionSettings {
            name: "tested".to_owned(),
            limits: FunctionLimits::default(),
            enforcement: Enforcement::Enforce,
            reserved_concurrency: None,
            variables: BTreeMap::new(),
            environment: Environment::Fresh,
            grants: Grants::default(),
            objects: Arc::clone(&NO_OBJECTS),
            seed: None,
            clock: None,
        };
        Self { sandbox: sandbox.clone(), component, settings }
    }

    /// Of `guest-tasks/hostile`.
    pub(crate) fn hostile() -> Self {
        let (sandbox, component) = sandbox_in_use();
        Self::of(&sandbox, component)
    }

    /// Of a guest written by hand.
    pub(crate) fn guest(guest: &Guest) -> Self {
        let sandbox = match &*INSTEAD.lock().unwrap() {
            Some((sandbox, _)) => sandbox.clone(),
            None => SANDBOX.clone(),
        };
        let component = Component::load(&sandbox, &guest.component());
        Self::of(&sandbox, component.unwrap_or_else(|error| panic!("{error}")))
    }

    pub(crate) fn memory(mut self, mb: u32) -> Self {
        self.settings.limits.memory_mb = mb;
        self
    }

    pub(crate) fn timeout(mut self, seconds: u32) -> Self {
        self.settings.limits.timeout_seconds = seconds;
        self
    }

    pub(crate) fn fuel(mut self, fuel: u64) -> Self {
        self.settings.limits.fuel = Some(fuel);
        self
    }

    pub(crate) fn enforcement(mut self, enforcement: Enforcement) -> Self {
        self.settings.enforcement = enforcement;
        self
    }

    pub(crate) fn reserved(mut self, invocations: u32) -> Self {
        self.settings.reserved_concurrency = Some(invocations);
        self
    }

    pub(crate) fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    pub(crate) fn clock(mut self, begins: SystemTime) -> Self {
        self.settings.clock = Some(begins);
        self
    }

    pub(crate) fn warm(mut self) -> Self {
        self.settings.environment = Environment::Warm;
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.settings.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn grants(mut self, grants: Grants) -> Self {
        self.settings.grants = grants;
        self
    }

    pub(crate) fn objects(mut self, objects: Arc<dyn Buckets>) -> Self {
        self.settings.objects = objects;
        self
    }

    pub(crate) fn function(self) -> Function {
        Function::new(&self.sandbox, self.component, self.settings)
    }

    pub(crate) async fn invoke(self, payload: impl ToString) -> Invoked {
        invoke(&self.function(), payload).await
    }
}

/// Loads `guest-tasks/hostile` into a sandbox.
pub(crate) fn hostile(sandbox: &Sandbox) -> Component {
    Component::load(sandbox, &built_guest("hostile")).unwrap_or_else(|error| panic!("{error}"))
}

/// A component that `cargo xtask guests` built.
pub(crate) fn built_guest(name: &str) -> Vec<u8> {
    let folder = "../../guest-tasks/target/wasm32-wasip2/release";
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), folder, &format!("{name}.wasm")].iter().collect();
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; build the guests first: `cargo xtask guests`", path.display())
    })
}

pub(crate) async fn invoke(function: &Function, payload: impl ToString) -> Invoked {
    function
        .invoke(Invocation {
            request_id: REQUEST_ID.to_owned(),
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:tested".into(),
            payload: payload.to_string(),
        })
        .await
}

/// The JSON that a guest answered.
#[track_caller]
pub(crate) fn answer(invoked: &Invoked) -> Value {
    match &invoked.result {
        Ok(answer) => serde_json::from_str(answer).expect("the sandbox lets only JSON through"),
        Err(failure) => panic!("{failure:?}\n{:?}", invoked.report.log),
    }
}

/// How it failed.
#[track_caller]
pub(crate) fn failure(invoked: &Invoked) -> &Failure {
    invoked.result.as_ref().expect_err("the invocation fails")
}

/// Checks the error's type and its message after Lambda's `RequestId: ... Error: `.
#[track_caller]
pub(crate) fn assert_failed(invoked: &Invoked, error_type: &str, message: &str) {
    let failure = failure(invoked);
    let full = format!("RequestId: {REQUEST_ID} Error: {message}");
    assert_eq!((failure.error_type.as_str(), &failure.message), (error_type, &full));
}

/// The log's lines as a person sees them.
pub(crate) fn log(invoked: &Invoked) -> Vec<String> {
    invoked.report.log.iter().map(ToString::to_string).collect()
}
