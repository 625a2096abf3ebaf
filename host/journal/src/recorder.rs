//! What was appended and is not committed yet.
//!
//! Appending encodes; committing writes all rows in one transaction, however many executions they are of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use stepwell_engine::{EffectId, Event, Execution, HistoryEvent, Outcome, Start, Stored};
use stepwell_query::Document;

use crate::documents::Recent;
use crate::error::JournalError;
use crate::records::{Key, LetterId, Milliseconds, Status, number};
use crate::tokens::{self, NewToken};

/// A snapshot is due when so many events came after the last one, and as many bytes as it has: then a
/// restore applies few events, and snapshots never double what is written.
const SNAPSHOT_EVENTS_MIN: u64 = 256;

/// Bytes of recent documents of all executions together. Beyond that they are forgotten, and a document
/// that is met again is written again.
const RECENT_BYTES_MAX: usize = 64 << 20;

/// One event of an execution, and what came of it.
pub(crate) struct Step<'s> {
    pub(crate) key: Key,
    pub(crate) at: Timestamp,
    pub(crate) event: &'s Event,
    pub(crate) history: &'s [HistoryEvent],
    /// What the execution began with, where the event is its first one.
    pub(crate) start: Option<&'s Start>,
    pub(crate) outcome: Option<&'s Outcome>,
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    opened: HashMap<Key, Opened>,
    recent_bytes: usize,
    writes: Vec<Write>,
}

/// An execution that is being appended to.
#[derive(Debug)]
struct Opened {
    sequence: u64,
    status: Status,
    recent: Recent,
    /// The bytes of those that [`Recorder::recent_bytes`] counts.
    counted: usize,
    /// What was written since the last snapshot.
    tail_events: u64,
    tail_bytes: usize,
    snapshot_bytes: usize,
}

/// A row that is to be written.
#[derive(Debug)]
enum Write {
    Document { key: Key, number: u64, document: Document },
    Event { key: Key, sequence: u64, at: Timestamp, event: String, history: Option<String> },
    Snapshot { key: Key, sequence: u64, bytes: usize, snapshot: String },
    Begun { key: Key, at: Timestamp, start: String },
    Redriven { key: Key, at: Timestamp },
    Ended { key: Key, at: Timestamp, status: Status, outcome: String },
    TokenOpened(NewToken),
    TokenClosed { key: Key, token: String },
    HeartbeatExpected { key: Key, effect: EffectId, at: Timestamp },
    LetterRead { key: Key, letter: LetterId },
}

impl Recorder {
    pub(crate) fn append(&mut self, db: &Connection, step: &Step<'_>) -> Result<(), JournalError> {
        let Step { key, at, event, history, start, outcome } = *step;
        let (opened, writes) = (open(&mut self.opened, db, key)?, &mut self.writes);
        if let (Status::Pending, Some(start)) = (opened.status, start) {
            let start = opened.encode(key, start, writes);
            writes.push(Write::Begun { key, at, start });
            opened.status = Status::Running;
        } else if opened.status.is_closed() {
            // The engine lets nothing but a redrive follow an end.
            writes.push(Write::Redriven { key, at });
        }
        let stored: Vec<_> = history.iter().map(Stored).collect();
        let history = (!stored.is_empty()).then(|| opened.encode(key, &stored, writes));
        let event = opened.encode(key, event, writes);
        opened.sequence += 1;
        opened.tail_events += 1;
        writes.push(Write::Event { key, sequence: opened.sequence, at, event, history });
        opened.status = Status::of(outcome);
        if let Some(outcome) = outcome {
            let (status, outcome) = (opened.status, opened.encode(key, outcome, writes));
            writes.push(Write::Ended { key, at, status, outcome });
        }
        self.count(key);
        Ok(())
    }

    /// Counts the recent documents of an execution that it has now.
    fn count(&mut self, key: Key) {
        let Some(opened) = self.opened.get_mut(&key) else { return };
        self.recent_bytes = self.recent_bytes - opened.counted + opened.recent.bytes();
        opened.counted = opened.recent.bytes();
        if self.recent_bytes > RECENT_BYTES_MAX {
            for opened in self.opened.values_mut() {
                opened.recent.forget();
                opened.counted = 0;
            }
            self.recent_bytes = 0;
        }
    }

