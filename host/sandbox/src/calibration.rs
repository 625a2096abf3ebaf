//! Calibration: how much fuel this machine burns in a second, by a kernel that never changes
//! (`facts/limits.md` 7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stepwell_lambda::{FunctionLimits, TIMEOUT_SECONDS, VCPU_MEMORY_MB};
use stepwell_objects::FolderBuckets;

use crate::component::Component;
use crate::engine::Sandbox;
use crate::function::{Enforcement, Environment, Function, FunctionSettings, Invocation};
use crate::grants::Grants;

/// The kernel, as text.
const KERNEL: &str = include_str!("calibration.wat");

/// Rounds that are not counted: the first ones fetch code and memory.
const WARM_UP: u32 = 2;

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Fuel of one run of the kernel: the same on every machine.
    pub fuel: u64,
    /// The time of a run in the middle of all.
    pub median: Duration,
    /// The shortest.
    pub fastest: Duration,
    /// The longest.
    pub slowest: Duration,
    /// What ran it.
    pub engine: &'static str,
}

impl Calibration {
    /// Fuel that one core of this machine burns in a second, by the median.
    pub fn fuel_per_second(&self) -> u64 {
        let nanos = self.median.as_nanos().max(1);
        let rate = u128::from(self.fuel) * 1_000_000_000 / nanos;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

impl Sandbox {
    /// Measures this machine on the current thread, one run after the other; takes about 20 ms a run.
    /// `runs` is at least one.
    pub async fn calibrate(&self, runs: u32) -> Calibration {
        let function = kernel(self);
        let mut fuel = 0;
        let mut times = Vec::new();
        for run in 0..runs.max(1) + WARM_UP {
            let began = Instant::now();
            let invoked = function.invoke(invocation()).await;
            let took = began.elapsed();
            assert!(invoked.result.is_ok(), "the kernel does not fail: {:?}", invoked.result);
            fuel = invoked.report.usage.fuel;
            if run >= WARM_UP {
                times.push(took);
            }
        }
        times.sort();
        Calibration {
            fuel,
            median: times[times.len() / 2],
            fastest: times[0],
            slowest: times[times.len() - 1],
            engine: concat!("stepwell ", env!("CARGO_PKG_VERSION"), " with wasmtime 48"),
        }
    }
}

fn kernel(sandbox: &Sandbox) -> Function {
    let bytes = wat::parse_str(KERNEL).expect("the kernel is sound text");
    let component = Component::load(sandbox, &bytes).expect("the kernel is a task");
    let objects = FolderBuckets::open(std::env::temp_dir()).expect("there is a folder");
    let settings = FunctionSettings {
        name: "kernel".to_owned(),
        limits: FunctionLimits {
            memory_mb: VCPU_MEMORY_MB,
            timeout_seconds: *TIMEOUT_SECONDS.end(),
            ..FunctionLimits::default()
        },
        enforcement: Enforcement::Enforce,
        reserved_concurrency: None,
        variables: BTreeMap::new(),
        environment: Environment::Warm,
        grants: Grants::default(),
        objects: Arc::new(objects),
        seed: None,
        clock: None,
    };
    Function::new(sandbox, component, settings)
}

fn invocation() -> Invocation {
    Invocation {
        request_id: "calibration".to_owned(),
        function_arn: "arn:aws:lambda:us-east-1:123456789012:function:kernel".into(),
        payload: "null".to_owned(),
    }
}
