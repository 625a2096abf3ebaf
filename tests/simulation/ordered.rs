//! Runs in which what happens next does not depend on time.

use jiff::{SignedDuration, Timestamp};
use stepwell_engine::{Effect, Event, Purpose};
use stepwell_tests::crashing;
use stepwell_tests::random::Random;

use crate::{Base, Faults, Ran, Scenario, Tally, milliseconds, stop};

/// A run in which the number of events so far decides what happens next.
pub(crate) struct Ordered<'s> {
    base: Base<'s>,
    /// How much later the next event is for crashes.
    late: SignedDuration,
}

impl<'s> Ordered<'s> {
    pub(crate) fn new(scenario: &'s Scenario, faults: Faults, log: &'s mut String) -> Self {
        Self { base: Base::new(scenario, faults, log), late: SignedDuration::ZERO }
    }

    pub(crate) fn run(mut self, tally: &mut Tally) -> Ran {
        loop {
            if self.base.crashes() {
                self.base.crash(tally);
                self.late += self.base.delay();
            }
            let Some((at, event)) = self.next() else {
                self.base.commit();
                if !self.base.crashes() {
                    return self.base.ran();
                }
                self.base.crash(tally);
                continue;
            };
            let waits = |id| !self.base.driver.is_performed(id);
            if event.effect().is_some_and(waits) {
                // Only what was begun can have an outcome.
                assert!(self.base.driver.uncommitted() > 0, "what is open is begun by a commit");
                self.base.commit();
                continue;
            }
            self.base.apply(at, event, tally);
            self.late = SignedDuration::ZERO;
            if self.base.faults.crashes == 0 || self.base.chance.percent(40) {
                self.base.commit();
            }
        }
    }

    /// What happens next, if anything.
    fn next(&self) -> Option<(Timestamp, Event)> {
        let (driver, scenario) = (&self.base.driver, self.base.scenario);
        let applied = driver.applied();
        let mut random = Random::of(scenario.seed, &format!("event {applied}"));
        if applied == 0 {
            return Some((scenario.start.at, Event::Started));
        }
        let soon = driver.last_at() + milliseconds(random.below(3000)) + self.late;
        if let Some((_, redrivable)) = driver.end(soon) {
            let goes_on = redrivable && !scenario.is_over(driver);
            return goes_on.then_some((soon, Event::RedriveRequested));
        }
        if scenario.disturbed && random.percent(1) {
            return Some((soon, stop()));
        }
        let open: Vec<&Effect> = driver.open().values().collect();
        let places = open.len() + usize::from(driver.resumes());
        assert!(places > 0, "an execution that has not ended waits for something");
        let mut place = random.index(places);
        let is_timeout = |effect: &Effect| match effect {
            Effect::SetTimer { purpose, .. } => !matches!(purpose, Purpose::Wait { .. }),
            _ => false,
        };
        if open.get(place).is_some_and(|effect| is_timeout(effect)) && random.percent(70) {
            place = random.index(places);
        }
        let Some(effect) = open.get(place) else { return Some((soon, Event::Resumed)) };
        let id = effect.id().expect("it is open");
        let view = (scenario.disturbed && random.percent(2)).then(|| driver.view(id)).flatten();
        if let Some(view) = view {
            let input = crashing::with_x(&view.input, random.below(9));
            return Some((soon, Event::InputReplaced { id, input }));
        }
        let event = match effect {
            Effect::Invoke(call) => crashing::function_answered(id, scenario.world.answer(call)),
            Effect::OpenToken(_) => crashing::token_said(id, scenario.world.says_now(&mut random)),
            Effect::SetTimer { at, .. } => {
                return Some((soon.max(*at), Event::TimerFired { id }));
            }
            Effect::Cancel { .. } | Effect::Resume | Effect::Finish(_) => unreachable!("not open"),
        };
        Some((soon, event))
    }
}
