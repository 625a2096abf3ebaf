//! A driver in virtual time: it runs an execution to its end at once, with answers instead of functions.
//!
//! ```text
//!   Execution ----- effects ----> agenda: (time, order) -> event
//!       ^                              |
//!       '------ the earliest one ------'
//! ```

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::Definition;
use stepwell_engine::{
    Applied, Effect, EffectId, Event, Execution, Failure, Invocation, OpenToken, Outcome, Start,
};
use stepwell_query::Document;

/// When every execution of the tests begins.
pub const STARTED_AT: &str = "2026-01-31T12:00:00Z";

/// What a function does when it is called.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It returns this.
    Returns(Document),
    /// It returns what it got.
    Echo,
    /// It fails so.
    Fails(Failure),
}

/// An answer and when it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What it is.
    pub answer: Answer,
    /// How long it takes.
    pub after: SignedDuration,
}

/// A stop from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// How long after the start.
    pub after: SignedDuration,
    /// The error given with it.
    pub error: Option<String>,
    /// The cause given with it.
    pub cause: Option<String>,
}

/// What happens to an execution from outside.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outside {
    /// When and how it is stopped.
    pub stop: Option<Stop>,
    /// For each token, in the order in which they are opened: what is said by it, and how long after that.
    pub tokens: VecDeque<Vec<Said>>,
    /// How long after each end it is redriven.
    pub redrives: VecDeque<SignedDuration>,
    /// Other inputs for states that wait.
    pub inputs: Vec<NewInput>,
}

/// Another input for a state that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInput {
    /// How long after the start.
    pub after: SignedDuration,
    /// What the state waits for.
    pub id: EffectId,
    /// Its new input.
    pub input: Document,
}

/// What is said by a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// An answer; without one, a heartbeat.
    pub answer: Option<Answer>,
    /// How long after the token was opened.
    pub after: SignedDuration,
}

/// One event and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What came of it.
    pub applied: Applied,
}

/// The start of an execution with this input, the same in all tests.
pub fn start(input: Document) -> Start {
    Start {
        name: "execution".to_owned(),
        machine_name: "machine".to_owned(),
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:machine:execution"
            .to_owned(),
        machine_arn: "arn:aws:states:us-east-1:123456789012:stateMachine:machine".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
        input,
        at: STARTED_AT.parse().expect("it is a timestamp"),
        seed: 42,
        history_events_max: Some(stepwell_engine::HISTORY_EVENTS_MAX),
        child_executions_max: stepwell_engine::DISTRIBUTED_EXECUTIONS_MAX,
        from: None,
    }
}

/// Runs an execution to its end. `call` answers for a function, by its name and payload.
///
/// # Panics
///
/// When the engine refuses an event that it asked for, or waits for nothing.
pub fn run(
    definition: &Definition,
    start: Start,
    outside: Outside,
    mut call: impl FnMut(&str, &Document) -> Reply,
) -> (Outcome, Vec<Step>) {
    let Outside { stop, tokens, mut redrives, inputs } = outside;
    let mut agenda = Agenda { tokens, ..Agenda::default() };
    agenda.add(start.at, Event::Started);
    if let Some(Stop { after, error, cause }) = stop {
        agenda.add(start.at + after, Event::StopRequested { error, cause });
    }
    for NewInput { after, id, input } in inputs {
        agenda.add(start.at + after, Event::InputReplaced { id, input });
    }
    let mut execution = Execution::new(start);
    let mut steps = Vec::new();
    loop {
        let (at, event) =
            agenda.next().expect("an execution that has not ended waits for something");
        let applied = execution
            .apply(definition, at, event.clone())
            .unwrap_or_else(|illegal| panic!("the engine refuses what it asked for: {illegal}"));
        for effect in &applied.effects {
            agenda.perform(at, effect, &mut call);
        }
        steps.push(Step { at, event, applied });
        if let Some(outcome) = execution.outcome() {
            let Some(after) = redrives.pop_front() else { return (outcome.clone(), steps) };
            agenda.add(at + after, Event::RedriveRequested);
        }
    }
}

/// What is to happen, earliest first; at the same time, in the order in which it was asked for.
#[derive(Debug, Default)]
struct Agenda {
    events: BTreeMap<(Timestamp, u64), Event>,
    added: u64,
    tokens: VecDeque<Vec<Said>>,
}

impl Agenda {
    fn add(&mut self, at: Timestamp, event: Event) {
        self.added += 1;
        self.events.insert((at, self.added), event);
    }

    fn next(&mut self) -> Option<(Timestamp, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    fn perform(
        &mut self,
        now: Timestamp,
        effect: &Effect,
        call: &mut impl FnMut(&str, &Document) -> Reply,
    ) {
        match effect {
            Effect::Invoke(Invocation { id, function, payload, .. }) => {
                let reply = call(function.as_str(), payload);
                let event = match reply.answer {
                    Answer::Returns(output) => Event::FunctionSucceeded { id: *id, output },
                    Answer::Echo => Event::FunctionSucceeded { id: *id, output: payload.clone() },
                    Answer::Fails(failure) => Event::FunctionFailed { id: *id, failure },
                };
                self.add(now + reply.after, event);
            }
            Effect::SetTimer { id, at, .. } => {
                self.add(*at.max(&now), Event::TimerFired { id: *id });
            }
            Effect::Cancel { id } => self.events.retain(|_, event| event.effect() != Some(*id)),
            Effect::OpenToken(OpenToken { id, .. }) => {
                for Said { answer, after } in self.tokens.pop_front().unwrap_or_default() {
                    let event = match answer {
                        None => Event::TaskHeartbeat { id: *id },
                        Some(Answer::Returns(output)) => Event::TaskSucceeded { id: *id, output },
                        Some(Answer::Fails(failure)) => Event::TaskFailed { id: *id, failure },
                        Some(Answer::Echo) => panic!("there is nothing to echo"),
                    };
                    self.add(now + after, event);
                }
            }
            Effect::Resume => self.add(now, Event::Resumed),
            Effect::Finish(_) => self.events.clear(),
        }
    }
}

/// The effect that an event closes. Another input makes the state cancel what it waits for.
pub fn closed_by(event: &Event) -> Option<EffectId> {
    match event {
        Event::TaskHeartbeat { .. } | Event::InputReplaced { .. } => None,
        event => event.effect(),
    }
}
