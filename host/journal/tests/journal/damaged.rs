//! Damaged journals: what is wrong is told, and what is sound is saved.

use std::fs;
use std::path::Path;

use serde_json::json;
use stepwell_engine::Execution;
use stepwell_journal::{Durability, Journal, JournalError, doctor, salvage};
use tempfile::TempDir;

use crate::support::{Room, Run, count, echo, forked, large, looped, start};

/// A journal of some executions, closed, and what they were.
fn closed() -> (TempDir, Vec<Run>) {
    let mut room = Room::new();
    let runs = (0..8).map(|index| {
        let (name, data) = (format!("run-{index}"), large(3_000, &format!("data {index}")));
        if index % 2 == 0 {
            room.run(&name, &looped(), &json!({ "n": 0, "max": 12, "data": data }))
        } else {
            room.run(&name, &forked(), &json!({ "items": vec![data; 3] }))
        }
    });
    let runs = runs.collect();
    drop(room.journal);
    (room.dir, runs)
}

fn page_bytes() -> usize {
    4_096
}

/// The journal with one page overwritten.
fn with_page(dir: &TempDir, page: usize, byte: u8) -> TempDir {
    let damaged = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(dir.path().join("journal.db")).unwrap();
    let at = page * page_bytes();
    bytes[at..at + page_bytes()].fill(byte);
    fs::write(damaged.path().join("journal.db"), bytes).unwrap();
    damaged
}

#[test]
fn whichever_page_is_damaged_the_doctor_tells_and_what_is_salvaged_is_sound() {
    let (dir, runs) = closed();
    let size = fs::metadata(dir.path().join("journal.db")).unwrap().len();
    let pages = usize::try_from(size).unwrap() / page_bytes();
    assert!(pages > 60, "{pages}");
    let (mut whole, mut cut) = (0, 0);
    // Of the first pages, where tables and indexes begin, each; of the others one in three.
    for page in (1..pages).filter(|page| *page < 40 || page % 3 == 0) {
        let damaged = with_page(&dir, page, 0xff);
        let before = fs::read(damaged.path().join("journal.db")).unwrap();
        let diagnosis = doctor(damaged.path()).unwrap();
        let target = tempfile::tempdir().unwrap();
        let salvaged = salvage(damaged.path(), target.path()).unwrap();
        assert_eq!(
            fs::read(damaged.path().join("journal.db")).unwrap(),
            before,
            "nothing was written"
        );
        let complete = salvaged.whole.len() == runs.len();
        assert!(!diagnosis.findings.is_empty() || complete, "page {page}: {salvaged:?}");
        assert!(
            complete
                || salvaged.incomplete
                || salvaged.whole.len() + salvaged.cut.len() + salvaged.lost.len() == runs.len(),
            "page {page}: {salvaged:?}"
        );
        let journal = Journal::open_existing(target.path(), Durability::Step).unwrap();
        for run in &runs {
            let arn = &run.execution.start().execution_arn;
            if salvaged.whole.contains(arn) {
                let key = journal.find(arn).unwrap();
                assert_eq!(
                    journal.restore(key, &run.definition).unwrap(),
                    run.execution,
                    "page {page}"
                );
                assert_eq!(journal.load(key).unwrap().outcome.as_ref(), run.execution.outcome());
            }
            if let Some((_, kept, _)) = salvaged.cut.iter().find(|(cut, _, _)| cut == arn) {
                let key = journal.find(arn).unwrap();
                assert_eq!(journal.load(key).unwrap().sequence, *kept);
                let restored = journal.restore(key, &run.definition).unwrap();
                assert!(
                    *kept == 0 || restored.outcome().is_none() || *kept == run.events,
                    "page {page}"
                );
            }
        }
        whole += salvaged.whole.len();
        cut += salvaged.cut.len();
        assert_eq!(doctor(target.path()).unwrap().findings, [], "page {page}");
    }
    assert!(cut > 10, "some are cut: {cut}");
    assert!(whole > pages, "most are whole: {whole}");
}

#[test]
fn a_damaged_page_in_the_middle_is_an_error_that_says_so() {
    let (dir, runs) = closed();
    let pages = usize::try_from(fs::metadata(dir.path().join("journal.db")).unwrap().len())
        .unwrap()
        / page_bytes();
    let mut failed = 0;
    for page in pages / 2..pages / 2 + 8 {
        let damaged = with_page(&dir, page, 0xff);
        let Ok(journal) = Journal::open_existing(damaged.path(), Durability::Step) else {
            continue;
        };
        for run in &runs {
            match journal.restore(run.key, &run.definition) {
                Ok(restored) => assert_eq!(restored, run.execution),
                Err(error) => {
                    failed += 1;
                    assert!(
                        matches!(
                            error,
                            JournalError::Damaged { .. } | JournalError::Corrupt { .. }
                        ),
                        "{error:?}"
                    );
                    assert!(error.help().contains("salvage"));
                }
            }
        }
    }
    assert!(failed > 0);
}

