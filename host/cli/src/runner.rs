//! Driving executions from a command: signals, the journal's share of it, and what a person is told at the
//! end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stepwell_engine::{Event, Execution, HistoryEvent, Outcome};
use stepwell_journal::{Journal, Key, Loaded, Status};

use crate::clock::Clock;
use crate::driver::{Driven, Landed, Machine, Only, Run, Share, Stop, Supply, drive_all};
use crate::error::{CommandError, call};
use crate::failure::ended;
use crate::history::HistoryFile;
use crate::keeping::{Settings, Taken, restore};
use crate::output::Output;
use crate::progress::Progress;
use crate::reply::{self, Reply};
use crate::report::Reporting;
use crate::timings::Timings;
use crate::workshop::{Parts, Workshop};

/// How often somebody who waits for another process looks.
pub(crate) const AWAIT_INTERVAL: Duration = Duration::from_millis(100);

/// How the end of an execution is told.
pub(crate) struct Telling<'t> {
    /// As DescribeExecution would reply.
    pub(crate) json: bool,
    /// Where the history goes.
    pub(crate) history: Option<HistoryFile>,
    /// What took how long.
    pub(crate) timings: Option<Timings>,
    /// What is told of its invocations.
    pub(crate) reporting: Reporting,
    pub(crate) output: &'t mut Output,
}

/// One execution that is to be driven to its end.
pub(crate) struct Course {
    pub(crate) machine: Arc<Machine>,
    pub(crate) execution: Execution,
    pub(crate) first: Option<Event>,
    pub(crate) clock: Clock,
    /// When something happened last.
    pub(crate) last_at: Timestamp,
    pub(crate) key: Option<Key>,
    /// The history so far.
    pub(crate) before: Vec<HistoryEvent>,
}

impl Course {
    /// One that begins.
    pub(crate) fn fresh(machine: Arc<Machine>, execution: Execution, skips: bool) -> Self {
        let last_at = execution.start().at;
        let clock = Clock::new(skips, last_at);
        let (first, key, before) = (Some(Event::Started), None, Vec::new());
        Self { machine, execution, first, clock, last_at, key, before }
    }
}

/// Takes up an execution where it is. `first` is what happens to it then, if anything does.
pub(crate) fn course_of(
    loaded: &Loaded,
    settings: &Settings,
    journal: &Journal,
    machine: Arc<Machine>,
    first: Option<Event>,
) -> Result<Course, CommandError> {
    let execution = restore(loaded, journal, &machine.definition)?;
    if execution.outcome().is_some() && first.is_none() {
        let name = &loaded.summary.name;
        let message =
            format!("by its events the execution `{name}` has ended, and it is listed as running");
        return Err(CommandError::environment(message)
            .with_help("`stepwell doctor` says what is wrong with the journal"));
    }
    let pending = loaded.sequence == 0;
    let last_at = loaded.last_at.filter(|_| !pending).unwrap_or(execution.start().at);
    let skips = settings.skip_waits;
    let clock = Clock::new(skips, if skips { last_at } else { last_at.max(Clock::wall()) });
    let first = first.or_else(|| pending.then_some(Event::Started));
    let key = Some(loaded.summary.key);
    Ok(Course { machine, execution, first, clock, last_at, key, before: Vec::new() })
}

/// The same for one that is told of step by step: with its history so far.
pub(crate) fn lone_course_of(
    taken: &Taken,
    journal: &Journal,
    machine: Arc<Machine>,
    first: Option<Event>,
) -> Result<Course, CommandError> {
    let before = journal.history(taken.loaded.summary.key, 0, usize::MAX)?;
    let course = course_of(&taken.loaded, &taken.settings, journal, machine, first)?;
    Ok(Course { before, ..course })
}

/// The machine of an execution that is taken up: the definition as it was when the execution began, the
/// functions as they are now, as Lambda's would be.
pub(crate) fn machine_of(
    taken: &Taken,
    workshop: &mut Workshop,
    output: &mut Output,
) -> Result<Arc<Machine>, CommandError> {
    let definition = &taken.machine()?.definition;
    let now = taken.kept.read_again();
    let now = now.filter(|(_, workflow)| workflow.missing(definition).is_empty());
    let file = taken.kept.path.display();
    match &now {
        Some((kept, _)) if *kept != taken.kept => output.note(&format!(
            "`{file}` has changed since the execution began: its functions are taken as they are now, its \
             state machine as it was"
        )),
        Some(_) => {}
        None => output.note(&format!(
            "`{file}`, with the files beside it, cannot be used as it is now: functions are taken as they were"
        )),
    }
    let (kept, functions) =
        now.as_ref().map_or((&taken.kept, &taken.workflow), |(kept, workflow)| (kept, workflow));
    let Settings { objects, terms, .. } = &taken.settings;
    let machine = workshop.machine(&Parts { kept, functions, definition, objects, terms })?;
    for (function, hash) in machine.functions.hashes() {
        let before = taken.settings.components.get(function);
        if before.is_some_and(|before| before != hash) {
            let message =
                format!("the component of `{function}` has changed since the execution began");
            output.note(&message);
        }
    }
    Ok(machine)
}

