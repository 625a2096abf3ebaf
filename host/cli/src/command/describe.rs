//! `stepwell describe`: an execution as DescribeExecution would reply.

use stepwell_journal::Status;

use crate::args::DescribeArgs;
use crate::clock::Clock;
use crate::error::CommandError;
use crate::keeping::{self, Taken};
use crate::output::Output;
use crate::reply::{self, Reply};

pub(crate) fn run(args: &DescribeArgs, output: &mut Output) -> Result<(), CommandError> {
    let journal = keeping::open(&args.state)?;
    let summary = keeping::find(&journal, &args.name)?;
    let loaded = journal.load(summary.key)?;
    let redrivable = if summary.status.is_closed() && summary.status != Status::Succeeded {
        let taken = Taken::load(&journal, summary.key)?;
        taken.restore(&journal)?.redrivable(Clock::wall())
    } else {
        Err(format!("Execution is {} and cannot be redriven", summary.status))
    };
    let reply = reply::describe(&Reply {
        start: &loaded.start,
        status: summary.status.name(),
        outcome: loaded.outcome.as_ref(),
        stopped_at: summary.stopped_at,
        redrives: (summary.redrive_count, summary.redriven_at),
        redrivable,
    });
    if summary.status == Status::Running && journal.driven_by(summary.key)?.is_none() {
        output.note("no process runs it: `stepwell resume` goes on with it");
    }
    let text = serde_json::to_string_pretty(&reply).expect("a reply is JSON");
    output.data(&text)
}
