//! Writing on a thread of its own, for a journal that promises nothing: whoever appends waits for neither
//! the encoding nor the disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use stepwell_engine::{EffectId, Event, Execution, HistoryEvent, Outcome, Start};

use crate::error::JournalError;
use crate::recorder::{Recorder, Step};
use crate::records::{Key, LetterId};
use crate::tokens::NewToken;

/// What may wait for the writer before `commit` waits as well.
const WAITING_MAX: usize = 4_096;

/// How long the writer waits for company before it writes: it need not be woken for each commit.
const GATHERING: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Background {
    appended: Vec<Item>,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// Between the driver and the writer.
#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something for a writer that sleeps.
    arrived: Condvar,
    /// The writer has done another round.
    done: Condvar,
    /// Whether there is anything in `due`.
    any_due: AtomicBool,
    /// Executions of which a snapshot is due.
    due: Mutex<HashSet<Key>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whole commits, in order.
    items: Vec<Item>,
    /// How many commits were handed over, were tried to be written, and were written.
    sent: u64,
    tried: u64,
    written: u64,
    /// Rounds of the writer.
    rounds: u64,
    /// The writer waits to be woken.
    asleep: bool,
    /// Somebody waits for the writer.
    hurry: bool,
    stage: Stage,
    failure: Option<JournalError>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// The journal is closed; what is there is to be written.
    Closing,
    /// The writer has ended.
    Over,
}

impl Queue {
    fn assert_alive(&self) {
        assert!(
            self.stage != Stage::Over,
            "the writer ends when the journal is closed, unless it panics"
        );
    }
}

#[derive(Debug)]
pub(crate) enum Item {
    Step(Box<OwnedStep>),
    TokenOpened(NewToken),
    TokenClosed(Key, String),
    HeartbeatExpected(Key, EffectId, Timestamp),
    LetterRead(Key, LetterId),
    Forget(Key),
}

#[derive(Debug)]
pub(crate) struct OwnedStep {
    key: Key,
    at: Timestamp,
    event: Event,
    history: Vec<HistoryEvent>,
    start: Option<Start>,
    outcome: Option<Outcome>,
    /// The execution, where a snapshot of it is due.
    snapshot: Option<Execution>,
}

impl Background {
    /// Begins a writer with a connection of its own.
    pub(crate) fn begin(db: Connection, path: &Path) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            db,
            path: path.to_owned(),
            recorder: Recorder::default(),
            lost: HashSet::new(),
            shared: Arc::clone(&shared),
        };
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| JournalError::io(path, error))?;
        Ok(Self { appended: Vec::new(), writer: Some(writer), shared })
    }

    pub(crate) fn append(&mut self, step: &Step<'_>, execution: &Execution) {
        let Step { key, at, event, history, start, outcome } = step;
        let due = self.shared.any_due.load(Ordering::Acquire) && lock(&self.shared.due).remove(key);
        self.appended.push(Item::Step(Box::new(OwnedStep {
            key: *key,
            at: *at,
            event: (*event).clone(),
            history: history.to_vec(),
            start: start.cloned(),
            outcome: outcome.cloned(),
            snapshot: due.then(|| execution.clone()),
        })));
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.appended.push(item);
    }

    /// Hands over what was appended. An error is that of an earlier commit, which the writer keeps and
    /// tries again.
    pub(crate) fn commit(&mut self) -> Result<(), JournalError> {
        let mut queue = lock(&self.shared.queue);
        if !self.appended.is_empty() {
            queue.items.append(&mut self.appended);
            queue.sent += 1;
            if std::mem::take(&mut queue.asleep) {
                self.shared.arrived.notify_one();
            }
            while queue.items.len() > WAITING_MAX {
                queue.assert_alive();
                queue = wait(&self.shared.done, queue);
            }
        }
        queue.failure.take().map_or(Ok(()), Err)
    }

    /// Waits until all that was handed over is written.
    pub(crate) fn settle(&self) -> Result<(), JournalError> {
        let mut queue = lock(&self.shared.queue);
        let (sent, rounds) = (queue.sent, queue.rounds);
        while queue.written < sent {
            queue.assert_alive();
            if queue.rounds > rounds && queue.tried >= sent {
                return queue.failure.take().map_or(Ok(()), Err);
            }
            queue.hurry = true;
            self.shared.arrived.notify_one();
            queue = wait(&self.shared.done, queue);
        }
        Ok(())
    }
}

