//! A session: timelines of one execution, and where one stands in them.

use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use stepwell_asl::Definition;
use stepwell_engine::{Effect, EffectId, Event, Execution, HistoryEvent, IllegalEvent, Start};

use crate::moment::{Moment, Standing};

/// After how many events a copy of the execution is kept, at least.
const SNAPSHOT_EVENTS_MIN: usize = 16;

/// Timelines of one execution: what was recorded, and what was made of it.
///
/// Positions count events: at position 0 nothing has happened, and at position `n` the first `n` events of
/// the timeline have.
///
/// A copy of the execution is kept at some moments only, and what lies between is reached by applying the
/// events again. A copy costs what the open branches cost, so the next one comes after as many events as
/// effects are open, and not before 16: all copies together hold about one branch for each event, and
/// going back never applies more events than a copy would have cost.
#[derive(Debug)]
pub struct Session {
    definition: Arc<Definition>,
    start: Start,
    /// Never empty.
    timelines: Vec<Timeline>,
    current: usize,
    /// At the current timeline's position.
    standing: Standing,
}

#[derive(Debug, Clone)]
struct Timeline {
    /// From which timeline it parted, and at which position.
    parted: Option<(usize, usize)>,
    /// Moments of the past that it shares with others are shared.
    moments: Vec<Rc<Moment>>,
    /// Where one stands in it, or stood when one left it.
    position: usize,
}

/// What a timeline is, for a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineSummary {
    /// From 1.
    pub number: usize,
    /// From which timeline it parted, and after how many events.
    pub parted: Option<(usize, usize)>,
    /// How many events it has.
    pub events: usize,
    /// Where one stands in it, or stood when one left it.
    pub position: usize,
    /// Whether one stands in it.
    pub is_current: bool,
}

/// Where an event led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// To what this timeline knew already.
    Known,
    /// On: it is the timeline's last event now.
    Added,
    /// To another timeline that knew it already.
    Switched {
        /// Its number.
        timeline: usize,
    },
    /// To a new timeline, because this one knows another future.
    Parted {
        /// Its number.
        timeline: usize,
    },
}

/// A recorded event does not fit the execution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recorded event {number}: {error}")]
pub struct DoesNotFit {
    /// Which one, from 1.
    pub number: usize,
    /// Why.
    pub error: IllegalEvent,
}

impl Session {
    /// A session that stands before the first of the recorded events. Without any, the execution begins
    /// with the first step.
    pub fn new(
        definition: Arc<Definition>,
        start: Start,
        recorded: Vec<(Timestamp, Event)>,
    ) -> Result<Self, DoesNotFit> {
        let first = Timeline { parted: None, moments: Vec::new(), position: 0 };
        let standing = Standing::new(start.clone());
        let mut session = Self { definition, start, timelines: vec![first], current: 0, standing };
        for (index, (at, event)) in recorded.into_iter().enumerate() {
            let taken = session.take(at, event);
            taken.map_err(|error| DoesNotFit { number: index + 1, error })?;
        }
        session.move_to(0);
        Ok(session)
    }

    /// What is run.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What the execution begins with.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The execution as it stands here.
    pub fn execution(&self) -> &Execution {
        &self.standing.execution
    }

    /// How many events have happened here.
    pub fn position(&self) -> usize {
        self.timeline().position
    }

    /// How many events this timeline has.
    pub fn events(&self) -> usize {
        self.timeline().moments.len()
    }

    /// The time of the last event, or of the start.
    pub fn now(&self) -> Timestamp {
        self.last().map_or(self.start.at, |moment| moment.at)
    }

    /// The moments of this timeline, those to come as well.
    pub fn moments(&self) -> impl Iterator<Item = &Moment> {
        self.timeline().moments.iter().map(Rc::as_ref)
    }

    /// The moment that led here; `None` at position 0.
    pub fn last(&self) -> Option<&Moment> {
        let position = self.position().checked_sub(1)?;
        self.timeline().moments.get(position).map(Rc::as_ref)
    }

    /// The moment that comes next in this timeline, if one is known.
    pub fn coming(&self) -> Option<&Moment> {
        self.timeline().moments.get(self.position()).map(Rc::as_ref)
    }

