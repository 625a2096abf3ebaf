//! `stepwell run`: runs a workflow file and prints the output.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stepwell_asl::{Finding, NamedMachine, Workflow};
use stepwell_engine::{
    DISTRIBUTED_EXECUTIONS_MAX, Execution, HISTORY_EVENTS_MAX, Outcome, STATE_BYTES_MAX, Start,
};
use stepwell_objects::{Buckets, FolderBuckets, ObjectError, S3Buckets};
use stepwell_query::Document;
use stepwell_sandbox::{CONCURRENT_INVOCATIONS_MAX, CodeCache, Sandbox};
use uuid::Uuid;

use crate::args::RunArgs;
use crate::clock::Clock;
use crate::command::{choose, read_source};
use crate::driver::{Run, drive};
use crate::error::CommandError;
use crate::failure::ended;
use crate::functions::{Functions, Unusable};
use crate::history::HistoryFile;
use crate::output::Output;
use crate::progress::Progress;
use crate::reply;
use crate::timings::Timings;

/// The region and account of ARNs that are made here (`facts/embeddings.md` 9).
const ARN_SCOPE: &str = "us-east-1:123456789012";
/// How long a run waits for what it has left behind on other threads.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a run waits for the storage to remove what stopped writers have left there.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/stepwell";

pub(crate) fn run(
    args: &RunArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let (source, workflow) = load(args, output)?;
    let machine = choose(&workflow, args.state_machine.as_deref())?;
    refuse(&args.file, &source, workflow.missing(&machine.definition))?;
    let input = read_input(&args.input)?;
    timings.mark("file read and checked");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::environment(format!("cannot start threads: {error}")))?;
    let (functions, objects) =
        load_functions(args, &source, &workflow, machine, &runtime, &timings)?;
    // The last of what can be refused: whoever presses Ctrl-C before leaves no file behind.
    let history = args.history.as_deref().map(HistoryFile::create).transpose()?;
    // Now, and not before the components were compiled: an execution's time is its own.
    let child_executions_max = if Functions::need_sandbox(&workflow, &machine.definition) {
        // More would only wait for a place in the sandbox, and their timeouts would not wait with them.
        CONCURRENT_INVOCATIONS_MAX
    } else {
        DISTRIBUTED_EXECUTIONS_MAX
    };
    let start = start(machine, input, args, child_executions_max);
    let run = Run {
        definition: Arc::new(machine.definition.clone()),
        execution: Execution::new(start.clone()),
        functions,
        clock: Clock::new(args.skip_waits, start.at),
    };
    let stop = {
        let _runtime = runtime.enter();
        interruption().map_err(|error| {
            CommandError::environment(format!("cannot listen for Ctrl-C: {error}"))
        })?
    };
    let mut progress = Progress::new(output.clone(), history, args.timings.then_some(timings));
    // On a thread of the runtime, where a function's first step is taken without waking another thread.
    let driven = runtime.spawn(async move {
        let (outcome, stopped_at) = drive(run, &mut progress, stop).await;
        (outcome, stopped_at, progress.finish())
    });
    let (outcome, stopped_at, history) =
        runtime.block_on(driven).expect("the driver does not panic and is not cancelled");
    if let Some(objects) = objects {
        // A writer that was stopped leaves parts of an upload behind, which somebody would pay for.
        _ = runtime
            .block_on(async { tokio::time::timeout(SETTLE_TIMEOUT, objects.settle()).await });
    }
    // A file operation of a guest that was stopped may still be under way: not for long.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    let kept = history.map_or(Ok(()), HistoryFile::finish);
    tell(args, output, &start, &outcome, stopped_at)?;
    kept?;
    match outcome {
        Outcome::Succeeded { .. } => Ok(()),
        Outcome::Failed { error, cause } => {
            Err(CommandError::Execution(ended("failed", error.as_deref(), cause.as_deref())))
        }
        Outcome::TimedOut => {
            let cause = "the execution took longer than the machine's `TimeoutSeconds`";
            Err(CommandError::Execution(ended("timed out", Some("States.Timeout"), Some(cause))))
        }
        Outcome::Aborted { error, cause } => {
            Err(CommandError::Execution(ended("was stopped", error.as_deref(), cause.as_deref())))
        }
    }
}

/// Reads the workflow; warnings are shown, errors are the end.
fn load(args: &RunArgs, output: &mut Output) -> Result<(String, Workflow), CommandError> {
    let path = &args.file;
    let (source, loaded) = super::load(path, &args.beside, args.state_machine.as_deref())?;
    match loaded {
        Ok(workflow) => {
            // What keeps the machine from running is told as an error below.
            let warnings = &workflow.warnings;
            let told: Vec<Finding> =
                warnings.iter().filter(|f| !f.is_missing_function()).cloned().collect();
            output.findings(path, &source, &told);
            Ok((source, workflow))
        }
        Err(findings) => {
            Err(CommandError::Findings { path: path.clone(), source_text: source, findings })
        }
    }
}

fn refuse(path: &Path, source: &str, findings: Vec<Finding>) -> Result<(), CommandError> {
    if findings.is_empty() {
        return Ok(());
    }
    let (path, source_text) = (path.to_owned(), source.to_owned());
    Err(CommandError::Findings { path, source_text, findings })
}

