//! `stepwell resume`: goes on with executions whose process has ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stepwell_engine::Outcome;
use stepwell_journal::{Filter, JournalError, Key, Status, Summary};

use crate::args::ResumeArgs;
use crate::command::run::go_on_with_batch;
use crate::driver::{Landed, Machine, Run, Share, Supply};
use crate::error::{CommandError, call, counted};
use crate::keeping::{self, Taken};
use crate::output::Output;
use crate::overview::Overview;
use crate::report::Reporting;
use crate::runner::{
    Signals, Stops, Telling, describe_kept, drive, drive_one, is_open, lone_course_of, machine_of,
    result_of,
};
use crate::timings::Timings;
use crate::workshop::Workshop;

/// How many executions that had not begun run beside the others, if it is not said.
const CONCURRENCY: usize = 10;

pub(crate) fn run(
    args: &ResumeArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let share = keeping::share(&args.drive)?;
    let mut workshop = Workshop::new(args.drive.components.clone(), timings, output)?;
    let concurrency = args.concurrency.map(std::num::NonZeroUsize::get);
    let Some(name) = &args.name else {
        return all(workshop, share, concurrency, output);
    };
    if let Some(batch) = share.journal.batch(name)? {
        return go_on_with_batch(workshop, share, &batch, concurrency, &Reporting::plain(), output);
    }
    let mut share = share;
    let summary = keeping::find(&share.journal, name)?;
    if !is_open(summary.status) {
        return ended(&share, &summary, args.drive.json, output);
    }
    share.journal.claim(summary.key, &share.owner)?;
    let taken = Taken::load(&share.journal, summary.key)?;
    if taken.loaded.summary.status.is_closed() {
        // It ended a moment ago.
        share.journal.release(summary.key, &share.owner)?;
        return ended(&share, &taken.loaded.summary, args.drive.json, output);
    }
    let machine = machine_of(&taken, &mut workshop, output)?;
    let course = lone_course_of(&taken, &share.journal, machine, None)?;
    let telling = Telling {
        json: args.drive.json,
        history: None,
        timings: None,
        reporting: Reporting::plain(),
        output,
    };
    drive_one(workshop, Some(share), course, telling)
}

/// It has ended: there is nothing to resume, and what it came to is told.
fn ended(
    share: &Share,
    summary: &Summary,
    json: bool,
    output: &mut Output,
) -> Result<(), CommandError> {
    let (name, status) = (&summary.name, summary.status);
    let dir = share.journal.dir();
    let help = match status {
        Status::Succeeded => String::new(),
        _ => format!("; {} goes on with it where it was", call("redrive", name, dir)),
    };
    output.note(&format!("the execution `{name}` is {status} already{help}"));
    let outcome = share.journal.load(summary.key)?.outcome;
    let Some(outcome) = outcome else { return Ok(()) };
    if json {
        output.data(&describe_kept(&share.journal, summary.key)?.to_string())?;
    } else if let Outcome::Succeeded { output: document } = &outcome {
        output.data(document.text())?;
    }
    result_of(&outcome)
}

/// Goes on with everything that nobody runs.
fn all(
    mut workshop: Workshop,
    share: Share,
    concurrency: Option<usize>,
    output: &mut Output,
) -> Result<(), CommandError> {
    let open = Filter { statuses: vec![Status::Pending, Status::Running], ..Filter::default() };
    let (mut queue, mut running, mut unusable) = (Queue::default(), 0, 0);
    // Those that had begun come first.
    let mut found = share.journal.list(&open)?;
    found.sort_by_key(|summary| (summary.status != Status::Running, summary.key));
    for summary in found {
        if share.journal.driven_by(summary.key)?.is_some() {
            continue;
        }
        // One that cannot be used is no reason to leave the others.
        match queue.add(&share, summary.key, &mut workshop, output) {
            Ok(()) => running += usize::from(summary.status == Status::Running),
            Err(error) => {
                unusable += 1;
                output.error(&error.with_more(&format!("`{}` is left", summary.name)));
            }
        }
    }
    let total = queue.waiting.len();
    if total == 0 && unusable == 0 {
        output.note("nothing is interrupted");
        return Ok(());
    }
    output.note(&format!("{} to go on with", counted(total, "execution")));
    let overview = Overview::new(output.clone(), Reporting::plain().accounts, 0, total as u64);
    let queue = Queue { overview: Some(overview), ..queue };
    // All that had begun go on: one may wait for what another one does.
    let concurrency = concurrency.unwrap_or(running + CONCURRENCY);
    let dir = share.journal.dir().to_owned();
    let stops = Stops::listen(&workshop, Signals::OF_MANY)?;
    let (queue, driven) = drive(&workshop, queue, concurrency, Some(share), stops.wait());
    workshop.close();
    let (ended, failed) = queue.overview.map(Overview::finish).unwrap_or_default();
    if !driven?.complete {
        return Err(CommandError::interrupted("--all", &dir));
    }
    match failed + unusable {
        0 => Ok(()),
        failed => {
            let all = counted(usize::try_from(ended + unusable).unwrap_or(usize::MAX), "execution");
            Err(CommandError::Many(format!("{failed} of {all} did not succeed")))
        }
    }
}

/// Executions that wait to be taken up, with what they run. A machine that several run is loaded once.
#[derive(Default)]
struct Queue {
    machines: BTreeMap<String, Arc<Machine>>,
    waiting: VecDeque<(Key, Arc<Machine>)>,
    overview: Option<Overview>,
}

impl Queue {
    fn add(
        &mut self,
        share: &Share,
        key: Key,
        workshop: &mut Workshop,
        output: &mut Output,
    ) -> Result<(), CommandError> {
        let loaded = share.journal.load(key)?;
        let what =
            format!("{}\n{}\n{}", loaded.start.machine_name, loaded.settings, loaded.workflow);
        let machine = if let Some(machine) = self.machines.get(&what) {
            Arc::clone(machine)
        } else {
            let taken = Taken::load(&share.journal, key)?;
            let machine = machine_of(&taken, workshop, output)?;
            self.machines.insert(what, Arc::clone(&machine));
            machine
        };
        self.waiting.push_back((key, machine));
        Ok(())
    }
}

impl Supply<Overview> for Queue {
    fn next(&mut self, share: Option<&mut Share>) -> Result<Option<Run<Overview>>, JournalError> {
        let (Some(share), Some(overview)) = (share, &self.overview) else { return Ok(None) };
        while let Some((key, machine)) = self.waiting.pop_front() {
            if let Some(run) = super::run::take_up(share, key, &machine, overview, false)? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    fn ended(&mut self, landed: Landed<Overview>) {
        landed.observer.ended(&landed.execution, landed.at);
    }
}
