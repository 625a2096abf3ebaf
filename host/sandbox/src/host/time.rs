//! `wasi:clocks`: the time that a task sees.
//!
//! As a rule it is the time that it is. With a clock of its own (`--clock`) it is a function of what the
//! task does: it begins at a given time and goes on with the fuel that the task burns and with the time that
//! it asked to sleep, so that the same invocation sees the same times. What it waits for otherwise takes no
//! time on that clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stepwell_lambda::Cpu;
use stepwell_scratch::Timestamp;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, async_trait};

use super::Host;
use crate::meter::Meter;

/// The clock of one instance. Cloning shares it.
#[derive(Clone)]
pub(crate) struct GuestClock(Arc<Inner>);

struct Inner {
    meter: Arc<Meter>,
    /// Where the clock begins, if it is a function of what the task does.
    begins: Option<SystemTime>,
    made_at: Instant,
    /// How much fuel there was, and how fast it is time.
    cpu: Mutex<(u64, Cpu)>,
    /// What passed in calls before this one, and in sleeping, in nanoseconds.
    passed_ns: AtomicU64,
}

impl GuestClock {
    pub(super) fn new(begins: Option<SystemTime>, meter: &Arc<Meter>) -> Self {
        Self(Arc::new(Inner {
            meter: Arc::clone(meter),
            begins,
            made_at: Instant::now(),
            cpu: Mutex::default(),
            passed_ns: AtomicU64::new(0),
        }))
    }

    /// A call begins, with so much fuel at this speed.
    pub(super) fn begin_call(&self, budget: u64, cpu: Cpu) {
        *self.cpu() = (budget, cpu);
    }

    /// A call has ended: its fuel is in the past.
    pub(super) fn end_call(&self) {
        self.pass(self.computed());
        let (budget, _) = *self.cpu();
        self.0.meter.note_fuel(budget);
    }

    /// The time of day.
    pub(super) fn now(&self) -> SystemTime {
        match self.0.begins {
            None => SystemTime::now(),
            Some(begins) => begins.checked_add(self.elapsed()).unwrap_or(begins),
        }
    }

    /// The time of day for a file, in nanoseconds since 1970.
    pub(super) fn timestamp(&self) -> Timestamp {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::try_from(since.as_nanos()).unwrap_or(Timestamp::MAX)
    }

    /// The time since the instance was made.
    fn elapsed(&self) -> Duration {
        if self.0.begins.is_none() {
            return self.0.made_at.elapsed();
        }
        Duration::from_nanos(self.0.passed_ns.load(Ordering::Relaxed)) + self.computed()
    }

    fn computed(&self) -> Duration {
        let (budget, cpu) = *self.cpu();
        cpu.time(budget.saturating_sub(self.0.meter.fuel_left()))
    }

    fn pass(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.passed_ns.fetch_add(time, Ordering::Relaxed);
    }

    fn cpu(&self) -> std::sync::MutexGuard<'_, (u64, Cpu)> {
        self.0.cpu.lock().expect("nothing panics while it holds this lock")
    }
}

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Self::now(self).duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl HostMonotonicClock for GuestClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Replaces the sleeping of `wasi:clocks/monotonic-clock`, which must know the task's clock.
pub(super) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<Host, HasSleeper>(linker, |host| Sleeper {
        clock: &host.clock,
        table: &mut host.table,
    })
}

struct HasSleeper;

impl wasmtime::component::HasData for HasSleeper {
    type Data<'a> = Sleeper<'a>;
}

struct Sleeper<'a> {
    clock: &'a GuestClock,
    table: &'a mut ResourceTable,
}

impl monotonic_clock::Host for Sleeper<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.clock.0.meter.charge_call();
        Ok(HostMonotonicClock::now(self.clock))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.clock.0.meter.charge_call();
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = HostMonotonicClock::now(self.clock);
        self.subscribe_duration(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, nanos: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock.0.meter.charge_call();
        let duration = Duration::from_nanos(nanos);
        // A time that is too far away to be told is never.
        let wakes_at = tokio::time::Instant::now().checked_add(duration);
        let due = self.clock.elapsed().saturating_add(duration);
        let is_past = duration.is_zero();
        let sleep = Sleep { clock: self.clock.clone(), wakes_at, due, is_past };
        let sleep = self.table.push(sleep)?;
        subscribe(self.table, sleep)
    }
}

/// Sleeps until a time.
struct Sleep {
    clock: GuestClock,
    wakes_at: Option<tokio::time::Instant>,
    /// The same time on the task's clock.
    due: Duration,
    /// It had come already: others have their turn once, so that whoever polls with it waits for nobody
    /// and starves nobody.
    is_past: bool,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        if std::mem::take(&mut self.is_past) {
            give_way().await;
        }
        if self.clock.0.begins.is_some() && self.due <= self.clock.elapsed() {
            return;
        }
        match self.wakes_at {
            Some(at) if at <= tokio::time::Instant::now() => {}
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        if self.clock.0.begins.is_some() {
            self.clock.pass(self.due.saturating_sub(self.clock.elapsed()));
        }
    }
}

/// Lets others run once. It wakes itself while it is polled, so that nobody takes it for waiting; tokio's
/// own does so later.
async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
