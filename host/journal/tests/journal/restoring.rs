//! What was committed comes back: executions, events, history, documents.

use serde_json::{Value, json};
use stepwell_engine::{Event, Execution};
use stepwell_journal::{Durability, Status};

use crate::support::{Room, Run, at, echo, forked, large, looped, start};

/// Runs a machine and restores it after every event.
fn is_restored_after_every_prefix(durability: Durability, machine: &Value, input: &Value) -> Run {
    let mut room = Room::with(durability);
    let key = room.create("run", input);
    let mut run = Run::new(key, machine, start("run", input));
    assert_eq!(room.journal.restore(key, &run.definition).unwrap(), run.execution);
    while run.step(&mut room.journal, &mut echo) {
        room.journal.commit().unwrap();
        let restored = room.journal.restore(key, &run.definition).unwrap();
        assert_eq!(restored, run.execution, "after event {}", run.events);
    }
    assert!(run.execution.outcome().is_some(), "it has ended");
    assert_eq!(room.again().restore(key, &run.definition).unwrap(), run.execution);
    let loaded = room.journal.load(key).unwrap();
    assert_eq!(loaded.outcome.as_ref(), run.execution.outcome());
    assert_eq!((loaded.summary.status, loaded.sequence), (Status::Succeeded, run.events));
    assert_eq!(loaded.start, *run.execution.start());
    run
}

#[test]
fn a_loop_is_restored_after_every_prefix() {
    let input = json!({ "n": 0, "max": 300, "data": large(3_000, "data") });
    let run = is_restored_after_every_prefix(Durability::Step, &looped(), &input);
    // Long enough for a snapshot with a tail behind it.
    assert!(run.events > 256, "{}", run.events);
}

#[test]
fn branches_are_restored_after_every_prefix() {
    let items: Vec<_> = (0..60).map(|index| json!(large(1_500, &index.to_string()))).collect();
    let input = json!({ "items": items });
    is_restored_after_every_prefix(Durability::Full, &forked(), &input);
}

#[test]
fn what_is_written_in_the_background_is_there_when_it_is_read() {
    let input = json!({ "n": 0, "max": 300, "data": large(3_000, "data") });
    is_restored_after_every_prefix(Durability::None, &looped(), &input);
}

#[test]
fn a_snapshot_saves_most_of_the_replay() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 1_000, "data": "" });
    let run = room.run("run", &looped(), &input);
    let last = room.count("SELECT sequence FROM snapshots");
    assert!(run.events > 1_000 && run.events - last.cast_unsigned() < 512, "{last}");
    // What the snapshot covers is not applied again.
    let db = rusqlite::Connection::open(room.dir.path().join("journal.db")).unwrap();
    db.execute("UPDATE events SET event = '\"Resumed\"' WHERE sequence = 5", []).unwrap();
    assert_eq!(room.journal.restore(run.key, &run.definition).unwrap(), run.execution);
    // And a snapshot that cannot be read is passed over.
    db.execute("UPDATE snapshots SET snapshot = '{}'", []).unwrap();
    let error = room.journal.restore(run.key, &run.definition).unwrap_err();
    assert!(error.to_string().contains("`run` is corrupt at event 5"), "{error}");
}

#[test]
fn snapshots_never_cost_more_than_the_events() {
    for (machine, input) in [
        (looped(), json!({ "n": 0, "max": 1_000, "data": large(900, "d") })),
        (
            forked(),
            json!({ "items": (0..400).map(|i| large(600, &i.to_string())).collect::<Vec<_>>() }),
        ),
    ] {
        let mut room = Room::new();
        let mut written = 0;
        let key = room.create("run", &input);
        let mut run = Run::new(key, &machine, start("run", &input));
        let mut last = 0;
        while run.step(&mut room.journal, &mut echo) {
            room.journal.commit().unwrap();
            let sequence = room.count("SELECT ifnull(max(sequence), 0) FROM snapshots");
            if sequence > last {
                last = sequence;
                written += room.count("SELECT bytes FROM snapshots");
            }
        }
        let events =
            room.count("SELECT sum(octet_length(event) + octet_length(history)) FROM events");
        let documents = room.count("SELECT ifnull(sum(octet_length(text)), 0) FROM documents");
        assert!(written > 0 && written <= events + documents, "{written} {events} {documents}");
    }
}

