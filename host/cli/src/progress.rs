//! What a person sees while an execution runs: a live line on a terminal, plain lines elsewhere, and a
//! summary at the end. All on standard error.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use stepwell_asl::{Name, StateType};
use stepwell_engine::{Details, FailedChild, HistoryEvent, OpenToken};
use stepwell_sandbox::{Report, Status};

use crate::driver::{Answered, Observer};
use crate::error::counted;
use crate::failure;
use crate::history::HistoryFile;
use crate::output::{Output, harmless};
use crate::report::Accounts;
use crate::timings::Timings;

/// How often the live line may change.
const LIVE_LINE_INTERVAL: Duration = Duration::from_millis(80);

/// Tells a person, and writes the history down.
pub(crate) struct Progress {
    output: Output,
    live: Option<ProgressBar>,
    history: Option<HistoryFile>,
    timings: Option<Timings>,
    started: Instant,
    drawn_at: Instant,
    transitions: u64,
    state: String,
    last_report: String,
    /// Whether the answer that the history goes on from was a failure, which has been told.
    told_failure: bool,
    /// Which Task state an event of an attempt belongs to, for the last event of each.
    tasks: BTreeMap<u64, Name>,
    totals: BTreeMap<String, Totals>,
    accounts: Accounts,
}

/// What a function took, over all invocations.
#[derive(Default)]
struct Totals {
    invocations: u64,
    failures: u64,
    billed: Duration,
    longest: Duration,
    memory_peak_mb: u64,
    memory_size_mb: u32,
    fuel: u64,
    fuel_most: u64,
    fuel_budget: u64,
}

impl Progress {
    pub(crate) fn new(
        output: Output,
        history: Option<HistoryFile>,
        timings: Option<Timings>,
        accounts: Accounts,
    ) -> Self {
        let live = (!output.is_quiet() && std::io::stderr().is_terminal()).then(live_line);
        let now = Instant::now();
        Self {
            output,
            live,
            history,
            timings,
            started: now,
            drawn_at: now,
            transitions: 0,
            state: String::new(),
            last_report: String::new(),
            told_failure: false,
            tasks: BTreeMap::new(),
            totals: BTreeMap::new(),
            accounts,
        }
    }

    /// Takes up what happened before: it is counted and written down, and was told.
    pub(crate) fn recall(&mut self, events: &[HistoryEvent]) {
        if let Some(history) = &mut self.history {
            history.append(events);
        }
        for event in events {
            self.task_of(event);
            if let Details::StateEntered { name, .. } = &event.details {
                self.transitions += 1;
                self.state = name.to_string();
            }
        }
    }

    /// Clears the live line, prints the summary, and hands the history back.
    pub(crate) fn finish(mut self) -> Option<HistoryFile> {
        if let Some(live) = &self.live {
            live.finish_and_clear();
        }
        for line in self.timings.iter().flat_map(Timings::lines) {
            self.output.note(&format!("timing: {line}"));
        }
        for (function, totals) in &self.totals {
            self.output.note(&totals.line(function));
        }
        self.history
    }

    fn line(&mut self, text: &str) {
        let text = harmless(text);
        match &self.live {
            Some(live) => live.println(text),
            None => self.output.note(&text),
        }
    }

    /// An attempt failed; a retrier or a catcher may go on from here.
    fn failure(&mut self, state: &str, error: Option<&str>, cause: Option<&str>) {
        let ended = failure::ended("failed", error, cause);
        self.line(&format!("{:>6}  {state}  {ended}", self.transitions));
    }

    /// Follows the events of a Task's attempts; gives the state that an event belongs to.
    fn task_of(&mut self, event: &HistoryEvent) -> Option<Name> {
        if let Details::StateEntered { state_type: StateType::Task, name, .. } = &event.details {
            self.tasks.insert(event.id, name.clone());
            return None;
        }
        let name = self.tasks.remove(&event.previous_id)?;
        if !matches!(event.details, Details::StateExited { .. } | Details::StateAborted { .. }) {
            self.tasks.insert(event.id, name.clone());
        }
        Some(name)
    }

    fn draw(&mut self, at_once: bool) {
        let Some(live) = &self.live else { return };
        if at_once || self.drawn_at.elapsed() > LIVE_LINE_INTERVAL {
            self.drawn_at = Instant::now();
            let elapsed = self.started.elapsed().as_secs_f64();
            let (state, report) = (&self.state, &self.last_report);
            let message =
                format!("{state} · {} transitions · {elapsed:.1} s{report}", self.transitions);
            live.set_message(harmless(&message).into_owned());
        }
    }
}

fn live_line() -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let live = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    live.set_style(style);
    live.enable_steady_tick(Duration::from_millis(100));
    live
}

