//! `run --report`, and what a run may take: `--max-fuel`, `maxFuel:`, `--budget`.

use serde_json::{Value, json};

use crate::support::{Cli, Import, guest, machine_of, source};

fn burning(settings: &str) -> Cli {
    let settings = format!("    component: {}\n{settings}", guest("hostile"));
    Cli::workflow(&machine_of(&settings)).input(r#"{"do":"burn","units":1000}"#)
}

fn report(cli: Cli) -> Value {
    cli.args(["--report", "json"]).run().succeeds().json()
}

#[test]
fn the_report_in_json_has_the_output_and_every_figure() {
    let told = report(burning(""));
    assert_eq!(told["status"], "SUCCEEDED");
    assert!(told["output"].as_str().unwrap().contains("\"burnt\":1000"), "{told}");
    assert_eq!(told["exceeded"], json!([]));
    let report = &told["report"];
    // The start and one state.
    assert_eq!((&report["transitions"], &report["invocations"]), (&json!(2), &json!(1)));
    let (function, state) = (&report["functions"][0], &report["states"][0]);
    assert_eq!(function["functionName"], "task");
    assert_eq!(
        (&state["stateName"], &state["functionNames"]),
        (&json!("Work"), &json!({ "task": 1 }))
    );
    assert_eq!(function["memorySizeMB"], 128);
    let fuel = function["fuelMax"].as_u64().or(function["fuel"]["max"].as_u64());
    assert!(fuel.is_some_and(|fuel| fuel > 1_000), "{function}");
    assert_eq!(report["breaches"], json!([]));
    assert_eq!(report["prices"]["region"], "us-east-1");
    // The same again, to the unit.
    let again = self::report(burning(""));
    assert_eq!(again["report"]["functions"][0]["fuel"], report["functions"][0]["fuel"]);
}

#[test]
fn the_report_in_words_leaves_the_output_alone() {
    let ran = burning("").args(["--report"]).run().succeeds();
    assert_eq!(ran.json()["burnt"], 1_000);
    ran.says(["1 invocation (1 cold, 0 failed), 2 state transitions: $"]);
    let ran = burning("").args(["--report", "text", "--region", "mars-1"]).run().exits(2);
    ran.says(["mars-1", "us-east-1"]);
}

#[test]
fn the_import_is_reported_by_function_and_state() {
    let source = source(100, &[]);
    let told = Import::new().from(&source.url()).args(["--report", "json"]).run().succeeds().json();
    let report = &told["report"];
    let names = |list: &str, name: &str| {
        let of = |each: &Value| each[name].as_str().unwrap().to_owned();
        report[list].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(names("functions", "functionName"), ["fetch", "initialize", "persist"]);
    assert_eq!(names("states", "stateName"), ["Fetch", "Initialize", "Persist"]);
}

#[test]
fn a_run_fails_when_an_invocation_burns_more_than_it_may() {
    let fuel = |cli: Cli| {
        let told = report(cli);
        told["report"]["functions"][0]["fuel"]["max"].as_u64().unwrap()
    };
    let used = fuel(burning(""));
    let at = burning("").args(["--max-fuel".to_owned(), format!("task={used}")]).run().succeeds();
    assert_eq!(at.json()["burnt"], 1_000);
    let over =
        burning("").args(["--max-fuel".to_owned(), format!("task={}", used - 1)]).run().exits(1);
    // The execution itself succeeded: its output is there.
    assert_eq!(over.json()["burnt"], 1_000);
    over.says(["the budget is exceeded: `task` burnt"]);
    burning(&format!("    maxFuel: {used}\n")).run().succeeds();
    burning(&format!("    maxFuel: {}\n", used - 1)).run().exits(1).says(["maxFuel"]);
    let unknown = burning("").args(["--max-fuel", "tusk=1"]).run().exits(2);
    unknown.says(["`--max-fuel`: there is no function `tusk`", "the file has task"]);
    burning("").args(["--max-fuel", "task"]).run().exits(2).says(["write `FUNCTION=N`"]);
}

#[test]
fn a_budget_is_a_yaml_file() {
    let run = |budget: &str| {
        burning("").file("budget.yaml", budget).args(["--budget", "budget.yaml"]).run()
    };
    run("functions: { task: { maxFuel: 1000000, maxMemoryMB: 64 } }\nmaxTransitions: 2\n")
        .succeeds();
    let over = run("functions: { task: { maxMemoryMB: 1 } }\nmaxTransitions: 1\n").exits(1);
    over.says(["`task` had", "of memory", "transitions"]);
    run("functions: { task: { maxFeul: 1 } }")
        .exits(2)
        .says(["`functions.task.maxFeul`", "maxFuel"]);
    run("functions: [").exits(2);
    burning("").args(["--budget", "no.yaml"]).run().exits(2).says(["cannot read `no.yaml`"]);
}

#[test]
fn many_executions_have_one_report() {
    let lines = "{\"do\":\"burn\",\"units\":10}\n".repeat(5);
    let settings = format!("    component: {}\n", guest("hostile"));
    let ran = Cli::workflow(&machine_of(&settings))
        .file("in.jsonl", lines)
        .args(["--inputs", "in.jsonl", "--report"])
        .run()
        .succeeds();
    ran.says(["5 invocations (5 cold, 0 failed), 10 state transitions"]);
}
