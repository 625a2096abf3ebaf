//! `stepwell delete`: deletes executions that have ended, or that no process runs.

use crate::args::DeleteArgs;
use crate::error::CommandError;
use crate::keeping;
use crate::output::Output;

pub(crate) fn run(args: &DeleteArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut journal = keeping::open(&args.state)?;
    // All of them are looked for before any is deleted.
    let found = args.names.iter().map(|name| keeping::find(&journal, name));
    for summary in found.collect::<Result<Vec<_>, _>>()? {
        journal.delete(summary.key)?;
        output.note(&format!("deleted the execution `{}`", summary.name));
    }
    Ok(())
}
