//! Writing on a thread of its own, for a journal that promises nothing: whoever appends waits for neither
//! the encoding nor the disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use stepwell_engine::{Event, Execution, HistoryEvent, Outcome, Start};

use crate::error::JournalError;
use crate::recorder::{Recorder, Step};
use crate::records::{Key, LetterId};
use crate::tokens::NewToken;

/// Commits that may wait for the writer before `commit` waits as well.
const WAITING_MAX: usize = 4_096;

/// Commits that are written as one, at most.
const TOGETHER_MAX: usize = 1_024;

/// How long the writer waits for company before it writes: it need not be woken for each commit.
const GATHERING: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Background {
    appended: Vec<Item>,
    sender: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// Whether something was sent since the writer was last known to be done.
    sent: AtomicBool,
}

/// What the writer tells.
#[derive(Debug, Default)]
struct Shared {
    /// Whether there is anything to look at below.
    told: AtomicBool,
    due: Mutex<HashSet<Key>>,
    failure: Mutex<Option<JournalError>>,
}

#[derive(Debug)]
pub(crate) enum Item {
    Step(Box<OwnedStep>),
    TokenOpened(NewToken),
    TokenClosed(Key, String),
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

enum Message {
    Commit(Vec<Item>),
    /// Asks to be told when all before it is written.
    Settle(SyncSender<Result<(), JournalError>>),
}

impl Background {
    /// Begins a writer with a connection of its own.
    pub(crate) fn begin(db: Connection, path: &Path) -> Result<Self, JournalError> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
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
            .spawn(move || writer.run(&receiver))
            .map_err(|error| JournalError::io(path, error))?;
        let (sender, writer) = (Some(sender), Some(writer));
        Ok(Self { appended: Vec::new(), sender, writer, shared, sent: AtomicBool::new(false) })
    }

    pub(crate) fn append(&mut self, step: &Step<'_>, execution: &Execution) {
        let Step { key, at, event, history, start, outcome } = step;
        let due = self.shared.told.load(Ordering::Acquire) && lock(&self.shared.due).remove(key);
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
        if !self.appended.is_empty() {
            self.sent.store(true, Ordering::Relaxed);
            let items = std::mem::take(&mut self.appended);
            self.send(Message::Commit(items));
        }
        if self.shared.told.load(Ordering::Acquire) {
            let failure = lock(&self.shared.failure).take();
            return failure.map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// Waits until all that was handed over is written.
    pub(crate) fn settle(&self) -> Result<(), JournalError> {
        if !self.sent.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (sender, receiver) = sync_channel(1);
        self.send(Message::Settle(sender));
        receiver.recv().expect("the writer answers as long as the journal is open")?;
        self.sent.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn send(&self, message: Message) {
        let sender = self.sender.as_ref().expect("it is there until the journal is dropped");
        assert!(
            sender.send(message).is_ok(),
            "the writer takes messages until the journal is dropped"
        );
    }
}

/// What was committed is written before the program goes on.
impl Drop for Background {
    fn drop(&mut self) {
        self.sender = None;
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
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            let mut waiting = self.take(message);
            if waiting.is_none() {
                std::thread::sleep(GATHERING);
            }
            for _ in 0..TOGETHER_MAX {
                if waiting.is_some() {
                    break;
                }
                match receiver.try_recv() {
                    Ok(message) => waiting = self.take(message),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            let written = self.recorder.commit(&self.db).map_err(|error| error.at(&self.path));
            match waiting {
                Some(sender) => _ = sender.send(written),
                None => written.unwrap_or_else(|error| self.tell(error)),
            }
        }
        _ = self.recorder.commit(&self.db);
    }

    /// Takes what was committed; gives back who wants to be told when it is written.
    fn take(&mut self, message: Message) -> Option<SyncSender<Result<(), JournalError>>> {
        let items = match message {
            Message::Commit(items) => items,
            Message::Settle(sender) => return Some(sender),
        };
        for item in items {
            match item {
                Item::Step(step) if self.lost.contains(&step.key) => {}
                Item::Step(step) => {
                    if let Err(error) = self.append(&step) {
                        self.lost.insert(step.key);
                        self.tell(error.at(&self.path));
                    }
                }
                Item::TokenOpened(token) => self.recorder.open_token(token),
                Item::TokenClosed(key, token) => self.recorder.close_token(key, token),
                Item::LetterRead(key, letter) => self.recorder.read_letter(key, letter),
                Item::Forget(key) => {
                    self.recorder.forget(key);
                    self.lost.remove(&key);
                }
            }
        }
        None
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
            self.shared.told.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn tell(&self, error: JournalError) {
        *lock(&self.shared.failure) = Some(error);
        self.shared.told.store(true, Ordering::Release);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
