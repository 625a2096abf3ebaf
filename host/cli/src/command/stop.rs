//! `stepwell stop`: stops an execution, whoever runs it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use stepwell_engine::Event;
use stepwell_journal::{Entry, Journal, JournalError};

use crate::args::StopArgs;
use crate::clock::Clock;
use crate::error::CommandError;
use crate::keeping::{self, Taken};
use crate::output::Output;

/// How long the process that runs it may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &StopArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut journal = keeping::open(&args.state)?;
    let summary = keeping::find(&journal, &args.name)?;
    let name = &summary.name;
    if summary.status.is_closed() {
        output.note(&format!("the execution `{name}` is {} already", summary.status));
        return Ok(());
    }
    let owner = journal.register(Timestamp::now())?;
    match journal.claim(summary.key, &owner) {
        Ok(()) => {
            let taken = Taken::load(&journal, summary.key)?;
            let status = taken.loaded.summary.status;
            if status.is_closed() {
                journal.release(summary.key, &owner)?;
                output.note(&format!("the execution `{name}` is {status} already"));
                return Ok(());
            }
            end_here(args, &mut journal, &taken)?;
            output.note(&format!("stopped the execution `{name}`"));
            Ok(())
        }
        Err(JournalError::Owned { pid, .. }) => {
            let (error, cause) = (args.error.clone(), args.cause.clone());
            journal.request_stop(summary.key, Timestamp::now(), error, cause)?;
            output.note(&format!("asked process {pid} to stop the execution `{name}`"));
            let began = Instant::now();
            while !journal.describe(summary.key)?.status.is_closed() {
                if began.elapsed() > STOP_TIMEOUT {
                    let message =
                        format!("process {pid} has not stopped the execution `{name}` yet");
                    return Err(CommandError::environment(message)
                        .with_help("it will when that process goes on, or by `stepwell resume`"));
                }
                std::thread::sleep(STOP_INTERVAL);
            }
            output.note(&format!("process {pid} stopped the execution `{name}`"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Stops one that no process runs.
fn end_here(args: &StopArgs, journal: &mut Journal, taken: &Taken) -> Result<(), CommandError> {
    let definition = &taken.machine()?.definition;
    let mut execution = taken.restore(journal)?;
    let (error, cause) = (args.error.clone(), args.cause.clone());
    let at = Clock::wall().max(taken.loaded.last_at.unwrap_or(Timestamp::MIN));
    let begins = (taken.loaded.sequence == 0).then_some(Event::Started);
    for event in begins.into_iter().chain([Event::StopRequested { error, cause }]) {
        let applied = execution.apply(definition, at, event.clone());
        let applied = applied.expect("an execution that has not ended can be stopped");
        let history = &applied.history;
        let entry = Entry { at, event: &event, history, execution: &execution, letter: None };
        journal.append(taken.loaded.summary.key, entry)?;
    }
    Ok(journal.commit()?)
}
