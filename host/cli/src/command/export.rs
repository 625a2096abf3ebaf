//! `stepwell export`: an execution as a file that replays elsewhere: workflow, events, history, hashes.

use crate::args::ExportArgs;
use crate::error::{CommandError, reason};
use crate::keeping;
use crate::output::Output;

pub(crate) fn run(args: &ExportArgs, output: &mut Output) -> Result<(), CommandError> {
    let journal = keeping::open(&args.state)?;
    let summary = keeping::find(&journal, &args.name)?;
    let export = journal.export(summary.key)?;
    let text = serde_json::to_string_pretty(&export).expect("an export is JSON");
    match &args.output {
        None => output.data(&text),
        Some(file) => std::fs::write(file, text + "\n").map_err(|error| {
            let why = reason(&error);
            CommandError::environment(format!("cannot write `{}`: {why}", file.display()))
        }),
    }
}
