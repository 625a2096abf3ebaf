//! The case folders below `cases/`: each is a test, and a new behaviour is a new folder.
//!
//! | boundary | a case is | checked against |
//! |---|---|---|
//! | `validate` | a workflow file with the files that it refers to, `values.json` and `functions.yaml`; or `source.json` for texts that no editor should meet | `expected.snap`: what was loaded, and all findings |
//! | `engine` | a machine, `input.json` and `script.json` | `expected.snap`: events, history and effects in virtual time |
//! | `choice` | `table.json`: rules and the values for which they hold | the table itself |
//! | `state` | `table.json`: single states with inputs and what comes of them | the table itself |
//!
//! `INSTA_UPDATE=always` writes the snapshots; with `INSTA_UPDATE=no` a missing one is a failure.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use stepwell_asl::{CODES, Definition, Options, Source, load, load_with};
use stepwell_engine::Outcome;
use stepwell_query::Document;
use stepwell_tests::folder::Folder;
use stepwell_tests::script::Script;
use stepwell_tests::{folder, run, show};

mod tables;
mod words;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = [
        folder::trials("validate", check_validation),
        folder::trials("engine", check_execution),
        folder::trials("choice", tables::check_choice),
        folder::trials("state", tables::check_state),
        vec![Trial::test("every_finding_has_a_case", || {
            every_finding_has_a_case();
            Ok(())
        })],
        vec![Trial::test("every_word_has_a_case", || {
            words::every_word_has_a_case();
            Ok(())
        })],
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

fn check_validation(folder: &Path) {
    let source = folder::source(folder);
    if folder::json(folder, "source.json").is_some() {
        folder::assert_snapshot(folder, &show::loaded(&source, &load(&source, "workflow")));
        return;
    }
    let values = folder::json(folder, "values.json").unwrap_or_default();
    let values: BTreeMap<String, String> = values
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().expect("it is a text").to_owned()))
        .collect();
    let functions = std::fs::read_to_string(folder.join("functions.yaml")).ok();
    let options = Options {
        stem: "workflow",
        values: &values,
        functions: functions.as_deref().map(|text| Source { path: "functions.yaml", text }),
        machine: None,
    };
    let entry = Source { path: folder::entry(folder), text: &source };
    let loaded = load_with(&entry, &Folder(folder.to_owned()), &options);
    folder::assert_snapshot(folder, &show::loaded(&source, &loaded));
}

fn check_execution(folder: &Path) {
    let source = folder::source(folder);
    let definition = definition(&source);
    let input = folder::json(folder, "input.json")
        .unwrap_or_else(|| Value::Object(serde_json::Map::default()));
    let mut script = Script::read(folder::json(folder, "script.json").as_ref());
    let mut start = run::start(Document::from(input));
    start.history_events_max = script.history_events_max;
    let outside = std::mem::take(&mut script.outside);
    let (_, steps) = run::run(&definition, start, outside, |function, _| script.reply(function));
    script.assert_used_up();
    folder::assert_snapshot(folder, &show::run(&steps));
}

/// The machine of a file that must load.
fn definition(source: &str) -> Definition {
    let mut workflow = load(source, "workflow").unwrap_or_else(|findings| {
        let findings: Vec<_> =
            findings.iter().map(|finding| show::finding(source, finding)).collect();
        panic!("the workflow does not load:\n{}", findings.join("\n"))
    });
    workflow.machines.remove(0).definition
}

/// Only the loader of a component can find that it cannot be used: `host/cli` tests that.
const FOUND_ELSEWHERE: [&str; 1] = ["ASL0505"];

fn every_finding_has_a_case() {
    let snapshots: String = folder::cases_below(&folder::boundary("validate"))
        .iter()
        .filter_map(|case| std::fs::read_to_string(case.join("expected.snap")).ok())
        .collect();
    let without: Vec<_> = CODES
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| {
            !snapshots.contains(&format!("\n{code} ")) && !FOUND_ELSEWHERE.contains(code)
        })
        .collect();
    assert!(without.is_empty(), "no case in cases/validate shows {without:?}");
}

/// Runs a machine whose functions all give the same answer.
fn outcome(
    definition: &Definition,
    input: Value,
    answer: &run::Answer,
) -> (Outcome, Vec<run::Step>) {
    let start = run::start(Document::from(input));
    run::run(definition, start, run::Outside::default(), |_, _| run::Reply {
        answer: answer.clone(),
        after: jiff::SignedDuration::from_secs(1),
    })
}
