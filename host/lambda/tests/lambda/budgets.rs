//! What a budget holds a run against.

use serde_json::{Value, json};
use stepwell_lambda::{Budget, RunReport, Usage};

use super::{MB, MILLION, limits, prices, sample};

/// One function, twice: at most 120 million of fuel, 67.8 ms and 40 MB.
fn run() -> RunReport {
    let mut report = RunReport::new(prices());
    for fuel in [60, 120] {
        let usage = Usage {
            fuel: fuel * MILLION,
            memory_peak_bytes: 40 * MB,
            waited: std::time::Duration::from_micros(7_800),
            ..Usage::default()
        };
        report.add(&sample("Fetch", "fetch", limits(3_538, 3), usage));
    }
    report.add_transitions(4);
    report
}

fn excesses(budget: &Value) -> Vec<String> {
    let budget = Budget::from_json(budget).unwrap();
    budget.check(&run()).iter().map(ToString::to_string).collect()
}

fn refused(budget: &Value) -> String {
    Budget::from_json(budget).unwrap_err().to_string()
}

#[test]
fn what_is_within_the_budget_is_not_told() {
    let budget = json!({
        "functions": { "fetch": {
            "maxFuel": 120_000_000, "maxDurationMs": 128, "maxBilledMs": 128, "maxMemoryMB": 40,
        } },
        "maxCost": 0.0002,
        "maxTransitions": 4,
    });
    assert_eq!(excesses(&budget), [""; 0]);
    assert_eq!(excesses(&json!({})), [""; 0]);
}

#[test]
fn each_excess_says_by_how_much() {
    let budget = json!({
        "functions": { "fetch": {
            "maxFuel": 100_000_000, "maxDurationMs": 127, "maxBilledMs": 64, "maxMemoryMB": 32,
        } },
        "maxCost": 0.00001,
        "maxTransitions": 3,
    });
    insta::assert_snapshot!(excesses(&budget).join("\n"));
}

#[test]
fn a_budget_of_nothing_is_exceeded_by_anything() {
    let none = json!({ "functions": { "fetch": { "maxFuel": 0 } }, "maxCost": 0 });
    let told = excesses(&none);
    assert_eq!(told[0], "`fetch` burnt 120,000,000 fuel in one invocation: maxFuel allows none");
    assert!(told[1].ends_with("maxCost allows none"), "{}", told[1]);
}

#[test]
fn a_function_that_was_never_invoked_is_told() {
    let budget = Budget::default().max_fuel("fetsh", 1).max_fuel("fetch", 119_999_999);
    let told: Vec<String> = budget.check(&run()).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`fetch` burnt 120,000,000 fuel in one invocation: less than 0.1 % more than \
             119,999,999 fuel (maxFuel)",
            "`fetsh` has a budget and was never invoked",
        ]
    );
}

#[test]
fn what_a_budget_does_not_know_is_refused_with_what_it_knows() {
    assert_eq!(
        refused(&json!({ "maxcost": 1 })),
        "`maxcost` is not known; known are `functions`, `maxCost`, `maxTransitions`"
    );
    assert_eq!(
        refused(&json!({ "functions": { "fetch": { "fuel": 1 } } })),
        "`functions.fetch.fuel` is not known; known are `maxFuel`, `maxDurationMs`, `maxBilledMs`, \
         `maxMemoryMB`"
    );
    for (budget, message) in [
        (json!([]), "`the budget` is not an object"),
        (json!({ "functions": 1 }), "`functions` is not an object"),
        (json!({ "functions": { "f": null } }), "`functions.f` is not an object"),
        (
            json!({ "functions": { "f": { "maxFuel": 1.5 } } }),
            "`functions.f.maxFuel` is not a whole number from 0",
        ),
        (json!({ "maxTransitions": -1 }), "`maxTransitions` is not a whole number from 0"),
        (json!({ "maxCost": -0.1 }), "`maxCost` is not a number of dollars from 0"),
        (json!({ "maxCost": "1" }), "`maxCost` is not a number of dollars from 0"),
        (json!({ "maxCost": 1e300 }), "`maxCost` is not a number of dollars from 0"),
    ] {
        assert_eq!(refused(&budget), message);
    }
}
