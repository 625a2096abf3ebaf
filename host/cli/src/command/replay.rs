//! `stepwell replay`: an exported execution once more, without running tasks.

use std::io::Read;
use std::path::Path;

use serde_json::json;
use stepwell_engine::Outcome;
use stepwell_journal::Export;

use crate::args::ReplayArgs;
use crate::error::{CommandError, counted};
use crate::output::Output;
use crate::reply;
use crate::workflow_file::{Kept, choose};

/// An export may hold many documents.
const EXPORT_BYTES_MAX: u64 = 4 << 30;

pub(crate) fn run(args: &ReplayArgs, output: &mut Output) -> Result<(), CommandError> {
    let file = &args.file;
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(EXPORT_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        let open = std::fs::File::open(file);
        open.and_then(|file| file.take(EXPORT_BYTES_MAX + 1).read_to_string(&mut text))
    };
    read.map_err(|error| CommandError::unreadable(file, &error))?;
    if text.len() as u64 > EXPORT_BYTES_MAX {
        let message = format!("`{}` is larger than {EXPORT_BYTES_MAX} bytes", file.display());
        return Err(CommandError::invalid(message));
    }
    let no_export = |what: &dyn std::fmt::Display| {
        CommandError::invalid(format!("`{}` is no export: {what}", file.display()))
            .with_help("give what `stepwell export` wrote")
    };
    let export = Export::read(&text).map_err(|error| no_export(&error))?;
    let kept: Kept =
        serde_json::from_value(export.workflow.clone()).map_err(|error| no_export(&error))?;
    let workflow = kept.load().map_err(|findings| kept.refuse(findings))?;
    let definition = &choose(&workflow, Some(&export.start.machine_name))?.definition;
    let events: Vec<_> =
        export.events.iter().map(|recorded| (recorded.at, recorded.event.clone())).collect();
    let replayed =
        stepwell_debug::replay(definition, export.start.clone(), &events, &export.history);
    let replayed = replayed.map_err(|difference| {
        CommandError::Many(format!("the replay differs from what was recorded: {difference}"))
    })?;
    let status = replayed.outcome.as_ref().map_or("RUNNING", reply::status);
    if replayed.outcome != export.outcome || status != export.status.name() {
        let recorded = export.status;
        return Err(CommandError::Many(format!(
            "the replay differs from what was recorded: it ends as {status}, and {recorded} or another \
             outcome was recorded"
        )));
    }
    output.note(&format!(
        "{} and {} are the same as recorded: {}",
        counted(replayed.events, "event"),
        counted(replayed.history_events, "history event"),
        status,
    ));
    if args.json {
        output.data(&json!({ "events": export.history }).to_string())?;
    } else if let Some(Outcome::Succeeded { output: document }) = &replayed.outcome {
        output.data(document.text())?;
    }
    Ok(())
}
