//! The workflow files of the repository: each is sound, and runs as its comments say.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Cli, Ran};

/// The workflow files of the repository, with those below `examples`.
fn workflows() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    let files = [folder.clone(), folder.join("examples")];
    let files = files.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

/// The comment at the head of an example holds commands and what they print, as one would see them in a
/// terminal at the root of the repository.
#[test]
fn every_example_does_what_its_head_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples =
        workflows().into_iter().filter(|file| file.parent().unwrap().ends_with("examples"));
    let projects = ["workflows/sam/template.yaml", "workflows/serverless/serverless.yml"];
    for file in examples.chain(projects.map(|file| root.join(file))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let head: Vec<&str> =
            text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim_start).collect();
        let calls = head.iter().zip(&head[1..]).filter(|(line, _)| line.starts_with("$ "));
        let mut commands = 0;
        for (call, expected) in calls {
            let mut words = words(call.strip_prefix("$ stepwell ").unwrap());
            for word in words.iter_mut().filter(|word| word.starts_with("workflows/")) {
                *word = root.join(&*word).to_str().unwrap().to_owned();
            }
            let ran = Cli::new().args(&words).run();
            if expected.starts_with("error: ") {
                ran.exits(1).says([*expected]);
            } else {
                ran.succeeds().prints(expected);
            }
            commands += 1;
        }
        assert!(commands > 0, "{} shows no command", file.display());
    }
}

/// A command's words, as a shell splits them.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    words.collect()
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
