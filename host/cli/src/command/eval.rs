//! `stepwell eval`: evaluates an expression as a workflow would, or many at a prompt.

mod prompt;

use std::io::{IsTerminal, Read};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_eval::{Files, Question, Session, Trouble, Values, ValuesError};
use stepwell_query::format_timestamp;
use uuid::Uuid;

use crate::args::EvalArgs;
use crate::clock::Clock;
use crate::command::run::{ROLE_ARN, execution_arn, machine_arn, read_json};
use crate::error::{CommandError, reason};
use crate::output::Output;
use crate::workflow_file::read_source;

/// What execution, state machine and state are called in the context object that nobody gave.
const NAME: &str = "eval";

/// How long values may be that hold more than one state's: all variables of an execution
/// (`facts/asl.md` 2.5).
const VALUES_BYTES_MAX: usize = 10 << 20;

pub(crate) fn run(args: &EvalArgs, output: &mut Output) -> Result<(), CommandError> {
    check_standard_input(args)?;
    let asked = expression(args)?;
    let prompts = args.interactive || std::io::stdin().is_terminal();
    if asked.is_none() && !prompts {
        return Err(CommandError::invalid("no expression was given").with_help(
            "give one, `-` to read it from standard input, or `--interactive` for many, one a line",
        ));
    }
    let values = values(args)?;
    match asked {
        Some(text) => evaluate(args, &text, &values, output),
        None => prompt::converse(Session::new(values, args.jsonpath), args.clock, output),
    }
}

fn evaluate(
    args: &EvalArgs,
    text: &str,
    values: &Values,
    output: &mut Output,
) -> Result<(), CommandError> {
    let path = args.file.as_deref();
    let refuse = |trouble: Trouble| CommandError::Expression {
        trouble: Box::new(trouble),
        path: path.map(Path::to_owned),
    };
    let question = Question::read(text, args.jsonpath).map_err(refuse)?;
    for notice in question.notices(values) {
        output.notice(&notice, path);
    }
    let value = question.evaluate(values).map_err(refuse)?;
    match value.as_ref() {
        Value::String(text) if args.raw => output.data(text),
        value => output.data(&shown(value)),
    }
}

/// JSON for a person on a terminal, or for a program.
fn shown(value: &Value) -> String {
    if std::io::stdout().is_terminal() { format!("{value:#}") } else { value.to_string() }
}

/// The expression that was given, if any.
fn expression(args: &EvalArgs) -> Result<Option<String>, CommandError> {
    match (&args.expression, &args.file) {
        (Some(text), _) if text == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| {
                CommandError::invalid(format!("cannot read standard input: {}", reason(&error)))
            })?;
            Ok(Some(text))
        }
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(file)) => read_source(file, file).map(Some),
        (None, None) => Ok(None),
    }
}

/// Standard input can be read once.
fn check_standard_input(args: &EvalArgs) -> Result<(), CommandError> {
    let given = [&args.expression, &args.input, &args.states, &args.vars, &args.context];
    let dashes = given.iter().filter(|given| given.as_deref() == Some("-")).count();
    if dashes + usize::from(args.interactive) > 1 {
        let message = "standard input can be only one of the things that are given";
        return Err(CommandError::invalid(message).with_help("`@FILE` reads JSON from a file"));
    }
    Ok(())
}

/// What was given, in place of what is there by default.
fn values(args: &EvalArgs) -> Result<Values, CommandError> {
    let now = args.clock.unwrap_or_else(Clock::wall);
    let seed = args.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
    let mut values = Values::new(context(now), now.as_millisecond(), seed);
    if let Some(input) = &args.input {
        values.set_input(super::run::read_input(input)?.into_value());
    }
    if let Some(states) = &args.states {
        values.set_states(read(states, "--states")?).map_err(|error| wrong("--states", error))?;
    }
    if let Some(context) = &args.context {
        values
            .set_context(read(context, "--context")?)
            .map_err(|error| wrong("--context", error))?;
    }
    if let Some(variables) = &args.vars {
        values.set_variables(read(variables, "--vars")?).map_err(|error| wrong("--vars", error))?;
    }
    Ok(values)
}

fn read(text: &str, option: &str) -> Result<Value, CommandError> {
    Ok(read_json(text, "value", option, VALUES_BYTES_MAX)?.into_value())
}

fn wrong(option: &str, error: ValuesError) -> CommandError {
    let wrong = CommandError::invalid(format!("`{option}`: {}", error.message));
    match error.help {
        Some(help) => wrong.with_help(help),
        None => wrong,
    }
}

/// A context object as a task's state has it in a run, of an execution that began now.
fn context(now: Timestamp) -> Value {
    json!({
        "Execution": {
            "Id": execution_arn(NAME, NAME),
            "Input": {},
            "Name": NAME,
            "RoleArn": ROLE_ARN,
            "StartTime": format_timestamp(now),
            "RedriveCount": 0,
        },
        "State": { "EnteredTime": format_timestamp(now), "Name": NAME, "RetryCount": 0 },
        "StateMachine": { "Id": machine_arn(NAME), "Name": NAME },
    })
}

/// Files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&mut self, path: &str) -> Result<String, String> {
        read_source(Path::new(path), Path::new(path)).map_err(|error| error.to_string())
    }
}
