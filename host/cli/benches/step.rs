//! What a step costs beside a bare wasmtime loop over the same component, with the same limits on.
//!
//! `cargo bench -p stepwell-cli --bench step`. Compare the medians within `fresh` and within `warm`:
//!
//! - `bare`: wasmtime with its WASI and nothing else: fuel that yields, the pooling allocator, a memory limit.
//! - `sandbox`: `Function::invoke`: grants, log, report, charges, the time's end.
//! - `step`: a state of a running execution: engine, history, driver and sandbox. One of 64 in a row.

mod support;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use stepwell_cli::{Callable, Clock, Functions, Machine, Run, Silent, drive};
use stepwell_engine::{Event, Execution, Outcome, Start};
use stepwell_query::Document;
use stepwell_sandbox::Environment;

use crate::support::{EVENT, Echo, on_worker};

const STEPS: usize = 64;

fn main() {
    divan::main();
}

fn echo() -> &'static Echo {
    static ECHO: OnceLock<Echo> = OnceLock::new();
    ECHO.get_or_init(|| {
        let path = "../../guest-tasks/target/wasm32-wasip2/release/echo.wasm";
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        let bytes = std::fs::read(path).expect("the guests are built: run `cargo xtask guests`");
        Echo::new(&bytes)
    })
}

fn step(bencher: Bencher<'_, '_>, environment: Environment) {
    let states: Vec<String> = (0..STEPS)
        .map(|index| {
            let next = if index + 1 == STEPS {
                r#""End":true"#.to_owned()
            } else {
                format!(r#""Next":"S{}""#, index + 1)
            };
            format!(r#""S{index}":{{"Type":"Task","Resource":"echo",{next}}}"#)
        })
        .collect();
    let source = format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","));
    let workflow = stepwell_asl::load(&source, "steps").expect("the machine is sound");
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let mut functions = Functions::new();
    functions.insert("echo", Callable::Function(echo().function(environment)));
    let machine = Arc::new(Machine { definition, functions });
    bencher.counter(ItemsCount::new(STEPS)).bench(|| {
        let run = Run {
            machine: Arc::clone(&machine),
            execution: Execution::new(start()),
            first: Some(Event::Started),
            clock: Clock::new(false, Clock::wall()),
            last_at: Clock::wall(),
            key: None,
            observer: Silent,
        };
        let (outcome, _) = on_worker(drive(run, std::future::pending()));
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    });
}

fn start() -> Start {
    Start {
        name: "bench".to_owned(),
        machine_name: "steps".to_owned(),
        execution_arn: "arn:execution".to_owned(),
        machine_arn: "arn:machine".to_owned(),
        role_arn: "arn:role".to_owned(),
        input: Document::parse(EVENT).expect("the event is JSON"),
        at: Clock::wall(),
        seed: 7,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// A fresh instance for each call.
#[divan::bench_group(sample_count = 200)]
mod fresh {
    use super::{Bencher, Environment, STEPS, echo};

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        echo().bare_fresh(bencher, STEPS);
    }

    #[divan::bench]
    fn sandbox(bencher: Bencher<'_, '_>) {
        echo().sandbox(bencher, Environment::Fresh, STEPS);
    }

    #[divan::bench]
    fn step(bencher: Bencher<'_, '_>) {
        super::step(bencher, Environment::Fresh);
    }
}

/// The same instance for all calls.
#[divan::bench_group(sample_count = 200)]
mod warm {
    use super::{Bencher, Environment, STEPS, echo};

    #[divan::bench]
    fn bare(bencher: Bencher<'_, '_>) {
        echo().bare_warm(bencher, STEPS);
    }

    #[divan::bench]
    fn sandbox(bencher: Bencher<'_, '_>) {
        echo().sandbox(bencher, Environment::Warm, STEPS);
    }

    #[divan::bench]
    fn step(bencher: Bencher<'_, '_>) {
        super::step(bencher, Environment::Warm);
    }
}
