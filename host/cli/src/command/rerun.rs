//! `stepwell rerun`: a new execution like an old one, from the start or from a state of it.

use std::collections::BTreeMap;

use stepwell_asl::{Definition, Name, StateId};
use stepwell_engine::{Details, Execution, From as Beginning, HistoryEvent, Start};
use stepwell_journal::{Created, NewExecution};
use stepwell_query::Document;
use uuid::Uuid;

use crate::args::RerunArgs;
use crate::clock::Clock;
use crate::command::run::{check_name, execution_arn, read_input};
use crate::error::CommandError;
use crate::keeping::{self, Settings, Taken};
use crate::output::Output;
use crate::report::Reporting;
use crate::runner::{Course, Telling, drive_one, machine_of};
use crate::timings::Timings;
use crate::workshop::Workshop;

pub(crate) fn run(
    args: &RerunArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let input = args.input.as_deref().map(read_input).transpose()?;
    let name = args.name.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
    check_name(&name)?;
    let mut share = keeping::share(&args.drive)?;
    let summary = keeping::find(&share.journal, &args.execution)?;
    let taken = Taken::load(&share.journal, summary.key)?;
    let definition = &taken.machine()?.definition;
    let (from, entered_with) = match &args.from {
        None => (taken.loaded.start.from.clone(), taken.loaded.start.input.clone()),
        Some(state) => {
            let history = share.journal.history(summary.key, 0, usize::MAX)?;
            let id = state_called(definition, state)?;
            let (input, variables) = last_entered(definition, &history, id, &taken.loaded.start)
                .ok_or_else(|| {
                    let name = &summary.name;
                    let message =
                        format!("the execution `{name}` never entered the state `{state}`");
                    CommandError::invalid(message)
                        .with_help("`stepwell history` shows where it was")
                })?;
            (Some(Beginning { state: id, variables }), input)
        }
    };
    let mut workshop = Workshop::new(args.drive.components.clone(), timings, output)?;
    let machine = machine_of(&taken, &mut workshop, output)?;
    let (chance, _) = Uuid::new_v4().as_u64_pair();
    let seed = taken.settings.terms.seed.unwrap_or(chance);
    let old = &taken.loaded.start;
    let start = Start {
        execution_arn: execution_arn(&old.machine_name, &name),
        name,
        input: input.unwrap_or(entered_with),
        at: Clock::wall(),
        seed,
        from,
        ..old.clone()
    };
    let kept = share.journal.keep_workflow(&taken.loaded.workflow)?;
    let components = machine.functions.hashes();
    let components = components.map(|(name, hash)| (name.to_owned(), hash.to_owned())).collect();
    let settings = Settings { components, ..taken.settings.clone() }.to_text();
    let new = NewExecution { start: start.clone(), workflow: kept, settings };
    let key = match share.journal.create(&new, Some(&share.owner))? {
        Created::New(key) => key,
        Created::Same(..) => {
            let message = format!("Execution Already Exists: '{}'", start.execution_arn);
            return Err(CommandError::invalid(message).with_help("choose another `--name`"));
        }
    };
    output.note(&format!("execution {}", start.name));
    let course = Course::fresh(machine, Execution::new(start), taken.settings.skip_waits);
    let course = Course { key: Some(key), ..course };
    let telling = Telling {
        json: args.drive.json,
        history: None,
        timings: None,
        reporting: Reporting::plain(),
        output,
    };
    drive_one(workshop, Some(share), course, telling)
}

/// A state of the outermost machine.
fn state_called(definition: &Definition, name: &str) -> Result<StateId, CommandError> {
    let outermost = &definition.outermost().states;
    let is_wanted = |id: &&StateId| definition.state(**id).name.as_str() == name;
    outermost.iter().find(is_wanted).copied().ok_or_else(|| {
        let names: Vec<_> =
            outermost.iter().map(|id| definition.state(*id).name.as_str()).collect();
        let within = definition.states().any(|state| state.name.as_str() == name);
        let message = if within {
            format!("the state `{name}` is inside of another one: an execution cannot begin there")
        } else {
            format!("the machine has no state `{name}`")
        };
        CommandError::invalid(message).with_help(format!("choose one of: {}", names.join(", ")))
    })
}

/// The input of a state when it was last entered, and the variables of the execution by then.
fn last_entered(
    definition: &Definition,
    history: &[HistoryEvent],
    id: StateId,
    start: &Start,
) -> Option<(Document, BTreeMap<Name, Document>)> {
    let state = &definition.state(id).name;
    let outermost = |name: &Name| {
        definition.outermost().states.iter().any(|id| definition.state(*id).name == *name)
    };
    let mut variables = start.from.as_ref().map(|from| from.variables.clone()).unwrap_or_default();
    let mut found = None;
    for event in history {
        match &event.details {
            Details::StateEntered { name, input, .. } if name == state => {
                found = Some((input.clone(), variables.clone()));
            }
            Details::StateExited { name, assigned, .. } if outermost(name) => {
                variables.extend(assigned.iter().cloned());
            }
            _ => {}
        }
    }
    found
}
