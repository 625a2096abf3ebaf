//! Reading an execution back: as it was, event by event, or as its history.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use stepwell_asl::Definition;
use stepwell_engine::{Event, Execution, HistoryEvent, Start, Stored};

use crate::documents::Found;
use crate::error::JournalError;
use crate::executions;
use crate::journal::Journal;
use crate::records::{Key, number};

/// An event of an execution as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What the history gained.
    pub history: Vec<HistoryEvent>,
}

impl Journal {
    /// The execution as it was after its last event: its last snapshot, and the events after it applied.
    ///
    /// `definition` must be the one that it began with. Documents that are equal are shared again.
    pub fn restore(&self, key: Key, definition: &Definition) -> Result<Execution, JournalError> {
        self.read(|db| restore(db, key, definition))
    }

    /// Events from a sequence number on, at most `limit`.
    pub fn events(&self, key: Key, from: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        self.read(|db| events(db, key, from, limit))
    }

    /// The history from the event after `after_id` on, at most `limit` events of it.
    pub fn history(
        &self,
        key: Key,
        after_id: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEvent>, JournalError> {
        self.read(|db| {
            let name = executions::name(db, key)?;
            let sql = "SELECT key, history FROM events
                WHERE key >= ?1 AND key < ?2 AND json_extract(history, '$[#-1][0]') > ?3
                ORDER BY key";
            let mut statement = db.prepare_cached(sql)?;
            let rows = key.rows();
            let mut rows = statement.query((rows.start, rows.end, after_id.cast_signed()))?;
            let (mut found, mut history) = (Found::default(), Vec::new());
            while history.len() < limit
                && let Some(row) = rows.next()?
            {
                let corrupt =
                    |what| JournalError::corrupt(&name, number(row.get(0).unwrap_or(0)), what);
                let text: String = row.get(1)?;
                let stored: Vec<Stored> = found.decode(db, key, &text)?.map_err(corrupt)?;
                history.extend(
                    stored.into_iter().map(|event| event.0).filter(|event| event.id > after_id),
                );
            }
            history.truncate(limit);
            Ok(history)
        })
    }
}

pub(crate) fn restore(
    db: &Connection,
    key: Key,
    definition: &Definition,
) -> Result<Execution, JournalError> {
    let name = executions::name(db, key)?;
    let mut found = Found::default();
    let (mut sequence, mut execution) = match snapshot(db, key, &mut found)? {
        Some(snapshot) => snapshot,
        None => (0, Execution::new(start(db, key, &name, &mut found)?)),
    };
    let sql = "SELECT key, at, event FROM events WHERE key > ?1 AND key < ?2 ORDER BY key";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([key.row(sequence), key.rows().end])?;
    while let Some(row) = rows.next()? {
        sequence += 1;
        let corrupt = |what: String| JournalError::corrupt(&name, sequence, what);
        if row.get_ref(0)?.as_i64().ok() != Some(key.row(sequence)) {
            return Err(corrupt("it is missing".to_owned()));
        }
        let at = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let at = at.parse().map_err(|error: jiff::Error| corrupt(error.to_string()))?;
        let text = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let event: Event = found.decode(db, key, text)?.map_err(corrupt)?;
        let applied = execution.apply(definition, at, event);
        // What is still to be done is asked of the execution, not of what led to it.
        drop(applied.map_err(|error| corrupt(error.to_string()))?);
    }
    Ok(execution)
}

/// The last snapshot. One that cannot be read is passed over: the events are all there, and a newer
/// program may keep an execution in another form.
fn snapshot(
    db: &Connection,
    key: Key,
    found: &mut Found,
) -> Result<Option<(u64, Execution)>, JournalError> {
    let sql = "SELECT sequence, snapshot FROM snapshots WHERE execution = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let row = statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((sequence, text)): Option<(i64, String)> = row.optional()? else { return Ok(None) };
    let execution = found.decode(db, key, &text)?;
    Ok(execution.ok().map(|execution| (sequence.cast_unsigned(), execution)))
}

fn start(db: &Connection, key: Key, name: &str, found: &mut Found) -> Result<Start, JournalError> {
    let mut statement = db.prepare_cached("SELECT start FROM executions WHERE id = ?1")?;
    let text: String = statement.query_row([key], |row| row.get(0))?;
    found.decode(db, key, &text)?.map_err(|what| JournalError::corrupt(name, 0, what))
}

pub(crate) fn events(
    db: &Connection,
    key: Key,
    from: u64,
    limit: usize,
) -> Result<Vec<Recorded>, JournalError> {
    let name = executions::name(db, key)?;
    let sql = "SELECT key, at, event, history FROM events WHERE key >= ?1 AND key < ?2
        ORDER BY key LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![key.row(from), key.rows().end, limit])?;
    let (mut found, mut events) = (Found::default(), Vec::new());
    while let Some(row) = rows.next()? {
        let sequence = number(row.get(0)?);
        let corrupt = |what: String| JournalError::corrupt(&name, sequence, what);
        let at: String = row.get(1)?;
        let at = at.parse().map_err(|error: jiff::Error| corrupt(error.to_string()))?;
        let event = found.decode(db, key, &row.get::<_, String>(2)?)?.map_err(corrupt)?;
        let history: Vec<Stored> = match row.get::<_, Option<String>>(3)? {
            Some(text) => found.decode(db, key, &text)?.map_err(corrupt)?,
            None => Vec::new(),
        };
        let history = history.into_iter().map(|event| event.0).collect();
        events.push(Recorded { sequence, at, event, history });
    }
    Ok(events)
}
