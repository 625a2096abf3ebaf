//! `stepwell debug`: steps through an execution, forwards and backwards.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use stepwell_debug::{Answered, Debugger, Flow, Session, World};
use stepwell_engine::{Event, Invocation, Start};
use tokio::runtime::Handle;

use crate::args::{DebugArgs, TermsArgs};
use crate::command::run::{new_start, read_input};
use crate::driver::Machine;
use crate::error::{CommandError, reason};
use crate::functions::{self, Call, Callable};
use crate::keeping::{self, Taken};
use crate::output::Output;
use crate::runner::machine_of;
use crate::timings::Timings;
use crate::workflow_file::{self, choose, read_source};
use crate::workshop::{Parts, Workshop};

pub(crate) fn run(
    args: &DebugArgs,
    output: &mut Output,
    timings: Timings,
) -> Result<(), CommandError> {
    let mut workshop = Workshop::new(args.components.clone(), timings, output)?;
    let (machine, session) = if Path::new(&args.subject).exists() {
        of_file(args, &mut workshop, output)?
    } else {
        of_execution(args, &mut workshop, output)?
    };
    let world = Functions { machine, runtime: workshop.runtime.handle().clone() };
    let mut debugger = Debugger::new(session, world);
    let result = match &args.script {
        Some(script) => run_script(&mut debugger, script, output),
        None => ask(&mut debugger, output),
    };
    workshop.close();
    result
}

type Debugged = (Arc<Machine>, Session);

/// An execution that is to begin, which no journal keeps.
fn of_file(
    args: &DebugArgs,
    workshop: &mut Workshop,
    output: &mut Output,
) -> Result<Debugged, CommandError> {
    let wanted = args.state_machine.as_deref();
    let path = Path::new(&args.subject);
    let (kept, loaded) = workflow_file::read(path, &args.beside, wanted)?;
    let workflow = loaded.map_err(|findings| kept.refuse(findings))?;
    output.findings(path, &kept.text, &workflow.warnings);
    let named = choose(&workflow, wanted)?;
    let objects = keeping::objects(args.objects.as_deref(), &args.state.state);
    let definition = &named.definition;
    let terms = &TermsArgs::default();
    let parts = Parts { kept: &kept, functions: &workflow, definition, objects: &objects, terms };
    let machine = workshop.machine(&parts)?;
    let start = new_start(&workflow, named, read_input(&args.input)?, "debug".to_owned());
    session(machine, start, Vec::new())
}

/// An execution of the journal, which stays as it is.
fn of_execution(
    args: &DebugArgs,
    workshop: &mut Workshop,
    output: &mut Output,
) -> Result<Debugged, CommandError> {
    let journal = keeping::open(&args.state).map_err(|error| {
        let message = format!("`{}` is no file, and {error}", args.subject);
        CommandError::invalid(message).with_help("give a workflow file, or an execution's name")
    })?;
    let summary = keeping::find(&journal, &args.subject)?;
    let taken = Taken::load(&journal, summary.key)?;
    let machine = machine_of(&taken, workshop, output)?;
    let events = journal.events(summary.key, 1, usize::MAX)?;
    let events = events.into_iter().map(|recorded| (recorded.at, recorded.event)).collect();
    session(machine, taken.loaded.start, events)
}

fn session(
    machine: Arc<Machine>,
    start: Start,
    events: Vec<(Timestamp, Event)>,
) -> Result<Debugged, CommandError> {
    let session = Session::new(Arc::clone(&machine.definition), start, events);
    let session = session.map_err(|error| CommandError::environment(error.to_string()))?;
    Ok((machine, session))
}

fn run_script(
    debugger: &mut Debugger<Functions>,
    script: &Path,
    output: &mut Output,
) -> Result<(), CommandError> {
    let text = if script == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| {
            CommandError::invalid(format!("cannot read standard input: {}", reason(&error)))
        })?;
        text
    } else {
        read_source(script, script)?
    };
    let mut said = String::new();
    let result = debugger.script(&text, &mut said);
    output.data(said.trim_end())?;
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(CommandError::invalid(format!("{}: {error}", script.display()))
            .with_help("`help` in a script or at the prompt lists the commands")),
    }
}

/// Asks for commands until there are no more. An empty line does the last one again.
fn ask(debugger: &mut Debugger<Functions>, output: &mut Output) -> Result<(), CommandError> {
    let prompts = std::io::stdin().is_terminal();
    if prompts {
        output.note("`help` lists the commands");
    }
    let mut last = "at".to_owned();
    let mut line = "at".to_owned();
    loop {
        let command = if line.trim().is_empty() { last.clone() } else { line.trim().to_owned() };
        let mut said = String::new();
        match debugger.command(&command, &mut said) {
            Ok(flow) => {
                output.data(said.trim_end())?;
                if flow == Flow::Quit {
                    return Ok(());
                }
                last = command;
            }
            Err(error) => {
                output.data(said.trim_end())?;
                output.warning(&error.to_string());
            }
        }
        if prompts {
            let mut stderr = std::io::stderr().lock();
            _ = stderr.write_all(b"(stepwell) ");
            _ = stderr.flush();
        }
        line.clear();
        let read = std::io::stdin().lock().read_line(&mut line);
        let read = read.map_err(|error| {
            CommandError::invalid(format!("cannot read standard input: {}", reason(&error)))
        })?;
        if read == 0 {
            return Ok(());
        }
    }
}

/// Calls a machine's functions for a debugger, one after the other.
struct Functions {
    machine: Arc<Machine>,
    runtime: Handle,
}

impl World for Functions {
    fn perform(&mut self, call: &Invocation, _: Timestamp) -> Result<Answered, String> {
        let id = call.id;
        let request = Call {
            request_id: call.request_id.clone(),
            arn: call.arn.clone(),
            payload: call.payload.clone(),
        };
        let functions = &self.machine.functions;
        let (answer, took) = match functions.get(call.function.as_str()) {
            Some(Callable::Function(function)) => {
                let answer = self.runtime.block_on(functions::invoke(function, request));
                let took = answer.report.as_ref().map(|report| report.duration);
                (answer, took.unwrap_or_default().try_into().unwrap_or_default())
            }
            Some(Callable::Stub(stub)) => {
                let (seconds, answer) = functions::answer_of(stub, call.call);
                let took = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
                (functions::answer(answer, request), took)
            }
            None => (functions.missing(call.function.as_str(), &request), SignedDuration::ZERO),
        };
        let event = match answer.result {
            Ok(output) => Event::FunctionSucceeded { id, output },
            Err(failure) => Event::FunctionFailed { id, failure },
        };
        Ok(Answered { event, took })
    }

    fn read(&mut self, file: &str) -> Result<String, String> {
        std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read `{file}`: {}", reason(&error)))
    }
}
