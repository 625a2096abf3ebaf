//! One execution as a text by itself.

use serde_json::json;
use stepwell_engine::Execution;
use stepwell_journal::{Export, ExportError, Status};

use crate::support::{Room, large, looped};

#[test]
fn an_export_has_all_to_replay_the_execution() {
    let mut room = Room::new();
    let run = room.run("run", &looped(), &json!({ "n": 0, "max": 10, "data": large(2_000, "d") }));
    let export = room.journal.export(run.key).unwrap();
    let text = serde_json::to_string(&export).unwrap();
    let read = Export::read(&text).unwrap();
    assert_eq!(read, export);
    assert_eq!(
        (read.status, &read.outcome),
        (Status::Succeeded, &run.execution.outcome().cloned())
    );
    assert_eq!((&read.workflow, &read.settings), (&json!({}), &json!({})));
    assert_eq!(json!(read.history), serde_json::to_value(&run.history).unwrap());
    let mut execution = Execution::new(read.start);
    for event in read.events {
        _ = execution.apply(&run.definition, event.at, event.event).unwrap();
    }
    assert_eq!(execution, run.execution);
}

#[test]
fn other_texts_are_no_exports() {
    let mut room = Room::new();
    let run = room.run("run", &looped(), &json!({ "n": 0, "max": 2, "data": "" }));
    let export = serde_json::to_value(room.journal.export(run.key).unwrap()).unwrap();
    let with = |member: &str, value: serde_json::Value| {
        let mut export = export.clone();
        export[member] = value;
        Export::read(&export.to_string()).unwrap_err()
    };
    assert!(matches!(Export::read("{"), Err(ExportError::Syntax(_))));
    assert!(matches!(with("format", json!("x")), ExportError::OtherFormat));
    assert!(matches!(with("version", json!(2)), ExportError::TooNew { version: 2 }));
    assert!(matches!(with("start", json!(7)), ExportError::Syntax(_)));
    let events = export["events"].as_array().unwrap();
    assert!(matches!(with("events", json!(events[1..])), ExportError::Gap { sequence: 1 }));
}
