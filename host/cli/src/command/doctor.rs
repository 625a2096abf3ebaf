//! `stepwell doctor`: what is wrong with the journal, and what can be saved.

use std::collections::BTreeSet;

use jiff::Timestamp;
use stepwell_engine::Event;
use stepwell_journal::{Filter, Journal, Key, Loaded, Status};

use crate::args::DoctorArgs;
use crate::error::{CommandError, counted};
use crate::keeping::Taken;
use crate::output::Output;
use crate::reply;

pub(crate) fn run(args: &DoctorArgs, output: &mut Output) -> Result<(), CommandError> {
    let dir = &args.state.state;
    let diagnosis = stepwell_journal::doctor(dir)?;
    let counts = &diagnosis.counts;
    output.data(&format!(
        "{}: {}, {}, {} bytes, {} bytes of log",
        dir.display(),
        counted(number(counts.executions), "execution"),
        counted(number(counts.events), "event"),
        counts.bytes,
        counts.log_bytes,
    ))?;
    let mut helps: BTreeSet<String> = BTreeSet::new();
    let mut findings = diagnosis.findings.len();
    for finding in diagnosis.findings {
        output.data(&format!("- {}", finding.what))?;
        helps.insert(finding.help);
    }
    if findings == 0 {
        // What can be read may still say what did not happen.
        for finding in replay_all(&Journal::open_for_reading(dir)?)? {
            output.data(&format!("- {finding}"))?;
            findings += 1;
        }
    }
    if let Some(target) = &args.salvage {
        salvage(args, target, output)?;
    }
    if findings == 0 {
        return output.data("nothing is wrong");
    }
    let helps: Vec<_> = helps.into_iter().filter(|help| !help.starts_with("salvage ")).collect();
    let help = match helps.as_slice() {
        [] => "`--salvage DIR` saves what can be read; what differs cannot be relied on".to_owned(),
        helps => format!("{}; `--salvage DIR` saves what can be read", helps.join("; ")),
    };
    Err(CommandError::environment(counted(findings, "finding")).with_help(help))
}

fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Holds each execution's history and outcome against its events.
fn replay_all(journal: &Journal) -> Result<Vec<String>, CommandError> {
    let mut findings = Vec::new();
    for summary in journal.list(&Filter::default())? {
        if summary.status == Status::Pending {
            continue;
        }
        let found = match replay(journal, summary.key) {
            Ok(found) => found,
            Err(error) => Some(error.to_string()),
        };
        findings.extend(found.map(|what| format!("the execution `{}`: {what}", summary.name)));
    }
    Ok(findings)
}

fn replay(journal: &Journal, key: Key) -> Result<Option<String>, CommandError> {
    let export = journal.export(key)?;
    let taken = Taken::load(journal, key)?;
    let events: Vec<_> =
        export.events.into_iter().map(|recorded| (recorded.at, recorded.event)).collect();
    let definition = &taken.machine()?.definition;
    let replayed = stepwell_debug::replay(definition, export.start, &events, &export.history);
    let replayed = match replayed {
        Ok(replayed) => replayed,
        Err(difference) => return Ok(Some(format!("its events tell another story: {difference}"))),
    };
    let status = replayed.outcome.as_ref().map_or("RUNNING", reply::status);
    let listed = export.status;
    if status != listed.name() {
        return Ok(Some(format!("by its events it is {status}, and it is listed as {listed}")));
    }
    if replayed.outcome != export.outcome {
        return Ok(Some("by its events it ended in another way than it is listed with".to_owned()));
    }
    Ok(wrong_column(&taken.loaded, &events))
}

/// What is kept beside the events, for listing, and does not follow from them.
fn wrong_column(loaded: &Loaded, events: &[(Timestamp, Event)]) -> Option<String> {
    let summary = &loaded.summary;
    let redrives = events.iter().filter(|(_, event)| *event == Event::RedriveRequested).count();
    let ended = summary.status.is_closed().then(|| events.last()).flatten();
    // Columns have milliseconds.
    let started = [summary.started_at, loaded.start.at].map(Timestamp::as_millisecond);
    let stopped = [summary.stopped_at, ended.map(|(at, _)| *at)];
    let stopped = stopped.map(|at| at.map(Timestamp::as_millisecond));
    let wrong = if started[0] != started[1] {
        "start"
    } else if stopped[0] != stopped[1] {
        "end"
    } else if summary.redrive_count != redrives as u64 {
        "number of redrives"
    } else {
        return None;
    };
    Some(format!("its {wrong} is listed otherwise than by its events"))
}

fn salvage(
    args: &DoctorArgs,
    target: &std::path::Path,
    output: &mut Output,
) -> Result<(), CommandError> {
    let salvaged = stepwell_journal::salvage(&args.state.state, target).map_err(|error| {
        CommandError::environment(format!("nothing can be saved: {error}"))
            .with_help("SQLite's own shell may still read some: `sqlite3 journal.db .recover`")
    })?;
    let whole = counted(salvaged.whole.len(), "execution");
    output.data(&format!("{whole} saved whole in `{}`", target.display()))?;
    for (name, sequence, why) in &salvaged.cut {
        output.data(&format!("- `{name}` is saved up to its event {sequence}: {why}"))?;
    }
    for (key, why) in &salvaged.lost {
        output.data(&format!("- execution {key} is lost: {why}"))?;
    }
    if salvaged.incomplete {
        output.data("- the list of executions is broken as well: there may have been others")?;
    }
    if salvaged.cut.is_empty() && salvaged.lost.is_empty() && !salvaged.incomplete {
        return Ok(());
    }
    let error = CommandError::environment("not everything could be saved");
    if salvaged.cut.is_empty() {
        return Err(error);
    }
    Err(error.with_help(
        "an execution that was cut is running again: resumed, it would repeat what came after",
    ))
}
