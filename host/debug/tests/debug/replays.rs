//! Recorded events are held against the history that they gave.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use stepwell_asl::{Definition, load};
use stepwell_debug::{Debugger, Replayed, Session, replay};
use stepwell_engine::{EffectId, Event, Outcome, Start};
use stepwell_query::Document;

use crate::start;
use crate::stubs::Stubs;

/// A machine with its start, its events and its history.
struct Recorded {
    definition: Arc<Definition>,
    start: Start,
    events: Vec<(Timestamp, Event)>,
    history: Vec<Value>,
}

fn recorded() -> Recorded {
    let workflow = load(include_str!("../cases/loop.yaml"), "machine").unwrap();
    let definition = Arc::new(workflow.machines[0].definition.clone());
    let start = start(Document::parse(r#"{"source": "shop"}"#).unwrap());
    let session = Session::new(definition.clone(), start.clone(), Vec::new()).unwrap();
    let world = Stubs { workflow, files: std::collections::BTreeMap::new() };
    let mut debugger = Debugger::new(session, world);
    debugger.command("run", &mut String::new()).unwrap();
    let session = debugger.session();
    // As a file would give it.
    let text = serde_json::to_string(&session.history().collect::<Vec<_>>()).unwrap();
    let events = session.moments().map(|it| (it.at, it.event.clone())).collect();
    Recorded { definition, start, events, history: serde_json::from_str(&text).unwrap() }
}

impl Recorded {
    fn replay(&self) -> Result<Replayed, String> {
        let replayed = replay(&self.definition, self.start.clone(), &self.events, &self.history);
        replayed.map_err(|difference| difference.to_string())
    }
}

#[test]
fn what_was_recorded_agrees() {
    let recorded = recorded();
    let replayed = recorded.replay().unwrap();
    assert_eq!((replayed.events, replayed.history_events), (6, recorded.history.len()));
    assert!(matches!(replayed.outcome, Some(Outcome::Succeeded { .. })));
}

#[test]
fn the_first_difference_is_told_with_its_place() {
    let differs = |change: fn(&mut Recorded)| {
        let mut recorded = recorded();
        change(&mut recorded);
        recorded.replay().unwrap_err()
    };
    let told = [
        differs(|it| it.history[1]["stateEnteredEventDetails"]["name"] = json!("Other")),
        differs(|it| it.history[3]["timestamp"] = json!(1.5)),
        differs(|it| it.history[2]["more~"] = json!({ "a/b": 1 })),
        differs(|it| _ = it.history.pop()),
        differs(|it| it.history.push(json!({ "id": 99 }))),
        differs(|it| {
            let first = it.history[0].as_object_mut().unwrap();
            let value = first.shift_remove("timestamp").unwrap();
            first.insert("timestamp".to_owned(), value);
        }),
        differs(|it| {
            it.events[1].1 = Event::FunctionSucceeded {
                id: EffectId(1),
                output: Document::parse(r#"{"page": 1, "more": false}"#).unwrap(),
            };
        }),
        differs(|it| _ = it.events.remove(1)),
    ];
    insta::assert_snapshot!("differences", told.join("\n"));
}

#[test]
fn a_recorded_event_that_does_not_fit_is_told_with_its_number() {
    let Recorded { definition, start, mut events, .. } = recorded();
    events.remove(1);
    let error = Session::new(definition, start, events).unwrap_err();
    assert_eq!(error.number, 2);
}

#[test]
fn an_execution_that_was_stopped_and_redriven_goes_on() {
    let Recorded { definition, start, mut events, .. } = recorded();
    events.truncate(3);
    let at = events[2].0;
    let stopped = Event::StopRequested { error: Some("Enough".to_owned()), cause: None };
    events.extend([(at, stopped), (at, Event::RedriveRequested)]);
    let mut session = Session::new(definition, start, events).unwrap();
    assert!(session.go_to(4) && session.execution().outcome().is_some());
    assert_eq!(session.open().count(), 0);
    assert!(session.forward() && session.execution().outcome().is_none());
    let open: Vec<_> = session.open().map(|(_, _, effect)| effect.clone()).collect();
    assert_eq!(open, session.execution().open_effects(session.definition()));
    assert_eq!(open.len(), 1);
}
