//! What a run costs from the outside, and whether a long one stays as fast as a short one.
//!
//! `cargo bench -p stepwell-cli --bench run`.
//!
//! - `transitions`: the import's loop (a task that is a stub, then a Choice) so many times. Time per item
//!   must not grow with the number of items.
//! - `map_of_tasks`: a Map of tasks that compute, on one core and on two. Items per second must grow with
//!   the cores.
//! - `kept`: 256 calls of a component in a row, without a journal and with one at each durability.
//! - `process`: `stepwell` as a process: doing nothing (`version`), and running one task whose compiled
//!   code is cached (`first_task`). The difference bounds the time to the task's first instruction;
//!   `stepwell run --timings` tells what takes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use stepwell_cli::{
    Callable, Clock, Functions, Machine, Observer, Only, Run, Share, Silent, Stop, drive, drive_all,
};
use stepwell_engine::{Details, Event, Execution, HistoryEvent, Outcome, Start};
use stepwell_journal::{Created, Durability, Journal, NewExecution};
use stepwell_lambda::FunctionLimits;
use stepwell_objects::FolderBuckets;
use stepwell_query::Document;
use stepwell_sandbox::{
    Component, Enforcement, Environment, Function, FunctionSettings, Grants, Sandbox,
    SandboxSettings,
};
use tokio::sync::Notify;

fn main() {
    divan::main();
}

const LOOP: &str = r#"
functions:
  fetch: { stub: { echo: true } }
stateMachines:
  loop:
    definition:
      StartAt: Fetch
      States:
        Fetch: { Type: Task, Resource: fetch, Next: PersistOrContinue }
        PersistOrContinue:
          Type: Choice
          Choices:
            - { Variable: "$.continue", BooleanEquals: true, Next: Fetch }
            - { Variable: "$.continue", BooleanEquals: false, Next: Persist }
        Persist: { Type: Task, Resource: fetch, End: true }
"#;

/// Stops the run after so many rounds.
struct Rounds {
    left: usize,
    enough: Arc<Notify>,
}

impl Observer for Rounds {
    fn on_history(&mut self, events: &[HistoryEvent]) {
        for event in events {
            if matches!(&event.details, Details::LambdaFunctionSucceeded { .. }) {
                self.left = self.left.saturating_sub(1);
            }
        }
        if self.left == 0 {
            self.enough.notify_one();
        }
    }
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn transitions(bencher: Bencher<'_, '_>, rounds: usize) {
    let workflow = stepwell_asl::load(LOOP, "loop").expect("the machine is sound");
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let Some(stepwell_asl::Component::Stub(stub)) = workflow.functions["fetch"].code.clone() else {
        unreachable!("`fetch` is a stub")
    };
    let mut functions = Functions::new();
    functions.insert("fetch", Callable::Stub(Arc::new(stub)));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let machine = Arc::new(Machine { definition, functions });
    // Each round is two transitions.
    bencher.counter(ItemsCount::new(2 * rounds)).bench(|| {
        let machine = Arc::clone(&machine);
        let driven = runtime.spawn(async move {
            let enough = Arc::new(Notify::new());
            let observer = Rounds { left: rounds, enough: Arc::clone(&enough) };
            drive(fresh(machine, start(), observer), enough.notified()).await
        });
        let (outcome, _) = runtime.block_on(driven).expect("the driver does not panic");
        assert!(matches!(outcome, Outcome::Aborted { .. }), "{outcome:?}");
    });
}

/// A Map of 1,000 items, each a task that computes for about a millisecond, on so many cores.
#[divan::bench(args = [1, 2], sample_count = 10)]
fn map_of_tasks(bencher: Bencher<'_, '_>, cores: usize) {
    const ITEMS: usize = 1_000;
    let machine = r#"{ "StartAt": "Each", "States": { "Each": { "Type": "Map", "End": true,
        "ItemProcessor": { "StartAt": "Burn", "States": { "Burn": {
            "Type": "Task", "Resource": "hostile", "ResultPath": null, "End": true } } } } } }"#;
    let workflow = stepwell_asl::load(machine, "map").expect("the machine is sound");
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let deeds: Vec<&str> = vec![r#"{"do":"burn","units":1000000}"#; ITEMS];
    let input = Document::parse(format!("[{}]", deeds.join(","))).expect("the input is JSON");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(cores).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let machine = Arc::new(Machine { definition, functions: hostile() });
    bencher.counter(ItemsCount::new(ITEMS)).bench(|| {
        let start = Start { input: input.clone(), ..start() };
        let run = fresh(Arc::clone(&machine), start, Silent);
        let driven = runtime.spawn(drive(run, std::future::pending()));
        let (outcome, _) = runtime.block_on(driven).expect("the driver does not panic");
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    });
}

/// An execution that begins.
fn fresh<O>(machine: Arc<Machine>, start: Start, observer: O) -> Run<O> {
    let clock = Clock::new(false, Clock::wall());
    let last_at = start.at;
    let execution = Execution::new(start);
    Run { machine, execution, first: Some(Event::Started), clock, last_at, key: None, observer }
}

/// Calls of a component in one execution.
const CALLS: usize = 256;

