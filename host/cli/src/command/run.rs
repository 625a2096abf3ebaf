//! `stepwell run`: runs a workflow file and prints the output, or runs it for many inputs.

mod batch;
mod watch;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use stepwell_asl::{Finding, NamedMachine, Workflow};
use stepwell_engine::{Execution, HISTORY_EVENTS_MAX, STATE_BYTES_MAX, Start};
use stepwell_journal::{Created, Journal, JournalError, Key, NewExecution};
use stepwell_query::Document;
use uuid::Uuid;

use crate::args::{DurabilityArg, RunArgs};
use crate::clock::Clock;
use crate::driver::{Machine, Share};
use crate::error::CommandError;
use crate::history::HistoryFile;
use crate::keeping::{self, Settings, Taken};
use crate::output::Output;
use crate::report::Reporting;
use crate::runner::{
    Course, Telling, await_end, drive_one, lone_course_of, machine_of, tell_ended,
};
use crate::timings::Timings;
use crate::workflow_file::{self, Kept, choose, read_source};
use crate::workshop::{Parts, Workshop, child_executions_max};

pub(super) use batch::{go_on as go_on_with_batch, take_up};

/// The region and account of ARNs that are made here (`facts/embeddings.md` 9).
const ARN_SCOPE: &str = "us-east-1:123456789012";
pub(super) const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/stepwell";

/// A workflow that is about to be run.
struct Prepared<'r> {
    args: &'r RunArgs,
    kept: Kept,
    workflow: Workflow,
}

pub(crate) fn run(
    args: &RunArgs,
    output: &mut Output,
    timings: &Timings,
) -> Result<(), CommandError> {
    if args.watch { watch::run(args, output) } else { once(args, output, timings) }
}

fn once(args: &RunArgs, output: &mut Output, timings: &Timings) -> Result<(), CommandError> {
    let wanted = args.state_machine.as_deref();
    let (kept, loaded) = workflow_file::read(&args.file, &args.beside, wanted)?;
    let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
    // What keeps the machine from running is told as an error below.
    let warnings: Vec<Finding> =
        workflow.warnings.iter().filter(|f| !f.is_missing_function()).cloned().collect();
    output.findings(&args.file, &kept.text, &warnings);
    let prepared = Prepared { args, kept, workflow };
    let machine = choose(&prepared.workflow, wanted)?;
    let missing = prepared.workflow.missing(&machine.definition);
    if !missing.is_empty() {
        return Err(prepared.kept.refuse(missing));
    }
    let reporting = Reporting::new(&args.report, &prepared.workflow)?;
    if let Some(inputs) = &args.inputs {
        return batch::run(&prepared, machine, inputs, &reporting, output, timings);
    }
    let input = read_input(&args.input)?;
    let name = args.name.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    check_name(&name)?;
    timings.mark("file read and checked");
    let mut workshop = Workshop::new(args.drive.components.clone(), timings.clone(), output)?;
    let loaded = prepared.machine(machine, &mut workshop)?;
    // The last of what can be refused: whoever presses Ctrl-C before leaves no file behind.
    let history = args.history.as_deref().map(HistoryFile::create).transpose()?;
    // Now, and not before the components were compiled: an execution's time is its own.
    let start = prepared.start(machine, input, name);
    let telling = Telling {
        json: args.drive.json,
        history,
        timings: args.timings.then(|| timings.clone()),
        reporting,
        output,
    };
    let kept = prepared.keep(&start, &loaded)?;
    timings.mark("journal opened");
    match kept {
        Keeping::Not(error) => {
            telling.output.note(&format!("the execution is not kept: {error}"));
            let course = Course::fresh(loaded, Execution::new(start), args.skip_waits);
            drive_one(workshop, None, course, telling)
        }
        Keeping::New(share, key) => {
            let course = Course::fresh(loaded, Execution::new(start), args.skip_waits);
            drive_one(workshop, Some(share), Course { key: Some(key), ..course }, telling)
        }
        Keeping::Same(share, key) => go_on(workshop, share, key, telling),
    }
}

/// Goes on with the execution that has the name and the input already.
fn go_on(
    mut workshop: Workshop,
    mut share: Share,
    key: Key,
    telling: Telling<'_>,
) -> Result<(), CommandError> {
    match share.journal.claim(key, &share.owner) {
        Ok(()) => {}
        Err(JournalError::Owned { pid, .. }) => return await_end(&share, key, pid, telling),
        Err(error) => return Err(error.into()),
    }
    let taken = Taken::load(&share.journal, key)?;
    if taken.loaded.summary.status.is_closed() {
        share.journal.release(key, &share.owner)?;
        return tell_ended(&share.journal, key, telling);
    }
    let name = &taken.loaded.summary.name;
    telling.output.note(&format!("the execution `{name}` has begun before: it goes on"));
    let machine = machine_of(&taken, &mut workshop, telling.output)?;
    let course = lone_course_of(&taken, &share.journal, machine, None)?;
    drive_one(workshop, Some(share), course, telling)
}

/// What became of keeping an execution.
enum Keeping {
    /// It is not kept, and need not be.
    Not(CommandError),
    New(Share, Key),
    /// It was there, and nobody runs it.
    Same(Share, Key),
}

