//! What tuning says about functions whose answer is known.

use proptest::prelude::*;

use super::*;
use crate::usage::{Architecture, InitUsage};

const MILLION: u64 = 1_000_000;
const MB: u64 = 1 << 20;

fn prices() -> Prices {
    Prices::for_region("us-east-1").unwrap()
}

fn tuned(samples: &[Usage], limits: FunctionLimits) -> Tuning {
    let prices = prices();
    let question = Question { function: "work", samples, limits, prices: &prices, sizes: &LADDER };
    tune(&question).unwrap()
}

fn limits(memory_mb: u32, timeout_seconds: u32) -> FunctionLimits {
    FunctionLimits { memory_mb, timeout_seconds, ..FunctionLimits::default() }
}

/// A second of a whole CPU, and 50 MB.
fn computing() -> Usage {
    Usage { fuel: 1_000 * MILLION, memory_peak_bytes: 50 * MB, ..Usage::default() }
}

#[test]
fn a_function_that_only_waits_gains_nothing_from_memory() {
    let waiting = Usage { waited: Duration::from_millis(200), ..Usage::default() };
    let tuning = tuned(&[waiting], limits(1_024, 3));
    assert!(tuning.sizes.iter().all(|size| size.warm.max == Duration::from_millis(200)));
    assert_eq!((tuning.cheapest, tuning.fastest), (Some(128), Some(128)));
    let suggestion = tuning.suggestion.unwrap();
    assert_eq!((suggestion.memory_mb, suggestion.timeout_seconds), (128, 1));
    assert_eq!(
        suggestion.reasons[0],
        "a million warm invocations cost $0.6167; with the present 1024 MB $3.53 (-83 %)"
    );
}

#[test]
fn beyond_one_cpu_a_function_gets_no_faster_and_only_dearer() {
    let tuning = tuned(&[computing()], limits(128, 60));
    let at = |memory_mb: u32| tuning.size(memory_mb).unwrap();
    assert_eq!(at(1_769).warm.max, Duration::from_secs(1));
    assert_eq!(at(3_008).warm.max, Duration::from_secs(1));
    assert!(at(3_008).cost.total() > at(1_769).cost.total());
    assert_eq!(at(128).warm.max.as_millis(), 13_820);
    assert_eq!(tuning.fastest, Some(1_769));
    assert!(tuning.notes.iter().any(|note| note.contains("gets no faster")));
}

#[test]
fn what_does_not_fit_says_by_which_error() {
    let tuning = tuned(&[computing(), Usage::default()], limits(128, 3));
    let Verdict::Breaks { breach, samples } = tuning.sizes[0].verdict else { panic!("it fits") };
    assert_eq!(breach.error_type(), Some("Sandbox.Timedout"));
    assert_eq!(breach.to_string(), "time: 13.821 s of 3 s");
    assert_eq!(samples, 1);
    // A CPU share of a third is needed.
    assert!(!tuning.size(512).unwrap().fits());
    assert!(tuning.size(768).unwrap().fits());
    assert!(tuning.cheapest.unwrap() >= 768);
}

#[test]
fn a_suggested_size_leaves_a_fifth_of_the_memory() {
    let peak = |bytes: u64| Usage { memory_peak_bytes: bytes, ..Usage::default() };
    let suggested = |bytes: u64| {
        tuned(&[peak(bytes)], limits(128, 3)).suggestion.map(|suggestion| suggestion.memory_mb)
    };
    // 80 % of 256 MB are 204.8 MB.
    assert_eq!(suggested(204 * MB), Some(256));
    assert_eq!(suggested(205 * MB), Some(512));
    assert_eq!(tuned(&[peak(205 * MB)], limits(128, 3)).cheapest, Some(256));
    // Little room is better than none.
    assert_eq!(suggested(10_000 * MB), Some(10_240));
    assert_eq!(suggested(10_241 * MB), None);
}

