//! Journals of other versions.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use stepwell_engine::Event;
use stepwell_journal::{Durability, Filter, Journal, JournalError, Status, doctor};

use crate::support::{Room, Run, definition, echo, forked, large, start};

/// Set it to write the fixture of the version that this program writes; for a new version, a new folder.
const MAKE: &str = "STEPWELL_MAKE_FIXTURE";

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/v{version}/journal.db"))
}

/// Two executions of branches: one that ended, one under way.
fn make(path: &Path) {
    let mut room = Room::new();
    let items: Vec<_> = (0..5).map(|index| large(1_200, &index.to_string())).collect();
    let input = json!({ "items": items });
    room.run("ended", &forked(), &input);
    let key = room.create("open", &input);
    let mut run = Run::new(key, &forked(), start("open", &input));
    for _ in 0..6 {
        run.step(&mut room.journal, &mut echo);
    }
    room.journal.commit().unwrap();
    drop(room.journal);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(room.dir.path().join("journal.db"), path).unwrap();
}

#[test]
fn a_journal_of_version_1_is_read() {
    if std::env::var_os(MAKE).is_some() {
        make(&fixture(1));
    }
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture(1), dir.path().join("journal.db")).unwrap();
    assert_eq!(doctor(dir.path()).unwrap().findings, []);
    let mut journal = Journal::open_existing(dir.path(), Durability::Step).unwrap();
    let names: Vec<_> =
        journal.list(&Filter::default()).unwrap().into_iter().map(|found| found.name).collect();
    assert_eq!(names, ["open", "ended"]);
    let ended = journal.load(journal.find("ended").unwrap()).unwrap();
    assert_eq!(ended.summary.status, Status::Succeeded);
    assert!(ended.outcome.is_some());
    let key = journal.find("open").unwrap();
    let definition = definition(&forked());
    let execution = journal.restore(key, &definition).unwrap();
    // It goes on as if nothing had happened in between.
    let now = journal.load(key).unwrap().last_at.unwrap();
    let mut run = Run::of(key, definition, execution, now);
    run.apply(&mut journal, Event::StopRequested { error: None, cause: None });
    journal.commit().unwrap();
    assert_eq!(journal.describe(key).unwrap().status, Status::Aborted);
    let history = journal.history(key, 0, usize::MAX).unwrap();
    assert_eq!(history.last().unwrap().details.event_type(), "ExecutionAborted");
}

#[test]
fn a_newer_version_is_refused() {
    let room = Room::new();
    let db = rusqlite::Connection::open(room.dir.path().join("journal.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    for error in [
        Journal::open(room.dir.path(), Durability::Step).unwrap_err(),
        Journal::open_existing(room.dir.path(), Durability::None).unwrap_err(),
    ] {
        assert!(matches!(error, JournalError::TooNew { version: 99, .. }), "{error:?}");
        assert!(error.to_string().contains("version 99") && error.help().contains("newer"));
    }
    let findings = doctor(room.dir.path()).unwrap().findings;
    assert!(findings[0].what.contains("version 99"), "{findings:?}");
}
