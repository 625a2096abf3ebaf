//! Looking at a journal that may be damaged, without writing anything.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use stepwell_engine::{Event, Execution, Outcome, Start, Stored};

use crate::documents::Found;
use crate::error::JournalError;
use crate::journal::{FILE_NAME, connect_for_reading, existing};
use crate::log;
use crate::records::{Key, Status, number};

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// What a journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Executions that were found.
    pub executions: u64,
    /// Their events.
    pub events: u64,
    /// The size of the file.
    pub bytes: u64,
    /// The size of the log beside it.
    pub log_bytes: u64,
}

/// What a look at a journal gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    /// What is wrong; nothing, if it is sound.
    pub findings: Vec<Finding>,
    /// What there is.
    pub counts: Counts,
}

impl Diagnosis {
    fn find(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), help: help.into() });
    }
}

/// So many complaints of SQLite are shown.
const COMPLAINTS_MAX: usize = 20;

const SALVAGE: &str = "salvage what can be read into a new folder";

/// Looks at the journal in a folder: its file, its log, and each execution. An error only where there is
/// none.
pub fn doctor(dir: &Path) -> Result<Diagnosis, JournalError> {
    let path = existing(dir)?;
    let mut diagnosis = Diagnosis::default();
    diagnosis.counts.bytes = fs::metadata(&path).map_or(0, |file| file.len());
    let log_path = path.with_file_name(format!("{FILE_NAME}-wal"));
    diagnosis.counts.log_bytes = fs::metadata(&log_path).map_or(0, |file| file.len());
    if let Some(what) = log::look_at(&log_path) {
        let help = "what was committed last may be lost; compare the newest events with the world";
        diagnosis.find(what, help);
    }
    let db = match connect_for_reading(&path) {
        Ok(db) => db,
        Err(error) => {
            let error = error.at(&path);
            diagnosis.find(error.to_string(), error.help());
            return Ok(diagnosis);
        }
    };
    if let Err(error) = integrity(&db, &mut diagnosis) {
        diagnosis.find(error.at(&path).to_string(), SALVAGE);
    }
    let (keys, broken) = keys(&db);
    if let Some(error) = broken {
        diagnosis.find(format!("not all executions can be listed: {error}"), SALVAGE);
    }
    for key in keys {
        execution(&db, key, &mut diagnosis);
    }
    if let Err(error) = orphans(&db, &mut diagnosis) {
        diagnosis.find(error.at(&path).to_string(), SALVAGE);
    }
    Ok(diagnosis)
}

fn integrity(db: &Connection, diagnosis: &mut Diagnosis) -> Result<(), JournalError> {
    let mut statement = db.prepare(&format!("PRAGMA integrity_check({COMPLAINTS_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        for what in text.lines().filter(|line| *line != "ok") {
            diagnosis.find(format!("the file is damaged: {what}"), SALVAGE);
        }
    }
    Ok(())
}

/// The executions that can be found, from both ends of the table, and what is in between.
pub(crate) fn keys(db: &Connection) -> (Vec<Key>, Option<rusqlite::Error>) {
    let (mut keys, mut broken) = (Vec::new(), None);
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT id FROM executions NOT INDEXED ORDER BY id {order}");
        let mut scan = || -> rusqlite::Result<()> {
            let mut statement = db.prepare(&sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                keys.push(row.get(0)?);
            }
            Ok(())
        };
        match scan() {
            Ok(()) => break,
            Err(error) => broken = Some(error),
        }
    }
    keys.sort();
    keys.dedup();
    (keys, broken)
}

fn execution(db: &Connection, key: Key, diagnosis: &mut Diagnosis) {
    diagnosis.counts.executions += 1;
    let head = match Head::read(db, key) {
        Ok(head) => head,
        Err(error) => {
            return diagnosis
                .find(format!("execution {key} cannot be read: {error}"), "it is lost");
        }
    };
    let name = &head.name;
    let events = Readable::events(db, key);
    diagnosis.counts.events += events.count;
    if let Some(what) = events.broken {
        let help = format!("salvaging keeps its first {} events", events.count);
        diagnosis.find(format!("execution `{name}`, event {}: {what}", events.count + 1), help);
    }
    match snapshot(db, key) {
        Ok(Some((sequence, _))) if sequence > events.last => {
            let what = format!(
                "the snapshot of execution `{name}` is of event {sequence}, which is missing"
            );
            diagnosis.find(what, SALVAGE);
        }
        Ok(_) => {}
        Err(what) => {
            let what = format!("the snapshot of execution `{name}` cannot be read: {what}");
            diagnosis.find(what, "it is restored from its events, which takes longer");
        }
    }
    if head.status.is_closed() != head.outcome.is_some()
        || head.outcome.as_ref().is_some_and(|outcome| Status::of(Some(outcome)) != head.status)
    {
        let what = format!("execution `{name}` is {}, and its outcome says otherwise", head.status);
        diagnosis.find(what, SALVAGE);
    }
}

