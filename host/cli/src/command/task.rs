//! `stepwell task`: answers a task that waits for its token, from any process.

use jiff::Timestamp;
use stepwell_journal::Answer;

use crate::args::{StateArgs, TaskCommand};
use crate::command::run::read_input;
use crate::error::CommandError;
use crate::keeping;
use crate::output::Output;

pub(crate) fn run(command: &TaskCommand, output: &mut Output) -> Result<(), CommandError> {
    match command {
        TaskCommand::Success { token, output: said, state } => {
            let result = read_input(said).map_err(invalid_output)?;
            answer(token, Answer::Success(result), state, output)
        }
        TaskCommand::Failure { token, error, cause, state } => {
            let (error, cause) = (error.clone(), cause.clone());
            answer(token, Answer::Failure { error, cause }, state, output)
        }
        TaskCommand::Heartbeat { token, state } => answer(token, Answer::Heartbeat, state, output),
    }
}

/// AWS's name for it.
fn invalid_output(error: CommandError) -> CommandError {
    match error {
        CommandError::Invalid { message, help } => {
            let message = message.replace("`--input`", "`--output`").replace("input", "output");
            CommandError::Invalid { message: format!("Invalid Output: {message}"), help }
        }
        error => error,
    }
}

fn answer(
    token: &str,
    answer: Answer,
    state: &StateArgs,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut journal = keeping::open(state)?;
    let what = if answer == Answer::Heartbeat { "what was said" } else { "the answer" };
    let key = journal.answer(token, Timestamp::now(), answer)?;
    if journal.driven_by(key)?.is_none() {
        let name = journal.describe(key)?.name;
        output.note(&format!(
            "no process runs the execution: `stepwell resume {name}` goes on with {what}"
        ));
    }
    Ok(())
}
