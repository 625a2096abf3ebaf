//! A journal that is open.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use stepwell_engine::{EffectId, Event, Execution, HistoryEvent, OpenToken};

use crate::background::{Background, Item};
use crate::error::JournalError;
use crate::inbox::{self, Letter, Message};
use crate::owners::{self, Owner};
use crate::recorder::{Recorder, Step};
use crate::records::{BatchId, Key, LetterId, Status};
use crate::tokens::{self, Answer, NewToken};
use crate::{executions, schema};

/// The file in a journal's folder that is the journal; SQLite puts others beside it while it is open.
pub const FILE_NAME: &str = "journal.db";

/// How long to wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// What is certain when [`Journal::commit`] has returned. Whichever it is, a commit is there as a whole
/// or not at all, and a later one never without an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing: it is written soon, by a thread of its own. A program that ends in order, by dropping the
    /// journal, has written everything. One that is killed may lose the last milliseconds, and a power
    /// failure may damage the journal. Creating, claiming and answering wait for what was committed before.
    None,
    /// It survives the end of the program, whatever ends it. A power failure or a crash of the system may
    /// take back the last commits, but damages nothing.
    #[default]
    Step,
    /// It survives a power failure as well, as far as the disk tells the truth: every commit waits for it.
    Full,
}

/// Executions in a folder. Several processes, and several journals in one, may have the same folder open.
#[derive(Debug)]
pub struct Journal {
    pub(crate) db: Connection,
    pub(crate) dir: PathBuf,
    path: PathBuf,
    recording: Recording,
    /// Letters that were handed out and are still in the inbox.
    taken: HashSet<LetterId>,
    data_version: Option<i64>,
    /// Where the file is on the disk.
    #[cfg(unix)]
    place: (u64, u64),
}

#[derive(Debug)]
enum Recording {
    Direct(Recorder),
    Background(Background),
}

/// An event that was applied to an execution, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// When it happened, as [`Execution::apply`] was told.
    pub at: Timestamp,
    /// What happened.
    pub event: &'e Event,
    /// What the history gained.
    pub history: &'e [HistoryEvent],
    /// The execution after the event.
    pub execution: &'e Execution,
    /// The message in the inbox that the event comes from, if it comes from one.
    pub letter: Option<LetterId>,
}

impl Journal {
    /// Opens the journal in a folder, and makes both if they are not there.
    pub fn open(dir: &Path, durability: Durability) -> Result<Self, JournalError> {
        fs::create_dir_all(dir).map_err(|error| JournalError::io(dir, error))?;
        let path = dir.join(FILE_NAME);
        let connect = || connect(&path, durability, OpenFlags::SQLITE_OPEN_CREATE);
        Self::with(dir, connect, durability).map_err(|error| error.at(&path))
    }

    /// Opens a journal that is there already to look at it, without writing anything.
    pub fn open_for_reading(dir: &Path) -> Result<Self, JournalError> {
        let path = existing(dir)?;
        Self::with(dir, || connect_for_reading(&path), Durability::Step)
            .map_err(|error| error.at(&path))
    }

    /// Opens a journal that is there already. Where it may only be read, reading works.
    pub fn open_existing(dir: &Path, durability: Durability) -> Result<Self, JournalError> {
        let path = existing(dir)?;
        let connect_here = || connect(&path, durability, OpenFlags::empty());
        match Self::with(dir, connect_here, durability) {
            Err(JournalError::ReadOnly { .. } | JournalError::Io { .. }) => {
                let reading = Durability::Step;
                Self::with(dir, || connect_for_reading(&path), reading)
            }
            opened => opened,
        }
        .map_err(|error| error.at(&path))
    }