#[test]
fn rows_that_make_no_sense_are_found_and_named() {
    let damage = |sql: &str, expected: &str| {
        let (dir, _) = closed();
        let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
        db.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
        drop(db);
        let findings = doctor(dir.path()).unwrap().findings;
        let told = findings.iter().any(|finding| finding.what.contains(expected));
        assert!(told, "{sql}: {findings:?}");
    };
    damage(
        "DELETE FROM events WHERE execution = 3 AND sequence = 5",
        "`run-2`, event 5: it is missing",
    );
    damage(
        "UPDATE events SET event = '{' WHERE execution = 3 AND sequence = 7",
        "`run-2`, event 7",
    );
    damage(
        "UPDATE events SET history = '[1]' WHERE execution = 1 AND sequence = 2",
        "`run-0`, event 2",
    );
    damage(
        "UPDATE events SET at = 'then' WHERE execution = 1 AND sequence = 2",
        "`run-0`, event 2",
    );
    damage("DELETE FROM documents WHERE execution = 1 AND number = 1", "document 1 is missing");
    damage("UPDATE documents SET text = '{' WHERE execution = 1", "is not JSON");
    damage("INSERT INTO snapshots VALUES (1, 9999, 1, '{}')", "snapshot of execution `run-0`");
    damage("UPDATE executions SET status = 'RUNNING' WHERE id = 1", "`run-0` is RUNNING");
    damage("UPDATE executions SET status = 'X' WHERE id = 1", "execution 1 cannot be read");
    damage("DELETE FROM executions WHERE id = 2", "events of execution 2, which is not there");
    damage("DELETE FROM workflows", "its workflow is missing");
    assert_eq!(doctor(closed().0.path()).unwrap().findings, []);
}

#[test]
fn a_gap_is_named_when_the_execution_is_restored() {
    let (dir, runs) = closed();
    let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    db.execute("DELETE FROM events WHERE execution = 1 AND sequence = 3", []).unwrap();
    let journal = Journal::open_existing(dir.path(), Durability::Step).unwrap();
    let error = journal.restore(runs[0].key, &runs[0].definition).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the journal of execution `run-0` is corrupt at event 3: it is missing"
    );
    // An event that does not fit is the same.
    db.execute("UPDATE events SET key = key - 1 WHERE execution = 1 AND sequence > 3", []).unwrap();
    let error = journal.restore(runs[0].key, &runs[0].definition).unwrap_err();
    assert!(matches!(&error, JournalError::Corrupt { sequence: 3, .. }), "{error}");
}

/// The files of a journal as a killed process leaves them: some of it only in the log.
fn killed() -> (TempDir, Run) {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 40, "data": "" });
    let key = room.create("run", &input);
    let mut run = Run::new(key, &looped(), start("run", &input));
    for _ in 0..20 {
        run.step(&mut room.journal, &mut echo);
        room.journal.commit().unwrap();
    }
    count(room.dir.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
    for _ in 0..20 {
        run.step(&mut room.journal, &mut echo);
        room.journal.commit().unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(room.dir.path().join(name), copy.path().join(name)).unwrap();
    }
    (copy, run)
}

/// How many events are left, after checking that they are the first ones.
fn left(dir: &Path, run: &Run) -> u64 {
    let journal = Journal::open_existing(dir, Durability::Step).unwrap();
    let events = journal.events(run.key, 1, usize::MAX).unwrap();
    let mut execution = Execution::new(run.execution.start().clone());
    for event in &events {
        _ = execution.apply(&run.definition, event.at, event.event.clone()).unwrap();
    }
    assert_eq!(journal.restore(run.key, &run.definition).unwrap(), execution);
    events.len() as u64
}

#[test]
fn a_killed_process_loses_nothing_that_was_committed() {
    let (dir, run) = killed();
    assert_eq!(doctor(dir.path()).unwrap().findings, []);
    assert_eq!(left(dir.path(), &run), 40);
}

#[test]
fn a_log_that_is_cut_off_loses_what_came_last_and_nothing_else() {
    let (dir, run) = killed();
    let log = fs::read(dir.path().join("journal.db-wal")).unwrap();
    let mut seen = Vec::new();
    for length in (0..log.len()).step_by(log.len() / 23) {
        let cut = tempfile::tempdir().unwrap();
        fs::copy(dir.path().join("journal.db"), cut.path().join("journal.db")).unwrap();
        fs::write(cut.path().join("journal.db-wal"), &log[..length]).unwrap();
        seen.push(left(cut.path(), &run));
    }
    assert!(seen.is_sorted() && seen[0] == 20 && seen.contains(&30), "{seen:?}");
}

#[test]
fn a_log_of_garbage_is_told_of() {
    let (dir, run) = killed();
    let log = dir.path().join("journal.db-wal");
    let sound = fs::read(&log).unwrap();
    let mut damaged = sound.clone();
    damaged[9_000] ^= 0xff;
    fs::write(&log, &damaged).unwrap();
    let findings = doctor(dir.path()).unwrap().findings;
    assert!(findings.len() == 1 && findings[0].what.contains("damaged at page 2"), "{findings:?}");
    fs::write(&log, vec![0x55; sound.len()]).unwrap();
    let findings = doctor(dir.path()).unwrap().findings;
    assert!(findings.len() == 1 && findings[0].what.contains("something else"), "{findings:?}");
    assert_eq!(left(dir.path(), &run), 20, "what had been taken into the journal is there");
}

#[test]
fn salvaging_overwrites_nothing() {
    let (dir, _) = closed();
    let error = salvage(dir.path(), dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::TargetExists { .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = salvage(empty.path(), &empty.path().join("target")).unwrap_err();
    assert!(matches!(error, JournalError::NotFound { .. }), "{error}");
}
