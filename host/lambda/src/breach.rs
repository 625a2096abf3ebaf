//! The limits that an invocation breaks, and how much it leaves of those that it keeps.

use std::fmt;
use std::time::Duration;

use crate::json;
use crate::limits::{
    HANDLES_MAX, INIT_TIMEOUT, LOG_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, bytes,
    storage_files_max,
};
use crate::text::{fraction, grouped, megabytes, ms_rounded_up, seconds};
use crate::usage::{FunctionLimits, Usage, duration, init_again, init_time};

/// What can be broken, about in the order in which an invocation meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// The environment variables, in bytes.
    Environment,
    /// Invocations under way at one time.
    Concurrency,
    /// The payload, in bytes.
    Request,
    /// The init phase, in milliseconds.
    Init,
    /// The memory of the instance, in bytes.
    Memory,
    /// Open handles.
    Handles,
    /// Files and folders below `/tmp`. Lambda documents no number ([`storage_files_max`]).
    StorageFiles,
    /// What lies below `/tmp`, in bytes.
    StorageBytes,
    /// The function's own budget of fuel. Not Lambda's.
    Fuel,
    /// The function's timeout, in milliseconds.
    Timeout,
    /// The answer, in bytes.
    Response,
    /// The log, in bytes. Not Lambda's ([`LOG_BYTES_MAX`]).
    Log,
}

impl Limit {
    /// The error that AWS gives for it (`facts/limits.md` 4).
    ///
    /// `None` where there is none of its own: a full `/tmp` and too many handles are refused to the task,
    /// which fails as it likes; an init phase of more than ten seconds runs again within the invocation;
    /// nobody minds the log.
    pub fn error_type(self) -> Option<&'static str> {
        match self {
            Self::Environment => Some("InvalidParameterValueException"),
            Self::Concurrency => Some("Lambda.TooManyRequestsException"),
            Self::Request => Some("RequestEntityTooLargeException"),
            Self::Memory => Some("Runtime.OutOfMemory"),
            Self::Fuel | Self::Timeout => Some("Sandbox.Timedout"),
            Self::Response => Some("Function.ResponseSizeTooLarge"),
            Self::Init | Self::Handles | Self::StorageFiles | Self::StorageBytes | Self::Log => {
                None
            }
        }
    }

    /// What happens on AWS, in a few words: the error, or what stands for it.
    pub fn on_aws(self) -> &'static str {
        match (self.error_type(), self) {
            (_, Self::Fuel | Self::Log | Self::StorageFiles) => "no such limit",
            (Some(error), _) => error,
            (None, Self::Init) => "the init phase runs again",
            (None, _) => "refused to the task",
        }
    }

    /// Whether an invocation that breaks it fails, or can hardly go on. An init phase that takes too long
    /// only costs more, and a log only loses its end.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::Init | Self::Log)
    }

    /// Whether Lambda has this limit with this number. The others are Stepwell's own.
    pub fn is_of_lambda(self) -> bool {
        !matches!(self, Self::Fuel | Self::Log | Self::StorageFiles)
    }

    /// Its name in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Concurrency => "concurrency",
            Self::Request => "request",
            Self::Init => "init",
            Self::Memory => "memory",
            Self::Handles => "handles",
            Self::StorageFiles => "storageFiles",
            Self::StorageBytes => "storageBytes",
            Self::Fuel => "fuel",
            Self::Timeout => "timeout",
            Self::Response => "response",
            Self::Log => "log",
        }
    }

    /// What `used` and `allowed` of a [`Breach`] count: `bytes`, `ms`, `fuel` or `count`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Environment
            | Self::Request
            | Self::Memory
            | Self::StorageBytes
            | Self::Response
            | Self::Log => "bytes",
            Self::Init | Self::Timeout => "ms",
            Self::Fuel => "fuel",
            Self::Concurrency | Self::Handles | Self::StorageFiles => "count",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Environment => "environment variables",
            Self::Concurrency => "concurrency",
            Self::Request => "request",
            Self::Init => "init phase",
            Self::Memory => "memory",
            Self::Handles => "open handles",
            Self::StorageFiles => "files below /tmp",
            Self::StorageBytes => "/tmp",
            Self::Fuel => "fuel",
            Self::Timeout => "time",
            Self::Response => "response",
            Self::Log => "log",
        })
    }
}

/// One limit that an invocation broke (or, where limits only warn, would have broken on AWS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// Which one.
    pub limit: Limit,
    /// What the invocation took, in the limit's unit ([`Limit::unit`]); times are rounded up.
    pub used: u64,
    /// What it had, in the same unit.
    pub allowed: u64,
}

impl Breach {
    /// As it stands in reports: limit, unit, what was used and allowed, the error, a text.
    pub fn to_json(&self) -> serde_json::Value {
        json::breach(self)
    }

