//! `stepwell validate`: everything that is wrong with workflow files, for people and for programs.

use serde_json::{Value, json};

use crate::support::{Cli, Ran};

const GOOD: &str = "StartAt: A\nStates:\n  A: { Type: Succeed }\n";
const WARNED: &str = "StartAt: A\nStates:\n  A: { Type: Succeed }\n  B: { Type: Succeed }\n";
const BAD: &str = "StartAt: A\nStates:\n  A: { Type: Pass, Next: Nö, Comment: ü, Resultt: 1 }\n";

fn validate(arguments: &[&str]) -> Ran {
    let cli = Cli::new().file("good.yaml", GOOD).file("warned.yaml", WARNED);
    cli.file("bad.yaml", BAD).arg("validate").args(arguments).run()
}

#[test]
fn a_good_file_is_ok() {
    let ran = validate(&["good.yaml"]).succeeds().prints_nothing();
    assert_eq!(ran.stderr, "good.yaml: ok, 1 state machine, 0 functions, 0 warnings\n");
    let ran = validate(&["-q", "good.yaml"]).succeeds().prints_nothing();
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_file_with_warnings_is_ok() {
    let ran = validate(&["warned.yaml"]).succeeds().prints_nothing();
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn a_bad_file_is_not() {
    let ran = validate(&["bad.yaml"]).exits(2).prints_nothing();
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn all_files_are_looked_at() {
    let ran = validate(&["bad.yaml", "good.yaml", "bad.yaml"]).exits(2);
    ran.says(["good.yaml: ok", "error: 2 files cannot be used\n"]);
}

#[test]
fn findings_are_json_on_request() {
    let ran = validate(&["--json", "-q", "good.yaml", "warned.yaml", "bad.yaml"]).exits(2);
    let findings = ran.json();
    let findings = findings.as_array().unwrap();
    let told: Vec<Value> = findings
        .iter()
        .map(|f| json!([f["file"], f["severity"], f["code"], f["pointer"], f["line"], f["column"]]))
        .collect();
    let expected = [
        json!(["warned.yaml", "warning", "ASL0110", "/States/B", 4, 6]),
        json!(["bad.yaml", "error", "ASL0109", "/States", 2, 1]),
        json!(["bad.yaml", "error", "ASL0108", "/States/A/Next", 3, 26]),
        // In characters, not in bytes.
        json!(["bad.yaml", "error", "ASL0102", "/States/A/Resultt", 3, 42]),
    ];
    assert_eq!(told, expected);
    assert_eq!(findings[3]["help"], "did you mean `Result`?");
    let aws = json!({
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Field 'Resultt' is not supported",
        "location": "/States/A",
    });
    assert_eq!(findings[3]["aws"], aws);
    assert_eq!(ran.stderr, "error: 1 file cannot be used\n");
    validate(&["--json", "-q", "good.yaml"]).succeeds().prints("[]");
}

#[test]
fn a_missing_function_is_a_warning_until_the_workflow_runs() {
    let text = "StartAt: A\nStates:\n  A: { Type: Task, Resource: later, End: true }\n";
    let cli = || Cli::new().file("workflow.yaml", text);
    cli().args(["validate", "workflow.yaml"]).run().succeeds().says(["warning[ASL0502]"]);
    cli().args(["run", "workflow.yaml"]).run().exits(2).says(["error[ASL0502]"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    validate(&["missing.yaml"])
        .exits(2)
        .says(["error: cannot read `missing.yaml`: there is no such file"]);
}