    /// Whether a snapshot is due after what was appended.
    pub(crate) fn snapshot_is_due(&self, key: Key) -> bool {
        self.opened.get(&key).is_some_and(|opened| {
            opened.tail_events >= SNAPSHOT_EVENTS_MIN && opened.tail_bytes >= opened.snapshot_bytes
        })
    }

    /// Takes down what an execution is after the last event that was appended.
    pub(crate) fn snapshot(&mut self, key: Key, execution: &Execution) {
        let Some(opened) = self.opened.get_mut(&key) else { return };
        let sequence = opened.sequence;
        opened.tail_bytes = 0;
        let snapshot = opened.encode(key, execution, &mut self.writes);
        // Its documents are a part of what it costs.
        let bytes = opened.tail_bytes;
        (opened.tail_events, opened.tail_bytes, opened.snapshot_bytes) = (0, 0, bytes);
        self.writes.push(Write::Snapshot { key, sequence, bytes, snapshot });
        self.count(key);
    }

    pub(crate) fn open_token(&mut self, token: NewToken) {
        self.writes.push(Write::TokenOpened(token));
    }

    pub(crate) fn close_token(&mut self, key: Key, token: String) {
        self.writes.push(Write::TokenClosed { key, token });
    }

    pub(crate) fn expect_heartbeat(&mut self, key: Key, effect: EffectId, at: Timestamp) {
        self.writes.push(Write::HeartbeatExpected { key, effect, at });
    }

    pub(crate) fn read_letter(&mut self, key: Key, letter: LetterId) {
        self.writes.push(Write::LetterRead { key, letter });
    }

    /// Writes what was appended, all or nothing. After an error it can be tried again.
    pub(crate) fn commit(&mut self, db: &Connection) -> Result<(), JournalError> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        for write in &self.writes {
            write.run(db).map_err(|error| write.failed(error))?;
        }
        transaction.commit()?;
        for write in self.writes.drain(..) {
            if let Write::Ended { key, .. } = write
                && self.opened.get(&key).is_some_and(|opened| opened.status.is_closed())
                && let Some(opened) = self.opened.remove(&key)
            {
                self.recent_bytes -= opened.counted;
            }
        }
        Ok(())
    }

    /// Drops what was appended to an execution and not committed, and what is known of it.
    pub(crate) fn forget(&mut self, key: Key) {
        self.writes.retain(|write| write.key() != key);
        if let Some(opened) = self.opened.remove(&key) {
            self.recent_bytes -= opened.counted;
        }
    }
}

/// The execution as it is known, or as the journal has it.
fn open<'o>(
    opened: &'o mut HashMap<Key, Opened>,
    db: &Connection,
    key: Key,
) -> Result<&'o mut Opened, JournalError> {
    match opened.entry(key) {
        Entry::Occupied(opened) => Ok(opened.into_mut()),
        Entry::Vacant(place) => Ok(place.insert(Opened::load(db, key)?)),
    }
}

impl Opened {
    fn load(db: &Connection, key: Key) -> Result<Self, JournalError> {
        let mut statement = db.prepare_cached("SELECT status FROM executions WHERE id = ?1")?;
        let status = statement.query_row([key], |row| row.get(0)).optional()?;
        let status =
            status.ok_or_else(|| JournalError::NoSuchExecution { arn: key.to_string() })?;
        let mut statement =
            db.prepare_cached("SELECT sequence, bytes FROM snapshots WHERE execution = ?1")?;
        let snapshot =
            statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (snapshot, snapshot_bytes): (i64, i64) = snapshot.unwrap_or_default();
        let mut statement = db.prepare_cached(
            "SELECT ifnull(max(key), ?1), count(*),
                ifnull(sum(octet_length(event) + ifnull(octet_length(history), 0)), 0)
            FROM events WHERE key > ?1 AND key < ?2",
        )?;
        let rows = (key.rows().start | snapshot, key.rows().end);
        let (last, tail_events, tail_bytes): (i64, i64, i64) =
            statement.query_row(rows, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let unsigned = |bytes: i64| usize::try_from(bytes).unwrap_or_default();
        Ok(Self {
            sequence: number(last),
            status,
            recent: Recent::load(db, key)?,
            counted: 0,
            tail_events: tail_events.cast_unsigned(),
            tail_bytes: unsigned(tail_bytes),
            snapshot_bytes: unsigned(snapshot_bytes),
        })
    }

    fn encode(
        &mut self,
        key: Key,
        value: &impl serde::Serialize,
        writes: &mut Vec<Write>,
    ) -> String {
        let text = self.recent.encode(value);
        self.tail_bytes += text.len();
        for (number, document) in self.recent.take_new() {
            self.tail_bytes += document.size_bytes();
            writes.push(Write::Document { key, number, document });
        }
        text
    }
}

impl Write {
    fn key(&self) -> Key {
        match self {
            Self::Document { key, .. }
            | Self::Event { key, .. }
            | Self::Snapshot { key, .. }
            | Self::Begun { key, .. }
            | Self::Redriven { key, .. }
            | Self::Ended { key, .. }
            | Self::TokenClosed { key, .. }
            | Self::HeartbeatExpected { key, .. }
            | Self::LetterRead { key, .. } => *key,
            Self::TokenOpened(token) => token.key,
        }
    }

