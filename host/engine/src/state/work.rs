//! What Task, Parallel and Map do with a result, and about errors: Retry, then Catch (`facts/asl.md` 2.1, 7,
//! 8).

use jiff::SignedDuration;
use stepwell_asl::{Transition, Work};
use stepwell_query::Document;

use super::Data;
use crate::branch::{Branch, Waiting};
use crate::effect::Purpose;
use crate::failure::{Failure, delay_ms, draw};
use crate::history::Details;
use crate::turn::{Flow, Halt, Turn};

/// The state's work gave a result.
pub(super) fn succeeded(
    turn: &Turn<'_>,
    branch: &Branch,
    work: &Work,
    result: Document,
) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch).with_result(&result);
    let assigned = data.assigned(&work.assign, &result)?;
    if let Some(output) = &work.output {
        let output = Some(data.fill(output, &result)?);
        return Ok(Flow::Exit { output, assigned, transition: work.transition });
    }
    let data = Data::new(turn, branch);
    let selected = match &work.result_selector {
        Some(template) => data.fill(template, &result)?,
        None => result,
    };
    let output = data.output(&work.io, data.merge(&work.result_path, selected)?)?;
    Ok(Flow::Exit { output: Some(output), assigned, transition: work.transition })
}

/// The state's work failed. Retries if a retrier is for it and has attempts left, or else catches, or else
/// fails the branch. `given_up` is recorded when nothing is retried.
pub(super) fn failed(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    work: &Work,
    failure: &Failure,
    given_up: Option<Details>,
) -> Result<Flow, Halt> {
    // The first retrier that matches decides; when it is used up, no later one gets a chance.
    let retrier = work.retry.iter().position(|retrier| failure.matches(&retrier.error_equals));
    if let Some(index) = retrier
        && branch.retries[index] < work.retry[index].max_attempts
    {
        let (retrier, number) = (&work.retry[index], branch.retries[index]);
        branch.retries[index] += 1;
        let (start, now, state) = (turn.start, turn.at, turn.state(branch).name.clone());
        let timer = turn.set_timer(Purpose::Wait { state }, |id| {
            let delay = delay_ms(retrier, number, draw(start.seed, id.0));
            let at = now.saturating_add(SignedDuration::from_millis(delay));
            at.expect("adding a duration of units up to hours cannot fail")
        });
        return Ok(Flow::Wait(Waiting::Retry(timer)));
    }
    if let Some(details) = given_up {
        turn.record(branch, details)?;
    }
    let catcher = work.catch.iter().find(|catcher| failure.matches(&catcher.error_equals));
    let Some(catcher) = catcher else { return Err(failure.clone().into()) };
    // Neither ResultSelector nor OutputPath applies to what a catcher hands on.
    let error_output = Document::from(failure.to_output());
    let data = Data::new(turn, branch).with_error_output(&error_output);
    let assigned = data.assigned(&catcher.assign, &error_output)?;
    let output = match &catcher.output {
        Some(output) => data.fill(output, &error_output)?,
        None => Data::new(turn, branch).merge(&catcher.result_path, error_output)?,
    };
    Ok(Flow::Exit { output: Some(output), assigned, transition: Transition::Next(catcher.next) })
}