#[test]
fn a_suggested_timeout_is_twice_the_longest_time_with_its_init_phase() {
    let cold = Usage {
        waited: Duration::from_millis(700),
        init: Some(InitUsage { fuel: 301 * MILLION, waited: Duration::ZERO }),
        ..Usage::default()
    };
    let warm = Usage { waited: Duration::from_millis(900), ..Usage::default() };
    let suggestion = tuned(&[cold, warm], limits(128, 3)).suggestion.unwrap();
    assert_eq!(suggestion.timeout_seconds, 3);
    assert_eq!(
        suggestion.reasons[2],
        "the timeout is at least twice the longest invocation: 1.001 s, its init phase included"
    );
    let long = Usage { waited: Duration::from_mins(10), ..Usage::default() };
    let suggestion = tuned(&[long], limits(128, 3)).suggestion.unwrap();
    assert_eq!(suggestion.timeout_seconds, 900);
    assert_eq!(suggestion.reasons.last().unwrap(), "no size fits the present timeout of 3 s");
    let endless = Usage { waited: Duration::from_secs(901), ..Usage::default() };
    assert_eq!(tuned(&[endless], limits(128, 3)).suggestion, None);
}

#[test]
fn a_million_invocations_cost_a_million_times_the_mean() {
    // 100 ms and 201 ms at 1,024 MB: 150.5 ms in the mean.
    let samples = [100_000, 200_001]
        .map(|us| Usage { waited: Duration::from_micros(us), ..Usage::default() });
    let tuning = tuned(&samples, limits(1_024, 3));
    let cost = tuning.size(1_024).unwrap().cost;
    assert_eq!(cost.compute.picodollars(), 16_666_700 * 301 / 2 * 1_000);
    assert_eq!(cost.requests.to_string(), "$0.20");
    assert_eq!(tuning.size(1_024).unwrap().cold_cost, None);
    let arm = FunctionLimits { architecture: Architecture::Arm64, ..limits(1_024, 3) };
    let arm = tuned(&samples, arm).size(1_024).unwrap().cost;
    assert_eq!(arm.compute.picodollars(), 13_333_400 * 301 / 2 * 1_000);
}

#[test]
fn a_cold_invocation_is_billed_its_init_phase() {
    let init = InitUsage { fuel: 50 * MILLION, waited: Duration::ZERO };
    let usage = Usage { waited: Duration::from_millis(100), init: Some(init), ..Usage::default() };
    let tuning = tuned(&[usage], limits(128, 3));
    let size = &tuning.sizes[0];
    assert_eq!(size.warm.max, Duration::from_millis(100));
    // The init phase is not throttled, whatever the size.
    assert_eq!(size.cold.unwrap().max, Duration::from_millis(150));
    let (warm, cold) = (size.cost.compute, size.cold_cost.unwrap().compute);
    assert_eq!(warm.picodollars() * 3, cold.picodollars() * 2);
}

#[test]
fn a_budget_of_fuel_of_its_own_is_set_aside() {
    let own = FunctionLimits { fuel: Some(MILLION), ..limits(1_769, 3) };
    let tuning = tuned(&[computing()], own);
    assert!(tuning.size(1_769).unwrap().fits());
    assert!(tuning.notes.last().unwrap().contains("set aside"));
}

#[test]
fn without_samples_or_with_a_size_that_lambda_lacks_there_is_no_answer() {
    let prices = prices();
    let samples = [Usage::default()];
    let question = Question {
        function: "work",
        samples: &[],
        limits: limits(128, 3),
        prices: &prices,
        sizes: &LADDER,
    };
    let error = tune(&question).unwrap_err().to_string();
    assert_eq!(error, "`work` was never invoked, so there is nothing to go by");
    let error = tune(&Question { samples: &samples, sizes: &[64], ..question.clone() });
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "Lambda has no functions with 64 MB: from 128 to 10240 MB there are");
    let only = tune(&Question { samples: &samples, sizes: &[1_000], ..question }).unwrap();
    assert_eq!(only.sizes.iter().map(|size| size.memory_mb).collect::<Vec<_>>(), [128, 1_000]);
}

