//! The driver: one loop between the engine, the functions, the clock and the journal.
//!
//! Deciding is the engine's business; this only does what it asks for and names what happened. It drives
//! as many executions at a time as it is given. In each round it gathers what has happened to any of them,
//! lets the engine take it up, commits all of that to the journal at once, and only then begins what the
//! engine asked for: what is done next rests on nothing that a crash could undo.

mod flight;
mod observer;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stepwell_engine::{Effect, EffectId, Event, Execution, OpenToken, Outcome, Purpose};
use stepwell_journal::{Entry, Journal, JournalError, Key, Letter, Owner};
use tokio::task::JoinSet;

use flight::{Calling, Ended, Flight, Happened, News, Wants};
pub use flight::{Machine, Run};
pub use observer::{Answered, Observer, Silent};

/// How often the driver looks for messages, and whether the wall's clock was set or the machine slept.
const TICK: Duration = Duration::from_millis(100);

/// After how many rounds that waited for nothing others have their turn.
const ROUNDS_PER_YIELD: u64 = 64;

/// How many things may happen between two commits.
const ROUND_MAX: usize = 4096;

/// Gives the driver executions, and is told how they ended.
pub trait Supply<O> {
    /// The next execution; none if there is no other. The journal is that of the drive.
    fn next(&mut self, share: Option<&mut Share>) -> Result<Option<Run<O>>, JournalError>;
    /// One has ended.
    fn ended(&mut self, ended: Landed<O>);
}

/// An execution that has ended.
pub struct Landed<O> {
    /// The execution.
    pub execution: Execution,
    /// When it ended.
    pub at: Timestamp,
    /// Who was told.
    pub observer: O,
}

/// How the driver is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Executions are aborted.
    Abort,
    /// Executions are left as they are, so that they can be resumed.
    Leave,
}

/// The part of a journal that this process has.
pub struct Share {
    /// The journal.
    pub journal: Journal,
    /// Says that the executions are this process's.
    pub owner: Owner,
    /// Whether an execution goes on when the journal cannot be written.
    pub optional: bool,
    /// It cannot be written any more, and what goes on is not kept.
    pub given_up: bool,
}

/// A flight's number.
type FlightId = u64;

/// Executions under way.
struct Driver<O> {
    flights: BTreeMap<FlightId, Flight<O>>,
    keys: BTreeMap<Key, FlightId>,
    last_id: FlightId,
    round: u64,
    happened: VecDeque<(FlightId, Happened)>,
    /// A call beside which nothing else runs is taken on the driver's own task: no thread has to be woken
    /// for it, and it gives way to the driver at every tick. All others are spawned.
    alone: Option<(FlightId, EffectId, Calling)>,
    calls: JoinSet<(FlightId, Ended)>,
    /// When flights are to be looked after, by the wall's clock.
    wakes: BTreeSet<(Timestamp, FlightId)>,
    journal: Option<Share>,
    /// Why the journal is not written any more.
    unwritten: Option<JournalError>,
    looked_at: Instant,
    /// Messages are to be looked for at once: what is due may have been answered before.
    looks: bool,
    /// Messages to executions that are this process's and have not begun.
    early: BTreeMap<Key, Vec<Letter>>,
    /// The process is to end: nothing more begins.
    leaves: bool,
}

/// What became of a drive.
pub struct Driven {
    /// Whether every execution that was given ended.
    pub complete: bool,
    /// Why the journal was not written to the end, though the executions went on.
    pub unwritten: Option<JournalError>,
    /// The share, as long as it is of use.
    pub share: Option<Share>,
}

/// Runs one execution that no journal keeps to its end, or until `stop` completes, which aborts it.
///
/// Gives the outcome and the time of the end.
pub async fn drive<O: Observer>(
    run: Run<O>,
    stop: impl Future<Output = ()>,
) -> (Outcome, Timestamp) {
    let mut supply = Only { run: Some(run), landed: None };
    let stop = async {
        stop.await;
        Stop::Abort
    };
    let driven = drive_all(&mut supply, 1, None, stop).await;
    driven.expect("without a journal nothing fails to be written");
    let landed = supply.landed.expect("a drive ends when its execution has");
    (landed.execution.outcome().expect("it has landed").clone(), landed.at)
}