/// Drives one execution to its end and tells of it.
pub(crate) fn drive_one(
    workshop: Workshop,
    share: Option<Share>,
    course: Course,
    telling: Telling<'_>,
) -> Result<(), CommandError> {
    let Telling { json, history, timings, reporting, output } = telling;
    let start = course.execution.start().clone();
    let name = start.name.clone();
    let Course { machine, execution, first, clock, last_at, key, before } = course;
    let mut observer = Progress::new(output.clone(), history, timings, reporting.accounts.clone());
    observer.recall(&before);
    let run = Run { machine, execution, first, clock, last_at, key, observer };
    let leaves = share.as_ref().is_some_and(|share| !share.optional);
    let dir = share.as_ref().map(|share| share.journal.dir().to_owned());
    let only = Only { run: Some(run), landed: None };
    let stops = Stops::listen(&workshop, Signals::of_one(leaves))?;
    let (only, driven) = drive(&workshop, only, 1, share, stops.wait());
    workshop.close();
    let landed = only.landed;
    let driven = driven.map_err(|error| {
        let resume = call("resume", &name, dir.as_deref().unwrap_or(Path::new("")));
        let more = format!("nothing more was done; {resume} goes on when that is mended");
        CommandError::from(error).with_more(&more)
    })?;
    if let Some(error) = driven.unwritten {
        output.note(&format!("the journal was not written to the end: {error}"));
    }
    let Some(Landed { execution, at, observer }) = landed else {
        return Err(CommandError::interrupted(&name, &dir.unwrap_or_default()));
    };
    let kept = observer.finish().map_or(Ok(()), HistoryFile::finish);
    let outcome = execution.outcome().expect("it has landed");
    let reply = describe(&execution, outcome, at, leaves);
    if reporting.is_json() {
        // The report has it.
    } else if json {
        output.data(&reply.to_string())?;
    } else if let Outcome::Succeeded { output: document } = outcome {
        output.data(document.text())?;
    }
    let reported = reporting.tell(reply, output);
    if let (Err(excess), false) = (&reported, matches!(outcome, Outcome::Succeeded { .. })) {
        // What the execution came to is the error.
        output.note(&excess.to_string());
    }
    kept?;
    if let Some(dir) = dir.filter(|_| leaves) {
        hint(outcome, &name, &dir, output);
    }
    result_of(outcome).and(reported)
}

/// Waits for the end of an execution that another process runs, and tells of it.
pub(crate) fn await_end(
    share: &Share,
    key: Key,
    pid: u32,
    telling: Telling<'_>,
) -> Result<(), CommandError> {
    let journal = &share.journal;
    let name = journal.describe(key)?.name;
    telling.output.note(&format!("process {pid} runs the execution `{name}`: waiting for its end"));
    loop {
        // Asked in this order: one that ends is nobody's any more.
        let driven = journal.driven_by(key)?.is_some();
        if journal.describe(key)?.status.is_closed() {
            return tell_ended(journal, key, telling);
        }
        if !driven {
            return Err(CommandError::interrupted(&name, journal.dir()));
        }
        std::thread::sleep(AWAIT_INTERVAL);
    }
}

/// Tells of an execution that another process has run to its end.
pub(crate) fn tell_ended(
    journal: &Journal,
    key: Key,
    telling: Telling<'_>,
) -> Result<(), CommandError> {
    let name = journal.describe(key)?.name;
    if let Some(mut history) = telling.history {
        history.append(&journal.history(key, 0, usize::MAX)?);
        history.finish()?;
    }
    let reply = describe_kept(journal, key)?;
    let outcome = journal.load(key)?.outcome.expect("what is closed has an outcome");
    if telling.json {
        telling.output.data(&reply.to_string())?;
    } else if let Outcome::Succeeded { output: document } = &outcome {
        telling.output.data(document.text())?;
    }
    hint(&outcome, &name, journal.dir(), telling.output);
    result_of(&outcome)
}

/// An execution of the journal, as `DescribeExecution` would reply.
pub(crate) fn describe_kept(
    journal: &Journal,
    key: Key,
) -> Result<serde_json::Value, CommandError> {
    let loaded = journal.load(key)?;
    let summary = &loaded.summary;
    let redrivable = if summary.status.is_closed() && summary.status != Status::Succeeded {
        Taken::load(journal, key)?.restore(journal)?.redrivable(Clock::wall())
    } else {
        Err(format!("Execution is {} and cannot be redriven", summary.status))
    };
    Ok(reply::describe(&Reply {
        start: &loaded.start,
        status: summary.status.name(),
        outcome: loaded.outcome.as_ref(),
        stopped_at: summary.stopped_at,
        redrives: (summary.redrive_count, summary.redriven_at),
        redrivable,
    }))
}