    fn with(
        dir: &Path,
        connect: impl Fn() -> Result<Connection, JournalError>,
        durability: Durability,
    ) -> Result<Self, JournalError> {
        let path = dir.join(FILE_NAME);
        let db = connect()?;
        let recording = match durability {
            Durability::None => Recording::Background(Background::begin(connect()?, &path)?),
            Durability::Step | Durability::Full => Recording::Direct(Recorder::default()),
        };
        let (dir, taken) = (dir.to_owned(), HashSet::new());
        #[cfg(unix)]
        let place = {
            use std::os::unix::fs::MetadataExt;
            let file = fs::metadata(&path).map_err(|error| JournalError::io(&path, error))?;
            (file.dev(), file.ino())
        };
        Ok(Self {
            db,
            dir,
            path,
            recording,
            taken,
            data_version: None,
            #[cfg(unix)]
            place,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Takes down an event; [`Journal::commit`] writes it.
    ///
    /// To be called for every event that was applied, in order. An execution that ends gets its status and
    /// outcome by this, its tokens are closed and its inbox is emptied; one that had ended and goes on by a
    /// redrive is running again.
    pub fn append(&mut self, key: Key, entry: Entry<'_>) -> Result<(), JournalError> {
        let Entry { at, event, history, execution, letter } = entry;
        let start = (*event == Event::Started).then(|| execution.start());
        let step = Step { key, at, event, history, start, outcome: execution.outcome() };
        match &mut self.recording {
            Recording::Background(background) => background.append(&step, execution),
            Recording::Direct(recorder) => {
                recorder.append(&self.db, &step).map_err(|error| error.at(&self.path))?;
                if recorder.snapshot_is_due(key) {
                    recorder.snapshot(key, execution);
                }
            }
        }
        if let Some(letter) = letter {
            self.discard(key, letter);
        }
        Ok(())
    }

    /// Lets a token be answered, from the next commit on.
    pub fn open_token(&mut self, key: Key, open: OpenToken) {
        let token = NewToken { key, open };
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.open_token(token),
            Recording::Background(background) => background.push(Item::TokenOpened(token)),
        }
    }

    /// Notes when the next heartbeat of the token that an effect opened is overdue.
    pub fn expect_heartbeat(&mut self, key: Key, effect: EffectId, at: Timestamp) {
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.expect_heartbeat(key, effect, at),
            Recording::Background(background) => {
                background.push(Item::HeartbeatExpected(key, effect, at));
            }
        }
    }

    /// Whether the file is still where it was: nothing that is written into one that was removed survives.
    pub fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.place)
        }
        #[cfg(not(unix))]
        self.path.exists()
    }

    /// Lets a token be answered no more, from the next commit on.
    pub fn close_token(&mut self, key: Key, token: &str) {
        let token = token.to_owned();
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.close_token(key, token),
            Recording::Background(background) => background.push(Item::TokenClosed(key, token)),
        }
    }

    /// Takes a letter out of the inbox with the next commit: one that does not concern the execution any
    /// more.
    pub fn discard(&mut self, key: Key, letter: LetterId) {
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.read_letter(key, letter),
            Recording::Background(background) => background.push(Item::LetterRead(key, letter)),
        }
    }

    /// Writes all that was appended, of all executions, in one transaction: [`Durability`] says what is
    /// certain then.
    ///
    /// After an error nothing of it is written, what was committed before is safe, and the call can be
    /// made again. With [`Durability::None`] the error may be that of an earlier commit.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.commit(&self.db),
            Recording::Background(background) => background.commit(),
        }
        .map_err(|error| error.at(&self.path))
    }

    /// Waits until all that was committed is written, which is of interest at [`Durability::None`] only.
    pub fn finish(&mut self) -> Result<(), JournalError> {
        self.commit()?;
        match &self.recording {
            Recording::Direct(_) => Ok(()),
            Recording::Background(background) => {
                background.settle().map_err(|error| error.at(&self.path))
            }
        }
    }

    /// Forgets what was appended to an execution and not committed, as after [`JournalError::Overtaken`].
    pub fn forget(&mut self, key: Key) {
        match &mut self.recording {
            Recording::Direct(recorder) => recorder.forget(key),
            Recording::Background(background) => background.push(Item::Forget(key)),
        }
    }

    /// Makes this process one that drives executions.
    pub fn register(&self, now: Timestamp) -> Result<Owner, JournalError> {
        Owner::register(&self.dir, now)
    }

    /// Makes an execution that of an owner, also if its last owner has died.
    pub fn claim(&mut self, key: Key, owner: &Owner) -> Result<(), JournalError> {
        self.write(|journal, db| owners::claim(db, &journal.dir, key, owner))
    }

    /// Makes the next executions of a batch that have not begun those of an owner; at most `limit`.
    pub fn claim_pending(
        &mut self,
        batch: BatchId,
        limit: usize,
        owner: &Owner,
    ) -> Result<Vec<Key>, JournalError> {
        self.write(|journal, db| owners::claim_pending(db, &journal.dir, batch, limit, owner))
    }

    /// Gives an execution free that has not ended; the end of one does so by itself. What was appended to it
    /// and not committed is forgotten.
    pub fn release(&mut self, key: Key, owner: &Owner) -> Result<(), JournalError> {
        self.write(|_, db| {
            let sql = "UPDATE executions SET owner = NULL WHERE id = ?1 AND owner = ?2";
            db.prepare_cached(sql)?.execute(rusqlite::params![key, owner.id()])?;
            Ok(())
        })?;
        self.forget(key);
        Ok(())
    }

    /// Whether a process that is alive drives the execution: its id.
    pub fn driven_by(&self, key: Key) -> Result<Option<u32>, JournalError> {
        self.read(|db| {
            let owner = executions::owner(db, key)?;
            Ok(owner.and_then(|owner| owners::alive(&self.dir, &owner)))
        })
    }

    /// Answers a task by its token. The execution that waits for it gets a [`Letter`].
    pub fn answer(
        &mut self,
        token: &str,
        now: Timestamp,
        answer: Answer,
    ) -> Result<Key, JournalError> {
        self.write(|_, db| tokens::answer(db, token, now, answer))
    }

    /// Asks an execution to end, and gives its status: one that has ended, or has not begun, gets no
    /// letter.
    pub fn request_stop(
        &mut self,
        key: Key,
        now: Timestamp,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<Status, JournalError> {
        self.write(|_, db| {
            let status = executions::status(db, key)?;
            if !status.is_closed() {
                inbox::put(db, key, now, &Message::StopRequested { error, cause })?;
            }
            Ok(status)
        })
    }

    /// The letters to an owner's executions that were not handed out yet, in order. Each stays in the inbox
    /// until the event that it became, or [`Journal::discard`], is committed.
    pub fn take_inbox(&mut self, owner: &Owner) -> Result<Vec<Letter>, JournalError> {
        let mut taken = std::mem::take(&mut self.taken);
        let letters = self.read(|db| inbox::take(db, owner, &mut taken));
        self.taken = taken;
        letters
    }

    /// Whether another connection has written since this was last asked: cheap enough to ask often.
    pub fn inbox_changed(&mut self) -> Result<bool, JournalError> {
        let version = self.db.prepare_cached("PRAGMA data_version");
        let version = version.and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        let version: i64 = version.map_err(|error| JournalError::from(error).at(&self.path))?;
        Ok(self.data_version.replace(version) != Some(version))
    }

    /// Reads a consistent state.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.run(TransactionBehavior::Deferred, work)
    }

    /// Writes directly, all or nothing.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Self, &Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.run(TransactionBehavior::Immediate, |db| work(self, db))
    }

    fn run<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let run = || {
            if let Recording::Background(background) = &self.recording {
                background.settle()?;
            }
            let transaction = Transaction::new_unchecked(&self.db, behavior)?;
            let done = work(&self.db)?;
            transaction.commit()?;
            Ok(done)
        };
        run().map_err(|error: JournalError| error.at(&self.path))
    }

    /// Lets the file grow no further than so many pages: a full disk, for tests.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: Option<u32>) -> Result<(), JournalError> {
        let pages = pages.unwrap_or(u32::MAX - 1);
        Ok(self.db.pragma_update(None, "max_page_count", pages)?)
    }
}

