//! The workflow files of the repository: each is sound, and runs as its comments say.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Cli, Ran};

fn workflows() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_workflow_of_the_repository_is_sound_without_a_warning() {
    let files = workflows();
    assert!(files.len() >= 3);
    let ran = Cli::new().args(["validate", "--json", "-q"]).args(files).run().succeeds();
    ran.prints("[]");
}

fn approve(input: &str) -> Ran {
    let file = workflows().into_iter().find(|path| path.ends_with("approve-order.yaml")).unwrap();
    let cli = Cli::new().arg("run").arg(file).args(["--skip-waits", "--history", "h.json"]);
    cli.input(input).run()
}

/// The states that were entered, in order.
fn path(ran: &Ran) -> Vec<String> {
    let entered = ran
        .history("h.json")
        .into_iter()
        .filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str().map(str::to_owned));
    entered.collect()
}

#[test]
fn a_large_order_is_approved_first() {
    let ran = approve(r#"{"order": 17, "amount": 2500}"#).succeeds();
    let expected =
        ["CheckStock", "HowMuch", "AskManager", "Reconsider", "Charge", "AddPoints", "Done"];
    assert_eq!(path(&ran), expected);
    let output = ran.json();
    assert_eq!(output["approval"], json!({ "approved": true }));
    assert_eq!(output["points"]["Error"], "Loyalty.Closed");
    let times: Vec<_> =
        ran.history("h.json").iter().map(|event| event["timestamp"].as_f64().unwrap()).collect();
    // A minute before the retry, an hour with the manager, a day to reconsider.
    let took = times.last().unwrap() - times.first().unwrap();
    assert!((90_060.0..90_061.0).contains(&took), "{took}");
    ran.says(["     1  CheckStock  failed: Stock.Busy: The stock is being counted.\n"]);
}

#[test]
fn a_small_order_is_not() {
    let ran = approve(r#"{"order": 18, "amount": 40}"#).succeeds();
    assert_eq!(path(&ran), ["CheckStock", "HowMuch", "Charge", "AddPoints", "Done"]);
}

#[test]
fn an_order_that_is_too_large_fails() {
    approve(r#"{"order": 19, "amount": 90000}"#).exits(1).says([
        "error: the execution failed: Order.TooMuch: Orders of more than 50,000 are made by hand.",
    ]);
}
