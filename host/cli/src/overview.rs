//! What a person sees of many executions: how far they are, and those that did not succeed. What they came
//! to goes to standard output, an object a line.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use stepwell_engine::{Details, Execution, HistoryEvent, OpenToken, Outcome};

use crate::driver::{Answered, Observer};
use crate::error::CommandError;
use crate::failure;
use crate::output::{Output, harmless};
use crate::reply::{self, Reply};
use crate::report::Accounts;

/// An overview. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Overview {
    shared: Arc<Mutex<Shared>>,
    accounts: Accounts,
}

struct Shared {
    output: Output,
    bar: Option<ProgressBar>,
    running: u64,
    ended: u64,
    failed: u64,
}

impl Overview {
    /// `closed` of `total` have ended before.
    pub(crate) fn new(output: Output, accounts: Accounts, closed: u64, total: u64) -> Self {
        let live = !output.is_quiet() && std::io::stderr().is_terminal();
        let bar = live.then(|| {
            let style =
                ProgressStyle::with_template("{bar:30} {pos} of {len} · {msg} · {eta} left");
            let bar = ProgressBar::new(total).with_position(closed);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let shared = Shared { output, bar, running: 0, ended: 0, failed: 0 };
        Self { shared: Arc::new(Mutex::new(shared)), accounts }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nothing panics while it holds this lock")
    }

    /// Another one runs.
    pub(crate) fn begun(&self) {
        self.shared().running += 1;
    }

    /// One cannot be gone on with.
    pub(crate) fn lost(&self, error: &CommandError) {
        let mut shared = self.shared();
        shared.ended += 1;
        shared.failed += 1;
        shared.line(&error.to_string());
    }

    /// One has ended.
    pub(crate) fn ended(&self, execution: &Execution, at: Timestamp) {
        let mut shared = self.shared();
        let outcome = execution.outcome().expect("it has ended");
        shared.running -= 1;
        shared.ended += 1;
        shared.failed += u64::from(!matches!(outcome, Outcome::Succeeded { .. }));
        let reply = reply::describe(&Reply {
            start: execution.start(),
            status: reply::status(outcome),
            outcome: Some(outcome),
            stopped_at: Some(at),
            redrives: execution.redrives(),
            redrivable: execution.redrivable(at),
        });
        let name = &execution.start().name;
        let told = match outcome {
            Outcome::Succeeded { .. } => None,
            Outcome::Failed { error, cause } => {
                Some(failure::ended("failed", error.as_deref(), cause.as_deref()))
            }
            Outcome::TimedOut => Some("timed out".to_owned()),
            Outcome::Aborted { .. } => Some("was stopped".to_owned()),
        };
        // A reader that went away is no reason to stop.
        _ = shared.output.data(&reply.to_string());
        if let Some(told) = told {
            shared.line(&format!("{name}  {told}"));
        }
        let (running, failed) = (shared.running, shared.failed);
        if let Some(bar) = &shared.bar {
            bar.set_message(format!("{running} running · {failed} not succeeded"));
            bar.inc(1);
        }
    }

    /// How many ended in this run, and how many of those did not succeed.
    pub(crate) fn finish(self) -> (u64, u64) {
        let mut shared = self.shared();
        if let Some(bar) = &shared.bar {
            bar.finish_and_clear();
        }
        let (ended, failed, running) = (shared.ended, shared.failed, shared.running);
        let interrupted = match running {
            0 => String::new(),
            running => format!(", {running} interrupted"),
        };
        let succeeded = ended - failed;
        let summary = format!("{succeeded} succeeded, {failed} did not{interrupted}");
        shared.output.note(&summary);
        (ended, failed)
    }
}

impl Shared {
    fn line(&mut self, text: &str) {
        let text = harmless(text);
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.note(&text),
        }
    }
}

impl Observer for Overview {
    fn on_history(&mut self, events: &[HistoryEvent]) {
        let is_transition = |event: &&HistoryEvent| {
            matches!(event.details, Details::StateEntered { .. } | Details::ExecutionStarted { .. })
        };
        self.accounts.add_transitions(events.iter().filter(is_transition).count() as u64);
    }

    fn on_answer(&mut self, answered: &Answered<'_>) {
        if let Some(report) = answered.report {
            self.accounts.add(answered.state.as_str(), report);
        }
    }

    fn on_token(&mut self, token: &OpenToken) {
        let OpenToken { state, token, .. } = token;
        self.shared().line(&format!("{state}  waits for an answer by the token {token}"));
    }
}