pub(crate) fn existing(dir: &Path) -> Result<PathBuf, JournalError> {
    let path = dir.join(FILE_NAME);
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(JournalError::Io { path, source: error.into() })
        }
        Err(_) => Err(JournalError::NotFound { path: dir.to_owned() }),
    }
}

fn connect(
    path: &Path,
    durability: Durability,
    flags: OpenFlags,
) -> Result<Connection, JournalError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    prepare(&db)?;
    schema::migrate(&db, path)?;
    let synchronous = match durability {
        Durability::None => "OFF",
        Durability::Step => "NORMAL",
        Durability::Full => "FULL",
    };
    db.pragma_update(None, "synchronous", synchronous)?;
    // After a burst the log is cut to this again.
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    Ok(db)
}

/// Opens a journal without writing anything, not even beside it.
pub(crate) fn connect_for_reading(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |db: Connection| {
        prepare(&db)?;
        schema::version(&db, path)?;
        Ok(db)
    };
    let opened =
        Connection::open_with_flags(path, flags).map_err(JournalError::from).and_then(open);
    // SQLite reads a log only beside a file that it may write. A journal without a log is whole by itself,
    // and without permission to write nobody here is changing it.
    let log = path.with_file_name(format!("{FILE_NAME}-wal"));
    match opened {
        Err(JournalError::Io { .. }) if fs::metadata(&log).map_or(0, |log| log.len()) > 0 => {
            Err(JournalError::ReadOnly { path: path.to_owned() })
        }
        Err(JournalError::Io { .. } | JournalError::ReadOnly { .. }) => {
            let text = path.to_string_lossy();
            let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let uri = format!("file:{escaped}?immutable=1");
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(uri, flags).map_err(JournalError::from).and_then(open)
        }
        opened => opened,
    }
}

fn prepare(db: &Connection) -> Result<(), JournalError> {
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}