impl Prepared<'_> {
    fn machine(
        &self,
        machine: &NamedMachine,
        workshop: &mut Workshop,
    ) -> Result<Arc<Machine>, CommandError> {
        workshop.machine(&Parts {
            kept: &self.kept,
            functions: &self.workflow,
            definition: &machine.definition,
            objects: &self.objects(),
            terms: &self.args.terms,
        })
    }

    fn objects(&self) -> std::path::PathBuf {
        let objects = keeping::objects(self.args.objects.as_deref(), &self.args.drive.state.state);
        if objects == Path::new("s3") { objects } else { self.kept.base.join(objects) }
    }

    fn settings(&self, machine: &Machine) -> Settings {
        let components = machine.functions.hashes();
        Settings {
            objects: self.objects(),
            skip_waits: self.args.skip_waits,
            terms: self.args.terms.clone(),
            components: components.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect(),
        }
    }

    fn start(&self, machine: &NamedMachine, input: Document, name: String) -> Start {
        let limited = !self.args.unlimited_history;
        let history_events_max = limited.then_some(HISTORY_EVENTS_MAX);
        let new = new_start(&self.workflow, machine, input, name);
        let seed = self.args.terms.seed.unwrap_or(new.seed);
        Start { history_events_max, seed, ..new }
    }

    fn open_journal(&self) -> Result<Share, CommandError> {
        let durability = self.args.drive.durability.into();
        keeping::share_of(Journal::open(&self.args.drive.state.state, durability)?, durability)
    }

    fn new_execution(
        &self,
        share: &mut Share,
        start: Start,
        machine: &Machine,
    ) -> Result<NewExecution, CommandError> {
        let kept = serde_json::to_string(&self.kept).expect("a kept file is texts");
        let workflow = share.journal.keep_workflow(&kept)?;
        Ok(NewExecution { start, workflow, settings: self.settings(machine).to_text() })
    }

    fn keep(&self, start: &Start, machine: &Machine) -> Result<Keeping, CommandError> {
        let kept = self.open_journal().and_then(|mut share| {
            let new = self.new_execution(&mut share, start.clone(), machine)?;
            Ok(match share.journal.create(&new, Some(&share.owner))? {
                Created::New(key) => Keeping::New(share, key),
                Created::Same(key, _) => Keeping::Same(share, key),
            })
        });
        match kept {
            Err(error @ CommandError::Environment { .. })
                if matches!(self.args.drive.durability, DurabilityArg::None) =>
            {
                Ok(Keeping::Not(error))
            }
            kept => kept,
        }
    }
}

/// A state machine's ARN.
pub(super) fn machine_arn(machine: &str) -> String {
    format!("arn:aws:states:{ARN_SCOPE}:stateMachine:{machine}")
}

/// An execution's ARN.
pub(super) fn execution_arn(machine: &str, name: &str) -> String {
    format!("arn:aws:states:{ARN_SCOPE}:execution:{machine}:{name}")
}

/// What a new execution begins with.
pub(super) fn new_start(
    workflow: &Workflow,
    machine: &NamedMachine,
    input: Document,
    name: String,
) -> Start {
    let (seed, _) = Uuid::new_v4().as_u64_pair();
    Start {
        machine_arn: machine_arn(&machine.name),
        execution_arn: execution_arn(&machine.name, &name),
        machine_name: machine.name.clone(),
        name,
        role_arn: ROLE_ARN.to_owned(),
        input,
        at: Clock::wall(),
        seed,
        history_events_max: Some(HISTORY_EVENTS_MAX),
        child_executions_max: child_executions_max(workflow, &machine.definition),
        from: None,
    }
}

/// A name that AWS takes (`facts/asl.md` 16); the text is AWS's.
pub(super) fn check_name(name: &str) -> Result<(), CommandError> {
    const LENGTH_MAX: usize = 80;
    const FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";
    let refused = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || FORBIDDEN.contains(c)
            || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{10ffff}')
    };
    if (1..=LENGTH_MAX).contains(&name.chars().count()) && !name.contains(refused) {
        return Ok(());
    }
    Err(CommandError::invalid(format!("Invalid Name: '{name}'")).with_help(format!(
        "a name has 1 to {LENGTH_MAX} characters, without blanks and without any of {FORBIDDEN}"
    )))
}

/// The input: JSON, `@FILE` or `-`.
pub(super) fn read_input(text: &str) -> Result<Document, CommandError> {
    read_json(text, "input", "--input", STATE_BYTES_MAX)
}

/// A value that an option gives, of so many bytes at most: JSON, `@FILE` or `-`.
pub(super) fn read_json(
    text: &str,
    what: &str,
    option: &str,
    bytes_max: usize,
) -> Result<Document, CommandError> {
    let (json, origin) = if text == "-" {
        let mut json = String::new();
        std::io::stdin().take(bytes_max as u64 + 1).read_to_string(&mut json).map_err(|error| {
            CommandError::invalid(format!("cannot read standard input: {error}"))
        })?;
        (json, "standard input".to_owned())
    } else if let Some(path) = text.strip_prefix('@') {
        let path = Path::new(path);
        (read_source(path, path)?, format!("`{}`", path.display()))
    } else {
        (text.to_owned(), format!("`{option}`"))
    };
    if json.len() > bytes_max {
        let message = format!("the {what} of {origin} is longer than {bytes_max} bytes");
        return Err(CommandError::invalid(message).with_help("keep large data in a bucket"));
    }
    Document::parse(json.trim()).map_err(|error| {
        let message = format!("the {what} of {origin} is not JSON: {error}");
        CommandError::invalid(message)
            .with_help("give JSON, `@FILE` for a file, or `-` for standard input")
    })
}
