//! `stepwell prune`: deletes all executions that ended long ago.

use jiff::Timestamp;

use crate::args::PruneArgs;
use crate::error::{CommandError, counted};
use crate::keeping;
use crate::output::Output;

pub(crate) fn run(args: &PruneArgs, output: &mut Output) -> Result<(), CommandError> {
    let mut journal = keeping::open(&args.state)?;
    let before = Timestamp::now().checked_sub(args.older_than).unwrap_or(Timestamp::MIN);
    let deleted = journal.prune(before)?;
    let deleted = counted(usize::try_from(deleted).unwrap_or(usize::MAX), "execution");
    output.note(&format!("deleted {deleted}"));
    Ok(())
}
