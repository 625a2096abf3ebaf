//! Whatever functions answer: going back undoes going forward, and events make the same execution again.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;
use stepwell_asl::load;
use stepwell_debug::{Answered, Debugger, Session, World, replay};
use stepwell_engine::{Effect, Event, Execution, Failure, Invocation};
use stepwell_query::Document;

use crate::start;

/// Something of everything: a loop, retries, catchers, timeouts, branches, items, children, tokens.
const MACHINE: &str = r#"
StartAt: Begin
TimeoutSeconds: 500
States:
  Begin: { Type: Pass, Assign: { seen.$: $ }, Next: Both }
  Both:
    Type: Parallel
    Branches:
      - StartAt: Each
        States:
          Each:
            Type: Map
            ItemsPath: $.items
            MaxConcurrency: 2
            ItemProcessor:
              StartAt: One
              States:
                One: { Type: Task, Resource: work, TimeoutSeconds: 3, Retry: [{ ErrorEquals: [Busy, States.Timeout], MaxAttempts: 2 }], End: true }
            End: true
      - StartAt: Sleep
        States:
          Sleep: { Type: Wait, Seconds: 4, Next: Ask }
          Ask:
            Type: Task
            Resource: arn:aws:states:::lambda:invoke.waitForTaskToken
            Parameters: { FunctionName: work, Payload: { t.$: $$.Task.Token } }
            HeartbeatSeconds: 20
            TimeoutSeconds: 60
            Catch: [{ ErrorEquals: [States.TaskFailed], Next: Sorry }]
            End: true
          Sorry: { Type: Pass, End: true }
      - StartAt: Children
        States:
          Children:
            Type: Map
            ItemsPath: $.items
            ToleratedFailurePercentage: 60
            ItemProcessor:
              ProcessorConfig: { Mode: DISTRIBUTED, ExecutionType: STANDARD }
              StartAt: Child
              States:
                Child: { Type: Task, Resource: work, End: true }
            End: true
    ResultPath: null
    Catch: [{ ErrorEquals: [Busy, Gone], ResultPath: null, Next: Count }]
    Next: Count
  Count: { Type: Pass, Parameters: { count.$: "States.MathAdd($.round.count, 1)" }, ResultPath: $.round, Next: Again }
  Again: { Type: Choice, Choices: [{ Variable: $.round.count, NumericLessThan: 4, Next: Both }], Default: Done }
  Done: { Type: Succeed }
"#;

/// Answers that were drawn beforehand, over and over.
#[derive(Debug, Clone)]
struct Drawn {
    answers: Vec<(u8, i64)>,
    next: usize,
}

impl World for Drawn {
    fn perform(&mut self, call: &Invocation, _: jiff::Timestamp) -> Result<Answered, String> {
        let (what, seconds) = self.answers[self.next % self.answers.len()];
        self.next += 1;
        let id = call.id;
        let event = match what {
            0 => Event::FunctionFailed { id, failure: Failure::new("Busy", "later") },
            1 => Event::FunctionFailed { id, failure: Failure::new("Gone", "never") },
            2 => Event::FunctionSucceeded { id, output: call.payload.clone() },
            _ => Event::FunctionSucceeded { id, output: Document::parse("{\"a\": 1}").unwrap() },
        };
        Ok(Answered { event, took: SignedDuration::from_secs(seconds) })
    }
}

/// What somebody types; `#` stands for something that is open then.
fn command() -> impl Strategy<Value = (String, usize)> {
    let text = prop_oneof![
        8 => (1..20_u64).prop_map(|count| format!("step {count}")),
        2 => (1..30_u64).prop_map(|count| format!("back {count}")),
        1 => (0..60_u64).prop_map(|position| format!("goto {position}")),
        1 => (1..5_u64).prop_map(|number| format!("timeline {number}")),
        8 => prop::sample::select(
            &[
                "step #",
                "result # {\"a\": 2}",
                "fail # Busy",
                "fail # Lost \"by chance\"",
                "input # {\"items\": [1, 2], \"round\": { \"count\": 2 } }",
                "heartbeat #",
                "timeout #",
            ][..]
        )
        .prop_map(str::to_owned),
        3 => prop::sample::select(
            &["heartbeat", "timeout", "succeed true", "run Done", "run failure", "run"][..]
        )
        .prop_map(str::to_owned),
        1 => prop::sample::select(&["at", "show", "show history", "timelines"][..])
            .prop_map(str::to_owned),
    ];
    (text, any::<prop::sample::Index>()).prop_map(|(text, index)| (text, index.index(1 << 10)))
}

