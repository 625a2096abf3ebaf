//! Disks that are full, folders that may only be read, files that are something else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use serde_json::json;
use stepwell_journal::{Created, Durability, Filter, Journal, JournalError};

use crate::support::{FOLDER, Room, Run, child_of, echo, large, looped, start};

#[test]
fn a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 100, "data": large(20_000, "d") });
    let key = room.create("run", &input);
    let mut run = Run::new(key, &looped(), start("run", &input));
    room.journal.limit_pages(Some(200)).unwrap();
    let mut committed = 0;
    let error = loop {
        assert!(run.step(&mut room.journal, &mut echo), "it is full before the end");
        match room.journal.commit() {
            Ok(()) => committed = run.events,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, JournalError::DiskFull { path } if path.ends_with("journal.db")),
        "{error}"
    );
    assert!(error.help().contains("room"));
    assert!(committed > 3, "{committed}");
    // Another one sees all that was committed, and can go on from there.
    let other = room.again();
    assert_eq!(other.load(key).unwrap().sequence, committed);
    other.restore(key, &run.definition).unwrap();
    // It is full all the while that more is appended.
    for _ in 0..5 {
        run.step(&mut room.journal, &mut echo);
        assert!(matches!(room.journal.commit(), Err(JournalError::DiskFull { .. })));
    }
    room.journal.limit_pages(None).unwrap();
    room.journal.commit().unwrap();
    assert_eq!(other.restore(key, &run.definition).unwrap(), run.execution);
    while run.step(&mut room.journal, &mut echo) {
        room.journal.commit().unwrap();
    }
    assert_eq!(other.restore(key, &run.definition).unwrap(), run.execution);
}

#[test]
fn a_full_disk_refuses_a_new_execution_whole() {
    let mut room = Room::new();
    room.journal.limit_pages(Some(60)).unwrap();
    let new = room.new_execution("large", &json!(large(250_000, "d")));
    let error = room.journal.create(&new, None).unwrap_err();
    assert!(matches!(error, JournalError::DiskFull { .. }), "{error}");
    assert_eq!(room.count("SELECT count(*) FROM executions"), 0);
    let small = room.new_execution("small", &json!({}));
    assert!(matches!(room.journal.create(&small, None).unwrap(), Created::New(_)));
}

/// The body of a process that may not write.
#[test]
fn in_another_process_a_journal_may_only_be_read() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let opened = Journal::open_existing(folder.as_ref(), Durability::Step);
    let mut journal = match opened {
        Ok(journal) => journal,
        Err(error) => {
            println!("cannot open: {error:?}");
            return;
        }
    };
    println!("listed: {}", journal.list(&Filter::default()).unwrap().len());
    let key = journal.find("run").unwrap();
    println!("history: {}", journal.history(key, 0, usize::MAX).unwrap().len());
    println!("workflow: {:?}", journal.keep_workflow("another").unwrap_err());
    println!("delete: {:?}", journal.delete(key, false).unwrap_err());
}

/// Runs that process on a folder that it may not write.
fn read_only(room: &Room) -> String {
    let folder = room.dir.path();
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for entry in fs::read_dir(folder).unwrap() {
        mode(&entry.unwrap().path(), 0o444);
    }
    mode(folder, 0o555);
    let test = "failing::in_another_process_a_journal_may_only_be_read";
    let elsewhere = tempfile::tempdir().unwrap();
    let mut program = std::env::current_exe().unwrap();
    let writes = fs::write(folder.join("probe"), "").is_ok();
    if writes {
        // Root may write everywhere, and somebody else may not run what lies in root's folders.
        fs::remove_file(folder.join("probe")).unwrap();
        mode(elsewhere.path(), 0o755);
        let copy = elsewhere.path().join("test");
        fs::copy(&program, &copy).unwrap();
        mode(&copy, 0o755);
        program = copy;
    }
    let mut command = child_of(&program, test, folder);
    if writes {
        command.uid(65_534);
    }
    let output = command.output().unwrap();
    mode(folder, 0o755);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_folder_that_may_only_be_read_can_be_looked_at() {
    let mut room = Room::new();
    let run = room.run("run", &looped(), &json!({ "n": 0, "max": 5, "data": large(5_000, "d") }));
    // The last one to close it takes the log in.
    let dir = room.dir;
    drop(room.journal);
    let room = Room {
        journal: Journal::open(tempfile::tempdir().unwrap().path(), Durability::Step).unwrap(),
        dir,
        workflow: room.workflow,
    };
    let shown = read_only(&room);
    assert!(shown.contains("listed: 1\n"), "{shown}");
    assert!(shown.contains(&format!("history: {}\n", run.history.len())), "{shown}");
    for what in ["workflow", "delete"] {
        assert!(
            shown.contains(&format!("{what}: ReadOnly {{ path: \"{}", room.dir.path().display())),
            "{shown}"
        );
    }
}

#[test]
fn a_log_that_may_only_be_read_is_an_error_that_says_so() {
    let mut room = Room::new();
    room.run("run", &looped(), &json!({ "n": 0, "max": 5, "data": "" }));
    // As a killed process leaves it.
    let copy = Room::new();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(room.dir.path().join(name), copy.dir.path().join(name)).unwrap();
    }
    let (dir, workflow) = (tempfile::tempdir().unwrap(), copy.workflow);
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(room.dir.path().join(name), dir.path().join(name)).unwrap();
    }
    let shown = read_only(&Room { dir, journal: copy.journal, workflow });
    assert!(shown.contains("cannot open: ReadOnly {"), "{shown}");
}

#[test]
fn other_files_are_no_journals() {
    let refused = |write: &dyn Fn(&std::path::Path)| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        write(&path);
        let before = fs::read(&path).unwrap();
        for error in [
            Journal::open(dir.path(), Durability::Step).unwrap_err(),
            Journal::open_existing(dir.path(), Durability::Full).unwrap_err(),
            Journal::open(dir.path(), Durability::None).unwrap_err(),
        ] {
            assert!(
                matches!(&error, JournalError::NotAJournal { path } if path.ends_with("journal.db")),
                "{error:?}"
            );
        }
        assert_eq!(fs::read(&path).unwrap(), before, "it was not touched");
    };
    refused(&|path| {
        fs::write(path, "a text that is longer than the header of a database".repeat(40)).unwrap();
    });
    refused(&|path| {
        let db = rusqlite::Connection::open(path).unwrap();
        db.execute_batch("CREATE TABLE executions (id INTEGER PRIMARY KEY)").unwrap();
    });
    refused(&|path| {
        let db = rusqlite::Connection::open(path).unwrap();
        db.execute_batch("PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE t (a)")
            .unwrap();
    });
}

#[test]
fn a_folder_that_cannot_be_made_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Journal::open(&file.join("journal"), Durability::Step).unwrap_err();
    assert!(error.to_string().contains("file/journal"), "{error}");
    let error = Journal::open_existing(&file, Durability::Step).unwrap_err();
    assert!(matches!(error, JournalError::NotFound { .. }), "{error:?}");
}
