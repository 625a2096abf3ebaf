//! At most one process drives an execution, and a dead one holds nothing.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;

use serde_json::json;
use stepwell_journal::{Created, Durability, Journal, JournalError};

use crate::support::{FOLDER, Room, Run, at, child, echo, looped, start};

/// The body of the other process: it claims the execution, says so, and waits to be ended.
#[test]
fn in_another_process_an_owner_claims_and_waits() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut journal = Journal::open_existing(folder.as_ref(), Durability::Step).unwrap();
    let owner = journal.register(at(0)).unwrap();
    let key = journal.find("run").unwrap();
    journal.claim(key, &owner).unwrap();
    println!("claimed");
    _ = std::io::stdin().read(&mut [0]);
    drop(owner);
    println!("gave up");
    _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn claim_elsewhere(room: &Room) -> Child {
    let mut child = child("owning::in_another_process_an_owner_claims_and_waits", room.dir.path())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    // What the harness of tests prints first is on the same line.
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("claimed")), "it claims");
    child
}

#[test]
fn a_living_owner_keeps_others_away_and_a_killed_one_does_not() {
    let mut room = Room::new();
    let key = room.create("run", &json!({}));
    let mut child = claim_elsewhere(&room);
    let mine = room.journal.register(at(1)).unwrap();
    let error = room.journal.claim(key, &mine).unwrap_err();
    assert!(matches!(error, JournalError::Owned { pid, .. } if pid == child.id()), "{error}");
    assert_eq!(room.journal.driven_by(key).unwrap(), Some(child.id()));
    let error = room.journal.delete(key, false).unwrap_err();
    assert!(matches!(error, JournalError::Owned { .. }), "{error}");
    // SIGKILL: nothing in the process runs after it.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(room.journal.driven_by(key).unwrap(), None);
    room.journal.claim(key, &mine).unwrap();
    assert_eq!(room.journal.driven_by(key).unwrap(), Some(std::process::id()));
    let locks = |room: &Room| std::fs::read_dir(room.dir.path().join("owners")).unwrap().count();
    assert_eq!(locks(&room), 2, "its lock file is still there");
    let other = room.journal.register(at(2)).unwrap();
    assert_eq!(locks(&room), 2, "and was removed");
    drop((mine, other));
    assert_eq!(locks(&room), 0);
}

#[test]
fn an_execution_is_given_free_by_release_and_by_its_end() {
    let mut room = Room::new();
    let (mine, other) =
        (room.journal.register(at(1)).unwrap(), room.journal.register(at(1)).unwrap());
    let input = json!({ "n": 0, "max": 1, "data": "" });
    let new = room.new_execution("run", &input);
    let Created::New(key) = room.journal.create(&new, Some(&mine)).unwrap() else {
        panic!("it is new")
    };
    assert!(matches!(room.journal.claim(key, &other), Err(JournalError::Owned { .. })));
    room.journal.claim(key, &mine).unwrap();
    room.journal.release(key, &other).unwrap();
    assert!(room.journal.driven_by(key).unwrap().is_some(), "another one cannot release it");
    room.journal.release(key, &mine).unwrap();
    room.journal.claim(key, &other).unwrap();
    let mut run = Run::new(key, &looped(), start("run", &input));
    while run.step(&mut room.journal, &mut echo) {}
    room.journal.commit().unwrap();
    assert_eq!(room.journal.driven_by(key).unwrap(), None);
}

#[test]
fn a_journal_can_be_handed_to_another_thread() {
    fn is_send(_: &impl Send) {}
    let room = Room::new();
    is_send(&room.journal);
    is_send(&room.journal.register(at(0)).unwrap());
}

#[test]
fn two_processes_write_at_the_same_time() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 60, "data": "" });
    let keys = [room.create("a", &input), room.create("b", &input)];
    std::thread::scope(|scope| {
        for (key, name) in keys.into_iter().zip(["a", "b"]) {
            let (mut journal, input) = (room.again(), &input);
            scope.spawn(move || {
                let mut run = Run::new(key, &looped(), start(name, input));
                while run.step(&mut journal, &mut echo) {
                    journal.commit().unwrap();
                }
                assert_eq!(journal.restore(key, &run.definition).unwrap(), run.execution);
            });
        }
    });
    assert_eq!(
        room.count("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
        0
    );
    assert_eq!(room.count("SELECT count(*) FROM executions WHERE status = 'SUCCEEDED'"), 2);
}

#[test]
fn whoever_goes_on_with_the_execution_of_another_is_told() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 5, "data": "" });
    let key = room.create("run", &input);
    let run = || Run::new(key, &looped(), start("run", &input));
    let (mut mine, mut theirs, mut other) = (run(), run(), room.again());
    mine.step(&mut room.journal, &mut echo);
    theirs.step(&mut other, &mut echo);
    room.journal.commit().unwrap();
    let error = other.commit().unwrap_err();
    assert!(
        matches!(error, JournalError::Overtaken { key: overtaken } if overtaken == key),
        "{error}"
    );
    other.forget(key);
    other.commit().unwrap();
    assert_eq!(other.restore(key, &mine.definition).unwrap(), mine.execution);
}
