//! A moment: one event and what came of it, and how an execution stands after it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use stepwell_asl::Definition;
use stepwell_engine::{
    Applied, Details, Effect, EffectId, Event, Execution, HistoryEvent, IllegalEvent, Start,
};

/// One event of a timeline, and what came of it.
#[derive(Debug)]
pub struct Moment {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What the event is the outcome of; `None`: of nothing that was asked for.
    pub effect: Option<Effect>,
    /// Effects and history that came of it.
    pub applied: Applied,
    /// How the execution stands after it, at some of the moments (see [`crate::Session`]).
    pub(crate) snapshot: Option<Standing>,
    /// How many moments ago the last snapshot was.
    pub(crate) since_snapshot: usize,
}

impl Moment {
    /// Whether it tells of a failure: of a function, of a state, of a child or of the execution.
    pub fn is_failure(&self) -> bool {
        matches!(self.event, Event::FunctionFailed { .. } | Event::TaskFailed { .. })
            || !self.applied.failed_children.is_empty()
            || self.applied.history.iter().any(tells_failure)
    }

    /// Whether a state of this name was entered in it. The history does not tell of states of child
    /// executions: there, a Task is known by its first call.
    pub fn enters(&self, state: &str) -> bool {
        let recorded = self.applied.history.iter().any(|event| match &event.details {
            Details::StateEntered { name, .. } => name.as_str() == state,
            _ => false,
        });
        recorded
            || self.applied.effects.iter().any(|effect| match effect {
                Effect::Invoke(call) => call.attempt == 0 && call.state.as_str() == state,
                _ => false,
            })
    }
}

fn tells_failure(event: &HistoryEvent) -> bool {
    let name = event.details.event_type();
    ["Failed", "TimedOut", "Aborted"].iter().any(|end| name.ends_with(end))
}

/// An execution, and what it waits for.
///
/// What is open is kept beside it, because the engine would have to look at every branch for it, at every
/// event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub(crate) execution: Execution,
    /// What was asked for and has not happened, with the time at which it was asked for. A token is done with
    /// when it is answered, though the engine, until the function has answered as well, still listens.
    pub(crate) open: BTreeMap<EffectId, (Timestamp, Effect)>,
    /// The engine wants to go on before anything else happens.
    pub(crate) resume: bool,
}

impl Standing {
    pub(crate) fn new(start: Start) -> Self {
        Self { execution: Execution::new(start), open: BTreeMap::new(), resume: false }
    }

    /// Applies an event. On an error nothing has changed.
    pub(crate) fn apply(
        &mut self,
        definition: &Definition,
        at: Timestamp,
        event: Event,
    ) -> Result<Applied, IllegalEvent> {
        let done = event.effect().filter(|_| !matches!(event, Event::TaskHeartbeat { .. }));
        let applied = self.execution.apply(definition, at, event)?;
        if let Some(id) = done {
            self.open.remove(&id);
        }
        self.resume = false;
        for effect in &applied.effects {
            match effect {
                Effect::Cancel { id } => _ = self.open.remove(id),
                Effect::Resume => self.resume = true,
                Effect::Finish(_) => self.open.clear(),
                Effect::Invoke(_) | Effect::OpenToken(_) | Effect::SetTimer { .. } => {
                    let id = effect.id().expect("what can be answered has an id");
                    self.open.insert(id, (at, effect.clone()));
                }
            }
        }
        Ok(applied)
    }
}