    fn run(&self, db: &Connection) -> rusqlite::Result<()> {
        let run = |sql, parameters: &[&dyn rusqlite::ToSql]| {
            db.prepare_cached(sql)?.execute(parameters).map(drop)
        };
        // Of an execution that is there.
        let update = |sql, parameters: &[&dyn rusqlite::ToSql]| match db
            .prepare_cached(sql)?
            .execute(parameters)?
        {
            0 => Err(rusqlite::Error::QueryReturnedNoRows),
            _ => Ok(()),
        };
        match self {
            Self::Document { key, number, document } => run(
                "INSERT INTO documents (key, text) VALUES (?1, ?2)",
                &[&key.row(*number), &document.text()],
            ),
            Self::Event { key, sequence, at, event, history } => run(
                "INSERT INTO events (key, at, event, history) VALUES (?1, ?2, ?3, ?4)",
                &[&key.row(*sequence), &at.to_string(), event, history],
            ),
            Self::Snapshot { key, sequence, bytes, snapshot } => run(
                "INSERT OR REPLACE INTO snapshots (execution, sequence, bytes, snapshot)
                VALUES (?1, ?2, ?3, ?4)",
                &[key, &sequence.cast_signed(), &bytes.cast_signed(), snapshot],
            ),
            Self::Begun { key, at, start } => update(
                "UPDATE executions SET status = 'RUNNING', started_at = ?2, start = ?3
                WHERE id = ?1",
                &[key, &Milliseconds(*at), start],
            ),
            Self::Redriven { key, at } => update(
                "UPDATE executions SET status = 'RUNNING', stopped_at = NULL, outcome = NULL,
                    redrive_count = redrive_count + 1, redriven_at = ?2
                WHERE id = ?1",
                &[key, &Milliseconds(*at)],
            ),
            Self::Ended { key, at, status, outcome } => {
                update(
                    "UPDATE executions SET status = ?3, stopped_at = ?2, outcome = ?4, owner = NULL
                    WHERE id = ?1",
                    &[key, &Milliseconds(*at), status, outcome],
                )?;
                run(
                    "UPDATE tokens SET status = 'closed' WHERE execution = ?1 AND status = 'open'",
                    &[key],
                )?;
                run("DELETE FROM inbox WHERE execution = ?1", &[key])
            }
            Self::TokenOpened(token) => token.insert(db),
            Self::HeartbeatExpected { key, effect, at } => {
                tokens::expect_heartbeat(db, *key, *effect, *at)
            }
            Self::TokenClosed { token, .. } => run(
                "UPDATE tokens SET status = 'closed' WHERE token = ?1 AND status = 'open'",
                &[token],
            ),
            Self::LetterRead { letter, .. } => run("DELETE FROM inbox WHERE id = ?1", &[letter]),
        }
    }

    /// Rows that are there already were written by somebody else; an execution that is not was deleted.
    fn failed(&self, error: rusqlite::Error) -> JournalError {
        let gone = matches!(error, rusqlite::Error::QueryReturnedNoRows);
        match error.sqlite_error_code() {
            _ if gone => JournalError::NoSuchExecution { arn: self.key().to_string() },
            Some(ErrorCode::ConstraintViolation) => JournalError::Overtaken { key: self.key() },
            _ => error.into(),
        }
    }
}
