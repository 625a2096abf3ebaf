//! `stepwell convert`: a file's JSONPath as JSONata.

use crate::support::{Cli, Ran};

const WORKFLOW: &str = "# Two steps
StartAt: A
States:
  A: # first
    Type: Pass
    OutputPath: $.a
    Next: B
  B: { Type: Succeed }
";

const CONVERTED: &str = "# Two steps
StartAt: A
QueryLanguage: JSONata
States:
  A: # first
    Type: Pass
    Output: '{% $states.input.a %}'
    Next: B
  B: { Type: Succeed }
";

/// Its second state cannot be converted.
const PARTLY: &str = "StartAt: A
States:
  A: { Type: Pass, OutputPath: $.a, Next: B }
  B: { Type: Succeed, OutputPath: $..b }
";

fn convert(arguments: &[&str]) -> Ran {
    let cli = Cli::new().file("workflow.yaml", WORKFLOW).file("partly.yaml", PARTLY);
    cli.arg("convert").args(arguments).run()
}

#[test]
fn the_new_text_goes_to_standard_output() {
    let ran = convert(&["workflow.yaml"]).succeeds();
    assert_eq!(ran.stdout, CONVERTED);
    assert_eq!(ran.stderr, "workflow.yaml: 2 states in JSONata, 0 in JSONPath, 0 remarks\n");
    assert_eq!(ran.read("workflow.yaml"), WORKFLOW);
}

#[test]
fn a_file_is_written_in_place_or_elsewhere() {
    let ran = convert(&["--write", "workflow.yaml"]).succeeds().prints_nothing();
    assert_eq!(ran.read("workflow.yaml"), CONVERTED);
    let ran = convert(&["workflow.yaml", "--output", "new.yaml"]).succeeds().prints_nothing();
    assert_eq!(ran.read("new.yaml"), CONVERTED);
    assert_eq!(ran.read("workflow.yaml"), WORKFLOW);
}

#[test]
fn what_stays_is_named_and_is_exit_code_1() {
    let ran = convert(&["partly.yaml"]).exits(1);
    assert!(ran.stdout.contains("  A: { Type: Pass, QueryLanguage: JSONata, Output: '{% $states.input.a %}', Next: B }\n"), "{}", ran.told());
    assert!(ran.stdout.contains("  B: { Type: Succeed, OutputPath: $..b }\n"), "{}", ran.told());
    ran.says([
        "CONV01",
        "`B` stays in JSONPath: `$..b` cannot be converted",
        "--> partly.yaml:4:35",
        "not everything could be converted",
    ]);
}

#[test]
fn a_check_writes_nothing() {
    convert(&["--check", "workflow.yaml"]).succeeds().prints_nothing();
    convert(&["--check", "partly.yaml"]).exits(1).prints_nothing();
    convert(&["--check", "none.yaml"]).exits(2).prints_nothing();
}
