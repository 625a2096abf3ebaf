//! Runs, tunings and charts as their users see them: texts and JSON as snapshots, and that no numbers and
//! no names break them.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics; Clippy does not count helpers as tests"
)]

mod budgets;
mod reports;
mod tunings;

use std::time::Duration;

use stepwell_lambda::{
    Breach, FunctionLimits, InitUsage, Prices, Sample, Usage, billed_duration, breaches, duration,
    init_duration,
};

const MILLION: u64 = 1_000_000;
const MB: u64 = 1 << 20;

fn prices() -> Prices {
    Prices::for_region("us-east-1").unwrap()
}

fn limits(memory_mb: u32, timeout_seconds: u32) -> FunctionLimits {
    FunctionLimits { memory_mb, timeout_seconds, ..FunctionLimits::default() }
}

/// A page that is fetched: it computes a little more each time, and waits for an answer.
fn page(number: u64) -> Usage {
    let init = InitUsage { fuel: 80 * MILLION, waited: Duration::from_millis(2) };
    Usage {
        fuel: (20 + number) * MILLION,
        waited: Duration::from_millis(40 + number % 7),
        init: number.is_multiple_of(10).then_some(init),
        memory_peak_bytes: (70 + number) * MB,
        storage_peak_bytes: number * MB / 4,
        storage_peak_files: number,
        request_bytes: 350 + number,
        response_bytes: 20_000 * number,
        handles_peak: 4,
        log_bytes: 120,
    }
}

/// The sample that a run would make of it.
fn sample(state: &str, function: &str, limits: FunctionLimits, usage: Usage) -> Sample {
    let breaches = breaches(&usage, &limits);
    let fatal = breaches.iter().find(|breach| breach.limit.is_fatal());
    Sample {
        state: state.to_owned(),
        function: function.to_owned(),
        limits,
        duration: duration(&usage, &limits),
        init_duration: init_duration(&usage),
        billed: billed_duration(&usage, &limits),
        error: fatal.and_then(Breach::error_type).map(str::to_owned),
        breaches,
        usage,
    }
}
