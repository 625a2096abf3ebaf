//! The report of an invocation: Lambda's REPORT line and more (`facts/limits.md` 5).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use stepwell_lambda::{Breach, FunctionLimits, LOG_BYTES_MAX, Usage};

/// What one invocation took.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The function's name.
    pub function_name: Arc<str>,
    /// The invocation's id.
    pub request_id: String,
    /// When it began.
    pub began_at: SystemTime,
    /// The handler's time as Lambda would report it: fuel at the function's CPU share, plus the time
    /// spent waiting for the host (HTTP, buckets, sleeping). An init phase that ran again within the
    /// invocation is part of it.
    pub duration: Duration,
    /// The init phase's time, when the invocation found no warm instance. CPU there is not throttled.
    pub init_duration: Option<Duration>,
    /// Attempts to make an instance that failed, at most two.
    pub failed_inits: Vec<FailedInit>,
    /// What the invocation took here, by the clock on the wall, init included.
    pub wall: Duration,
    /// What the function was given.
    pub limits: FunctionLimits,
    /// What the invocation took of it.
    pub usage: Usage,
    /// Fuel that the handler had.
    pub fuel_budget: u64,
    /// How it ended.
    pub status: Status,
    /// The limits that it broke; where they only warn, that it would have broken on AWS.
    pub breaches: Vec<Breach>,
    /// What the task logged or printed, in order.
    pub log: Vec<LogLine>,
    /// Bytes of log beyond [`LOG_BYTES_MAX`].
    pub log_dropped_bytes: u64,
}

/// An attempt to make an instance that failed (`facts/limits.md` 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedInit {
    /// When it was made.
    pub phase: InitPhase,
    /// What it took.
    pub duration: Duration,
    /// The error's type; none if the time was over.
    pub error_type: Option<String>,
}

/// When an instance is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitPhase {
    /// Before the invocation, on an unthrottled CPU, for ten seconds.
    Init,
    /// Once more within the invocation, with its CPU and its timeout.
    Invoke,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// With an answer.
    Success,
    /// With a failure of the task's own.
    Failed {
        /// Its name.
        error_type: String,
    },
    /// Out of fuel or time; which one, is the guard.
    Timeout(Guard),
    /// Not at all: too many invocations were under way.
    Throttled,
    /// Otherwise: the error's type, and the guard if one fired.
    Error {
        /// Such as `Runtime.ExitError`.
        error_type: String,
        /// Which guard fired.
        guard: Option<Guard>,
    },
}

impl Status {
    /// The guard that stopped it, if one did.
    pub fn guard(&self) -> Option<Guard> {
        match self {
            Self::Timeout(guard) => Some(*guard),
            Self::Error { guard, .. } => *guard,
            Self::Success | Self::Failed { .. } | Self::Throttled => None,
        }
    }
}

/// What stops an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The CPU budget, counted in fuel.
    Fuel,
    /// The timeout: CPU time and waiting together.
    Time,
    /// The time that the host's thread was busy with it, by the clock on the wall.
    Wall,
    /// The memory of the instance.
    Memory,
    /// The same, asked for by a table.
    Tables,
    /// The call stack.
    Stack,
    /// Open handles.
    Handles,
}

/// A line that a task logged or printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How it came.
    pub source: LogSource,
    /// Without the end of the line.
    pub text: String,
}

/// How a line of log came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSource {
    /// Printed to standard output.
    Stdout,
    /// Printed to standard error.
    Stderr,
    /// Logged through `wasi:logging`, with the level's name.
    Log(&'static str),
    /// Said by the sandbox, about something that it refused.
    Sandbox,
}

impl Report {
    /// What Lambda bills: the duration, the init phase included, in whole milliseconds.
    pub fn billed_duration(&self) -> Duration {
        let total = self.duration + self.init_duration.unwrap_or_default();
        Duration::from_millis(
            u64::try_from(total.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX),
        )
    }

    /// The peak in whole MB, as Lambda shows it.
    pub fn memory_peak_mb(&self) -> u64 {
        self.usage.memory_peak_bytes.div_ceil(1 << 20)
    }

    /// The lines that Lambda writes before a task's own.
    pub(crate) fn lines_before(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.init_duration.is_some() || !self.failed_inits.is_empty() {
            lines.push(format!("INIT_START Runtime Version: {RUNTIME}\t"));
        }
        lines.extend(self.failed_inits.iter().map(ToString::to_string));
        lines.push(format!("START RequestId: {} Version: $LATEST", self.request_id));
        lines
    }
}

