//! Tokens and the inbox: what other processes say to an execution.

use jiff::Timestamp;
use serde_json::json;
use stepwell_engine::{Event, Outcome};
use stepwell_journal::{
    Answer, Durability, Journal, JournalError, Message, Owner, Status, is_token,
};
use stepwell_query::Document;

use crate::support::{Room, Run, at, echo, start, waiting};

/// An execution that waits for its token, and its owner.
fn ask(room: &mut Room, fields: &serde_json::Value) -> (Run, Owner) {
    let owner = room.journal.register(at(0)).unwrap();
    let key = room.create("run", &json!({}));
    room.journal.claim(key, &owner).unwrap();
    let mut run = Run::new(key, &waiting(fields), start("run", &json!({})));
    run.step(&mut room.journal, &mut echo);
    run.step(&mut room.journal, &mut echo);
    room.journal.commit().unwrap();
    assert_eq!(run.tokens.len(), 1);
    (run, owner)
}

fn success() -> Answer {
    Answer::Success(Document::from(json!({ "approved": true })))
}

#[test]
fn an_answer_of_another_process_becomes_an_event_once() {
    let mut room = Room::new();
    let (mut run, owner) = ask(&mut room, &json!({ "TimeoutSeconds": 600 }));
    let mut other = room.again();
    let token = run.tokens[0].token.clone();
    assert!(room.journal.inbox_changed().unwrap());
    assert!(!room.journal.inbox_changed().unwrap());
    assert_eq!(other.answer(&token, at(5), Answer::Heartbeat).unwrap(), run.key);
    assert_eq!(other.answer(&token, at(6), success()).unwrap(), run.key);
    assert!(matches!(other.answer(&token, at(6), success()), Err(JournalError::TaskTimedOut)));
    assert!(matches!(
        other.answer(&token, at(6), Answer::Heartbeat),
        Err(JournalError::TaskTimedOut)
    ));
    assert!(room.journal.inbox_changed().unwrap());
    let letters = room.journal.take_inbox(&owner).unwrap();
    let effect = run.tokens[0].id;
    let messages: Vec<_> = letters.iter().map(|letter| letter.message.clone()).collect();
    let answered = |answer| Message::Answered { effect, answer };
    assert_eq!(messages, [answered(Answer::Heartbeat), answered(success())]);
    assert_eq!((letters[0].key, letters[0].at), (run.key, at(5)));
    assert!(room.journal.take_inbox(&owner).unwrap().is_empty(), "each is handed out once");

    // Until the event is committed the letter is there, for whoever comes after a crash.
    let mut after_a_crash = room.again();
    assert_eq!(after_a_crash.take_inbox(&owner).unwrap(), letters);
    room.journal.discard(run.key, letters[0].id);
    let event = Event::TaskSucceeded { id: effect, output: Document::from(json!({})) };
    run.now = at(7);
    run.apply_from(&mut room.journal, &event, Some(letters[1].id));
    assert_eq!(room.count("SELECT count(*) FROM inbox"), 2);
    room.journal.commit().unwrap();
    assert_eq!(room.count("SELECT count(*) FROM inbox"), 0);
    assert_eq!(room.journal.describe(run.key).unwrap().status, Status::Succeeded);
}

#[test]
fn only_an_owner_gets_the_letters() {
    let mut room = Room::new();
    let (run, owner) = ask(&mut room, &json!({}));
    let other = room.journal.register(at(0)).unwrap();
    room.again().answer(&run.tokens[0].token, at(5), success()).unwrap();
    assert!(room.journal.take_inbox(&other).unwrap().is_empty());
    assert_eq!(room.journal.take_inbox(&owner).unwrap().len(), 1);
}

#[test]
fn what_cannot_be_answered_says_so_in_the_words_of_aws() {
    let mut room = Room::new();
    let (run, _owner) = ask(&mut room, &json!({ "TimeoutSeconds": 600 }));
    let token = run.tokens[0].token.clone();
    let error = |journal: &mut Journal, token: &str, now: Timestamp| {
        journal.answer(token, now, success()).unwrap_err().to_string()
    };
    for garbage in [
        "",
        "garbage",
        &token[1..],
        &token[..token.len() - 1],
        &format!("{token}="),
        &token.replace("st1", "st2"),
    ] {
        assert!(!is_token(garbage));
        assert_eq!(error(&mut room.journal, garbage, at(1)), "Invalid Token: 'Invalid token'");
    }
    assert!(is_token(&token));
    let unknown = format!("st1.{}", "a".repeat(43));
    let answered = room.journal.answer(&unknown, at(1), success());
    assert!(matches!(answered, Err(JournalError::TaskDoesNotExist)));
    let timed_out = "Task Timed Out: 'Provided task does not exist anymore'";
    assert_eq!(error(&mut room.journal, &token, at(601)), timed_out);
    room.journal.close_token(run.key, &token);
    room.journal.commit().unwrap();
    assert_eq!(error(&mut room.journal, &token, at(1)), timed_out);
    assert_eq!(room.count("SELECT count(*) FROM inbox"), 0);
}

#[test]
fn an_execution_that_ends_closes_its_tokens_and_empties_its_inbox() {
    let mut room = Room::new();
    let (mut run, owner) = ask(&mut room, &json!({}));
    let status = room.again().request_stop(run.key, at(9), Some("E".into()), Some("c".into()));
    assert_eq!(status.unwrap(), Status::Running);
    room.again().answer(&run.tokens[0].token, at(10), success()).unwrap();
    let letters = room.journal.take_inbox(&owner).unwrap();
    let Message::StopRequested { error, cause } = letters[0].message.clone() else {
        panic!("{letters:?}")
    };
    let event = Event::StopRequested { error, cause };
    run.apply_from(&mut room.journal, &event, Some(letters[0].id));
    room.journal.commit().unwrap();
    let loaded = room.journal.load(run.key).unwrap();
    assert_eq!(
        loaded.outcome,
        Some(Outcome::Aborted { error: Some("E".into()), cause: Some("c".into()) })
    );
    assert_eq!(room.count("SELECT count(*) FROM inbox"), 0);
    let answered = room.again().answer(&run.tokens[0].token, at(11), success());
    assert!(matches!(answered, Err(JournalError::TaskTimedOut)));
    assert_eq!(room.journal.request_stop(run.key, at(12), None, None).unwrap(), Status::Aborted);
    assert_eq!(room.count("SELECT count(*) FROM inbox"), 0, "nobody would read it");
}

#[test]
fn a_token_that_is_asked_for_again_stays_what_it_was() {
    let mut room = Room::with(Durability::None);
    let (run, _owner) = ask(&mut room, &json!({}));
    let open = run.tokens[0].clone();
    room.journal.answer(&open.token, at(1), success()).unwrap();
    room.journal.open_token(run.key, open.clone());
    room.journal.commit().unwrap();
    let again = room.journal.answer(&open.token, at(2), success());
    assert!(matches!(again, Err(JournalError::TaskTimedOut)));
}
