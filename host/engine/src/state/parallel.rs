//! Parallel: runs machines side by side (`facts/asl.md` 10).

use serde_json::Value;
use stepwell_asl::Parallel;
use stepwell_query::Document;

use super::{Data, work};
use crate::branch::{Branch, Waiting};
use crate::failure::Failure;
use crate::fork::Fork;
use crate::history::Details;
use crate::turn::{Flow, Halt, Turn};

/// Begins all branches, for the first time in this visit or once more.
pub(super) fn attempt(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    parallel: &Parallel,
) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let input = data.parameters(parallel.parameters.as_ref(), data.input(&parallel.work.io)?)?;
    turn.record(branch, Details::ParallelStateStarted)?;
    let mut fork = Fork::new(parallel.branches.len(), input.clone());
    for machine in &parallel.branches {
        let first = turn.definition.machine(*machine).start_at;
        let id = turn.next_branch_id();
        let below = Branch::before(id, first, input.clone(), turn.at);
        turn.make_ready(Branch {
            parent: Some((branch.id, fork.next)),
            child: branch.child,
            previous_id: branch.previous_id,
            ..below
        });
        fork.next += 1;
    }
    Ok(Flow::Wait(Waiting::Fork(Box::new(fork))))
}

/// A branch came to its end, and its output is in the fork.
pub(crate) fn branch_ended(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    below: &Branch,
    parallel: &Parallel,
    fork: Box<Fork>,
) -> Result<Flow, Halt> {
    if fork.left > 0 {
        return Ok(Flow::Wait(Waiting::Fork(fork)));
    }
    // AWS lets both this and the state's exit follow the last event of the last branch.
    branch.previous_id = below.previous_id;
    turn.record_apart(branch, below.previous_id, Details::ParallelStateSucceeded)?;
    let result = together(turn, branch, *fork)?;
    work::succeeded(turn, branch, &parallel.work, result)
}

/// A branch failed: the others are stopped.
pub(crate) fn branch_failed(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    below: &Branch,
    parallel: &Parallel,
    failure: &Failure,
) -> Result<Flow, Halt> {
    branch.previous_id = below.previous_id;
    turn.record_aborted(below, below.previous_id)?;
    turn.stop_below(branch, below.previous_id, None)?;
    work::failed(turn, branch, &parallel.work, failure, Some(Details::ParallelStateFailed))
}

/// The outputs of all branches as an array.
pub(super) fn together(turn: &Turn<'_>, branch: &Branch, fork: Fork) -> Result<Document, Halt> {
    let outputs = fork.outputs.into_iter();
    let outputs = outputs
        .map(|output| output.expect("a fork is complete when no branch is left").into_value());
    Document::from_made(Value::Array(outputs.collect()))
        .map_err(|error| turn.runtime_failure(branch, &format!("The state's data is {error}.")))
}
