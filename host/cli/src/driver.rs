//! The driver: one loop between the engine, the functions and the clock.
//!
//! Deciding is the engine's business; this only does what it asks for and names what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::{Definition, Name};
use stepwell_engine::{Effect, EffectId, Event, Execution, HistoryEvent, Outcome};
use stepwell_sandbox::Report;
use tokio::task::{AbortHandle, JoinSet};

use crate::clock::Clock;
use crate::functions::{Answer, Call, Functions};

/// An execution that is to be run.
pub struct Run {
    /// What it runs.
    pub definition: Arc<Definition>,
    /// Where it stands: fresh.
    pub execution: Execution,
    /// What its tasks call.
    pub functions: Functions,
    /// What time it is for it.
    pub clock: Clock,
}

/// Is told what happens, in order.
pub trait Observer {
    /// The history gained events.
    fn on_history(&mut self, events: &[HistoryEvent]);
    /// A function is about to be invoked.
    fn on_invoke(&mut self, function: &Name);
    /// An invocation ended. Stubs have no reports.
    fn on_report(&mut self, function: &Name, report: &Report);
    /// The execution will wait until a time.
    fn on_wait(&mut self, until: Timestamp);
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on_history(&mut self, _: &[HistoryEvent]) {}
    fn on_invoke(&mut self, _: &Name) {}
    fn on_report(&mut self, _: &Name, _: &Report) {}
    fn on_wait(&mut self, _: Timestamp) {}
}

/// An invocation that ended.
type Ended = (EffectId, Name, Answer);

/// An invocation that runs on the driver's own task.
type Alone = (EffectId, Pin<Box<dyn Future<Output = Ended> + Send>>);

/// What runs and what waits.
struct Pending {
    /// An invocation beside which nothing else runs is taken on the driver's own task: no thread has to
    /// be woken for it, and it gives way to the driver at every tick. All others are spawned.
    alone: Option<Alone>,
    running: JoinSet<Ended>,
    handles: BTreeMap<EffectId, AbortHandle>,
    timers: BTreeSet<(Timestamp, EffectId)>,
    resume: bool,
}

/// Runs an execution to its end, or until `stop` completes, which aborts it.
///
/// Gives the outcome and the time of the end.
pub async fn drive(
    run: Run,
    observer: &mut impl Observer,
    stop: impl Future<Output = ()>,
) -> (Outcome, Timestamp) {
    let Run { definition, mut execution, functions, mut clock } = run;
    let seed = execution.start().seed;
    let mut pending = Pending {
        alone: None,
        running: JoinSet::new(),
        handles: BTreeMap::new(),
        timers: BTreeSet::new(),
        resume: false,
    };
    let mut stop = std::pin::pin!(stop);
    let (mut event, mut at) = (Event::Started, execution.start().at);
    loop {
        let applied = execution.apply(&definition, at, event);
        let applied = applied.expect("the driver sends only what the engine asked for");
        observer.on_history(&applied.history);
        let invocations = applied.effects.iter().filter(|e| matches!(e, Effect::Invoke { .. }));
        let alone = pending.is_idle() && invocations.count() == 1;
        for effect in applied.effects {
            match effect {
                Effect::Invoke { id, function, arn, payload, attempt } => {
                    observer.on_invoke(&function);
                    let request_id = request_id(seed, id);
                    let call = Call { request_id, arn, payload, attempt };
                    let call = prepare(&functions, id, function, call, &mut clock);
                    if alone {
                        pending.alone = Some((id, Box::pin(call)));
                    } else {
                        pending.handles.insert(id, pending.running.spawn(call));
                    }
                }
                Effect::SetTimer { id, at } => {
                    observer.on_wait(at);
                    pending.timers.insert((at, id));
                }
                Effect::Cancel { id } => pending.cancel(id),
                Effect::Resume => pending.resume = true,
                Effect::Finish(outcome) => {
                    pending.running.shutdown().await;
                    return (outcome, at);
                }
            }
        }
        event = pending.next(observer, &mut clock, stop.as_mut()).await;
        at = clock.now();
    }
}

/// An invocation as something that runs. A clock that jumps jumps over a stub's sleep at once.
fn prepare(
    functions: &Functions,
    id: EffectId,
    function: Name,
    call: Call,
    clock: &mut Clock,
) -> impl Future<Output = Ended> + Send + use<> {
    let callable = functions.get(function.as_str());
    let callable = callable.expect("run checked that every resource has a function").clone();
    let mut sleeps = callable.sleeps(call.attempt);
    if clock.skips() {
        let seconds = SignedDuration::try_from_secs_f64(sleeps.take().unwrap_or(0.0));
        clock.advance(seconds.unwrap_or(SignedDuration::ZERO));
    }
    async move {
        if let Some(seconds) = sleeps {
            let duration = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO);
            tokio::time::sleep(duration).await;
        }
        let answer = callable.call(call).await;
        (id, function, answer)
    }
}

impl Pending {
    fn is_idle(&self) -> bool {
        self.alone.is_none() && self.running.is_empty()
    }

    fn cancel(&mut self, id: EffectId) {
        if self.alone.as_ref().is_some_and(|(alone, _)| *alone == id) {
            self.alone = None;
        }
        if let Some(handle) = self.handles.remove(&id) {
            handle.abort();
        }
        self.timers.retain(|(_, timer)| *timer != id);
    }

    /// Waits for the next thing to happen, and names it.
    async fn next(
        &mut self,
        observer: &mut impl Observer,
        clock: &mut Clock,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Event {
        // A stop is looked at first, and a machine that never waits must not hide it.
        let resume = std::mem::take(&mut self.resume);
        loop {
            let timer = self.timers.first().copied();
            // A clock that jumps does so only when nothing runs that could end before.
            let timer_rest = match timer {
                Some((at, _)) if !clock.skips() || self.is_idle() => Some(clock.until(at)),
                _ => None,
            };
            tokio::select! {
                biased;
                () = stop.as_mut() => {
                    return Event::StopRequested { error: None, cause: None };
                }
                () = tokio::task::yield_now(), if resume => return Event::Resumed,
                ended = run_alone(&mut self.alone) => {
                    self.alone = None;
                    return outcome(ended, observer);
                }
                Some(joined) = self.running.join_next() => {
                    let ended = match joined {
                        Ok(ended) => ended,
                        Err(error) if error.is_cancelled() => continue,
                        Err(error) => std::panic::resume_unwind(error.into_panic()),
                    };
                    self.handles.remove(&ended.0);
                    return outcome(ended, observer);
                }
                () = sleep(timer_rest) => {
                    let (_, id) = timer.expect("only a timer's rest is slept for");
                    self.timers.pop_first();
                    return Event::TimerFired { id };
                }
            }
        }
    }
}

/// Goes on with the invocation that runs alone; never ends without one.
async fn run_alone(alone: &mut Option<Alone>) -> Ended {
    match alone {
        Some((_, call)) => call.await,
        None => std::future::pending().await,
    }
}

fn outcome((id, function, answer): Ended, observer: &mut impl Observer) -> Event {
    if let Some(report) = &answer.report {
        observer.on_report(&function, report);
    }
    match answer.result {
        Ok(output) => Event::FunctionSucceeded { id, output },
        Err(failure) => Event::FunctionFailed { id, failure },
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

/// The id of an invocation: a UUID that is a pure function of the execution and the effect, so that a
/// replay gives the same ones.
fn request_id(seed: u64, id: EffectId) -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..].copy_from_slice(&id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
