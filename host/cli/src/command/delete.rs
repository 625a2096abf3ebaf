//! `stepwell delete`: deletes executions that have ended.

use std::collections::BTreeMap;

use crate::args::DeleteArgs;
use crate::error::CommandError;
use crate::keeping;
use crate::output::Output;

pub(crate) fn run(args: &DeleteArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut journal = keeping::open(&args.state)?;
    // All of them are looked for before any is deleted.
    let found = args.names.iter().map(|name| {
        let summary = keeping::find(&journal, name)?;
        Ok((summary.key, summary.name))
    });
    for (key, name) in found.collect::<Result<BTreeMap<_, _>, CommandError>>()? {
        journal.delete(key, args.force)?;
        output.note(&format!("deleted the execution `{name}`"));
    }
    Ok(())
}
