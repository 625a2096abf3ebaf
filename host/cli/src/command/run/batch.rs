//! `stepwell run --inputs FILE`: an execution for each line, so many at a time, that go on as one.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use stepwell_asl::NamedMachine;
use stepwell_engine::STATE_BYTES_MAX;
use stepwell_journal::{Batch, Filter, Journal, JournalError, Key, NewBatch, Status, Tally};
use stepwell_query::Document;
use uuid::Uuid;

use super::Prepared;
use crate::clock::Clock;
use crate::driver::{Landed, Machine, Run, Share, Supply};
use crate::error::{CommandError, call, counted, reason};
use crate::keeping::{self, Settings, Taken};
use crate::output::Output;
use crate::overview::Overview;
use crate::report::Reporting;
use crate::runner::{AWAIT_INTERVAL, Course, Signals, Stops, course_of, drive, machine_of};
use crate::timings::Timings;
use crate::workshop::Workshop;

/// At most so many executions are taken out of the journal at once.
const CLAIMED_MAX: usize = 1024;

/// What is kept with a batch.
#[derive(Debug, Serialize, Deserialize)]
struct BatchSettings {
    /// How many run at a time.
    concurrency: usize,
    /// SHA-256 of its inputs.
    inputs: String,
}

pub(super) fn run(
    prepared: &Prepared<'_>,
    machine: &NamedMachine,
    inputs: &Path,
    reporting: &Reporting,
    output: &mut Output,
    timings: &Timings,
) -> Result<(), CommandError> {
    let args = prepared.args;
    let (inputs, hash) = read_inputs(inputs)?;
    let name = args.name.clone().unwrap_or_else(|| format!("batch-{}", Uuid::new_v4()));
    super::check_name(&format!("{name}-{}", inputs.len()))?;
    timings.mark("files read and checked");
    let mut workshop = Workshop::new(args.drive.components.clone(), timings.clone(), output)?;
    let loaded = prepared.machine(machine, &mut workshop)?;
    let mut share = prepared.open_journal()?;
    let settings = BatchSettings { concurrency: args.concurrency.get(), inputs: hash };
    if let Some(batch) = share.journal.batch(&name)? {
        let before: Option<BatchSettings> = serde_json::from_str(&batch.settings).ok();
        if before.is_none_or(|before| before.inputs != settings.inputs) {
            let message = format!("there is a batch `{name}` already, with other inputs");
            return Err(CommandError::invalid(message)
                .with_help("choose another name with `--name NAME`, or give the same file"));
        }
        let concurrency = Some(settings.concurrency);
        return go_on(workshop, share, &batch, concurrency, reporting, output);
    }
    let first = prepared.start(machine, Document::from(json!({})), String::new());
    let new = prepared.new_execution(&mut share, first, &loaded)?;
    let executions = inputs.into_iter().enumerate().map(|(index, input)| {
        let name = format!("{name}-{}", index + 1);
        let mut start = prepared.start(machine, input, name);
        if args.terms.seed.is_some() {
            // Each has chance of its own that follows from the one number.
            start.seed = start.seed.wrapping_add(index as u64);
        }
        stepwell_journal::NewExecution { start, ..new.clone() }
    });
    let settings = serde_json::to_string(&settings).expect("settings are texts and numbers");
    let batch = NewBatch { name: name.clone(), at: Clock::wall(), settings };
    match share.journal.create_batch(&batch, executions) {
        // Another process may have been quicker by a moment.
        Ok(_) | Err(JournalError::BatchExists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    timings.mark("batch written down");
    let batch = share.journal.batch(&name)?.expect("it was made just now");
    let concurrency = args.concurrency.get();
    drive_batch(workshop, share, &batch, (&loaded, reporting), concurrency, output)
}

/// Goes on with all executions of a batch that have not ended.
pub(crate) fn go_on(
    mut workshop: Workshop,
    share: Share,
    batch: &Batch,
    concurrency: Option<usize>,
    reporting: &Reporting,
    output: &mut Output,
) -> Result<(), CommandError> {
    let settings: Option<BatchSettings> = serde_json::from_str(&batch.settings).ok();
    let concurrency = concurrency.or(settings.map(|settings| settings.concurrency)).unwrap_or(1);
    let filter = Filter { batch: Some(batch.id), limit: Some(1), ..Filter::default() };
    let Some(any) = share.journal.list(&filter)?.first().map(|summary| summary.key) else {
        output.note(&format!("the batch `{}` has no executions", batch.name));
        return Ok(());
    };
    let taken = Taken::load(&share.journal, any)?;
    let machine = machine_of(&taken, &mut workshop, output)?;
    drive_batch(workshop, share, batch, (&machine, reporting), concurrency, output)
}

fn drive_batch(
    workshop: Workshop,
    share: Share,
    batch: &Batch,
    (machine, reporting): (&Arc<Machine>, &Reporting),
    concurrency: usize,
    output: &mut Output,
) -> Result<(), CommandError> {
    let dir = share.journal.dir().to_owned();
    let (name, total) = (&batch.name, batch.total);
    let closed = Progress::of(&share.journal, batch)?.closed();
    if closed > 0 {
        output.note(&format!("the batch `{name}` goes on: {closed} of {total} have ended"));
    }
    let overview = Overview::new(output.clone(), reporting.accounts.clone(), closed, total);
    let stops = Stops::listen(&workshop, Signals::OF_MANY)?;
    let mut share = share;
    let complete = loop {
        let running = Filter { statuses: vec![Status::Running], ..of(batch) };
        let waiting = share.journal.list(&running)?.into_iter().rev();
        let queue = Queue {
            waiting: waiting.map(|summary| summary.key).collect(),
            claimed: VecDeque::new(),
            claims: concurrency.min(CLAIMED_MAX),
            batch: batch.clone(),
            machine: Arc::clone(machine),
            overview: overview.clone(),
        };
        let (_, driven) = drive(&workshop, queue, concurrency, Some(share), stops.wait());
        let driven = driven.map_err(|error| {
            let error = CommandError::from(error);
            error.with_more(&format!("go on with {}", call("resume", name, &dir)))
        })?;
        if let Some(error) = &driven.unwritten {
            output.note(&format!("the journal was not written to the end: {error}"));
        }
        let (complete, Some(back)) = (driven.complete, driven.share) else { break true };
        share = back;
        if !complete || !await_others(&workshop, &stops, &share, batch, output)? {
            break complete && Progress::of(&share.journal, batch)?.open() == 0;
        }
    };
    workshop.close();
    overview.finish();
    if !complete {
        return Err(CommandError::interrupted(name, &dir));
    }
    let reported = reporting.tell(json!({ "batch": name }), output);
    Progress::of(&keeping::open_in(&dir)?, batch)?.verdict(total, output).and(reported)
}

/// Waits while other processes run the rest of a batch. Whether there is something to do for this one.
fn await_others(
    workshop: &Workshop,
    stops: &Stops,
    share: &Share,
    batch: &Batch,
    output: &mut Output,
) -> Result<bool, CommandError> {
    let mut told = false;
    loop {
        let open = Filter { statuses: vec![Status::Pending, Status::Running], ..of(batch) };
        let open = share.journal.list(&open)?;
        let Some(first) = open.first() else { return Ok(false) };
        for summary in &open {
            if share.journal.driven_by(summary.key)?.is_none()
                && !share.journal.describe(summary.key)?.status.is_closed()
            {
                return Ok(true);
            }
        }
        if !std::mem::replace(&mut told, true) {
            let pid = share.journal.driven_by(first.key)?.unwrap_or_default();
            let count = counted(open.len(), "execution");
            output.note(&format!("{count} left to process {pid} or others: waiting for their end"));
        }
        if !stops.none_within(workshop, AWAIT_INTERVAL) {
            return Ok(false);
        }
    }
}

/// The executions of a batch.
fn of(batch: &Batch) -> Filter {
    Filter { batch: Some(batch.id), ..Filter::default() }
}

/// How far a batch is.
struct Progress(Tally);

impl Progress {
    fn of(journal: &Journal, batch: &Batch) -> Result<Self, CommandError> {
        Ok(Self(journal.tally(&of(batch))?))
    }

    fn closed(&self) -> u64 {
        self.0.iter().filter(|(status, _)| status.is_closed()).map(|(_, count)| count).sum()
    }

    fn open(&self) -> u64 {
        self.0.values().sum::<u64>() - self.closed()
    }

    /// What is said of a batch that has ended.
    fn verdict(&self, total: u64, output: &mut Output) -> Result<(), CommandError> {
        let all = self.closed();
        if all < total {
            output.note(&format!("{} of its {total} executions were deleted", total - all));
        }
        let succeeded = self.0.get(&Status::Succeeded).copied().unwrap_or_default();
        if succeeded == all {
            return Ok(());
        }
        let failed = all - succeeded;
        let all = counted(usize::try_from(all).unwrap_or(usize::MAX), "execution");
        Err(CommandError::Many(format!("{failed} of {all} did not succeed")))
    }
}

/// Takes up an execution as one of many; none if it has ended, is gone or cannot be read, or somebody else
/// is at it. `claimed`: it is this process's already.
pub(crate) fn take_up(
    share: &mut Share,
    key: Key,
    machine: &Arc<Machine>,
    overview: &Overview,
    claimed: bool,
) -> Result<Option<Run<Overview>>, JournalError> {
    if !claimed {
        match share.journal.claim(key, &share.owner) {
            Ok(()) => {}
            Err(JournalError::Owned { .. } | JournalError::NoSuchExecution { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    let course = share.journal.load(key).map_err(CommandError::from).and_then(|loaded| {
        if loaded.summary.status.is_closed() {
            share.journal.release(key, &share.owner)?;
            return Ok(None);
        }
        let settings = Settings::read(&loaded)?;
        course_of(&loaded, &settings, &share.journal, Arc::clone(machine), None).map(Some)
    });
    let course = match course {
        Ok(Some(course)) => course,
        Ok(None) => return Ok(None),
        Err(error) => {
            overview.lost(&error);
            return Ok(None);
        }
    };
    let Course { machine, execution, first, clock, last_at, key, .. } = course;
    overview.begun();
    let observer = overview.clone();
    Ok(Some(Run { machine, execution, first, clock, last_at, key, observer }))
}

/// Executions of one batch: first those that were interrupted, then those that have not begun.
struct Queue {
    /// Those that were interrupted.
    waiting: VecDeque<Key>,
    /// Those that have not begun and are this process's.
    claimed: VecDeque<Key>,
    /// How many of these are taken at once: others may want some.
    claims: usize,
    batch: Batch,
    machine: Arc<Machine>,
    overview: Overview,
}

impl Supply<Overview> for Queue {
    fn next(&mut self, share: Option<&mut Share>) -> Result<Option<Run<Overview>>, JournalError> {
        let share = share.ok_or_else(|| JournalError::NotFound { path: ".".into() })?;
        while let Some(key) = self.waiting.pop_front() {
            if let Some(run) = take_up(share, key, &self.machine, &self.overview, false)? {
                return Ok(Some(run));
            }
        }
        loop {
            if self.claimed.is_empty() {
                let (batch, claims) = (self.batch.id, self.claims);
                self.claimed.extend(share.journal.claim_pending(batch, claims, &share.owner)?);
            }
            let Some(key) = self.claimed.pop_front() else { return Ok(None) };
            if let Some(run) = take_up(share, key, &self.machine, &self.overview, true)? {
                return Ok(Some(run));
            }
        }
    }

    fn ended(&mut self, landed: Landed<Overview>) {
        landed.observer.ended(&landed.execution, landed.at);
    }
}

/// The inputs, one for each line that is not blank, and their hash. Nothing begins if one of them is wrong.
fn read_inputs(path: &Path) -> Result<(Vec<Document>, String), CommandError> {
    if path == Path::new("-") {
        return read_lines(path, std::io::stdin().lock());
    }
    let file = std::fs::File::open(path).map_err(|error| CommandError::unreadable(path, &error))?;
    read_lines(path, BufReader::new(file))
}

fn read_lines(path: &Path, file: impl BufRead) -> Result<(Vec<Document>, String), CommandError> {
    let (mut inputs, mut hash) = (Vec::new(), Sha256::new());
    for (index, line) in file.lines().enumerate() {
        let wrong = |what: String| {
            let place = format!("line {} of `{}`", index + 1, path.display());
            CommandError::invalid(format!("{place} {what}"))
                .with_help("each line is the input of one execution, in JSON")
        };
        let line = line.map_err(|error| wrong(format!("cannot be read: {}", reason(&error))))?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if line.len() > STATE_BYTES_MAX {
            return Err(wrong(format!("is longer than {STATE_BYTES_MAX} bytes")));
        }
        hash.update(line);
        hash.update("\n");
        let input = Document::parse(line).map_err(|e| wrong(format!("is not JSON: {e}")))?;
        inputs.push(input);
    }
    if inputs.is_empty() {
        let message = format!("`{}` has no inputs", path.display());
        return Err(CommandError::invalid(message)
            .with_help("write the input of one execution, in JSON, on each line"));
    }
    let hash: [u8; 32] = hash.finalize().into();
    let digits: Vec<_> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((inputs, digits.concat()))
}
