//! `stepwell graph`: a machine as a picture, and the path that a run took.

use crate::support::Cli;

/// Two rounds of a loop, if the input says so.
const WORKFLOW: &str = "functions: { work: { stub: { echo: true } } }
stateMachines:
  machine:
    definition:
      StartAt: Work
      States:
        Work: { Type: Task, Resource: work, Next: Again }
        Again:
          Type: Choice
          Choices: [{ Variable: $.again, BooleanEquals: true, Next: Reset }]
          Default: Closed
        Reset: { Type: Pass, Result: { again: false }, Next: Work }
        Closed: { Type: Fail, Error: Orders.Closed }
";

const TWO: &str = "stateMachines:
  one: { definition: { StartAt: A, States: { A: { Type: Succeed } } } }
  two: { definition: { StartAt: B, States: { B: { Type: Succeed } } } }
";

/// `stepwell graph workflow.yaml`, with a file `history.json` beside it.
fn graph(workflow: &str, history: &str) -> Cli {
    let cli = Cli::new().file("workflow.yaml", workflow).file("history.json", history);
    cli.args(["graph", "workflow.yaml"])
}

/// The history of a run of the workflow.
fn history() -> String {
    let cli = Cli::workflow(WORKFLOW).input("{\"again\":true}").args(["--history", "h.json"]);
    cli.run().exits(1).read("h.json")
}

#[test]
fn a_machine_is_a_mermaid_flowchart() {
    let ran = graph(WORKFLOW, "").run().succeeds();
    assert!(ran.stdout.starts_with("flowchart TD\n"), "{}", ran.told());
    assert!(ran.stdout.contains("n1[\"Work<br/>Task · work\"]"), "{}", ran.told());
    assert!(ran.stdout.contains("n2 -->|\"$.again = true\"| n3"), "{}", ran.told());
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_picture_goes_into_a_file() {
    let cli = graph(WORKFLOW, "").args(["--format", "svg", "--output", "machine.svg"]);
    let svg = cli.run().succeeds().prints_nothing().read("machine.svg");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("<title>machine</title>"), "{svg}");
}

#[test]
fn the_path_of_a_run_is_marked() {
    let ran = graph(WORKFLOW, &history()).args(["--execution", "history.json"]).run().succeeds();
    for text in ["Task · work<br/>2×", "|\"2×\"|", "<br/>failed\"", "classDef failed", "linkStyle"]
    {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.told());
    }
}

#[test]
fn a_file_that_is_no_history_is_told() {
    let refused = |text: &str| {
        let cli = graph(WORKFLOW, text).args(["--execution", "history.json"]);
        cli.run().exits(2).prints_nothing()
    };
    refused("{}").says([
        "error: `history.json` is no execution history: it has no list `events`",
        "help: give what `stepwell run --history FILE`",
    ]);
    refused("StartAt: A").says(["`history.json` is no execution history: it cannot be read:"]);
    let other = history().replace("\"Again\"", "\"Other\"");
    refused(&other)
        .says(["error: `history.json` is not a history of the state machine `machine`: \
         event 7 enters `Other`, which is no state of it"]);
    let cli = graph(WORKFLOW, "").args(["--execution", "missing.json"]);
    cli.run().exits(2).says(["error: cannot read `missing.json`: there is no such file"]);
}

#[test]
fn of_several_machines_one_is_drawn() {
    graph(TWO, "").run().exits(2).says(["choose one with `--state-machine NAME`: one, two"]);
    let ran = graph(TWO, "").args(["--state-machine", "two"]).run().succeeds();
    assert!(ran.stdout.contains("\"B<br/>Succeed\""), "{}", ran.told());
}

#[test]
fn what_cannot_be_drawn_or_written_is_told() {
    let bad = "StartAt: A\nStates: { A: { Type: Pass, Next: B } }\n";
    graph(bad, "").run().exits(2).prints_nothing().says(["`workflow.yaml` cannot be used"]);
    let written = |path: &str| graph(WORKFLOW, "").args(["--output", path]).run().prints_nothing();
    written("missing/x.mmd").exits(3).says(["cannot write the picture to `missing/x.mmd`"]);
    written(".").exits(2).says(["cannot write the picture: `.` is a folder"]);
    graph(WORKFLOW, "").args(["--format", "png"]).run().exits(2).says(["mermaid, svg"]);
}
