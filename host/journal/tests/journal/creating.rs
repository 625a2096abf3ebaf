//! Creating, finding, listing and deleting executions.

use serde_json::json;
use stepwell_journal::{Created, Durability, Filter, Journal, JournalError, NewBatch, Status};

use crate::support::{ACCOUNT, Room, Run, at, echo, looped, start};

#[test]
fn creating_again_with_the_same_input_gives_the_same_execution_until_it_ends() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 1, "data": "x".repeat(5_000) });
    let key = room.create("run", &input);
    let new = room.new_execution("run", &input);
    let created = room.journal.create(&new, None).unwrap();
    assert_eq!(created, Created::Same(key, Status::Running));
    let expected = format!("Execution Already Exists: '{ACCOUNT}:execution:machine:run'");
    let other = room.new_execution("run", &json!({ "n": 1 }));
    assert_eq!(room.journal.create(&other, None).unwrap_err().to_string(), expected);
    let mut run = Run::new(key, &looped(), start("run", &input));
    while run.step(&mut room.journal, &mut echo) {}
    room.journal.commit().unwrap();
    assert_eq!(room.journal.create(&new, None).unwrap_err().to_string(), expected);
    assert_eq!(room.count("SELECT count(*) FROM executions"), 1);
}

#[test]
fn a_workflow_is_kept_once() {
    let mut room = Room::new();
    let first = room.journal.keep_workflow("{\"a\":1}").unwrap();
    assert_eq!(room.journal.keep_workflow("{\"a\":1}").unwrap(), first);
    assert_ne!(room.journal.keep_workflow("{\"a\":2}").unwrap(), first);
}

#[test]
fn a_batch_is_created_whole_and_its_executions_begin_one_by_one() {
    let mut room = Room::new();
    let batch = NewBatch { name: "night".into(), at: at(0), settings: "s".into() };
    let line = |room: &Room, index: usize| {
        room.new_execution(&format!("line-{index}"), &json!({ "n": 0, "max": 1, "data": "" }))
    };
    let lines: Vec<_> = (0..1_000).map(|index| line(&room, index)).collect();
    let id = room.journal.create_batch(&batch, lines.clone()).unwrap();
    let kept = room.journal.batch("night").unwrap().unwrap();
    assert_eq!((kept.id, kept.total, kept.settings.as_str()), (id, 1_000, "s"));
    let error = room.journal.create_batch(&batch, lines.clone()).unwrap_err();
    assert!(matches!(error, JournalError::BatchExists { .. }), "{error}");
    let other = NewBatch { name: "other".into(), ..batch };
    let error =
        room.journal.create_batch(&other, [line(&room, 5_000), line(&room, 7)]).unwrap_err();
    assert!(matches!(error, JournalError::AlreadyExists { .. }), "{error}");
    assert_eq!(room.count("SELECT count(*) FROM executions"), 1_000, "all or nothing");
    assert_eq!(room.count("SELECT count(*) FROM batches"), 1);

    let (mine, theirs) =
        (room.journal.register(at(1)).unwrap(), room.journal.register(at(1)).unwrap());
    let first = room.journal.claim_pending(id, 3, &mine).unwrap();
    let second = room.journal.claim_pending(id, 2, &theirs).unwrap();
    let third = room.journal.claim_pending(id, 1, &mine).unwrap();
    let keys: Vec<_> = [first, second, third].concat();
    let positions: Vec<_> = keys
        .iter()
        .map(|key| room.journal.describe(*key).unwrap().place.unwrap().position)
        .collect();
    assert_eq!(positions, [0, 1, 2, 3, 4, 5]);

    // It begins later than it was created, and that is when it began.
    let mut began = start("line-0", &json!({ "n": 0, "max": 1, "data": "" }));
    began.at = at(77);
    let mut run = Run::new(keys[0], &looped(), began.clone());
    run.step(&mut room.journal, &mut echo);
    room.journal.commit().unwrap();
    assert_eq!(room.journal.load(keys[0]).unwrap().start, began);
    assert_eq!(room.journal.describe(keys[0]).unwrap().started_at.as_second(), at(77).as_second());
    let filter = Filter { batch: Some(id), ..Filter::default() };
    let tally = room.journal.tally(&filter).unwrap();
    assert_eq!((tally[&Status::Pending], tally[&Status::Running]), (999, 1));
    drop(theirs);
    let rest = room.journal.claim_pending(id, 2_000, &mine).unwrap();
    assert_eq!(rest.len(), 996, "those of the dead owner are free");
}