fn orphans(db: &Connection, diagnosis: &mut Diagnosis) -> Result<(), JournalError> {
    let tables = [
        ("events", "execution"),
        ("documents", "execution"),
        ("snapshots", "execution"),
        ("tokens", "execution"),
        ("inbox", "execution"),
    ];
    for (table, column) in tables {
        let sql = format!(
            "SELECT DISTINCT {column} FROM {table} WHERE {column} NOT IN (SELECT id FROM executions)"
        );
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            diagnosis.find(
                format!("there are {table} of execution {key}, which is not there"),
                "they do no harm; salvaging leaves them behind",
            );
        }
    }
    Ok(())
}

/// An execution's row, as far as it must be read to be of use.
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) status: Status,
    pub(crate) outcome: Option<Outcome>,
}

impl Head {
    pub(crate) fn read(db: &Connection, key: Key) -> Result<Self, String> {
        let sql = "SELECT name, arn, status, start, outcome,
                (SELECT kept FROM workflows WHERE workflows.id = workflow)
            FROM executions NOT INDEXED WHERE id = ?1";
        let row = db.query_row(sql, [key], |row| {
            let texts: (String, Option<String>, Option<String>) =
                (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, texts))
        });
        let (name, arn, status, (start, outcome, workflow)) =
            row.map_err(|error| error.to_string())?;
        if workflow.is_none() {
            return Err("its workflow is missing".to_owned());
        }
        let mut found = Found::default();
        decode::<Start>(db, key, &mut found, &start)
            .map_err(|what| format!("its start: {what}"))?;
        let outcome = outcome.map(|text| decode(db, key, &mut found, &text)).transpose();
        let outcome = outcome.map_err(|what| format!("its outcome: {what}"))?;
        Ok(Self { name, arn, status, outcome })
    }
}

/// How far an execution's events can be read.
pub(crate) struct Readable {
    /// So many, from the first one on, without a gap.
    pub(crate) count: u64,
    /// The last one that is there, readable or not, as far as that is known.
    pub(crate) last: u64,
    /// What is wrong with the next one.
    pub(crate) broken: Option<String>,
}

impl Readable {
    pub(crate) fn events(db: &Connection, key: Key) -> Self {
        let sql = "SELECT max(key) FROM events WHERE key >= ?1 AND key < ?2";
        let rows = key.rows();
        let last = db.query_row(sql, [rows.start, rows.end], |row| row.get::<_, Option<i64>>(0));
        let mut readable = Self { count: 0, last: 0, broken: None };
        if let Ok(Some(last)) = last {
            readable.last = number(last);
        }
        if let Err(what) = readable.read(db, key) {
            readable.broken = Some(what);
        }
        readable.last = readable.last.max(readable.count);
        readable
    }

    fn read(&mut self, db: &Connection, key: Key) -> Result<(), String> {
        let text = |error: rusqlite::Error| error.to_string();
        let sql =
            "SELECT key, at, event, history FROM events WHERE key >= ?1 AND key < ?2 ORDER BY key";
        let mut statement = db.prepare(sql).map_err(text)?;
        let mut rows = statement.query([key.rows().start, key.rows().end]).map_err(text)?;
        let mut found = Found::default();
        while let Some(row) = rows.next().map_err(text)? {
            if number(row.get(0).map_err(text)?) != self.count + 1 {
                return Err("it is missing".to_owned());
            }
            let at: String = row.get(1).map_err(text)?;
            at.parse::<jiff::Timestamp>().map_err(|error| error.to_string())?;
            let event: String = row.get(2).map_err(text)?;
            decode::<Event>(db, key, &mut found, &event)?;
            if let Some(history) = row.get::<_, Option<String>>(3).map_err(text)? {
                decode::<Vec<Stored>>(db, key, &mut found, &history)?;
            }
            self.count += 1;
        }
        Ok(())
    }
}

/// The snapshot of an execution and the event that it is of, if there is one.
pub(crate) fn snapshot(db: &Connection, key: Key) -> Result<Option<(u64, Execution)>, String> {
    let sql = "SELECT sequence, snapshot FROM snapshots WHERE execution = ?1";
    let row = db.query_row(sql, [key], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let row = row.optional().map_err(|error| error.to_string())?;
    let Some((sequence, text)) = row else { return Ok(None) };
    let execution = decode(db, key, &mut Found::default(), &text)?;
    Ok(Some((sequence.cast_unsigned(), execution)))
}

fn decode<T: serde::de::DeserializeOwned>(
    db: &Connection,
    key: Key,
    found: &mut Found,
    text: &str,
) -> Result<T, String> {
    found.decode(db, key, text).map_err(|error| error.to_string())?
}