/// Calls of a component in a row, kept as said.
#[divan::bench(args = ["not", "none", "step", "full"], sample_count = 20)]
fn kept(bencher: Bencher<'_, '_>, how: &str) {
    let machine = r#"{ "StartAt": "Burn", "States": {
        "Burn": { "Type": "Task", "Resource": "hostile", "ResultPath": null, "Next": "More" },
        "More": { "Type": "Choice", "Default": "Burn",
            "Choices": [{ "Variable": "$.done", "IsPresent": true, "Next": "Done" }] },
        "Done": { "Type": "Succeed" } } }"#;
    let workflow = stepwell_asl::load(machine, "kept").expect("the machine is sound");
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let machine = Arc::new(Machine { definition, functions: hostile() });
    let durability = match how {
        "none" => Some(Durability::None),
        "step" => Some(Durability::Step),
        "full" => Some(Durability::Full),
        _ => None,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let folder = std::env::temp_dir().join("stepwell-bench-kept");
    _ = std::fs::remove_dir_all(&folder);
    let input = Document::parse(r#"{"do":"burn","units":1000}"#).expect("the input is JSON");
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(CALLS))
        .with_inputs(|| {
            number += 1;
            let name = format!("bench-{number}");
            let start = Start {
                execution_arn: format!("arn:execution:{name}"),
                name,
                input: input.clone(),
                ..start()
            };
            let share = durability.map(|durability| share(&folder, durability, &start));
            (start, share)
        })
        .bench_local_values(|(start, share)| {
            let enough = Arc::new(Notify::new());
            let observer = Rounds { left: CALLS, enough: Arc::clone(&enough) };
            let mut run = fresh(Arc::clone(&machine), start, observer);
            let share = share.map(|(share, key)| {
                run.key = Some(key);
                share
            });
            let mut only = Only { run: Some(run), landed: None };
            let driven = runtime.spawn(async move {
                let stop = async {
                    enough.notified().await;
                    Stop::Abort
                };
                drive_all(&mut only, 1, share, stop).await.map(|_| only.landed.is_some())
            });
            let driven = runtime.block_on(driven).expect("the driver does not panic");
            assert!(driven.expect("the journal can be written"), "it has ended");
        });
}

/// A journal with an execution that has not begun.
fn share(folder: &Path, durability: Durability, start: &Start) -> (Share, stepwell_journal::Key) {
    let mut journal = Journal::open(folder, durability).expect("a journal can be made");
    let owner = journal.register(Clock::wall()).expect("a lock can be taken");
    let workflow = journal.keep_workflow("{}").expect("it can be written");
    let new = NewExecution { start: start.clone(), workflow, settings: String::new() };
    let created = journal.create(&new, Some(&owner)).expect("it can be written");
    let Created::New(key) = created else { unreachable!("its name is new") };
    (Share { journal, owner, optional: false, given_up: false }, key)
}

/// The hostile task, which does as its event says.
fn hostile() -> Functions {
    let component = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../guest-tasks/target/wasm32-wasip2/release/hostile.wasm");
    let bytes = std::fs::read(component).expect("`cargo xtask guests` builds it");
    let sandbox = Sandbox::new(SandboxSettings::default()).expect("the sandbox can be set up");
    let component = Component::load(&sandbox, &bytes).expect("it is a task");
    let folder = std::env::temp_dir().join("stepwell-bench-objects");
    let settings = FunctionSettings {
        name: "hostile".to_owned(),
        limits: FunctionLimits {
            memory_mb: 1769,
            timeout_seconds: 60,
            ..FunctionLimits::default()
        },
        enforcement: Enforcement::Enforce,
        reserved_concurrency: None,
        variables: BTreeMap::new(),
        environment: Environment::Fresh,
        grants: Grants::default(),
        objects: Arc::new(FolderBuckets::open(folder).expect("a folder can be made")),
        seed: None,
        clock: None,
    };
    let mut functions = Functions::new();
    functions.insert("hostile", Callable::Function(Function::new(&sandbox, component, settings)));
    functions
}

fn start() -> Start {
    Start {
        name: "bench".to_owned(),
        machine_name: "loop".to_owned(),
        execution_arn: "arn:execution".to_owned(),
        machine_arn: "arn:machine".to_owned(),
        role_arn: "arn:role".to_owned(),
        input: Document::parse(r#"{"continue":true,"offset":0}"#).expect("the input is JSON"),
        at: Clock::wall(),
        seed: 7,
        history_events_max: None,
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// `stepwell` as a process.
#[divan::bench_group(sample_count = 50)]
mod process {
    use super::{Bencher, Command, Path, PathBuf, Stdio};

    #[divan::bench]
    fn version(bencher: Bencher<'_, '_>) {
        bencher.bench(|| run(Command::new(STEPWELL).arg("--version")));
    }

    #[divan::bench]
    fn first_task(bencher: Bencher<'_, '_>) {
        let folder = std::env::temp_dir().join("stepwell-bench-process");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let component = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../guest-tasks/target/wasm32-wasip2/release/echo.wasm");
        let workflow = folder.join("echo.yaml");
        let text = format!(
            "functions:\n  echo: {{ component: {} }}\nstateMachines:\n  echo:\n    definition:\n      \
             StartAt: Echo\n      States: {{ Echo: {{ Type: Task, Resource: echo, End: true }} }}\n",
            component.display()
        );
        std::fs::write(&workflow, text).expect("a file can be written");
        let command = || run_workflow(&folder, &workflow);
        // Compiles, so that the measured runs find the code.
        run(&mut command());
        bencher.bench(|| run(&mut command()));
    }

    const STEPWELL: &str = env!("CARGO_BIN_EXE_stepwell");

    fn run_workflow(folder: &Path, workflow: &Path) -> Command {
        let mut command = Command::new(STEPWELL);
        command.arg("run").arg(workflow).arg("-q");
        command
            .arg("--cache")
            .arg(folder.join("code"))
            .arg("--objects")
            .arg(folder.join("objects"));
        command
    }

    fn run(command: &mut Command) {
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("the binary starts").success());
    }
}