/// One execution.
pub struct Only<O> {
    /// It, until it is taken.
    pub run: Option<Run<O>>,
    /// What became of it.
    pub landed: Option<Landed<O>>,
}

impl<O> Supply<O> for Only<O> {
    fn next(&mut self, _: Option<&mut Share>) -> Result<Option<Run<O>>, JournalError> {
        Ok(self.run.take())
    }

    fn ended(&mut self, landed: Landed<O>) {
        self.landed = Some(landed);
    }
}

/// Runs all executions that are supplied, `concurrency` at a time, to their ends or until `stop` completes.
///
/// On an error of the journal nothing more is done: what the journal has is where executions stand.
pub async fn drive_all<O: Observer>(
    supply: &mut impl Supply<O>,
    concurrency: usize,
    journal: Option<Share>,
    stop: impl Future<Output = Stop>,
) -> Result<Driven, JournalError> {
    let mut driver = Driver {
        flights: BTreeMap::new(),
        keys: BTreeMap::new(),
        last_id: 0,
        round: 0,
        happened: VecDeque::new(),
        alone: None,
        calls: JoinSet::new(),
        wakes: BTreeSet::new(),
        journal,
        unwritten: None,
        looked_at: Instant::now(),
        looks: true,
        early: BTreeMap::new(),
        leaves: false,
    };
    let complete = driver.run(supply, concurrency, stop).await;
    driver.alone = None;
    for flight in driver.flights.values_mut() {
        flight.abort();
    }
    driver.calls.shutdown().await;
    let complete = complete?;
    let written = driver.share().map_or(Ok(()), |share| share.journal.finish());
    driver.unless_optional(written)?;
    Ok(Driven { complete, unwritten: driver.unwritten, share: driver.journal })
}

impl<O: Observer> Driver<O> {
    /// Whether all have ended.
    async fn run(
        &mut self,
        supply: &mut impl Supply<O>,
        concurrency: usize,
        stop: impl Future<Output = Stop>,
    ) -> Result<bool, JournalError> {
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        loop {
            while !stopped && self.flights.len() < concurrency && self.happened.len() < ROUND_MAX {
                let next = supply.next(self.journal.as_mut());
                let Some(run) = self.unless_optional(next)?.flatten() else { break };
                self.begin(run);
            }
            if self.flights.is_empty() {
                return Ok(!stopped && self.unwritten.is_none());
            }
            match self.gather(stop.as_mut(), stopped).await? {
                None => {}
                Some(Stop::Leave) => {
                    // What has happened already is kept; nothing more begins.
                    self.leaves = true;
                    self.round(supply)?;
                    return Ok(self.flights.is_empty());
                }
                Some(Stop::Abort) => {
                    stopped = true;
                    let request = || Event::StopRequested { error: None, cause: None };
                    let flights = self.flights.keys();
                    self.happened.extend(flights.map(|id| (*id, Happened::Event(request()))));
                }
            }
            self.round(supply)?;
        }
    }

    /// Takes up an execution: it begins, or does again what it still waits for.
    fn begin(&mut self, run: Run<O>) {
        let mut flight = Flight::new(run);
        self.last_id += 1;
        let id = self.last_id;
        let open = flight.execution.open_effects(&flight.machine.definition);
        if let (Some(share), Some(key)) = (self.share(), flight.key) {
            // Their rows are there, unless the journal is one that was saved in part.
            keep_tokens(&mut share.journal, key, &flight, &open);
        }
        let wants = flight.perform_again(open);
        self.happened.push_back((id, Happened::Begins));
        if let Some(key) = flight.key {
            self.looks = true;
            self.keys.insert(key, id);
            let early = self.early.remove(&key).unwrap_or_default();
            self.happened.extend(early.into_iter().map(|letter| (id, Happened::Letter(letter))));
        }
        self.flights.insert(id, flight);
        self.grant(id, wants);
    }