/// A command for what is open here.
fn fitted(session: &Session, command: &str, index: usize) -> String {
    let open: Vec<_> = session.open().map(|(id, _, _)| id.0).collect();
    match open.len() {
        0 => command.to_owned(),
        count => command.replace('#', &format!("#{}", open[index % count])),
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    prop::collection::vec((0..16_u8, 0..5_i64), 1..30)
        .prop_map(|answers| Drawn { answers, next: 0 })
}

fn debugger(world: Drawn, items: usize) -> Debugger<Drawn> {
    let definition = load(MACHINE, "machine").unwrap().machines.remove(0).definition;
    let items: Vec<_> = (0..items).collect();
    let input = serde_json::json!({ "items": items, "round": { "count": 0 } });
    let begin = start(Document::from(input));
    Debugger::new(Session::new(Arc::new(definition), begin, Vec::new()).unwrap(), world)
}

/// The events of the current timeline give what the session holds, from the start on.
fn assert_replays(session: &Session) {
    let mut execution = Execution::new(session.start().clone());
    let mut history = Vec::new();
    for (number, moment) in session.moments().enumerate() {
        if number == session.position() {
            assert_eq!(&execution, session.execution());
        }
        let applied =
            execution.apply(session.definition(), moment.at, moment.event.clone()).unwrap();
        assert_eq!(applied, moment.applied);
        history.extend(applied.history);
    }
    if session.position() == session.events() {
        assert_eq!(&execution, session.execution());
    }
    let events: Vec<_> = session.moments().map(|it| (it.at, it.event.clone())).collect();
    let recorded: Vec<_> = history.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    let replayed =
        replay(session.definition(), session.start().clone(), &events, &recorded).unwrap();
    assert_eq!(replayed.outcome.as_ref(), execution.outcome());
    let here: Vec<_> = session.history().cloned().collect();
    assert_eq!(here, history[..here.len()]);
}

/// What the session keeps beside the execution is what the engine says, but for tokens that were answered
/// before the function that hands them on: the engine goes on listening to those.
fn assert_open(session: &Session) {
    let past = session.moments().take(session.position());
    let answered: Vec<_> = past
        .filter_map(|moment| match moment.event {
            Event::TaskSucceeded { id, .. } | Event::TaskFailed { id, .. } => Some(id),
            _ => None,
        })
        .collect();
    let mut open: Vec<Effect> = session.open().map(|(_, _, effect)| effect.clone()).collect();
    open.extend(session.wants_to_resume().then_some(Effect::Resume));
    let mut expected = session.execution().open_effects(session.definition());
    expected.retain(|effect| match effect {
        Effect::OpenToken(token) => !answered.contains(&token.id),
        _ => true,
    });
    assert_eq!(open, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn going_back_undoes_going_forward(world in drawn(), items in 0..6_usize, count in 1..150_usize) {
        let mut debugger = debugger(world, items);
        let mut standings: Vec<Execution> = vec![debugger.session().execution().clone()];
        let mut said = String::new();
        let mut go_on = |debugger: &mut Debugger<Drawn>| {
            ["step", "succeed true"].iter().any(|it| debugger.command(it, &mut said).is_ok())
        };
        while standings.len() <= count && go_on(&mut debugger) {
            standings.push(debugger.session().execution().clone());
            assert_open(debugger.session());
        }
        let mut said = String::new();
        for standing in standings.iter().rev().skip(1) {
            debugger.command("back", &mut said).unwrap();
            prop_assert_eq!(debugger.session().execution(), standing);
            assert_open(debugger.session());
        }
        for standing in &standings[1..] {
            debugger.command("step", &mut said).unwrap();
            prop_assert_eq!(debugger.session().execution(), standing);
        }
    }

    #[test]
    fn no_line_is_too_odd(
        world in drawn(),
        lines in prop::collection::vec(("(step|s|run|goto|fail|result|input|show|timeout|timeline|)", "\\PC{0,12}"), 0..12),
    ) {
        let mut debugger = debugger(world, 2);
        for (command, rest) in lines {
            let mut said = String::new();
            for line in [format!("{command}{rest}"), format!("{command} {rest}")] {
                let told = debugger.command(&line, &mut said);
                prop_assert!(told.is_ok() || !told.unwrap_err().to_string().is_empty());
            }
        }
    }

    #[test]
    fn every_timeline_can_be_replayed(
        world in drawn(),
        items in 0..6_usize,
        commands in prop::collection::vec(command(), 1..40),
    ) {
        let mut debugger = debugger(world, items);
        for (command, index) in commands {
            let mut said = String::new();
            let command = fitted(debugger.session(), &command, index);
            let known: Vec<_> = debugger.session().timelines().map(|it| it.events).collect();
            // Many do not fit where they are typed, and say so.
            let _ = debugger.command(&command, &mut said);
            assert_open(debugger.session());
            let now: Vec<_> = debugger.session().timelines().map(|it| it.events).collect();
            prop_assert!(known.iter().zip(&now).all(|(before, after)| before <= after));
        }
        let count = debugger.session().timelines().count();
        for number in 1..=count {
            debugger.command(&format!("timeline {number}"), &mut String::new()).unwrap();
            assert_replays(debugger.session());
            debugger.command("goto end", &mut String::new()).unwrap();
            assert_replays(debugger.session());
        }
    }
}
