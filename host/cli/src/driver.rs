//! The driver: one loop between the engine, the functions and the clock.
//!
//! Deciding is the engine's business; this only does what it asks for and names what happened.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stepwell_asl::{Definition, Name};
use stepwell_engine::{
    Effect, EffectId, Event, Execution, FailedChild, Failure, HistoryEvent, Invocation, Outcome,
    Purpose,
};
use stepwell_sandbox::Report;
use tokio::task::{AbortHandle, JoinSet};

use crate::clock::Clock;
use crate::functions::{self, Answer, Call, Callable, Functions};

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
    /// A state calls a function.
    fn on_call(&mut self, state: &Name, function: &Name);
    /// A state's call was answered.
    fn on_answer(&mut self, answered: &Answered<'_>);
    /// A state waits until a time, by itself or before it retries.
    fn on_wait(&mut self, state: &Name, until: Timestamp);
    /// A child execution of a distributed Map failed.
    fn on_failed_child(&mut self, child: &FailedChild);
}

/// A call that was answered.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The state that called.
    pub state: &'a Name,
    /// The function.
    pub function: &'a Name,
    /// How it failed, if it did.
    pub failure: Option<&'a Failure>,
    /// What it took. Stubs have no reports.
    pub report: Option<&'a Report>,
}

/// Observes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on_history(&mut self, _: &[HistoryEvent]) {}
    fn on_call(&mut self, _: &Name, _: &Name) {}
    fn on_answer(&mut self, _: &Answered<'_>) {}
    fn on_wait(&mut self, _: &Name, _: Timestamp) {}
    fn on_failed_child(&mut self, _: &FailedChild) {}
}

/// A call that was answered.
struct Ended {
    id: EffectId,
    state: Name,
    function: Name,
    answer: Answer,
}

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Calling = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// What happens at a time.
enum Due {
    /// A timer of the engine fires.
    Timer,
    /// A stub that slept on a clock that jumps answers.
    Stub(Calling),
}

/// What runs and what waits.
struct Pending {
    /// An invocation beside which nothing else runs is taken on the driver's own task: no thread has to
    /// be woken for it, and it gives way to the driver at every tick. All others are spawned.
    alone: Option<(EffectId, Calling)>,
    running: JoinSet<Ended>,
    handles: BTreeMap<EffectId, AbortHandle>,
    due: BTreeMap<(Timestamp, EffectId), Due>,
    /// When what is due is due.
    due_at: BTreeMap<EffectId, Timestamp>,
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
    let mut pending = Pending {
        alone: None,
        running: JoinSet::new(),
        handles: BTreeMap::new(),
        due: BTreeMap::new(),
        due_at: BTreeMap::new(),
        resume: false,
    };
    let mut stop = std::pin::pin!(stop);
    let (mut event, mut at) = (Event::Started, execution.start().at);
    loop {
        let applied = execution.apply(&definition, at, event);
        let applied = applied.expect("the driver sends only what the engine asked for");
        for child in &applied.failed_children {
            observer.on_failed_child(child);
        }
        observer.on_history(&applied.history);
        let invocations = applied.effects.iter().filter(|e| matches!(e, Effect::Invoke(_)));
        let alone = pending.is_idle() && invocations.count() == 1;
        for effect in applied.effects {
            match effect {
                Effect::Invoke(invocation) => {
                    let Invocation { id, state, function, arn, payload, request_id, .. } =
                        invocation;
                    observer.on_call(&state, &function);
                    let call = Call { request_id, arn, payload };
                    pending.call(&functions, &clock, at, id, (state, function), call, alone);
                }
                Effect::SetTimer { id, at, purpose } => {
                    if let Purpose::Wait { state } = purpose {
                        observer.on_wait(&state, at);
                    }
                    pending.schedule(id, at, Due::Timer);
                }
                Effect::OpenToken(_) => {}
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

impl Pending {
    fn is_idle(&self) -> bool {
        self.alone.is_none() && self.running.is_empty()
    }

    /// Begins a call.
    #[expect(clippy::too_many_arguments, reason = "all of one effect, and the driver's own")]
    fn call(
        &mut self,
        functions: &Functions,
        clock: &Clock,
        now: Timestamp,
        id: EffectId,
        (state, function): (Name, Name),
        call: Call,
        alone: bool,
    ) {
        let (sleeps, answering): (_, Answering) = match functions.get(function.as_str()) {
            Some(Callable::Function(function)) => {
                let function = function.clone();
                (None, Box::pin(async move { functions::invoke(&function, call).await }))
            }
            Some(Callable::Stub(answers)) => {
                let (sleeps, answer) = answers.next();
                let answer = functions::answer(answer, call);
                (Some(sleeps.unwrap_or_default()), Box::pin(async move { answer }))
            }
            None => {
                let answer = functions.missing(function.as_str(), &call);
                (Some(0.0), Box::pin(async move { answer }))
            }
        };
        // On a clock that jumps, what takes no real time answers in its turn, the same in each run.
        let sleeps = sleeps.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
        let on_clock = sleeps.filter(|_| clock.skips());
        let calling: Calling = Box::pin(async move {
            if let (Some(duration), None) = (sleeps.filter(|sleeps| !sleeps.is_zero()), on_clock) {
                tokio::time::sleep(duration).await;
            }
            Ended { id, state, function, answer: answering.await }
        });
        if let Some(duration) = on_clock {
            let at = now.saturating_add(duration).unwrap_or(Timestamp::MAX);
            self.schedule(id, at, Due::Stub(calling));
        } else if alone {
            self.alone = Some((id, calling));
        } else {
            self.handles.insert(id, self.running.spawn(calling));
        }
    }

    fn cancel(&mut self, id: EffectId) {
        if self.alone.as_ref().is_some_and(|(alone, _)| *alone == id) {
            self.alone = None;
        }
        if let Some(handle) = self.handles.remove(&id) {
            handle.abort();
        }
        if let Some(at) = self.due_at.remove(&id) {
            self.due.remove(&(at, id));
        }
    }

    fn schedule(&mut self, id: EffectId, at: Timestamp, due: Due) {
        self.due_at.insert(id, at);
        self.due.insert((at, id), due);
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
        clock.set_running(!self.is_idle());
        loop {
            let next = self.due.first_key_value().map(|((at, _), _)| *at);
            // A clock that jumps does so only when nothing is under way that could happen before.
            if let Some(at) = next
                && clock.skips()
                && self.is_idle()
                && !resume
            {
                clock.jump_to(at);
            }
            let rest = next.map(|at| clock.until(at));
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
                    // A call that ended while it was being cancelled is none of the engine's any more.
                    if self.handles.remove(&ended.id).is_none() {
                        continue;
                    }
                    return outcome(ended, observer);
                }
                () = sleep(rest) => {
                    let first = self.due.pop_first();
                    let ((_, id), due) = first.expect("only what is due is slept for");
                    self.due_at.remove(&id);
                    return match due {
                        Due::Timer => Event::TimerFired { id },
                        Due::Stub(calling) => outcome(calling.await, observer),
                    };
                }
            }
        }
    }
}

/// Goes on with the invocation that runs alone; never ends without one.
async fn run_alone(alone: &mut Option<(EffectId, Calling)>) -> Ended {
    match alone {
        Some((_, call)) => call.await,
        None => std::future::pending().await,
    }
}

fn outcome(ended: Ended, observer: &mut impl Observer) -> Event {
    let Ended { id, state, function, answer } = ended;
    observer.on_answer(&Answered {
        state: &state,
        function: &function,
        failure: answer.result.as_ref().err(),
        report: answer.report.as_ref(),
    });
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