    /// Waits until something has happened, and gathers what has happened by then.
    async fn gather(
        &mut self,
        mut stop: Pin<&mut impl Future<Output = Stop>>,
        stopped: bool,
    ) -> Result<Option<Stop>, JournalError> {
        loop {
            self.gather_rest()?;
            if !self.happened.is_empty() {
                break;
            }
            let rest = self.rest();
            let alone = &mut self.alone;
            // A stop is looked at first, and a machine that never waits must not hide it.
            tokio::select! {
                biased;
                how = stop.as_mut(), if !stopped => return Ok(Some(how)),
                ended = run_alone(alone) => {
                    let (id, ..) = self.alone.take().expect("it ran just now");
                    self.happened.push_back((id, Happened::Ended(ended)));
                }
                Some(joined) = self.calls.join_next() => self.joined(joined),
                () = sleep(rest) => {}
            }
        }
        // What never waits for anything must not keep a stop from being seen.
        if self.round.is_multiple_of(ROUNDS_PER_YIELD) {
            tokio::task::yield_now().await;
        }
        if stopped {
            return Ok(None);
        }
        let now = poll_fn(|context| match stop.as_mut().poll(context) {
            Poll::Ready(how) => Poll::Ready(Some(how)),
            Poll::Pending => Poll::Ready(None),
        });
        Ok(now.await)
    }

    /// Gathers what has happened beside.
    fn gather_rest(&mut self) -> Result<(), JournalError> {
        while self.happened.len() < ROUND_MAX
            && let Some(joined) = self.calls.try_join_next()
        {
            self.joined(joined);
        }
        if !self.wakes.is_empty() {
            let now = Timestamp::now();
            // The process, or the machine, has slept.
            let late = self.wakes.first().and_then(|(at, _)| at.checked_add(TICK).ok());
            self.looks |= late.is_some_and(|late| late < now);
            while self.happened.len() < ROUND_MAX
                && let Some((at, id)) = self.wakes.first().copied()
                && at <= now
            {
                self.wakes.pop_first();
                if let Some(flight) = self.flights.get_mut(&id) {
                    self.looks |= !flight.tokens.is_empty();
                    flight.wake_at = None;
                    flight.is_queued = true;
                    self.happened.push_back((id, Happened::Due));
                }
            }
        }
        let looked = self.look_for_letters();
        self.unless_optional(looked)?;
        Ok(())
    }

    /// Takes messages to the executions, if there may be any.
    fn look_for_letters(&mut self) -> Result<(), JournalError> {
        let is_time = self.looked_at.elapsed() >= TICK;
        if !self.looks && !is_time {
            return Ok(());
        }
        let Some(share) = self.journal.as_mut().filter(|share| !share.given_up) else {
            return Ok(());
        };
        self.looked_at = Instant::now();
        if is_time && !share.journal.is_in_place() {
            return Err(JournalError::Removed { path: share.journal.dir().to_owned() });
        }
        if !share.journal.inbox_changed()? && !self.looks {
            return Ok(());
        }
        self.looks = false;
        // What was said comes before what is due: it was accepted as being in time.
        for letter in share.journal.take_inbox(&share.owner)?.into_iter().rev() {
            match self.keys.get(&letter.key) {
                Some(id) => self.happened.push_front((*id, Happened::Letter(letter))),
                // It is this process's, and has not begun.
                None => self.early.entry(letter.key).or_default().insert(0, letter),
            }
        }
        Ok(())
    }

    /// The journal, as long as it can be written.
    fn share(&mut self) -> Option<&mut Share> {
        self.journal.as_mut().filter(|share| !share.given_up)
    }