/// What was committed is written before the program goes on.
impl Drop for Background {
    fn drop(&mut self) {
        lock(&self.shared.queue).stage = Stage::Closing;
        self.shared.arrived.notify_one();
        if let Some(writer) = self.writer.take() {
            _ = writer.join();
        }
    }
}

struct Writer {
    db: Connection,
    path: PathBuf,
    recorder: Recorder,
    /// Executions of which a step could not be taken: what follows would not fit.
    lost: HashSet<Key>,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut items = Vec::new();
        loop {
            let mut queue = lock(&shared.queue);
            while queue.items.is_empty() && !queue.hurry && queue.stage == Stage::Open {
                queue.asleep = true;
                queue = wait(&shared.arrived, queue);
            }
            queue.asleep = false;
            if !queue.hurry && queue.stage == Stage::Open {
                drop(queue);
                std::thread::sleep(GATHERING);
                queue = lock(&shared.queue);
            }
            std::mem::swap(&mut items, &mut queue.items);
            queue.hurry = false;
            let (sent, closed) = (queue.sent, queue.stage != Stage::Open);
            drop(queue);
            let written = self.write(&mut items);
            let mut queue = lock(&shared.queue);
            queue.rounds += 1;
            queue.tried = sent;
            match written {
                Ok(()) => queue.written = sent,
                Err(error) => queue.failure = Some(error.at(&self.path)),
            }
            drop(queue);
            shared.done.notify_all();
            if closed {
                return;
            }
        }
    }

    fn write(&mut self, items: &mut Vec<Item>) -> Result<(), JournalError> {
        let taken = self.take(items);
        self.recorder.commit(&self.db).and(taken)
    }

    /// Takes what was committed; the error is that of the last one that could not be taken.
    fn take(&mut self, items: &mut Vec<Item>) -> Result<(), JournalError> {
        let mut result = Ok(());
        for item in items.drain(..) {
            match item {
                Item::Step(step) if self.lost.contains(&step.key) => {}
                Item::Step(step) => {
                    if let Err(error) = self.append(&step) {
                        self.lost.insert(step.key);
                        result = Err(error);
                    }
                }
                Item::TokenOpened(token) => self.recorder.open_token(token),
                Item::TokenClosed(key, token) => self.recorder.close_token(key, token),
                Item::HeartbeatExpected(key, effect, at) => {
                    self.recorder.expect_heartbeat(key, effect, at);
                }
                Item::LetterRead(key, letter) => self.recorder.read_letter(key, letter),
                Item::Forget(key) => {
                    self.recorder.forget(key);
                    self.lost.remove(&key);
                }
            }
        }
        result
    }

    fn append(&mut self, step: &OwnedStep) -> Result<(), JournalError> {
        let OwnedStep { key, at, event, history, start, outcome, snapshot } = step;
        let (start, outcome) = (start.as_ref(), outcome.as_ref());
        let step = Step { key: *key, at: *at, event, history, start, outcome };
        self.recorder.append(&self.db, &step)?;
        if !self.recorder.snapshot_is_due(*key) {
            return Ok(());
        }
        if let Some(execution) = snapshot {
            self.recorder.snapshot(*key, execution);
        } else {
            lock(&self.shared.due).insert(*key);
            self.shared.any_due.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// Nobody waits for a writer that is gone.
impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.queue).stage = Stage::Over;
        self.shared.done.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'q>(condition: &Condvar, queue: MutexGuard<'q, Queue>) -> MutexGuard<'q, Queue> {
    condition.wait(queue).unwrap_or_else(PoisonError::into_inner)
}
