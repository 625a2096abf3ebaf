//! What one piece of work may take of its thread: memory, and processor time.
//!
//! For code of others that checks a flag between its steps but counts neither: the evaluation of a JSONata
//! expression. An [`Allocator`] that counts what the thread allocates while [`within`] runs raises the flag
//! when there was too much of it, and, since whoever works allocates, looks at the clock now and then.
//!
//! Knows allocations and nothing of what they are for. Without the allocator as the process's global one
//! nothing is counted, and [`within`] only runs what it is given.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How many allocations pass between two looks at the clock.
const ALLOCATIONS_PER_LOOK: u32 = 32;

/// The system's allocator, which counts where a thread asks for it.
///
/// Use it as `#[global_allocator]`. A thread that asks for nothing pays for one look at a flag.
#[derive(Debug, Default, Clone, Copy)]
pub struct Allocator;

/// What a piece of work may take.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Bytes that it has allocated and not freed, at any time.
    pub bytes: usize,
    /// Time of the thread's processor.
    pub time: Duration,
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Memory.
    Bytes,
    /// Processor time.
    Time,
}

/// The count of a thread. Nothing in it has to be dropped, so that it can be looked at by an allocation at
/// any time of a thread's life.
struct Count {
    counting: Cell<bool>,
    bytes: Cell<isize>,
    bytes_max: Cell<isize>,
    allocations: Cell<u32>,
    /// On the wall first: it is cheaper to look at and never behind the processor's.
    started: Cell<Option<Instant>>,
    started_cpu: Cell<Duration>,
    time_max: Cell<Duration>,
    exceeded: Cell<Option<Exceeded>>,
}

/// What is done when there was too much. It must not allocate.
type Stop = Box<dyn Fn()>;

