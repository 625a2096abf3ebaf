//! Redrive: an execution that ended without success goes on where it was (`facts/api.md` 4,
//! `RedriveExecution`).
//!
//! What was under way is kept when an execution fails, is stopped or times out: every branch that had not
//! come to its end, as it was before anything was torn down. A redrive puts that back. Parallel and Map
//! states go on with the outputs they have; below them, each state that was under way is entered again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::{Definition, StateKind};
use stepwell_query::Document;

use crate::branch::{Branch, BranchId, Waiting};
use crate::effect::{Applied, Outcome};
use crate::event::Event;
use crate::execution::{Execution, IllegalEvent, Running, Status};
use crate::failure::Failure;
use crate::history::Details;
use crate::turn::{End, Halt, Turn};

/// How long after its end an execution can be redriven, in days.
pub const REDRIVE_DAYS_MAX: i64 = 14;

/// An execution whose history has as many events cannot be redriven.
pub const REDRIVE_EVENTS_MAX: u64 = 24_999;

impl Execution {
    /// Whether it can be redriven at a time; the error is AWS's `redriveStatusReason`.
    pub fn redrivable(&self, at: Timestamp) -> Result<(), String> {
        let ended = match &self.status {
            Status::Ended(ended) => ended,
            Status::Ready | Status::Running(_) => {
                return Err("Execution is RUNNING and cannot be redriven".to_owned());
            }
        };
        if let Outcome::Succeeded { .. } = ended.outcome {
            return Err("Execution is SUCCEEDED and cannot be redriven".to_owned());
        }
        let limited = self.start.history_events_max.is_some();
        if ended.left.is_none() || (limited && self.counters.history_id >= REDRIVE_EVENTS_MAX) {
            // The words of the reasons from here on are our own.
            let reason =
                "Execution has reached the maximum number of history events and cannot be redriven";
            return Err(reason.to_owned());
        }
        if at.duration_since(ended.at) > SignedDuration::from_hours(REDRIVE_DAYS_MAX * 24) {
            return Err(format!(
                "Execution ended more than {REDRIVE_DAYS_MAX} days ago and cannot be redriven"
            ));
        }
        Ok(())
    }

    /// How often it was redriven, and when the last time was.
    pub fn redrives(&self) -> (u64, Option<Timestamp>) {
        (self.counters.redrives.count, self.counters.redrives.last_at)
    }

    pub(crate) fn redrive(
        &mut self,
        definition: &Definition,
        at: Timestamp,
    ) -> Result<Applied, IllegalEvent> {
        let illegal = || IllegalEvent::new(&Event::RedriveRequested, "cannot be redriven");
        self.redrivable(at).map_err(|_| illegal())?;
        let Status::Ended(ended) = &mut self.status else { return Err(illegal()) };
        let failed = matches!(ended.outcome, Outcome::Failed { .. });
        let left = ended.left.take().ok_or_else(illegal)?;
        self.status = Status::Running(Running { timeout: None, ..*left });
        self.counters.redrives.count += 1;
        self.counters.redrives.last_at = Some(at);
        let mut applied = Applied::default();
        let Status::Running(running) = &mut self.status else { unreachable!("it was set") };
        let (start, counters) = (&self.start, &mut self.counters);
        let mut turn = Turn::new(definition, start, at, counters, running, &mut applied);
        let end = turn.redrive(failed);
        self.settle(at, end, &mut applied);
        Ok(applied)
    }
}

