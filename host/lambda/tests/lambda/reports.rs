//! What a run's report says.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use stepwell_lambda::{Architecture, FunctionLimits, InitUsage, RunReport, Usage};

use super::{MB, MILLION, limits, page, prices, sample};

/// Two functions, three states; the last pages are too large for their function.
fn run() -> RunReport {
    let mut report = RunReport::new(prices());
    for number in 1..=70 {
        report.add(&sample("Fetch", "fetch", limits(128, 3), page(number)));
    }
    let arm =
        FunctionLimits { architecture: Architecture::Arm64, storage_mb: 1_024, ..limits(512, 30) };
    let late = InitUsage { fuel: 0, waited: Duration::from_secs(11) };
    for number in 0..4 {
        let waited = Duration::from_secs(number);
        let init = (number == 0).then_some(late);
        let usage = Usage { fuel: 300 * MILLION, waited, init, ..Usage::default() };
        report.add(&sample("Persist", "persist", arm, usage));
    }
    let chatty = Usage { log_bytes: 2 * MB, ..Usage::default() };
    report.add(&sample("PersistAgain", "persist", arm, chatty));
    report.add_transitions(150);
    report
}

#[test]
fn the_text_of_a_run() {
    let report = run();
    insta::assert_snapshot!("run_200", report.to_text(200));
    insta::assert_snapshot!("run_80", report.to_text(80));
}

#[test]
fn the_json_of_a_run() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&run().to_json()).unwrap());
}

#[test]
fn a_run_without_invocations_has_a_report() {
    let report = RunReport::new(prices());
    insta::assert_snapshot!(report.to_text(80));
    let json = report.to_json();
    assert_eq!(json["invocations"], 0);
    assert_eq!(json["durationMs"], Value::Null);
    assert_eq!(json["functions"], Value::Array(vec![]));
}

#[test]
fn functions_and_states_add_up_to_the_run() {
    let report = run();
    let all = report.all();
    let functions = ["fetch", "persist"].map(|name| report.function(name).unwrap());
    let states = ["Fetch", "Persist", "PersistAgain"].map(|name| report.state(name).unwrap());
    assert_eq!(functions.iter().map(|tally| tally.invocations()).sum::<u64>(), 75);
    assert_eq!(states.iter().map(|tally| tally.invocations()).sum::<u64>(), all.invocations());
    let cost = |tallies: &[&stepwell_lambda::Tally]| {
        tallies.iter().map(|tally| tally.cost(&prices()).total().picodollars()).sum::<u128>()
    };
    let total = all.cost(&prices()).total().picodollars();
    // Each part of a cost is rounded once: to half a picodollar, for each of four parts.
    assert!(cost(&functions).abs_diff(total) <= 4 && cost(&states).abs_diff(total) <= 6);
    let transitions = 150 * 25_000_000;
    assert_eq!(report.cost().total().picodollars(), total + transitions);
    assert_eq!(report.function("nobody").map(stepwell_lambda::Tally::invocations), None);
}

#[test]
fn errors_of_any_number_of_types_take_bounded_space() {
    let mut report = RunReport::new(prices());
    for number in 0..1_000 {
        let mut failed = sample("Fetch", "fetch", limits(128, 3), Usage::default());
        failed.error = Some(format!("Error{number}"));
        report.add(&failed);
    }
    let errors = report.all().errors();
    assert_eq!(errors.len(), 51);
    assert_eq!(errors["(other)"], 950);
    assert_eq!(report.all().failures(), 1_000);
}

#[test]
fn the_longest_and_the_totals_of_very_many_are_exact() {
    let mut report = RunReport::new(prices());
    for number in 1..=20_000 {
        let usage = Usage { fuel: number * 1_009, ..Usage::default() };
        report.add(&sample("Fetch", "fetch", limits(1_769, 3), usage));
    }
    let tally = report.all();
    let fuel = tally.fuel().unwrap();
    assert_eq!(fuel.max, 20_000 * 1_009);
    assert_eq!(tally.fuel_total(), 1_009 * 20_000 * 20_001 / 2);
    for (found, exact) in [(fuel.p50, 10_000 * 1_009), (fuel.p95, 19_000 * 1_009)] {
        assert!(found.abs_diff(exact) * 100 <= exact, "{found} {exact}");
    }
}

proptest! {
    #[test]
    fn any_run_has_a_report_of_any_width(
        samples in prop::collection::vec(
            ("\\PC{0,20}", any::<u64>(), any::<u64>(), any::<bool>(), any::<u64>()),
            0..8,
        ),
        width in 0..240_usize,
    ) {
        let mut report = RunReport::new(prices());
        for (name, fuel, bytes, cold, waited) in samples {
            let waited = Duration::from_nanos(waited);
            let usage = Usage {
                fuel,
                waited,
                init: cold.then_some(InitUsage { fuel, waited }),
                memory_peak_bytes: bytes,
                storage_peak_bytes: bytes,
                storage_peak_files: bytes,
                request_bytes: bytes,
                response_bytes: bytes,
                handles_peak: u32::MAX,
                log_bytes: bytes,
            };
            report.add(&sample(&name, &name, limits(128, 900), usage));
        }
        report.add_transitions(u64::MAX);
        report.add_transitions(1);
        prop_assert!(report.to_text(width).contains("cost:"));
        prop_assert_eq!(report.to_json()["invocations"].as_u64(), Some(report.all().invocations()));
    }
}