/// Lambda's REPORT line, with the fuel after it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t\
             Max Memory Used: {} MB\t",
            self.request_id,
            milliseconds(self.duration),
            self.billed_duration().as_millis(),
            self.limits.memory_mb,
            self.memory_peak_mb(),
        )?;
        if let Some(init) = self.init_duration {
            write!(formatter, "Init Duration: {:.2} ms\t", milliseconds(init))?;
        }
        write!(formatter, "Fuel: {} of {}\t", self.usage.fuel, self.fuel_budget)?;
        match &self.status {
            Status::Success | Status::Failed { .. } => Ok(()),
            Status::Throttled => formatter.write_str("Status: throttled\t"),
            Status::Timeout(guard) => write!(formatter, "Status: timeout\tGuard: {guard}\t"),
            Status::Error { error_type, guard } => {
                write!(formatter, "Status: error\tError Type: {error_type}\t")?;
                guard.map_or(Ok(()), |guard| write!(formatter, "Guard: {guard}\t"))
            }
        }
    }
}

/// Lambda's `INIT_REPORT` line.
impl fmt::Display for FailedInit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            InitPhase::Init => "init",
            InitPhase::Invoke => "invoke",
        };
        let duration = milliseconds(self.duration);
        write!(formatter, "INIT_REPORT Init Duration: {duration:.2} ms\tPhase: {phase}\t")?;
        match &self.error_type {
            Some(error_type) => write!(formatter, "Status: error\tError Type: {error_type}\t"),
            None => formatter.write_str("Status: timeout\t"),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fuel => "fuel",
            Self::Time => "time",
            Self::Wall => "wall clock",
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::Stack => "stack",
            Self::Handles => "handles",
        })
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            LogSource::Stdout | LogSource::Stderr => formatter.write_str(&self.text),
            LogSource::Log(level) => write!(formatter, "[{level}] {}", self.text),
            LogSource::Sandbox => write!(formatter, "[sandbox] {}", self.text),
        }
    }
}

/// What runs a task: the world that it was built for.
const RUNTIME: &str = "stepwell:task@0.1.0";

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Gathers the log of one invocation, within bounds.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<LogLine>,
    /// What stdout and stderr have begun and not ended yet.
    open: [Vec<u8>; 2],
    bytes: usize,
    dropped_bytes: u64,
}

impl Log {
    /// A line costs this much beside its text, so that empty lines are bounded as well.
    const LINE_BYTES: usize = 32;

    pub(crate) fn line(&mut self, source: LogSource, text: &str) {
        if self.admit(text.len() + Self::LINE_BYTES) {
            self.lines.push(LogLine { source, text: text.to_owned() });
        }
    }

    /// Bytes printed to a standard stream, cut into lines.
    pub(crate) fn print(&mut self, source: &LogSource, mut bytes: &[u8]) {
        let stream = usize::from(*source == LogSource::Stderr);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.append(stream, &bytes[..end]);
            self.end_line(stream);
            bytes = &bytes[end + 1..];
        }
        self.append(stream, bytes);
    }

    /// Everything so far, for the report; what was begun is ended.
    pub(crate) fn take(&mut self) -> (Vec<LogLine>, u64) {
        for stream in 0..self.open.len() {
            if !self.open[stream].is_empty() {
                self.end_line(stream);
            }
        }
        let taken = std::mem::take(self);
        (taken.lines, taken.dropped_bytes)
    }

    /// Everything that was logged or printed so far, what was dropped included.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes as u64 + self.dropped_bytes
    }

    fn append(&mut self, stream: usize, bytes: &[u8]) {
        if !bytes.is_empty() && self.admit(bytes.len()) {
            self.open[stream].extend_from_slice(bytes);
        }
    }

    fn end_line(&mut self, stream: usize) {
        let bytes = std::mem::take(&mut self.open[stream]);
        if self.admit(Self::LINE_BYTES) {
            let source = if stream == 0 { LogSource::Stdout } else { LogSource::Stderr };
            let text = String::from_utf8_lossy(&bytes);
            self.lines.push(LogLine { source, text: text.trim_end_matches('\r').to_owned() });
        }
    }

    fn admit(&mut self, bytes: usize) -> bool {
        if self.bytes + bytes > LOG_BYTES_MAX {
            self.dropped_bytes += bytes as u64;
            return false;
        }
        self.bytes += bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_bytes_become_lines() {
        let mut log = Log::default();
        log.print(&LogSource::Stdout, b"one\ntw");
        log.print(&LogSource::Stderr, b"oops\r\n");
        log.print(&LogSource::Stdout, b"o\n\nthree");
        let (lines, dropped) = log.take();
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "oops", "two", "", "three"]);
        assert_eq!(dropped, 0);
    }

    #[test]
    fn the_log_is_bounded_whatever_is_printed() {
        let mut log = Log::default();
        for _ in 0..LOG_BYTES_MAX {
            log.print(&LogSource::Stdout, b"\n");
        }
        log.print(&LogSource::Stderr, &vec![b'x'; 2 * LOG_BYTES_MAX]);
        let (lines, dropped) = log.take();
        assert!(lines.len() <= LOG_BYTES_MAX / Log::LINE_BYTES);
        assert!(dropped > LOG_BYTES_MAX as u64);
    }
}