    /// The error that AWS would have given ([`Limit::error_type`]).
    pub fn error_type(&self) -> Option<&'static str> {
        self.limit.error_type()
    }
}

/// For a person: `memory: 140 MB of 128 MB`.
impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |amount: u64| match self.limit {
            Limit::Memory | Limit::StorageBytes => megabytes(amount),
            Limit::Init | Limit::Timeout => seconds(amount),
            Limit::Environment | Limit::Request | Limit::Response | Limit::Log => {
                format!("{} bytes", grouped(amount))
            }
            Limit::Concurrency | Limit::Handles | Limit::StorageFiles | Limit::Fuel => {
                grouped(amount)
            }
        };
        write!(formatter, "{}: {} of {}", self.limit, told(self.used), told(self.allowed))
    }
}

/// The limits that an invocation breaks, about in the order in which it meets them.
///
/// [`Limit::Environment`] and [`Limit::Concurrency`] are not an invocation's: whoever sees them makes
/// their [`Breach`].
pub fn breaches(usage: &Usage, limits: &FunctionLimits) -> Vec<Breach> {
    let init = usage.init.map(init_time).unwrap_or_default();
    let (init_fuel, _) = init_again(usage);
    let fuel = usage.fuel.saturating_add(init_fuel);
    let all = [
        (Limit::Request, usage.request_bytes, REQUEST_BYTES_MAX as u64),
        (Limit::Init, ms_rounded_up(init), ms_rounded_up(INIT_TIMEOUT)),
        (Limit::Memory, usage.memory_peak_bytes, bytes(limits.memory_mb)),
        (Limit::Handles, usage.handles_peak.into(), HANDLES_MAX as u64),
        (Limit::StorageFiles, usage.storage_peak_files, storage_files_max(limits.storage_mb)),
        (Limit::StorageBytes, usage.storage_peak_bytes, bytes(limits.storage_mb)),
        (Limit::Fuel, fuel, limits.fuel.unwrap_or(u64::MAX)),
        (Limit::Timeout, ms_rounded_up(duration(usage, limits)), timeout_ms(limits)),
        (Limit::Response, usage.response_bytes, RESPONSE_BYTES_MAX as u64),
        (Limit::Log, usage.log_bytes, LOG_BYTES_MAX as u64),
    ];
    all.into_iter()
        .filter(|(_, used, allowed)| used > allowed)
        .map(|(limit, used, allowed)| Breach { limit, used, allowed })
        .collect()
}

/// How much of each limit is left: 1 is all of it, 0 none, less than 0 is beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Headroom {
    /// Of the memory.
    pub memory: f64,
    /// Of the timeout.
    pub time: f64,
    /// Of the space below `/tmp`.
    pub storage: f64,
    /// Of the payload's size.
    pub request: f64,
    /// Of the answer's size.
    pub response: f64,
    /// Of the open handles.
    pub handles: f64,
}

impl Headroom {
    /// Nothing was taken yet.
    pub const FULL: Self =
        Self { memory: 1.0, time: 1.0, storage: 1.0, request: 1.0, response: 1.0, handles: 1.0 };

    /// The worse of two, limit by limit.
    #[must_use]
    pub fn worse(&self, other: &Self) -> Self {
        Self {
            memory: self.memory.min(other.memory),
            time: self.time.min(other.time),
            storage: self.storage.min(other.storage),
            request: self.request.min(other.request),
            response: self.response.min(other.response),
            handles: self.handles.min(other.handles),
        }
    }

    /// Each with its limit, in one order.
    pub fn parts(&self) -> [(Limit, f64); 6] {
        [
            (Limit::Memory, self.memory),
            (Limit::Timeout, self.time),
            (Limit::StorageBytes, self.storage),
            (Limit::Request, self.request),
            (Limit::Response, self.response),
            (Limit::Handles, self.handles),
        ]
    }
}

/// What an invocation leaves of its limits.
pub fn headroom(usage: &Usage, limits: &FunctionLimits) -> Headroom {
    let left = |used: u64, allowed: u64| 1.0 - fraction(used.into(), allowed.into());
    let timeout = Duration::from_secs(limits.timeout_seconds.into());
    Headroom {
        memory: left(usage.memory_peak_bytes, bytes(limits.memory_mb)),
        time: 1.0 - fraction(duration(usage, limits).as_nanos(), timeout.as_nanos()),
        storage: left(usage.storage_peak_bytes, bytes(limits.storage_mb)),
        request: left(usage.request_bytes, REQUEST_BYTES_MAX as u64),
        response: left(usage.response_bytes, RESPONSE_BYTES_MAX as u64),
        handles: left(usage.handles_peak.into(), HANDLES_MAX as u64),
    }
}

