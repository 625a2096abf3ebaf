//! `stepwell describe`: an execution as DescribeExecution would reply.

use stepwell_journal::Status;

use crate::args::DescribeArgs;
use crate::error::CommandError;
use crate::keeping;
use crate::output::Output;
use crate::runner::describe_kept;

pub(crate) fn run(args: &DescribeArgs, output: &mut Output) -> Result<(), CommandError> {
    let journal = keeping::open(&args.state)?;
    let summary = keeping::find(&journal, &args.name)?;
    let reply = describe_kept(&journal, summary.key)?;
    if summary.status == Status::Running && journal.driven_by(summary.key)?.is_none() {
        output.note("no process runs it: `stepwell resume` goes on with it");
    }
    let text = serde_json::to_string_pretty(&reply).expect("a reply is JSON");
    output.data(&text)
}
