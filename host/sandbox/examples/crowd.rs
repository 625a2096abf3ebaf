//! What a thousand invocations take at one time, and what is left to a short task beside endless ones.
//!
//! `cargo run --release -p stepwell-sandbox --example crowd` (after `cargo xtask guests`) prints:
//!
//! - the memory of the process for each idle warm environment and for each one that runs;
//! - how long a task of about a millisecond takes by itself, and beside an endless loop for each of the
//!   runtime's two threads: median, 99th percentile, longest.

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "it tells figures")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_lambda::FunctionLimits;
use stepwell_objects::FolderBuckets;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Invocation, Sandbox,
    SandboxSettings,
};

const CROWD: usize = 1_000;
const SAMPLES: usize = 1_000;
/// About a millisecond.
const SHORT: &str = r#"{"integer":900000}"#;
const ENDLESS: &str = r#"{"integer":9000000000000}"#;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let sandbox = Sandbox::new(SandboxSettings::default()).expect("it can be set up");
    let before = resident_bytes();
    let idle = function(&sandbox, "hostile", Environment::Warm);
    all(&idle, CROWD, r#"{"do":"sleep","ms":1500}"#).await;
    let after = resident_bytes();
    tell_memory("idle warm environment", after.saturating_sub(before));
    drop(idle);

    let fresh = function(&sandbox, "hostile", Environment::Fresh);
    let before = resident_bytes();
    let running = tokio::spawn({
        let fresh = fresh.clone();
        async move { all(&fresh, CROWD, r#"{"do":"sleep","ms":3000}"#).await }
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    tell_memory("running invocation", resident_bytes().saturating_sub(before));
    running.await.expect("nothing panics");

    let kernel = function(&sandbox, "kernel", Environment::Warm);
    tell_times("by itself", &times(&kernel).await);
    let spinning: Vec<_> = (0..2).map(|_| tokio::spawn(call(kernel.clone(), ENDLESS))).collect();
    tell_times("beside two endless loops", &times(&kernel).await);
    for task in spinning {
        task.abort();
    }
}

fn function(sandbox: &Sandbox, guest: &str, environment: Environment) -> Function {
    let path = format!(
        "{}/../../guest-tasks/target/wasm32-wasip2/release/{guest}.wasm",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(path).expect("the guests are built: run `cargo xtask guests`");
    let component = Component::load(sandbox, &bytes).expect("it is a task");
    let folder = std::env::temp_dir().join("stepwell-bench-objects");
    let settings = FunctionSettings {
        name: guest.to_owned(),
        limits: FunctionLimits { memory_mb: 1_769, timeout_seconds: 900, ..Default::default() },
        enforcement: Enforcement::Enforce,
        reserved_concurrency: None,
        variables: BTreeMap::new(),
        environment,
        grants: Grants::default(),
        objects: Arc::new(FolderBuckets::open(folder).expect("a folder can be opened")),
        seed: None,
        clock: None,
    };
    Function::new(sandbox, component, settings)
}

async fn call(function: Function, event: &'static str) {
    let invocation = Invocation {
        request_id: "11111111-2222-4333-8444-555555555555".to_owned(),
        function_arn: "arn".into(),
        payload: event.to_owned(),
    };
    let invoked = function.invoke(invocation).await;
    invoked.result.expect("it answers");
}

async fn all(function: &Function, count: usize, event: &'static str) {
    let calls: Vec<_> = (0..count).map(|_| tokio::spawn(call(function.clone(), event))).collect();
    for call in calls {
        call.await.expect("nothing panics");
    }
}

async fn times(function: &Function) -> Vec<Duration> {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let began = Instant::now();
        tokio::spawn(call(function.clone(), SHORT)).await.expect("nothing panics");
        times.push(began.elapsed());
    }
    times.sort();
    times
}

fn tell_memory(what: &str, bytes: u64) {
    println!("{what}: {:.0} KiB each, of {CROWD}", bytes as f64 / 1024.0 / CROWD as f64);
}

fn tell_times(what: &str, times: &[Duration]) {
    let ms = |index: usize| times[index].as_secs_f64() * 1e3;
    let (median, p99, longest) = (ms(SAMPLES / 2), ms(SAMPLES * 99 / 100), ms(SAMPLES - 1));
    println!(
        "a short task {what}: median {median:.2} ms, p99 {p99:.2} ms, longest {longest:.2} ms"
    );
}

/// What the process has of the machine's memory.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
