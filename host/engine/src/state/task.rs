//! Task: invokes a function, retries and catches.

use jiff::SignedDuration;
use stepwell_asl::{Task, Transition};
use stepwell_query::Document;

use super::Data;
use crate::effect::Effect;
use crate::execution::{Branch, Flow, Halt, STATE_BYTES_MAX, Turn, Waiting};
use crate::failure::{Failure, delay_ms, draw};
use crate::history::Details;

/// Invokes the function, for the first time in this visit or once more.
pub(crate) fn attempt(turn: &mut Turn<'_>, branch: &mut Branch, task: &Task) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch, true);
    let payload = data.parameters(task.parameters.as_ref(), data.input(&task.io)?)?;
    let arn = &task.resource.arn;
    let scheduled =
        Details::LambdaFunctionScheduled { resource: arn.clone(), input: payload.clone() };
    turn.record(branch, scheduled)?;
    turn.record(branch, Details::LambdaFunctionStarted)?;
    let id = turn.ask_with_id(|id| Effect::Invoke {
        id,
        function: task.resource.function.clone(),
        arn: arn.clone(),
        payload,
        attempt: branch.retry_count(),
    });
    Ok(Flow::Wait(Waiting::Function(id)))
}

pub(crate) fn succeeded(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    result: Document,
) -> Result<Flow, Halt> {
    if result.size_bytes() > STATE_BYTES_MAX {
        // Recorded on AWS in 2024: unlike other states' data, a task's result that is too large can be
        // caught (`facts/asl.md` 9).
        return failed(turn, branch, task, &Failure::data_limit_exceeded(&task.resource.arn));
    }
    turn.record(branch, Details::LambdaFunctionSucceeded { output: result.clone() })?;
    let data = Data::new(turn, branch, true);
    let selected = match &task.result_selector {
        Some(template) => data.fill(template, &result)?,
        None => result,
    };
    let output = data.output(&task.io, &data.merge(&task.result_path, selected)?)?;
    Ok(Flow::Exit(output, task.transition.clone()))
}

/// Retries if a retrier is for it and has attempts left, or else catches, or else fails the execution.
pub(crate) fn failed(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    task: &Task,
    failure: &Failure,
) -> Result<Flow, Halt> {
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    turn.record(branch, Details::LambdaFunctionFailed { error, cause })?;
    // The first retrier that matches decides; when it is used up, no later one gets a chance.
    let retrier = task.retry.iter().position(|retrier| failure.matches(&retrier.error_equals));
    if let Some(index) = retrier
        && branch.retries[index] < task.retry[index].max_attempts
    {
        let (retrier, number) = (&task.retry[index], branch.retries[index]);
        branch.retries[index] += 1;
        let (start, now) = (turn.start, turn.at);
        let id = turn.ask_with_id(|id| {
            let delay = delay_ms(retrier, number, draw(start.seed, id.0));
            let at = now.saturating_add(SignedDuration::from_millis(delay));
            Effect::SetTimer {
                id,
                at: at.expect("adding a duration of units up to hours cannot fail"),
            }
        });
        return Ok(Flow::Wait(Waiting::Retry(id)));
    }
    let catcher = task.catch.iter().find(|catcher| failure.matches(&catcher.error_equals));
    let Some(catcher) = catcher else { return Err(failure.clone().into()) };
    // Neither ResultSelector nor OutputPath applies to what a catcher hands on.
    let data = Data::new(turn, branch, true);
    let output = data.merge(&catcher.result_path, Document::from(failure.to_output()))?;
    Ok(Flow::Exit(output, Transition::Next(catcher.next.clone())))
}
