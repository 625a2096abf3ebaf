//! What would happen next, where nobody says otherwise.

use jiff::Timestamp;
use stepwell_engine::{Effect, EffectId, Event, Purpose, View};

use crate::session::Session;
use crate::world::{Answered, World};

/// What happens next in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// What this timeline knows already.
    Known,
    /// The execution begins.
    Begin,
    /// The engine goes on with what it has left over.
    Resume,
    /// A function is called: of those that were asked for, the first.
    Call(EffectId),
    /// The time of a timer comes.
    Timer(EffectId),
    /// Only somebody outside or a timeout lets it go on.
    Outside,
    /// Nothing: it has ended.
    Nothing,
}

impl Session {
    /// What happens next: what is known; otherwise calls in the order in which they were asked for; when
    /// there are none, the earliest timer.
    ///
    /// Calls are performed one after another, and time never goes back: one that took less time than another
    /// before it is answered at the same time. A run would have taken its answer first; who wants that order
    /// chooses it.
    ///
    /// Timeouts come by themselves only where nobody outside could still keep them from coming: where a
    /// token is open, somebody has to say what happens.
    pub fn next(&self) -> Next {
        if self.coming().is_some() {
            return Next::Known;
        }
        if self.execution().outcome().is_some() {
            return Next::Nothing;
        }
        if self.position() == 0 {
            return Next::Begin;
        }
        if self.wants_to_resume() {
            return Next::Resume;
        }
        let call = self.open().find(|(_, _, effect)| matches!(effect, Effect::Invoke(_)));
        if let Some((id, _, _)) = call {
            return Next::Call(id);
        }
        let awaits_token = self.open().any(|(_, _, it)| matches!(it, Effect::OpenToken(_)));
        match self.timers().min_by_key(|timer| (timer.at, timer.id)) {
            Some(first) if !(first.is_timeout && awaits_token) => Next::Timer(first.id),
            _ => Next::Outside,
        }
    }

    /// The event by which the world, or the passing of time, answers an effect that is open here, and its
    /// time. `None`: it is not open, or neither of them can.
    pub(crate) fn answer(
        &self,
        id: EffectId,
        world: &mut impl World,
    ) -> Option<Result<(Timestamp, Event), String>> {
        let (asked_at, effect) = self.effect(id)?;
        let invocation = match effect {
            Effect::SetTimer { at, .. } => {
                return Some(Ok(((*at).max(self.now()), Event::TimerFired { id })));
            }
            Effect::Invoke(invocation) => invocation,
            _ => return None,
        };
        let answered = world.perform(invocation, asked_at);
        Some(answered.map(|Answered { event, took }| {
            let at = asked_at.saturating_add(took).unwrap_or(Timestamp::MAX).max(self.now());
            // Whose a timeout is takes a look at all branches.
            let perhaps = self.timers().any(|timer| timer.is_timeout && timer.at < at);
            let first = perhaps.then(|| self.timeout_of(id)).flatten();
            match first.filter(|timer| timer.at < at) {
                Some(timer) => (timer.at.max(self.now()), Event::TimerFired { id: timer.id }),
                None => (at, event),
            }
        }))
    }

    /// The timeout that ends an effect first: of the state that waits for it, or of the execution.
    pub(crate) fn timeout_of(&self, id: EffectId) -> Option<Timer> {
        let views = self.views();
        let its_state = views.iter().find(|view| view.effects.contains(&id));
        let ends_it = |timer: &Timer| {
            let is_of_state = its_state.is_some_and(|view| view.effects.contains(&timer.id));
            is_of_state || !views.iter().any(|view| view.effects.contains(&timer.id))
        };
        let timeouts = self.timers().filter(|timer| timer.is_timeout && ends_it(timer));
        timeouts.min_by_key(|timer| (timer.at, timer.id))
    }

    /// Where the open branches of the execution are here, an outer one before those below it.
    pub fn views(&self) -> Vec<View> {
        self.execution().views(self.definition())
    }

    pub(crate) fn timers(&self) -> impl Iterator<Item = Timer> {
        self.open().filter_map(|(id, _, effect)| match effect {
            Effect::SetTimer { at, purpose, .. } => {
                let is_timeout = !matches!(purpose, Purpose::Wait { .. });
                Some(Timer { id, at: *at, is_timeout })
            }
            _ => None,
        })
    }
}

/// A timer that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) id: EffectId,
    pub(crate) at: Timestamp,
    pub(crate) is_timeout: bool,
}
