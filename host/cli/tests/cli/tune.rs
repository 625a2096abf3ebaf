//! `stepwell tune`: what each memory size would make of a function.

use serde_json::json;

use crate::support::{Cli, guest};

const EVENTS: &str = "{\"do\":\"burn\",\"units\":300000}\n\n{\"do\":\"burn\",\"units\":600000}\n";

fn tune(events: &str, arguments: &[&str]) -> Cli {
    let hostile = guest("hostile");
    let cli = Cli::new().file("events.jsonl", events).args([
        "tune",
        &hostile,
        "--events",
        "events.jsonl",
    ]);
    cli.args(arguments.iter().copied())
}

#[test]
fn every_size_has_its_time_its_cost_and_its_verdict() {
    let told = tune(EVENTS, &["--json"]).run().succeeds().json();
    assert_eq!((&told["functionName"], &told["samples"]), (&json!("hostile"), &json!(2)));
    let sizes = told["sizes"].as_array().unwrap();
    assert_eq!(sizes.len(), 18);
    let warm = |size: usize| sizes[size]["durationMs"]["max"].as_f64().unwrap();
    let (smallest, whole) = (warm(0), warm(7));
    // 128 and 1,769 MB.
    assert!((smallest / whole - 1_769.0 / 128.0).abs() < 0.01, "{smallest} {whole}");
    assert!((warm(17) - whole).abs() < 1e-9, "one thread has no use for more than one CPU");
    assert!(
        told["suggestion"]["memorySizeMB"].is_u64()
            && told["suggestion"]["timeoutSeconds"].is_u64()
    );
    // Counted, not measured: the same again.
    assert_eq!(tune(EVENTS, &["--json"]).run().succeeds().json(), told);
}

#[test]
fn a_table_says_which_size_fits() {
    let events = "{\"do\":\"allocate\",\"bytes\":200000000}\n";
    let ran = tune(events, &["--sizes", "128,256,1769", "--svg", "chart.svg"]).run().succeeds();
    assert!(ran.stdout.contains("suggested: memorySize 256"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Runtime.OutOfMemory"), "{}", ran.stdout);
    let chart = ran.read("chart.svg");
    assert!(chart.starts_with("<svg") && chart.contains("hostile"), "{chart}");
}

#[test]
fn what_tells_nothing_is_refused() {
    let fails =
        "{\"do\":\"burn\",\"units\":1}\n{\"do\":\"fail\",\"error\":\"Own\",\"cause\":\"why\"}\n";
    tune(fails, &[]).run().exits(2).says(["event 2 fails: Own: why"]);
    tune("\n", &[]).run().exits(2).says(["`events.jsonl` has no events"]);
    tune("{}\n{\n", &[]).run().exits(2).says(["line 2 of `events.jsonl` is not JSON"]);
    tune(EVENTS, &["--sizes", "64"]).run().exits(2);
}
