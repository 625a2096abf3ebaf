//! The two clocks of an invocation.
//!
//! Fuel counts what the guest computes; this counts what it waits for. Together they are the time that
//! Lambda would have taken. A guest that computes is looked at every tick of the epoch clock, one that
//! waits has a timer around its call, so that neither can outlive its timeout:
//!
//! ```text
//!   guest code     host call              guest code
//!   fuel, epochs | waiting, timer       | fuel, epochs
//! ```
//!
//! A tick sees the fuel that a guest had burnt when its current function last called another: wasmtime
//! keeps it in a register meanwhile. So a guest that waited and then loops within one function may go on
//! until its fuel is gone; the verdict and the report are the same.
//!
//! A third, coarse clock is for work that fuel does not see: the time that the host's thread is busy with
//! the invocation, so that cheap calls of expensive host functions end as well.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// How often the guest is looked at: the epoch's tick.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What the two clocks share. The guest's side is written at each tick, the host's side at each wait.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    waited_ns: AtomicU64,
    cpu_ns: AtomicU64,
    /// The call was left only to let others run, not to wait.
    yielded: AtomicBool,
}

impl Clocks {
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }

    /// Notes the CPU time so far, and that the guest yields.
    pub(crate) fn tick(&self, cpu: Duration) {
        self.cpu_ns.store(nanos(cpu), Ordering::Relaxed);
        self.yielded.store(true, Ordering::Relaxed);
    }

    pub(crate) fn reset(&self) {
        self.waited_ns.store(0, Ordering::Relaxed);
        self.cpu_ns.store(0, Ordering::Relaxed);
        self.yielded.store(false, Ordering::Relaxed);
    }

    fn spent(&self) -> Duration {
        self.waited() + Duration::from_nanos(self.cpu_ns.load(Ordering::Relaxed))
    }
}

/// The timeout has passed.
#[derive(Debug)]
pub(crate) struct TimedOut;

/// A call into a guest, metered.
pub(crate) struct Metered<'c, F> {
    call: F,
    clocks: &'c Arc<Clocks>,
    timeout: Duration,
    /// How long the call may take on the wall, without the time that others have.
    wall_max: Duration,
    /// How long the host has worked for it.
    busy: Duration,
    left_at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'c, F> Metered<'c, F> {
    pub(crate) fn new(
        call: F,
        clocks: &'c Arc<Clocks>,
        timeout: Duration,
        wall_max: Duration,
    ) -> Self {
        Self { call, clocks, timeout, wall_max, busy: Duration::ZERO, left_at: None, timer: None }
    }

    fn is_over(&self) -> bool {
        self.clocks.spent() >= self.timeout || self.busy + self.clocks.waited() >= self.wall_max
    }
}

impl<F: Future + Unpin> Future for Metered<'_, F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let entered = Instant::now();
        if let Some(left_at) = this.left_at.take() {
            let waited = nanos(entered.duration_since(left_at));
            this.clocks.waited_ns.fetch_add(waited, Ordering::Relaxed);
            if this.is_over() {
                return Poll::Ready(Err(TimedOut));
            }
        }
        if let Poll::Ready(output) = Pin::new(&mut this.call).poll(context) {
            return Poll::Ready(Ok(output));
        }
        let left = Instant::now();
        this.busy += left.duration_since(entered);
        let yielded = this.clocks.yielded.swap(false, Ordering::Relaxed);
        if this.is_over() {
            return Poll::Ready(Err(TimedOut));
        }
        if yielded {
            // Others run meanwhile; that is not this guest's time.
            return Poll::Pending;
        }
        this.left_at = Some(left);
        let end = left + this.timeout.saturating_sub(this.clocks.spent());
        let timer = match &mut this.timer {
            Some(timer) => {
                timer.as_mut().reset(end.into());
                timer
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(end.into()))),
        };
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(TimedOut)),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