#[test]
fn events_and_history_come_back() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 20, "data": large(2_000, "data") });
    let run = room.run("run", &looped(), &input);
    let events = room.journal.events(run.key, 1, usize::MAX).unwrap();
    assert_eq!(events.len() as u64, run.events);
    assert_eq!(
        events.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        (1..=run.events).collect::<Vec<_>>()
    );
    let mut execution = Execution::new(run.execution.start().clone());
    for event in events {
        _ = execution.apply(&run.definition, event.at, event.event).unwrap();
    }
    assert_eq!(execution, run.execution);
    let shown = |history: &[_]| serde_json::to_string(history).unwrap();
    let history = room.journal.history(run.key, 0, usize::MAX).unwrap();
    assert_eq!(shown(&history), shown(&run.history));
    for (after, limit) in [(0, 1), (3, 4), (17, 100), (run.history.len() - 1, 5), (10_000, 5)] {
        let page = room.journal.history(run.key, after as u64, limit).unwrap();
        let expected: Vec<_> = run.history.iter().skip(after).take(limit).cloned().collect();
        assert_eq!(shown(&page), shown(&expected), "after {after}");
    }
    let some = room.journal.events(run.key, 3, 2).unwrap();
    assert_eq!(some.iter().map(|event| event.sequence).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_large_document_is_written_once() {
    let mut room = Room::new();
    let data = large(200_000, "state");
    let run = room.run("run", &looped(), &json!({ "n": 0, "max": 300, "data": data.clone() }));
    // The state changes by its counter in each round, and by the function's answer; 300 rounds.
    let states = room.count("SELECT count(*) FROM documents");
    let distinct = room.count("SELECT count(DISTINCT text) FROM documents");
    assert!((600..=602).contains(&states), "{states}");
    assert_eq!(states, distinct);
    // A function gets and gives small ones; nothing of the large ones is elsewhere.
    for sql in [
        "SELECT max(octet_length(event) + octet_length(history)) FROM events",
        "SELECT octet_length(snapshot) FROM snapshots",
        "SELECT octet_length(start) + octet_length(outcome) FROM executions",
    ] {
        let bytes = room.count(sql);
        assert!(bytes < 2_000, "{sql}: {bytes}");
    }
    assert!(run.execution.outcome().is_some());
}

#[test]
fn an_answer_with_the_same_bytes_is_not_written_again_and_is_shared_when_restored() {
    let machine = json!({ "StartAt": "Echo", "States": {
        "Echo": { "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Next": "Again" },
        "Again": { "Type": "Wait", "Seconds": 1, "Next": "More" },
        "More": { "Type": "Choice", "Default": "Echo",
            "Choices": [{ "Variable": "$.end", "IsPresent": true, "Next": "End" }] },
        "End": { "Type": "Succeed" },
    } });
    let mut room = Room::new();
    let input = json!({ "data": large(10_000, "d") });
    let key = room.create("run", &input);
    let mut run = Run::new(key, &machine, start("run", &input));
    for step in 0..600 {
        assert!(run.step(&mut room.journal, &mut echo));
        if step % 3 == 0 {
            room.journal.commit().unwrap();
        }
        if step == 300 {
            // Another process takes over and knows what was written.
            room.journal.commit().unwrap();
            room.journal = room.again();
        }
    }
    room.journal.commit().unwrap();
    assert_eq!(room.count("SELECT count(*) FROM documents"), 1);
    let events = room.journal.events(key, 1, usize::MAX).unwrap();
    let outputs: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.event {
            Event::FunctionSucceeded { output, .. } => Some(output),
            _ => None,
        })
        .collect();
    assert!(outputs.len() > 100 && outputs.iter().all(|output| output.same(outputs[0])));
}

#[test]
fn executions_are_committed_together() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 3, "data": "" });
    let mut runs: Vec<_> = (0..50)
        .map(|index| {
            let name = format!("run-{index}");
            Run::new(room.create(&name, &input), &looped(), start(&name, &input))
        })
        .collect();
    let other = room.again();
    let mut going = true;
    while going {
        going = false;
        for run in &mut runs {
            going |= run.step(&mut room.journal, &mut echo);
        }
        // Nobody sees anything before the commit, and everything after it.
        let events = |run: &Run| other.load(run.key).unwrap().sequence;
        if going {
            assert!(runs.iter().all(|run| events(run) == run.events - 1));
        }
        room.journal.commit().unwrap();
        assert!(runs.iter().all(|run| events(run) == run.events));
    }
    for run in &runs {
        assert_eq!(other.describe(run.key).unwrap().status, Status::Succeeded);
        assert_eq!(other.restore(run.key, &run.definition).unwrap(), run.execution);
    }
}

#[test]
fn a_redriven_execution_is_running_again() {
    let machine = json!({ "StartAt": "Wait", "States": {
        "Wait": { "Type": "Wait", "Seconds": 60, "Next": "Last" }, "Last": { "Type": "Succeed" } } });
    let mut room = Room::new();
    let key = room.create("run", &json!({}));
    let mut run = Run::new(key, &machine, start("run", &json!({})));
    run.step(&mut room.journal, &mut echo);
    let cause = Some(large(3_000, "because"));
    run.apply(&mut room.journal, Event::StopRequested { error: None, cause });
    room.journal.commit().unwrap();
    let stopped = room.journal.load(key).unwrap();
    assert_eq!(
        (stopped.summary.status, stopped.outcome.as_ref()),
        (Status::Aborted, run.execution.outcome())
    );
    assert_eq!(stopped.summary.stopped_at.unwrap().as_millisecond(), run.now.as_millisecond());
    room.journal = room.again();
    run.now = at(100);
    run.apply(&mut room.journal, Event::RedriveRequested);
    room.journal.commit().unwrap();
    let going = room.journal.load(key).unwrap();
    assert_eq!((going.summary.status, going.outcome), (Status::Running, None));
    assert_eq!((going.summary.redrive_count, going.summary.redriven_at), (1, Some(at(100))));
    assert_eq!((going.summary.stopped_at, going.sequence), (None, 3));
    assert_eq!(room.journal.restore(key, &run.definition).unwrap(), run.execution);
    while run.step(&mut room.journal, &mut echo) {}
    room.journal.commit().unwrap();
    assert_eq!(room.journal.describe(key).unwrap().status, Status::Succeeded);
}