fn usage() -> impl Strategy<Value = Usage> {
    let init = prop::option::of((0..20_000 * MILLION, 0..12_000_u64));
    let sizes = (0..12_000 * MB, 0..700 * MB, 0..7_000_000_u64);
    (0..2_000_000 * MILLION, 0..950_000_u64, init, sizes).prop_map(
        |(fuel, waited_ms, init, (memory, storage, payload))| Usage {
            fuel,
            waited: Duration::from_millis(waited_ms),
            init: init.map(|(fuel, waited_ms)| InitUsage {
                fuel,
                waited: Duration::from_millis(waited_ms),
            }),
            memory_peak_bytes: memory,
            storage_peak_bytes: storage,
            request_bytes: payload,
            response_bytes: payload,
            ..Usage::default()
        },
    )
}

proptest! {
    #[test]
    fn more_memory_never_makes_it_slower(
        samples in prop::collection::vec(usage(), 1..6),
        timeout in 1..=900_u32,
        current in MEMORY_MB,
    ) {
        let tuning = tuned(&samples, limits(current, timeout));
        for pair in tuning.sizes.windows(2) {
            let [smaller, larger] = pair else { unreachable!("windows of two") };
            prop_assert!(larger.warm_total <= smaller.warm_total);
            for (less, more) in [(smaller.warm, larger.warm), (smaller.billed, larger.billed)] {
                prop_assert!(more.p50 <= less.p50 && more.p95 <= less.p95 && more.max <= less.max);
            }
            prop_assert!(larger.headroom.time >= smaller.headroom.time);
            // What fits stays fitting.
            prop_assert!(larger.fits() || !smaller.fits());
        }
    }

    #[test]
    fn what_is_told_of_the_sizes_holds(
        samples in prop::collection::vec(usage(), 1..6),
        timeout in 1..=900_u32,
    ) {
        let tuning = tuned(&samples, limits(128, timeout));
        let fitting = || tuning.sizes.iter().filter(|size| size.fits());
        let least = fitting().map(|size| size.cost.total()).min();
        let cheapest = tuning.cheapest.and_then(|size| tuning.size(size));
        prop_assert_eq!(cheapest.map(|size| size.cost.total()), least);
        if let Some(fastest) = tuning.fastest.and_then(|size| tuning.size(size)) {
            prop_assert!(fastest.fits());
            prop_assert!(fitting().all(|size| fastest.warm_total * 100 <= size.warm_total * 101));
        }
        if let Some(suggestion) = &tuning.suggestion {
            let size = tuning.size(suggestion.memory_mb).unwrap();
            let enough = Duration::from_secs(suggestion.timeout_seconds.into());
            prop_assert!(enough >= size.longest() * 2 || suggestion.timeout_seconds == 900);
            prop_assert!(TIMEOUT_SECONDS.contains(&suggestion.timeout_seconds));
            prop_assert!(size.fits() || least.is_none());
        }
    }

    #[test]
    fn the_cost_is_the_formula_of_the_price_list(ms in 1..900_000_u64, size in MEMORY_MB) {
        let usage = Usage { waited: Duration::from_millis(ms), ..Usage::default() };
        let cost = tuned(&[usage], limits(size, 900)).size(size).unwrap().cost;
        // ceil(ms) / 1000 x MB / 1024 x price, a million times.
        let expected = u128::from(ms) * u128::from(size) * 16_666_700 * 1_000_000;
        let (whole, rest) = (expected / 1_024_000, expected % 1_024_000);
        let expected = whole + u128::from(rest * 2 >= 1_024_000);
        prop_assert_eq!(cost.compute.picodollars(), expected);
    }
}