#[test]
fn a_name_is_found_by_as_much_of_it_as_it_takes() {
    let mut room = Room::new();
    let (a, b) = ("0b1d6a7e-0000-4000-8000-000000000001", "0b1d6a7e-1111-4000-8000-000000000001");
    let (first, second) = (room.create(a, &json!({})), room.create(b, &json!({})));
    let journal = &room.journal;
    for text in [a.to_owned(), format!("{ACCOUNT}:execution:machine:{a}"), a[..10].to_owned()] {
        assert_eq!(journal.find(&text).unwrap(), first, "{text}");
    }
    assert_eq!(journal.find(&b[..10]).unwrap(), second);
    // Its number is the journal's own business, and looks like the beginning of a name.
    assert!(journal.find(&first.to_string()).is_err());
    let error = journal.find("0b1d").unwrap_err();
    assert!(
        matches!(&error, JournalError::Ambiguous { matches, .. } if matches.len() == 2),
        "{error}"
    );
    for text in ["x", "", "99", "0b1d6a7e_", "%"] {
        let error = journal.find(text).unwrap_err();
        assert_eq!(error.to_string(), format!("Execution Does Not Exist: '{text}'"));
    }
}

#[test]
fn a_listing_is_filtered_and_paged() {
    let mut room = Room::new();
    for index in 0..20 {
        let mut new = room.new_execution(&format!("{}-{index}", index % 2), &json!({}));
        new.start.at = at(index / 4);
        if index == 7 {
            new.start.machine_name = "other".into();
        }
        room.journal.create(&new, None).unwrap();
    }
    let names = |filter: &Filter| -> Vec<String> {
        room.journal.list(filter).unwrap().into_iter().map(|listed| listed.name).collect()
    };
    let all = names(&Filter::default());
    assert_eq!(all.len(), 20);
    assert_eq!((all[0].as_str(), all[19].as_str()), ("1-19", "0-0"));
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let filter = Filter { after, limit: Some(3), ..Filter::default() };
        let page = room.journal.list(&filter).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        paged.extend(page.iter().map(|listed| listed.name.clone()));
    }
    assert_eq!(paged, all);
    let filter = Filter { name_prefix: Some("1-".into()), ..Filter::default() };
    assert_eq!(names(&filter).len(), 10);
    let filter = Filter { machine: Some("other".into()), ..Filter::default() };
    assert_eq!(names(&filter), ["1-7"]);
    let filter =
        Filter { started_from: Some(at(1)), started_before: Some(at(2)), ..Filter::default() };
    assert_eq!(names(&filter), ["1-7", "0-6", "1-5", "0-4"]);
    let filter = Filter { statuses: vec![Status::Pending, Status::Failed], ..Filter::default() };
    assert!(names(&filter).is_empty());
    let filter = Filter {
        statuses: vec![Status::Running],
        name_prefix: Some("1-1".into()),
        ..Filter::default()
    };
    assert_eq!(names(&filter).len(), 6);
}

#[test]
fn what_is_pruned_is_gone_with_all_its_rows_and_the_file_shrinks() {
    let mut room = Room::new();
    let input = json!({ "n": 0, "max": 300, "data": "x".repeat(20_000) });
    let ended = room.run("ended", &looped(), &input);
    let open = room.create("open", &json!({ "data": "x".repeat(5_000) }));
    let size = |room: &Room| room.count("PRAGMA page_count") * room.count("PRAGMA page_size");
    let before = size(&room);
    assert!(before > 10_000_000, "{before}");
    let stopped_at = room.journal.describe(ended.key).unwrap().stopped_at.unwrap();
    assert_eq!(room.journal.prune(stopped_at).unwrap(), 0, "it ended then, not before");
    assert_eq!(room.journal.prune(at(1_000_000)).unwrap(), 1);
    for table in ["events", "snapshots", "tokens", "inbox"] {
        assert_eq!(room.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(room.count("SELECT count(*) FROM documents"), 1, "that of the open one");
    assert!(size(&room) < before / 10, "{} of {before}", size(&room));
    assert!(matches!(room.journal.load(ended.key), Err(JournalError::NoSuchExecution { .. })));
    room.journal.delete(open, true).unwrap();
    assert_eq!(room.count("SELECT count(*) FROM documents"), 0);
    assert_eq!(room.count("SELECT count(*) FROM workflows"), 0, "nothing needs it any more");
    let error = Journal::open_existing(&room.dir.path().join("no"), Durability::Step).unwrap_err();
    assert!(matches!(error, JournalError::NotFound { .. }), "{error}");
}