fn describe(
    execution: &Execution,
    outcome: &Outcome,
    at: Timestamp,
    kept: bool,
) -> serde_json::Value {
    let redrivable = if kept {
        execution.redrivable(at)
    } else {
        Err("Execution is not kept and cannot be redriven".to_owned())
    };
    reply::describe(&Reply {
        start: execution.start(),
        status: reply::status(outcome),
        outcome: Some(outcome),
        stopped_at: Some(at),
        redrives: execution.redrives(),
        redrivable,
    })
}

/// What the process says of an outcome.
pub(crate) fn result_of(outcome: &Outcome) -> Result<(), CommandError> {
    Err(CommandError::Execution(match outcome {
        Outcome::Succeeded { .. } => return Ok(()),
        Outcome::Failed { error, cause } => ended("failed", error.as_deref(), cause.as_deref()),
        Outcome::TimedOut => {
            let cause = "the execution took longer than the machine's `TimeoutSeconds`";
            ended("timed out", Some("States.Timeout"), Some(cause))
        }
        Outcome::Aborted { error, cause } => {
            ended("was stopped", error.as_deref(), cause.as_deref())
        }
    }))
}

/// How to go on with an execution that did not succeed.
fn hint(outcome: &Outcome, name: &str, dir: &Path, output: &mut Output) {
    if !matches!(outcome, Outcome::Succeeded { .. }) {
        output.note(&format!("{} goes on where it was", call("redrive", name, dir)));
    }
}

/// What signals mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signals {
    /// Ctrl-C.
    interrupt: Stop,
    /// A request to terminate, a terminal that is closed.
    terminate: Stop,
}

impl Signals {
    /// Who runs one execution and presses Ctrl-C wants that execution to end. Who ends the process does not,
    /// if it can go on later.
    fn of_one(leaves: bool) -> Self {
        let terminate = if leaves { Stop::Leave } else { Stop::Abort };
        Self { interrupt: Stop::Abort, terminate }
    }

    /// Of many, none is meant by it.
    pub(crate) const OF_MANY: Self = Self { interrupt: Stop::Leave, terminate: Stop::Leave };
}

/// Drives what is supplied, on a thread of the runtime, where a function's first step is taken without
/// waking another thread.
pub(crate) fn drive<O, S>(
    workshop: &Workshop,
    mut supply: S,
    concurrency: usize,
    share: Option<Share>,
    stop: impl Future<Output = Stop> + Send + 'static,
) -> (S, Result<Driven, stepwell_journal::JournalError>)
where
    O: crate::driver::Observer + Send + 'static,
    S: Supply<O> + Send + 'static,
{
    let driven = workshop.runtime.spawn(async move {
        let driven = drive_all(&mut supply, concurrency, share, stop).await;
        (supply, driven)
    });
    workshop.runtime.block_on(driven).expect("the driver does not panic and is not cancelled")
}

/// Whether somebody wants the process to end. Listened to from the first moment on, once for all waits.
pub(crate) struct Stops(tokio::sync::watch::Receiver<Option<Stop>>);

impl Stops {
    pub(crate) fn listen(workshop: &Workshop, signals: Signals) -> Result<Self, CommandError> {
        let _runtime = workshop.runtime.enter();
        let stop = interruption(signals).map_err(|error| {
            CommandError::environment(format!("cannot listen for Ctrl-C: {error}"))
        })?;
        let (tell, heard) = tokio::sync::watch::channel(None);
        workshop.runtime.spawn(async move {
            let stop = stop.await;
            _ = tell.send(Some(stop));
        });
        Ok(Self(heard))
    }

    /// Completes when somebody does.
    pub(crate) fn wait(&self) -> impl Future<Output = Stop> + use<> {
        let mut heard = self.0.clone();
        async move {
            let stop = heard.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
            match stop {
                Some(stop) => stop,
                // Nobody listens any more, and nobody will be heard.
                None => std::future::pending().await,
            }
        }
    }

    /// Waits for a while. Whether nobody does until then.
    pub(crate) fn none_within(&self, workshop: &Workshop, time: Duration) -> bool {
        let stop = self.wait();
        workshop.runtime.block_on(async { tokio::time::timeout(time, stop).await.is_err() })
    }
}

/// Completes when somebody wants the run to end: Ctrl-C, a request to terminate, a terminal that is closed.
///
/// The signals are caught from this call on, not from the first poll on: one that comes between the two
/// would be lost.
fn interruption(signals: Signals) -> std::io::Result<impl Future<Output = Stop> + use<>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => signals.interrupt,
                _ = terminate.recv() => signals.terminate,
                _ = hangup.recv() => signals.terminate,
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler the signal ends the process by itself.
            std::future::pending().await
        }
        signals.interrupt
    })
}

/// Whether an execution can be gone on with.
pub(crate) fn is_open(status: Status) -> bool {
    matches!(status, Status::Pending | Status::Running)
}