thread_local! {
    static COUNT: Count = const {
        Count {
            counting: Cell::new(false),
            bytes: Cell::new(0),
            bytes_max: Cell::new(0),
            allocations: Cell::new(0),
            started: Cell::new(None),
            started_cpu: Cell::new(Duration::ZERO),
            time_max: Cell::new(Duration::ZERO),
            exceeded: Cell::new(None),
        }
    };
    static STOP: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

/// Does some work, and calls `stop` once when it has taken more than it may. `stop` must not allocate, and
/// the work should end soon after it.
///
/// Returns what the work gave, and what there was too much of. Work within work counts as part of it.
pub fn within<T>(
    allowance: Allowance,
    stop: impl Fn() + 'static,
    work: impl FnOnce() -> T,
) -> (T, Option<Exceeded>) {
    /// Ends the count, also when the work panics.
    struct Ended;
    impl Drop for Ended {
        fn drop(&mut self) {
            COUNT.with(|count| count.counting.set(false));
            STOP.with(|stop| stop.borrow_mut().take());
        }
    }
    if COUNT.with(|count| count.counting.get()) {
        return (work(), None);
    }
    STOP.with(|place| *place.borrow_mut() = Some(Box::new(stop)));
    COUNT.with(|count| count.begin(allowance));
    let ended = Ended;
    let result = work();
    drop(ended);
    (result, COUNT.with(|count| count.exceeded.take()))
}

impl Count {
    fn begin(&self, allowance: Allowance) {
        self.bytes.set(0);
        self.bytes_max.set(isize::try_from(allowance.bytes).unwrap_or(isize::MAX));
        self.allocations.set(0);
        self.started.set(None);
        self.time_max.set(allowance.time);
        self.exceeded.set(None);
        self.counting.set(true);
    }

    /// Counts an allocation.
    fn allocated(&self, bytes: usize) {
        self.changed(bytes.cast_signed());
        let allocations = self.allocations.get() + 1;
        self.allocations.set(allocations);
        if allocations == ALLOCATIONS_PER_LOOK {
            self.allocations.set(0);
            self.look();
        }
    }

    fn changed(&self, bytes: isize) {
        let bytes = self.bytes.get() + bytes;
        self.bytes.set(bytes);
        if bytes > self.bytes_max.get() {
            self.exceed(Exceeded::Bytes);
        }
    }

    /// Looks at the clock. The first look of a piece of work begins its time, so that short ones need none.
    fn look(&self) {
        match self.started.get() {
            None => {
                self.started.set(Some(Instant::now()));
                self.started_cpu.set(processor_time());
            }
            Some(started) if started.elapsed() > self.time_max.get() => {
                if processor_time().saturating_sub(self.started_cpu.get()) > self.time_max.get() {
                    self.exceed(Exceeded::Time);
                }
            }
            Some(_) => {}
        }
    }

    fn exceed(&self, what: Exceeded) {
        if self.exceeded.replace(Some(what)).is_none() {
            // Where the thread is at its end there is nobody to stop.
            _ = STOP.try_with(|stop| {
                if let Some(stop) = stop.borrow().as_ref() {
                    stop();
                }
            });
        }
    }
}

/// What the thread has had of a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

fn counted(change: impl FnOnce(&Count)) {
    _ = COUNT.try_with(|count| {
        if count.counting.get() {
            change(count);
        }
    });
}

// Every call goes to the system's allocator as it came; counting allocates nothing.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: the blocks are the system allocator's, whose contract is this one's; it is told the layouts that we are.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        counted(|count| count.allocated(layout.size()));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        counted(|count| count.allocated(layout.size()));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        counted(|count| count.changed(-layout.size().cast_signed()));
        // SAFETY: the block came from `System`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        counted(|count| {
            count.changed(-layout.size().cast_signed());
            count.allocated(size);
        });
        // SAFETY: the block came from `System`, with this layout; the caller answers for the new size.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    const PLENTY: Allowance = Allowance { bytes: 1 << 30, time: Duration::from_hours(1) };

    /// Runs some work and says whether it was told to stop.
    fn stopped(allowance: Allowance, work: impl FnOnce(&AtomicBool)) -> (bool, Option<Exceeded>) {
        let flag = Arc::new(AtomicBool::new(false));
        let raised = flag.clone();
        let stop = move || raised.store(true, Ordering::Relaxed);
        let ((), exceeded) = within(allowance, stop, || work(&flag));
        (flag.load(Ordering::Relaxed), exceeded)
    }

    #[test]
    fn what_is_freed_does_not_count() {
        let allowance = Allowance { bytes: 1 << 20, ..PLENTY };
        let in_turn = |_: &AtomicBool| (0..100).for_each(|_| drop(vec![1_u8; 1 << 19]));
        assert_eq!(stopped(allowance, in_turn), (false, None));
        let at_once = |_: &AtomicBool| drop([vec![1_u8; 1 << 19], vec![2_u8; (1 << 19) + 1]]);
        assert_eq!(stopped(allowance, at_once), (true, Some(Exceeded::Bytes)));
    }

    #[test]
    fn work_that_goes_on_is_told_to_stop() {
        let allowance = Allowance { time: Duration::from_millis(5), ..PLENTY };
        let forever = |flag: &AtomicBool| {
            while !flag.load(Ordering::Relaxed) {
                std::hint::black_box(Box::new(1));
            }
        };
        assert_eq!(stopped(allowance, forever), (true, Some(Exceeded::Time)));
    }

    #[test]
    fn a_panic_ends_the_count() {
        let tiny = Allowance { bytes: 1, ..PLENTY };
        let panicked = std::panic::catch_unwind(|| within(tiny, || (), || panic!("as it must")));
        assert!(panicked.is_err());
        assert_eq!(stopped(PLENTY, |_| drop(vec![1_u8; 1000])), (false, None));
    }

    #[test]
    fn other_threads_and_what_came_before_do_not_count() {
        let before = vec![1_u8; 1 << 20];
        let allowance = Allowance { bytes: 1 << 19, ..PLENTY };
        let work = |_: &AtomicBool| {
            drop(before);
            let thread = std::thread::spawn(|| vec![1_u8; 1 << 20]);
            assert_eq!(thread.join().unwrap().len(), 1 << 20);
        };
        assert_eq!(stopped(allowance, work), (false, None));
    }
}
