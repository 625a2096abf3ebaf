//! What an invocation has taken so far, and the end of its time.
//!
//! Fuel counts what the guest computes, this counts what it waits for; together they are the time that
//! Lambda would have taken. Whoever computes gives way every [`YIELD_FUEL`](crate::fuel::YIELD_FUEL) units
//! and is looked at then; whoever waits has a timer around the call, so that neither outlives its timeout:
//!
//! ```text
//!   guest code        host call              guest code
//!   fuel, yields    | waiting, timer       | fuel, yields
//! ```
//!
//! A second, coarse limit is for work that fuel does not see: the time that the host's thread is busy with
//! the invocation.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use stepwell_lambda::Cpu;
use tokio::time::Sleep;

use crate::fuel::HOST_CALL_FUEL;
use crate::report::Guard;

/// What the two sides of an invocation know together: the guest's side writes fuel at each call of the
/// host, the host's side waiting at each wait.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    waited_ns: AtomicU64,
    fuel_left: AtomicU64,
    /// Fuel for what the host did, not taken from the store yet.
    owed: AtomicU64,
    /// How often the call was left, to wait or to let others run.
    departures: AtomicU64,
    /// When the call was entered last.
    entered_ns: AtomicU64,
}

impl Meter {
    /// Begins anew, with so much fuel.
    pub(crate) fn reset(&self, fuel: u64) {
        self.waited_ns.store(0, Ordering::Relaxed);
        self.owed.store(0, Ordering::Relaxed);
        self.fuel_left.store(fuel, Ordering::Relaxed);
    }

    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }

    /// The fuel that was left when the guest last called the host.
    pub(crate) fn fuel_left(&self) -> u64 {
        self.fuel_left.load(Ordering::Relaxed)
    }

    pub(crate) fn note_fuel(&self, left: u64) {
        self.fuel_left.store(left, Ordering::Relaxed);
    }

    /// Charges fuel for work of the host: a unit for each byte that it moves, as for the guest's own
    /// bulk operations.
    pub(crate) fn charge(&self, fuel: u64) {
        self.owed.fetch_add(fuel, Ordering::Relaxed);
    }

    /// Charges what a call of a host function costs beside the bytes that it moves.
    pub(crate) fn charge_call(&self) {
        self.charge(HOST_CALL_FUEL);
    }

    pub(crate) fn take_owed(&self) -> u64 {
        self.owed.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn departures(&self) -> u64 {
        self.departures.load(Ordering::Relaxed)
    }

    /// How long the thread has been busy with the call since it was entered.
    pub(crate) fn busy(&self) -> Duration {
        let entered = Duration::from_nanos(self.entered_ns.load(Ordering::Relaxed));
        BASE.elapsed().saturating_sub(entered)
    }
}

/// Times are counted from here.
static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// How fast fuel becomes time, how much there is, and how long the host may be busy.
    pub(crate) cpu: Cpu,
    /// Computing and waiting together.
    pub(crate) timeout: Duration,
}

/// The time is over, and which guard saw it.
#[derive(Debug)]
pub(crate) struct TimedOut(pub(crate) Guard);

/// A call into a guest, metered.
pub(crate) struct Metered<'c, F> {
    call: F,
    meter: &'c Meter,
    bounds: Bounds,
    /// How long the host has worked for it.
    busy: Duration,
    left_at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    wakes: Option<(Arc<Wakes>, Waker)>,
}

impl<'c, F> Metered<'c, F> {
    pub(crate) fn new(call: F, meter: &'c Meter, bounds: Bounds) -> Self {
        let busy = Duration::ZERO;
        Self { call, meter, bounds, busy, left_at: None, timer: None, wakes: None }
    }

    fn spent(&self) -> Duration {
        self.bounds.cpu.time_of_rest(self.meter.fuel_left()) + self.meter.waited()
    }

    fn is_over(&self) -> Option<TimedOut> {
        if self.spent() >= self.bounds.timeout {
            return Some(TimedOut(Guard::Time));
        }
        let over = self.busy + self.meter.waited() >= self.bounds.cpu.wall_max;
        over.then_some(TimedOut(Guard::Wall))
    }

    /// A waker that wakes this one and remembers that it did.
    fn noting(&mut self, context: &Context<'_>) -> &(Arc<Wakes>, Waker) {
        let (notes, _) = self.wakes.get_or_insert_with(|| {
            let inner = Mutex::new(context.waker().clone());
            let notes = Arc::new(Wakes { woken_ns: AtomicU64::new(0), inner });
            (Arc::clone(&notes), Waker::from(notes))
        });
        notes.woken_ns.store(0, Ordering::Relaxed);
        let mut inner = notes.inner.lock().expect("nothing panics while it holds this lock");
        inner.clone_from(context.waker());
        drop(inner);
        self.wakes.as_ref().expect("it was made above")
    }
}

impl<F: Future + Unpin> Future for Metered<'_, F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = Instant::now();
        this.meter.entered_ns.store(nanos(entered.duration_since(*BASE)), Ordering::Relaxed);
        if let Some(left_at) = this.left_at.take() {
            // What comes after the waking is the time of others, who run on this thread.
            let woken = this.wakes.as_ref().and_then(|(notes, _)| notes.woken_at());
            let waited = nanos(woken.unwrap_or(entered).duration_since(left_at));
            this.meter.waited_ns.fetch_add(waited, Ordering::Relaxed);
            if let Some(over) = this.is_over() {
                return Poll::Ready(Err(over));
            }
        }
        let (notes, waker) = this.noting(context).clone();
        if let Poll::Ready(output) = Pin::new(&mut this.call).poll(&mut Context::from_waker(&waker))
        {
            return Poll::Ready(Ok(output));
        }
        let left = Instant::now();
        this.meter.departures.fetch_add(1, Ordering::Relaxed);
        this.busy += left.duration_since(entered);
        if let Some(over) = this.is_over() {
            return Poll::Ready(Err(over));
        }
        if notes.woken_at().is_some() {
            // It can go on at once: it only lets others run, and their time is not this guest's.
            return Poll::Pending;
        }
        this.left_at = Some(left);
        let end = left + this.bounds.timeout.saturating_sub(this.spent());
        let timer = match &mut this.timer {
            Some(timer) => {
                timer.as_mut().reset(end.into());
                timer
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(end.into()))),
        };
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(TimedOut(Guard::Time))),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Wakes a task, and remembers when somebody first did.
#[derive(Debug)]
struct Wakes {
    /// Since [`BASE`]; 0: nobody did.
    woken_ns: AtomicU64,
    inner: Mutex<Waker>,
}

impl Wakes {
    fn woken_at(&self) -> Option<Instant> {
        let since = self.woken_ns.load(Ordering::Relaxed);
        (since > 0).then(|| *BASE + Duration::from_nanos(since))
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let now = nanos(BASE.elapsed()).max(1);
        _ = self.woken_ns.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let waker = self.inner.lock().expect("nothing panics while it holds this lock").clone();
        waker.wake();
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