    /// The history up to here.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &HistoryEvent> {
        let past = &self.timeline().moments[..self.position()];
        past.iter().flat_map(|moment| &moment.applied.history)
    }

    /// What the execution waits for here, in the order of ids, with the times at which it was asked for.
    pub fn open(&self) -> impl Iterator<Item = (EffectId, Timestamp, &Effect)> {
        self.standing.open.iter().map(|(id, (at, effect))| (*id, *at, effect))
    }

    /// One thing that the execution waits for here, with the time at which it was asked for.
    pub fn effect(&self, id: EffectId) -> Option<(Timestamp, &Effect)> {
        self.standing.open.get(&id).map(|(at, effect)| (*at, effect))
    }

    /// Whether the engine wants to go on before anything else happens.
    pub fn wants_to_resume(&self) -> bool {
        self.standing.resume
    }

    /// Goes on by the next event that this timeline knows; whether there was one.
    pub fn forward(&mut self) -> bool {
        let position = self.position();
        let is_known = position < self.events();
        if is_known {
            self.move_to(position + 1);
        }
        is_known
    }

    /// Goes back by one event; whether there was one.
    pub fn back(&mut self) -> bool {
        let position = self.position();
        if position > 0 {
            self.move_to(position - 1);
        }
        position > 0
    }

    /// Goes to a position of this timeline; whether it has it.
    pub fn go_to(&mut self, position: usize) -> bool {
        let is_known = position <= self.events();
        if is_known {
            self.move_to(position);
        }
        is_known
    }

    /// An event happens here. If this timeline goes on otherwise, another one that parts here does, or a
    /// new one.
    ///
    /// On an error nothing has changed.
    pub fn take(&mut self, at: Timestamp, event: Event) -> Result<Taken, IllegalEvent> {
        let position = self.position();
        if self.coming().is_some_and(|moment| moment.event == event) {
            self.forward();
            return Ok(Taken::Known);
        }
        if let Some(index) = self.sibling(&event) {
            self.current = index;
            // What is shared is the same, so that the execution stands the same there.
            self.timelines[index].position = position;
            self.forward();
            return Ok(Taken::Switched { timeline: index + 1 });
        }
        let effect = event.effect().and_then(|id| self.effect(id));
        let effect = effect.map(|(_, effect)| effect.clone());
        let applied = self.standing.apply(&self.definition, at, event.clone())?;
        let since = self.last().map_or(0, |moment| moment.since_snapshot) + 1;
        let is_due = since >= SNAPSHOT_EVENTS_MIN.max(self.standing.open.len());
        let moment = Rc::new(Moment {
            at,
            event,
            effect,
            applied,
            snapshot: is_due.then(|| self.standing.clone()),
            since_snapshot: if is_due { 0 } else { since },
        });
        let taken = if position == self.events() {
            Taken::Added
        } else {
            let moments = self.timeline().moments[..position].to_vec();
            let parted = Some((self.owner(position), position));
            self.timelines.push(Timeline { parted, moments, position });
            self.current = self.timelines.len() - 1;
            Taken::Parted { timeline: self.timelines.len() }
        };
        let timeline = &mut self.timelines[self.current];
        timeline.moments.push(moment);
        timeline.position = position + 1;
        Ok(taken)
    }

    /// All timelines.
    pub fn timelines(&self) -> impl Iterator<Item = TimelineSummary> {
        self.timelines.iter().enumerate().map(|(index, timeline)| TimelineSummary {
            number: index + 1,
            parted: timeline.parted.map(|(from, position)| (from + 1, position)),
            events: timeline.moments.len(),
            position: timeline.position,
            is_current: index == self.current,
        })
    }

    /// Goes to another timeline by its number, where one left it; whether there is one.
    pub fn switch(&mut self, number: usize) -> bool {
        let Some(index) = number.checked_sub(1).filter(|index| *index < self.timelines.len())
        else {
            return false;
        };
        if index != self.current {
            self.current = index;
            let position = self.position();
            self.standing = self.restored(position);
        }
        true
    }

    fn timeline(&self) -> &Timeline {
        &self.timelines[self.current]
    }

    /// The timeline to which the past up to a position belongs, of those that share it.
    fn owner(&self, position: usize) -> usize {
        let mut owner = self.current;
        while let Some((from, parted)) = self.timelines[owner].parted
            && position <= parted
        {
            owner = from;
        }
        owner
    }

    /// Another timeline with the same past that goes on by this event.
    fn sibling(&self, event: &Event) -> Option<usize> {
        let position = self.position();
        let shares_past = |other: &Timeline| match (position.checked_sub(1), self.timeline()) {
            (None, _) => true,
            (Some(last), this) => {
                other.moments.get(last).is_some_and(|it| Rc::ptr_eq(it, &this.moments[last]))
            }
        };
        self.timelines.iter().position(|other| {
            other.moments.get(position).is_some_and(|moment| moment.event == *event)
                && shares_past(other)
        })
    }

    /// Goes to a position that this timeline has.
    fn move_to(&mut self, position: usize) {
        let here = self.position();
        let near = position >= here && position - here <= self.distance_to_snapshot(position);
        if near {
            let moments = self.timelines[self.current].moments[here..position].iter();
            apply_again(&self.definition, &mut self.standing, moments);
        } else {
            self.standing = self.restored(position);
        }
        self.timelines[self.current].position = position;
    }

    /// How many events lie between a position of this timeline and the last snapshot before it.
    fn distance_to_snapshot(&self, position: usize) -> usize {
        let last = position.checked_sub(1).and_then(|last| self.timeline().moments.get(last));
        last.map_or(0, |moment| moment.since_snapshot)
    }

    /// How the execution stands at a position of this timeline, from the last snapshot before it.
    fn restored(&self, position: usize) -> Standing {
        let from = position - self.distance_to_snapshot(position);
        let moments = &self.timeline().moments[..position];
        let snapshot = from.checked_sub(1).and_then(|last| moments[last].snapshot.clone());
        let mut standing = snapshot.unwrap_or_else(|| Standing::new(self.start.clone()));
        apply_again(&self.definition, &mut standing, moments[from..].iter());
        standing
    }
}

fn apply_again<'m>(
    definition: &Definition,
    standing: &mut Standing,
    moments: impl Iterator<Item = &'m Rc<Moment>>,
) {
    for moment in moments {
        let applied = standing.apply(definition, moment.at, moment.event.clone());
        let applied = applied.expect("what fitted once fits again");
        debug_assert_eq!(applied, moment.applied, "the same events give the same effects");
    }
}
