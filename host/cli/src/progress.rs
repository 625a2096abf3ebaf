//! What a person sees while an execution runs: a live line on a terminal, plain lines elsewhere, and a
//! summary at the end. All on standard error.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use stepwell_asl::Name;
use stepwell_engine::{Details, HistoryEvent};
use stepwell_sandbox::{Report, Status};

use crate::driver::Observer;
use crate::error::counted;
use crate::failure;
use crate::history::HistoryFile;
use crate::output::{Output, harmless};
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
    /// Of an invocation that failed; told with its error, which the history brings.
    failed_report: Option<String>,
    /// Whether the invocation that ends now had a report: stubs have none.
    reported: bool,
    totals: BTreeMap<String, Totals>,
}

/// What a function took, over all invocations.
#[derive(Default)]
struct Totals {
    invocations: u64,
    failures: u64,
    billed: Duration,
    longest: Duration,
    memory_peak_mb: usize,
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
            failed_report: None,
            reported: false,
            totals: BTreeMap::new(),
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
    fn failure(&mut self, error: Option<&str>, cause: Option<&str>) {
        let (state, transitions) = (self.state.clone(), self.transitions);
        let ended = failure::ended("failed", error, cause);
        self.line(&format!("{transitions:>6}  {state}  {ended}"));
        if let Some(report) = self.failed_report.take() {
            self.line(&format!("        {}", report.trim_end()));
        }
    }

    /// An attempt succeeded. If it had a report, all is said.
    fn succeeded(&mut self) {
        if !std::mem::take(&mut self.reported) && self.live.is_none() {
            self.line(&format!("{:>6}  {}  stub", self.transitions, self.state));
        }
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
            match &event.details {
                Details::StateEntered { name, .. } => {
                    self.transitions += 1;
                    self.state = name.to_string();
                }
                Details::LambdaFunctionFailed { error, cause }
                | Details::LambdaFunctionTimedOut { error, cause }
                | Details::TaskFailed { error, cause }
                | Details::TaskTimedOut { error, cause } => {
                    self.failure(error.as_deref(), cause.as_deref());
                    self.reported = false;
                }
                Details::LambdaFunctionSucceeded { .. } | Details::TaskSucceeded { .. } => {
                    self.succeeded();
                }
                _ => {}
            }
        }
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

    fn on_answer(&mut self, state: &Name, function: &Name, report: Option<&Report>) {
        // Others may have been entered meanwhile.
        self.state = state.to_string();
        let Some(report) = report else { return };
        self.reported = true;
        for line in &report.log {
            // A message of several lines must not look like something that is said here.
            self.line(&format!("    | {}", line.to_string().replace('\n', "\n    | ")));
        }
        if report.log_dropped_bytes > 0 {
            self.line(&format!("    | ({} more bytes of log)", report.log_dropped_bytes));
        }
        let first = self.totals.is_empty();
        self.totals.entry(function.to_string()).or_default().add(report);
        if let Some(timings) = &self.timings
            && first
        {
            timings.mark("the first task as a whole");
        }
        let short = short(report);
        if self.live.is_some() && sound(report) {
            self.last_report = format!(" · {function} {short}");
            self.draw(false);
        } else if sound(report) {
            let (state, transitions) = (self.state.clone(), self.transitions);
            self.line(&format!("{transitions:>6}  {state}  {function} {short}"));
        } else {
            self.failed_report = Some(report.to_string());
        }
    }

    fn on_wait(&mut self, until: Timestamp) {
        let state = self.state.clone();
        if self.live.is_some() {
            self.state = format!("{state} (until {until})");
            self.draw(true);
            self.state = state;
        } else {
            self.line(&format!("{:>6}  {state}  until {until}", self.transitions));
        }
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
        report.memory_size_mb,
        count(report.fuel_used),
    )
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.invocations += 1;
        self.failures += u64::from(!sound(report));
        self.billed += report.billed_duration();
        self.longest = self.longest.max(report.duration);
        self.memory_peak_mb = self.memory_peak_mb.max(report.memory_peak_mb());
        self.memory_size_mb = report.memory_size_mb;
        self.fuel += report.fuel_used;
        self.fuel_most = self.fuel_most.max(report.fuel_used);
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