    /// Goes on without the journal after an error of it, where that is allowed.
    fn unless_optional<T>(
        &mut self,
        result: Result<T, JournalError>,
    ) -> Result<Option<T>, JournalError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => match &mut self.journal {
                Some(share) if share.optional => {
                    share.given_up = true;
                    self.unwritten.get_or_insert(error);
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    fn joined(&mut self, joined: Result<(FlightId, Ended), tokio::task::JoinError>) {
        match joined {
            Ok((id, ended)) => self.happened.push_back((id, Happened::Ended(ended))),
            Err(error) if error.is_cancelled() => {}
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// How long to sleep if nothing else happens.
    fn rest(&self) -> Option<Duration> {
        let tick = self.journal.is_some().then_some(TICK);
        let wake = self.wakes.first().map(|(at, _)| {
            let rest = at.duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO);
            // The machine may sleep, or its clock be set.
            rest.min(TICK)
        });
        tick.into_iter().chain(wake).min()
    }

    /// Lets the engine take up what has happened, writes it down, and begins what it asks for.
    fn round(&mut self, supply: &mut impl Supply<O>) -> Result<(), JournalError> {
        self.round += 1;
        let mut applied = Vec::new();
        let mut later = VecDeque::new();
        while let Some((id, happened)) = self.happened.pop_front() {
            let Some(flight) = self.flights.get_mut(&id) else { continue };
            // What happened second may not be wanted any more after the first.
            if flight.round == self.round {
                later.push_back((id, happened));
                continue;
            }
            let (letter, happened) = match happened {
                Happened::Letter(letter) if flight.limit_passed_before(letter.at) => {
                    later.push_back((id, Happened::Letter(letter)));
                    (None, Happened::Due)
                }
                Happened::Letter(letter) => (Some(letter.id), Happened::Letter(letter)),
                happened => (None, happened),
            };
            // Whatever else has happened, it begins first.
            let news = match flight.take_first() {
                Some(news) => {
                    later.push_back((id, happened));
                    Some(news)
                }
                None => flight.news_of(happened),
            };
            let Some(News { event, at, letter, call }) = news else {
                if let (Some(letter), Some(key)) = (letter, flight.key)
                    && let Some(share) = self.journal.as_mut().filter(|share| !share.given_up)
                {
                    // It is about something that is over.
                    share.journal.discard(key, letter);
                }
                self.schedule(id);
                continue;
            };
            flight.round = self.round;
            flight.take_up(at);
            let share = self.journal.as_mut().filter(|share| !share.given_up);
            let kept = share.as_ref().and(flight.key).map(|_| event.clone());
            let came = flight.execution.apply(&flight.machine.definition, at, event);
            let came = came.expect("the driver sends only what the engine asked for");
            if let (Some(event), Some(share), Some(key)) = (kept, share, flight.key) {
                let execution = &flight.execution;
                let history = &came.history;
                share
                    .journal
                    .append(key, Entry { at, event: &event, history, execution, letter })?;
                keep_tokens(&mut share.journal, key, flight, &came.effects);
            }
            applied.push((id, at, call, came));
        }
        self.happened = later;
        self.commit()?;
        for (id, at, call, came) in applied {
            let Some(flight) = self.flights.get_mut(&id) else { continue };
            flight.tell(call.as_ref(), &came);
            self.perform(id, at, came.effects, supply);
        }
        Ok(())
    }

    /// Makes what was appended durable.
    fn commit(&mut self) -> Result<(), JournalError> {
        let committed = self.share().map_or(Ok(()), |share| share.journal.commit());
        self.unless_optional(committed)?;
        Ok(())
    }

    fn perform(
        &mut self,
        id: FlightId,
        at: Timestamp,
        effects: Vec<Effect>,
        supply: &mut impl Supply<O>,
    ) {
        let Some(flight) = self.flights.get_mut(&id) else { return };
        if self.leaves && !effects.iter().any(|effect| matches!(effect, Effect::Finish(_))) {
            return;
        }
        let wants = flight.perform(effects, at);
        if let Some((alone, effect, _)) = &self.alone
            && *alone == id
            && !flight.wants_call(*effect)
        {
            self.alone = None;
        }
        if wants.finished {
            self.land(id, at, supply);
        } else {
            self.grant(id, wants);
        }
    }

    /// Takes an execution out that has ended.
    fn land(&mut self, id: FlightId, at: Timestamp, supply: &mut impl Supply<O>) {
        let Some(flight) = self.flights.remove(&id) else { return };
        if let Some(wake_at) = flight.wake_at {
            self.wakes.remove(&(wake_at, id));
        }
        if let Some(key) = flight.key {
            self.keys.remove(&key);
        }
        let Flight { execution, observer, .. } = flight;
        supply.ended(Landed { execution, at, observer });
    }

    /// Begins the calls of a flight, and sees to it that it goes on in time.
    fn grant(&mut self, id: FlightId, wants: Wants) {
        let lonely = self.flights.len() == 1 && self.alone.is_none() && self.calls.is_empty();
        if lonely && wants.calls.len() == 1 {
            self.alone = wants.calls.into_iter().next().map(|(effect, call)| (id, effect, call));
        } else {
            let Some(flight) = self.flights.get_mut(&id) else { return };
            for (effect, call) in wants.calls {
                let handle = self.calls.spawn(async move { (id, call.await) });
                flight.set_handle(effect, handle);
            }
        }
        if wants.resume {
            self.happened.push_back((id, Happened::Event(Event::Resumed)));
        }
        self.schedule(id);
    }

    /// Notes when a flight is to be looked after next.
    fn schedule(&mut self, id: FlightId) {
        let Some(flight) = self.flights.get_mut(&id) else { return };
        if let Some(at) = flight.wake_at.take() {
            self.wakes.remove(&(at, id));
        }
        let (Some(due), false) = (flight.next_due(), flight.is_queued) else { return };
        let rest = flight.clock.until(due);
        if rest.is_zero() || flight.jumps() {
            flight.is_queued = true;
            self.happened.push_back((id, Happened::Due));
            return;
        }
        let at = Timestamp::now().saturating_add(rest).unwrap_or(Timestamp::MAX);
        flight.wake_at = Some(at);
        self.wakes.insert((at, id));
    }
}

/// Tokens are known to the journal before the function that hands them on is.
fn keep_tokens<O>(journal: &mut Journal, key: Key, flight: &Flight<O>, effects: &[Effect]) {
    for effect in effects {
        match effect {
            Effect::OpenToken(open) => {
                // On a clock that jumps, its times are not those of whoever answers.
                let timed = !flight.clock.skips();
                let deadline = flight.execution.deadline();
                let timeout_at = open.timeout_at.into_iter().chain(deadline).min();
                journal.open_token(
                    key,
                    OpenToken {
                        timeout_at: timeout_at.filter(|_| timed),
                        heartbeat_seconds: open.heartbeat_seconds.filter(|_| timed),
                        ..open.clone()
                    },
                );
            }
            Effect::SetTimer { at, purpose: Purpose::Heartbeat { token }, .. }
                if !flight.clock.skips() =>
            {
                journal.expect_heartbeat(key, *token, *at);
            }
            Effect::Cancel { id } => {
                let just_now = effects.iter().find_map(|effect| match effect {
                    Effect::OpenToken(open) if open.id == *id => Some(&open.token),
                    _ => None,
                });
                if let Some(token) = flight.tokens.get(id).or(just_now) {
                    journal.close_token(key, token);
                }
            }
            _ => {}
        }
    }
}

/// Goes on with the call that runs alone; never ends without one.
async fn run_alone(alone: &mut Option<(FlightId, EffectId, Calling)>) -> Ended {
    match alone {
        Some((.., call)) => call.await,
        None => std::future::pending().await,
    }
}

/// Sleeps; forever without a duration.
async fn sleep(rest: Option<Duration>) {
    match rest {
        Some(rest) if rest.is_zero() => {}
        Some(rest) => tokio::time::sleep(rest).await,
        None => std::future::pending().await,
    }
}
