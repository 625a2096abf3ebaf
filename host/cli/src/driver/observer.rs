//! Who is told what happens in an execution.

use jiff::Timestamp;
use stepwell_asl::Name;
use stepwell_engine::{FailedChild, Failure, HistoryEvent, OpenToken};
use stepwell_sandbox::Report;

/// Is told what happens, in order, when it is durable.
pub trait Observer {
    /// The history gained events.
    fn on_history(&mut self, _events: &[HistoryEvent]) {}
    /// A state calls a function.
    fn on_call(&mut self, _state: &Name, _function: &Name) {}
    /// A state's call was answered.
    fn on_answer(&mut self, _answered: &Answered<'_>) {}
    /// A state waits until a time, by itself or before it retries.
    fn on_wait(&mut self, _state: &Name, _until: Timestamp) {}
    /// A state waits for somebody to answer by a token.
    fn on_token(&mut self, _token: &OpenToken) {}
    /// A child execution of a distributed Map failed.
    fn on_failed_child(&mut self, _child: &FailedChild) {}
}

/// A call that was answered.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The state that called.
    pub state: &'a Name,
    /// The function.
    pub function: &'a Name,
    /// How it failed, if it did.
    pub failure: Option<&'a Failure>,
    /// What it took. Stubs have no reports.
    pub report: Option<&'a Report>,
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

impl<O: Observer> Observer for &mut O {
    fn on_history(&mut self, events: &[HistoryEvent]) {
        (**self).on_history(events);
    }

    fn on_call(&mut self, state: &Name, function: &Name) {
        (**self).on_call(state, function);
    }

    fn on_answer(&mut self, answered: &Answered<'_>) {
        (**self).on_answer(answered);
    }

    fn on_wait(&mut self, state: &Name, until: Timestamp) {
        (**self).on_wait(state, until);
    }

    fn on_token(&mut self, token: &OpenToken) {
        (**self).on_token(token);
    }

    fn on_failed_child(&mut self, child: &FailedChild) {
        (**self).on_failed_child(child);
    }
}