impl Observer for Progress {
    fn on_history(&mut self, events: &[HistoryEvent]) {
        if let Some(history) = &mut self.history {
            history.append(events);
        }
        for event in events {
            let task = self.task_of(event);
            match &event.details {
                Details::StateEntered { name, .. } => {
                    self.accounts.add_transitions(1);
                    self.transitions += 1;
                    self.state = name.to_string();
                }
                // The start is the first transition (`facts/limits.md` 6).
                Details::ExecutionStarted { .. } => self.accounts.add_transitions(1),
                Details::LambdaFunctionFailed { error, cause }
                | Details::LambdaFunctionTimedOut { error, cause }
                | Details::TaskFailed { error, cause, .. }
                | Details::TaskTimedOut { error, cause, .. }
                    if !std::mem::take(&mut self.told_failure) =>
                {
                    let state = task.map(|name| name.to_string()).unwrap_or_default();
                    self.failure(&state, error.as_deref(), cause.as_deref());
                }
                _ => {}
            }
        }
        self.told_failure = false;
        self.draw(false);
    }

    fn on_call(&mut self, _: &Name, _: &Name) {
        if let Some(timings) = &self.timings
            && self.totals.is_empty()
        {
            timings.mark("engine to the first task");
        }
        self.draw(false);
    }

    fn on_answer(&mut self, answered: &Answered<'_>) {
        let Answered { state, function, failure, report } = answered;
        let first = self.totals.is_empty();
        if let Some(report) = report {
            for line in &report.log {
                // A message of several lines must not look like something that is said here.
                self.line(&format!("    | {}", line.to_string().replace('\n', "\n    | ")));
            }
            if report.log_dropped_bytes > 0 {
                self.line(&format!("    | ({} more bytes of log)", report.log_dropped_bytes));
            }
            self.totals.entry(function.to_string()).or_default().add(report);
            self.accounts.add(state.as_str(), report);
        }
        if let (Some(timings), Some(_), true) = (&self.timings, report, first) {
            timings.mark("the first task as a whole");
        }
        self.told_failure = failure.is_some();
        match (failure, report) {
            (Some(failure), report) => {
                self.failure(state.as_str(), failure.error.as_deref(), failure.cause.as_deref());
                if let Some(report) = report {
                    self.line(&format!("        {}", report.to_string().trim_end()));
                }
            }
            (None, Some(report)) if self.live.is_some() => {
                self.last_report = format!(" · {function} {}", short(report));
                self.draw(false);
            }
            (None, report) if self.live.is_none() => {
                let what = report.map(|report| format!("{function} {}", short(report)));
                let what = what.unwrap_or_else(|| "stub".to_owned());
                self.line(&format!("{:>6}  {state}  {what}", self.transitions));
            }
            (None, _) => {}
        }
    }

    fn on_wait(&mut self, state: &Name, until: Timestamp) {
        if self.live.is_some() {
            let before = std::mem::replace(&mut self.state, format!("{state} (until {until})"));
            self.draw(true);
            self.state = before;
        } else {
            self.line(&format!("{:>6}  {state}  until {until}", self.transitions));
        }
    }

    fn on_token(&mut self, token: &OpenToken) {
        let OpenToken { state, token, .. } = token;
        self.line(&format!(
            "{:>6}  {state}  waits for an answer by the token {token}",
            self.transitions
        ));
    }

    fn on_failed_child(&mut self, child: &FailedChild) {
        let FailedChild { state, index, failure } = child;
        let item = format!("{state} item {index}");
        self.failure(&item, failure.error.as_deref(), failure.cause.as_deref());
    }
}

fn sound(report: &Report) -> bool {
    report.status == Status::Success
}

/// A report in a few words.
fn short(report: &Report) -> String {
    format!(
        "{:.2} ms, billed {} ms, {} of {} MB, fuel {}",
        report.duration.as_secs_f64() * 1e3,
        report.billed_duration().as_millis(),
        report.memory_peak_mb(),
        report.limits.memory_mb,
        count(report.usage.fuel),
    )
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.invocations += 1;
        self.failures += u64::from(!sound(report));
        self.billed += report.billed_duration();
        self.longest = self.longest.max(report.duration);
        self.memory_peak_mb = self.memory_peak_mb.max(report.memory_peak_mb());
        self.memory_size_mb = report.limits.memory_mb;
        self.fuel += report.usage.fuel;
        self.fuel_most = self.fuel_most.max(report.usage.fuel);
        self.fuel_budget = report.fuel_budget;
    }

    fn line(&self, function: &str) -> String {
        let failures = match self.failures {
            0 => String::new(),
            failures => format!(" ({failures} failed)"),
        };
        format!(
            "{function}: {}{failures}, longest {:.2} ms, billed {} ms, peak {} of {} MB, \
             fuel {} (most {} of {})",
            counted(usize::try_from(self.invocations).unwrap_or(usize::MAX), "invocation"),
            self.longest.as_secs_f64() * 1e3,
            self.billed.as_millis(),
            self.memory_peak_mb,
            self.memory_size_mb,
            count(self.fuel),
            count(self.fuel_most),
            count(self.fuel_budget),
        )
    }
}

/// A large number in few digits, such as `1.2 M`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn count(number: u64) -> String {
    match number {
        0..=9_999 => number.to_string(),
        10_000..=999_999 => format!("{:.1} k", number as f64 / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} M", number as f64 / 1e6),
        _ => format!("{:.1} G", number as f64 / 1e9),
    }
}
