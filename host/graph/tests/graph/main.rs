//! Pictures of machines and of executions: what Mermaid gets, that SVG is sound, and that no definition
//! and no history breaks either.

#![expect(
    clippy::unwrap_used,
    reason = "a failed test panics; Clippy does not count helpers as tests"
)]

mod histories;
mod layouts;
mod mermaids;
mod properties;

use stepwell_graph::{Graph, History, Path};

/// The graph of a file that holds one machine.
fn graph(source: &str) -> Graph {
    let workflow = stepwell_asl::load(source, "machine").unwrap();
    Graph::of(&workflow.machines[0].name, &workflow.machines[0].definition)
}

/// A history written as one event a line: `id<previous Type name`.
fn history(lines: &str) -> History {
    let events = lines.lines().map(str::trim).filter(|line| !line.is_empty()).map(event);
    History::parse(&serde_json::json!({ "events": events.collect::<Vec<_>>() }).to_string())
        .unwrap()
}

fn event(line: &str) -> serde_json::Value {
    let mut words = line.splitn(3, ' ');
    let (id, previous) = words.next().unwrap().split_once('<').unwrap();
    let (id, previous): (u64, u64) = (id.parse().unwrap(), previous.parse().unwrap());
    let event_type = words.next().unwrap();
    let mut event =
        serde_json::json!({ "id": id, "previousEventId": previous, "type": event_type });
    if let Some(name) = words.next() {
        let key = match event_type {
            _ if event_type.ends_with("StateEntered") => "stateEnteredEventDetails".to_owned(),
            _ if event_type.ends_with("StateExited") => "stateExitedEventDetails".to_owned(),
            _ => format!("{}{}EventDetails", event_type[..1].to_lowercase(), &event_type[1..]),
        };
        event[key] = serde_json::json!({ "name": name });
    }
    event
}

fn path(graph: &Graph, lines: &str) -> Path {
    Path::of(graph, &history(lines)).unwrap()
}

const LOOP: &str = "StartAt: Round
States:
  Round: { Type: Task, Resource: work, Next: Again }
  Again:
    Type: Choice
    Choices:
      - { Variable: $.continue, BooleanEquals: true, Next: Round }
      - { And: [{ Variable: $.count, NumericGreaterThanEquals: 10 }, { Variable: $.kind, StringEquals: large }], Next: Stop }
      - { Not: { Variable: $.note, IsPresent: true }, Next: Stop }
    Default: Over
  Over: { Type: Succeed }
  Stop: { Type: Fail, Error: Orders.Closed }
";

const CAUGHT: &str = "StartAt: Work
States:
  Work:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Parameters: { FunctionName: work }
    Retry:
      - { ErrorEquals: [Busy], MaxAttempts: 2 }
      - { ErrorEquals: [Never], MaxAttempts: 0 }
      - { ErrorEquals: [A, B, C, D] }
    Catch:
      - { ErrorEquals: [Gone], Next: Tidy }
      - { ErrorEquals: [States.ALL], Next: Rest }
    Next: Rest
  Tidy: { Type: Pass, Next: Rest }
  Rest: { Type: Wait, Seconds: 3, End: true }
";

const NESTED: &str = "StartAt: Both
States:
  Both:
    Type: Parallel
    Branches:
      - StartAt: Each
        States:
          Each:
            Type: Map
            ItemsPath: $.items
            MaxConcurrency: 1
            ItemProcessor:
              StartAt: Inner
              States:
                Inner:
                  Type: Parallel
                  Branches:
                    - { StartAt: A, States: { A: { Type: Task, Resource: a, End: true } } }
                    - { StartAt: B, States: { B: { Type: Pass, End: true } } }
                  End: true
            End: true
      - { StartAt: C, States: { C: { Type: Wait, Seconds: 1, End: true } } }
    Catch: [{ ErrorEquals: [States.ALL], Next: Sorry }]
    Next: Over
  Over: { Type: Succeed }
  Sorry: { Type: Pass, End: true }
  Lost: { Type: Pass, Next: Over }
";

/// Names that mean something to Mermaid, Markdown, HTML or XML.
const WEIRD: &str = r#"{ "StartAt": "end", "States": {
  "end": { "Type": "Pass", "Next": "subgraph" },
  "subgraph": { "Type": "Pass", "Next": "a\"]; click b" },
  "a\"]; click b": { "Type": "Pass", "Next": "<script>alert(1)</script> & co" },
  "<script>alert(1)</script> & co": { "Type": "Pass", "Next": "1. *bold* _x_ `code` #35; $$x$$" },
  "1. *bold* _x_ `code` #35; $$x$$": { "Type": "Pass", "Next": "- ünïcode 名前 🦀 é" },
  "- ünïcode 名前 🦀 é": { "Type": "Choice", "Default": " ",
    "Choices": [{ "Variable": "$.x", "StringEquals": "a\nb|\"c\"", "Next": "\\n%% --> {x}" }] },
  "\\n%% --> {x}": { "Type": "Succeed" },
  " ": { "Type": "Fail" } } }"#;