fn timeout_ms(limits: &FunctionLimits) -> u64 {
    u64::from(limits.timeout_seconds) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{InitUsage, billed_duration};

    const MILLION: u64 = 1_000_000;

    fn limits(memory_mb: u32) -> FunctionLimits {
        FunctionLimits { memory_mb, ..FunctionLimits::default() }
    }

    fn only(usage: &Usage, limits: &FunctionLimits) -> String {
        let breaches = breaches(usage, limits);
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        breaches[0].to_string()
    }

    #[test]
    fn what_is_just_allowed_breaks_nothing() {
        let limits = limits(1_769);
        let usage = Usage {
            fuel: 1_000 * MILLION,
            waited: Duration::from_secs(2),
            init: Some(InitUsage { fuel: 10_000 * MILLION, waited: Duration::ZERO }),
            memory_peak_bytes: 1_769 << 20,
            storage_peak_bytes: 512 << 20,
            storage_peak_files: 32_768,
            request_bytes: 6_291_456,
            response_bytes: 6_291_556,
            handles_peak: 1_024,
            log_bytes: 1 << 20,
        };
        assert_eq!(breaches(&usage, &limits), []);
        let left = headroom(&usage, &limits);
        assert_eq!(left.worse(&Headroom::FULL), left);
        assert!(left.parts().iter().all(|(_, part)| part.abs() < 1e-9), "{left:?}");
    }

    #[test]
    fn one_more_of_each_breaks_its_limit() {
        let usage = Usage::default();
        let one_more = [
            Usage { request_bytes: 6_291_457, ..usage.clone() },
            Usage { memory_peak_bytes: (128 << 20) + 1, ..usage.clone() },
            Usage { handles_peak: 1_025, ..usage.clone() },
            Usage { storage_peak_files: 32_769, ..usage.clone() },
            Usage { storage_peak_bytes: (512 << 20) + 1, ..usage.clone() },
            Usage { waited: Duration::from_nanos(3_000_000_001), ..usage.clone() },
            Usage { response_bytes: 6_291_557, ..usage.clone() },
            Usage { log_bytes: (1 << 20) + 1, ..usage },
        ];
        let told = one_more.iter().map(|usage| {
            let limits = limits(128);
            let error = breaches(usage, &limits)[0].error_type();
            format!("{}, {}", only(usage, &limits), error.unwrap_or("no error"))
        });
        let told: Vec<String> = told.collect();
        assert_eq!(
            told,
            [
                "request: 6,291,457 bytes of 6,291,456 bytes, RequestEntityTooLargeException",
                "memory: 128.1 MB of 128 MB, Runtime.OutOfMemory",
                "open handles: 1,025 of 1,024, no error",
                "files below /tmp: 32,769 of 32,768, no error",
                "/tmp: 512.1 MB of 512 MB, no error",
                "time: 3.001 s of 3 s, Sandbox.Timedout",
                "response: 6,291,557 bytes of 6,291,556 bytes, Function.ResponseSizeTooLarge",
                "log: 1,048,577 bytes of 1,048,576 bytes, no error",
            ]
        );
    }

    #[test]
    fn a_smaller_fuel_budget_of_its_own_is_a_limit_and_a_larger_one_a_faster_cpu() {
        let usage = Usage { fuel: 100 * MILLION, ..Usage::default() };
        let smaller = FunctionLimits { fuel: Some(50 * MILLION), ..limits(1_769) };
        assert_eq!(only(&usage, &smaller), "fuel: 100,000,000 of 50,000,000");
        assert!(!Limit::Fuel.is_of_lambda());
        let larger = FunctionLimits { fuel: Some(6_000 * MILLION), ..limits(1_769) };
        assert_eq!(duration(&usage, &larger), Duration::from_millis(50));
        assert_eq!(breaches(&usage, &larger), []);
    }

    #[test]
    fn numbers_beyond_all_measure_do_not_overflow() {
        let init = InitUsage { fuel: u64::MAX, waited: Duration::MAX };
        let usage = Usage {
            fuel: u64::MAX,
            waited: Duration::MAX,
            init: Some(init),
            memory_peak_bytes: u64::MAX,
            ..Usage::default()
        };
        let limits = FunctionLimits { memory_mb: u32::MAX, timeout_seconds: 0, ..limits(1) };
        assert_eq!(duration(&usage, &limits), Duration::MAX);
        assert_eq!(billed_duration(&usage, &limits), Duration::from_millis(u64::MAX));
        assert!(breaches(&usage, &limits).iter().any(|breach| breach.limit == Limit::Memory));
        assert!(headroom(&usage, &limits).time.is_infinite());
    }
}
