//! `stepwell redrive`: goes on with an execution that ended without success, where it was (`facts/api.md` 4).

use stepwell_engine::Event;
use stepwell_journal::Status;

use crate::args::RedriveArgs;
use crate::clock::Clock;
use crate::error::CommandError;
use crate::keeping::{self, Taken};
use crate::output::Output;
use crate::report::Reporting;
use crate::runner::{Telling, drive_one, lone_course_of, machine_of};
use crate::timings::Timings;
use crate::workshop::Workshop;

pub(crate) fn run(
    args: &RedriveArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let mut share = keeping::share(&args.drive)?;
    let summary = keeping::find(&share.journal, &args.name)?;
    share.journal.claim(summary.key, &share.owner)?;
    let taken = Taken::load(&share.journal, summary.key)?;
    let execution = taken.restore(&share.journal)?;
    if let Err(reason) = execution.redrivable(Clock::wall()) {
        share.journal.release(summary.key, &share.owner)?;
        let help = match summary.status {
            Status::Running | Status::Pending => "`stepwell resume` goes on with it",
            _ => "`stepwell rerun` starts a new execution like it, also from a state of it",
        };
        return Err(CommandError::invalid(reason).with_help(help));
    }
    let mut workshop = Workshop::new(args.drive.components.clone(), timings, output)?;
    let machine = machine_of(&taken, &mut workshop, output)?;
    let course = lone_course_of(&taken, &share.journal, machine, Some(Event::RedriveRequested))?;
    let telling = Telling {
        json: args.drive.json,
        history: None,
        timings: None,
        reporting: Reporting::plain(),
        output,
    };
    drive_one(workshop, Some(share), course, telling)
}
