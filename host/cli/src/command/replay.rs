//! `stepwell replay`: an exported execution once more, without running tasks.

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
    let unreadable = |error: std::io::Error| CommandError::unreadable(file, &error);
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if metadata.len() > EXPORT_BYTES_MAX {
        let message = format!("`{}` is larger than {EXPORT_BYTES_MAX} bytes", file.display());
        return Err(CommandError::invalid(message));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
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
    output.note(&format!(
        "{} and {} are the same as recorded: {}",
        counted(replayed.events, "event"),
        counted(replayed.history_events, "history event"),
        replayed.outcome.as_ref().map_or("RUNNING", reply::status),
    ));
    if args.json {
        output.data(&json!({ "events": export.history }).to_string())?;
    } else if let Some(Outcome::Succeeded { output: document }) = &replayed.outcome {
        output.data(document.text())?;
    }
    Ok(())
}