impl Turn<'_> {
    /// Lets all branches that are there go on. `failed`: a failure had stopped them.
    fn redrive(&mut self, failed: bool) -> Result<(), End> {
        let redrive_count = self.counters.redrives.count;
        let last = self.counters.history_id;
        let redriven_id = self.push(None, last, Details::ExecutionRedriven { redrive_count });
        self.limit_time();
        self.running.waits.clear();
        self.running.ready.clear();
        // The end had let go of the variables of what it tore down.
        let own = self.running.branches.values().filter(|branch| branch.child.is_none());
        let variables = own.flat_map(|branch| branch.variables.values());
        self.counters.variables_bytes = variables.map(Document::size_bytes).sum();
        // A branch has a higher number than the one that it belongs to.
        let ids: Vec<BranchId> = self.running.branches.keys().copied().collect();
        let mut previous = BTreeMap::new();
        for id in ids {
            let branch = self.running.branches.remove(&id).expect("it is one of them");
            let parent = branch.parent.and_then(|(parent, _)| previous.get(&parent).copied());
            let last = self.redrive_branch(branch, parent.unwrap_or(redriven_id), failed);
            let last = last.map_err(|_| End::HistoryFull { previous_id: redriven_id })?;
            previous.insert(id, last);
        }
        self.run_ready()
    }

    /// Lets a branch go on after an event; gives the event that those below it go on after.
    fn redrive_branch(
        &mut self,
        mut branch: Branch,
        previous_id: u64,
        failed: bool,
    ) -> Result<u64, Halt> {
        let mut last = previous_id;
        let parent = branch
            .parent
            .and_then(|(parent, index)| Some((self.running.branches.get(&parent)?, index)));
        if let Some((parent, index)) = parent
            && let StateKind::Map(_) = self.state(parent).kind
            && branch.child == parent.child
            && failed
        {
            // What was recorded as failed or aborted begins again.
            let name = self.state(parent).name.clone();
            last =
                self.record_apart(&branch, last, Details::MapIterationStarted { name, index })?;
        }
        if let Waiting::Fork(fork) = &mut branch.waiting
            && let Some(run) = &mut fork.run
        {
            run.redrives += 1;
            let (map_run_arn, redrive_count) = (run.arn.clone(), run.redrives);
            let details = Details::MapRunRedriven { map_run_arn, redrive_count };
            last = self.record_apart(&branch, last, details)?;
        }
        branch.previous_id = last;
        branch.retries.fill(0);
        if let Waiting::Fork(_) = branch.waiting {
            self.running.branches.insert(branch.id, branch);
        } else {
            branch.entered_id = 0;
            self.make_ready(branch);
        }
        Ok(last)
    }

    /// Whether a state around a branch retries or catches its failure.
    pub(crate) fn is_handled(&self, branch: &Branch, failure: &Failure) -> bool {
        let mut failure = failure.clone();
        let mut parent = branch.parent;
        while let Some((id, _)) = parent {
            let Some(around) = self.running.branches.get(&id) else { return false };
            if let Waiting::Fork(fork) = &around.waiting
                && let Some(run) = &fork.run
            {
                if !run.exceeds_with_one_more(fork.outputs.len()) {
                    return true;
                }
                failure = Failure::tolerance_exceeded();
            }
            let work = self.state(around).kind.work().expect("Parallel and Map do work");
            let retrier = work.retry.iter().position(|r| failure.matches(&r.error_equals));
            let tries_again =
                retrier.is_some_and(|at| around.retries[at] < work.retry[at].max_attempts);
            if tries_again || work.catch.iter().any(|c| failure.matches(&c.error_equals)) {
                return true;
            }
            parent = around.parent;
        }
        false
    }

    /// What a redrive goes on with, should a branch's failure end the execution: all that is under way, and
    /// the branch's state anew.
    pub(crate) fn remains(&self, failed: &Branch) -> Running {
        let mut branches = self.running.branches.clone();
        let mut children = self.running.children.clone();
        // Where a Parallel or Map state itself failed, it begins anew as a whole.
        let mut gone = vec![failed.id];
        while let Some(above) = gone.pop() {
            branches.retain(|id, branch| {
                let below = branch.parent.is_some_and(|(parent, _)| parent == above);
                if below {
                    gone.push(*id);
                    children.remove(id);
                }
                !below
            });
        }
        branches.insert(failed.id, Branch { waiting: Waiting::Turn, ..failed.clone() });
        Running { branches, children, ..Running::default() }
    }
}