/// The input: JSON, `@FILE` or `-`.
fn read_input(text: &str) -> Result<Document, CommandError> {
    let (json, origin) = if text == "-" {
        let mut json = String::new();
        std::io::stdin().take(STATE_BYTES_MAX as u64 + 1).read_to_string(&mut json).map_err(
            |error| CommandError::invalid(format!("cannot read standard input: {error}")),
        )?;
        (json, "standard input".to_owned())
    } else if let Some(path) = text.strip_prefix('@') {
        (read_source(Path::new(path))?, format!("`{path}`"))
    } else {
        (text.to_owned(), "`--input`".to_owned())
    };
    if json.len() > STATE_BYTES_MAX {
        let message = format!("the input of {origin} is longer than {STATE_BYTES_MAX} bytes");
        return Err(CommandError::invalid(message).with_help("keep large data in a bucket"));
    }
    Document::parse(json.trim()).map_err(|error| {
        let message = format!("the input of {origin} is not JSON: {error}");
        CommandError::invalid(message)
            .with_help("give JSON, `@FILE` for a file, or `-` for standard input")
    })
}

fn start(
    machine: &NamedMachine,
    input: Document,
    args: &RunArgs,
    child_executions_max: u32,
) -> Start {
    let name = Uuid::new_v4();
    let (seed, _) = Uuid::new_v4().as_u64_pair();
    Start {
        machine_arn: format!("arn:aws:states:{ARN_SCOPE}:stateMachine:{}", machine.name),
        execution_arn: format!("arn:aws:states:{ARN_SCOPE}:execution:{}:{name}", machine.name),
        machine_name: machine.name.clone(),
        name: name.to_string(),
        role_arn: ROLE_ARN.to_owned(),
        input,
        at: Clock::wall(),
        seed,
        history_events_max: (!args.unlimited_history).then_some(HISTORY_EVENTS_MAX),
        child_executions_max,
        from: None,
    }
}

/// Loads what the machine calls, and opens the buckets if a component may want them.
fn load_functions(
    args: &RunArgs,
    source: &str,
    workflow: &Workflow,
    machine: &NamedMachine,
    runtime: &tokio::runtime::Runtime,
    timings: &Timings,
) -> Result<(Functions, Option<Arc<dyn Buckets>>), CommandError> {
    let needs_sandbox = Functions::need_sandbox(workflow, &machine.definition);
    let (sandbox, objects) = if needs_sandbox {
        let cache = args.cache.clone().or_else(default_cache).map(CodeCache::new);
        let sandbox = Sandbox::new(cache);
        let sandbox = sandbox.map_err(|error| CommandError::environment(error.to_string()))?;
        timings.mark("sandbox set up");
        let objects = runtime.block_on(open_objects(
            &args.objects,
            Functions::buckets(workflow, &machine.definition),
        ))?;
        timings.mark("buckets opened");
        (Some(sandbox), Some(objects))
    } else {
        (None, None)
    };
    let environment = sandbox.as_ref().zip(objects.as_ref());
    let functions = Functions::load(workflow, &machine.definition, environment);
    timings.mark("components loaded");
    match functions {
        Ok(functions) => Ok((functions, objects)),
        Err(unusable) => Err(unusable_functions(args, source, workflow, unusable)),
    }
}

/// Opens the buckets. In a folder those that are granted are made, as they would exist on AWS.
async fn open_objects(
    place: &Path,
    granted: BTreeSet<&str>,
) -> Result<Arc<dyn Buckets>, CommandError> {
    if place == Path::new("s3") {
        let buckets = S3Buckets::from_environment().await;
        let buckets = buckets.map_err(|error| CommandError::environment(error.to_string()))?;
        return Ok(Arc::new(buckets));
    }
    let open = || {
        let buckets = FolderBuckets::open(place.to_owned())?;
        granted.iter().try_for_each(|bucket| buckets.create_bucket(bucket))?;
        Ok(buckets)
    };
    let buckets = open().map_err(|error: ObjectError| {
        CommandError::environment(error.to_string())
            .with_help("choose another folder with `--objects DIR`")
    })?;
    Ok(Arc::new(buckets))
}

fn default_cache() -> Option<PathBuf> {
    let base =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(base.join("stepwell"))
}

/// Functions that cannot be used, as findings at their place in the file.
fn unusable_functions(
    args: &RunArgs,
    source: &str,
    workflow: &Workflow,
    unusable: Vec<Unusable>,
) -> CommandError {
    if let Some(fault) = unusable.iter().find(|unusable| unusable.environment) {
        return CommandError::environment(format!(
            "function `{}`: {}",
            fault.function, fault.message
        ));
    }
    let findings = unusable.into_iter().map(|unusable| {
        let Unusable { function, message, help, .. } = unusable;
        Finding { help, ..workflow.unusable_component(&function, message) }
    });
    CommandError::Findings {
        path: args.file.clone(),
        source_text: source.to_owned(),
        findings: findings.collect(),
    }
}

/// The output, or the reply, on standard output.
fn tell(
    args: &RunArgs,
    output: &mut Output,
    start: &Start,
    outcome: &Outcome,
    stopped_at: Timestamp,
) -> Result<(), CommandError> {
    if args.json {
        return output.data(&reply::describe(start, outcome, stopped_at).to_string());
    }
    match outcome {
        Outcome::Succeeded { output: document } => output.data(document.text()),
        Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Aborted { .. } => Ok(()),
    }
}

/// Completes when somebody wants the run to end: Ctrl-C, a request to terminate, a terminal that is closed.
///
/// The signals are caught from this call on, not from the first poll on: one that comes between the two
/// would be lost.
fn interruption() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the signal ends the process by itself.
            std::future::pending().await
        }
    })
}
