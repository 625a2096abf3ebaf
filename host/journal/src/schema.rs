//! The tables, and how an older journal becomes one of ours.
//!
//! Rows hold JSON text, so that a journal can be read with the `sqlite3` shell. Events and documents are
//! found by one number, `execution << 32 | number within the execution`: each table is one b-tree whose
//! rows of an execution lie side by side, and appending touches one page.

use std::path::Path;

use rusqlite::Connection;

use crate::error::JournalError;

/// Tells SQLite files that are journals from others: "Stpw" in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x5374_7077;

/// The version that this program writes. It reads this one and those before it.
pub(crate) const VERSION: i64 = 1;

/// What makes version N + 1 of version N. Steps are never edited, only added.
const MIGRATIONS: &[&str] = &[VERSION_1];
const _: () = assert!(MIGRATIONS.len() == 1, "the version is the number of steps");

const VERSION_1: &str = "
    CREATE TABLE workflows (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        kept TEXT NOT NULL
    );
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        at INTEGER NOT NULL,
        settings TEXT NOT NULL,
        total INTEGER NOT NULL
    );
    CREATE TABLE executions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        arn TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        machine_name TEXT NOT NULL,
        machine_arn TEXT NOT NULL,
        workflow INTEGER NOT NULL REFERENCES workflows,
        settings TEXT NOT NULL,
        batch INTEGER REFERENCES batches,
        position_in_batch INTEGER,
        start TEXT NOT NULL,
        status TEXT NOT NULL,
        started_at INTEGER NOT NULL,
        stopped_at INTEGER,
        outcome TEXT,
        redrive_count INTEGER NOT NULL DEFAULT 0,
        redriven_at INTEGER,
        owner TEXT
    );
    CREATE INDEX executions_by_name ON executions (name);
    CREATE INDEX executions_by_start ON executions (started_at, id);
    CREATE INDEX executions_by_batch ON executions (batch, position_in_batch)
        WHERE batch IS NOT NULL;
    CREATE INDEX executions_pending ON executions (batch, position_in_batch)
        WHERE status = 'PENDING';
    CREATE INDEX executions_open ON executions (status, id)
        WHERE status IN ('PENDING', 'RUNNING');
    CREATE INDEX executions_by_workflow ON executions (workflow);
    CREATE TABLE events (
        key INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        event TEXT NOT NULL,
        history TEXT,
        execution INTEGER AS (key >> 32),
        sequence INTEGER AS (key & 0xffffffff)
    );
    CREATE TABLE documents (
        key INTEGER PRIMARY KEY,
        text TEXT NOT NULL,
        execution INTEGER AS (key >> 32),
        number INTEGER AS (key & 0xffffffff)
    );
    CREATE TABLE snapshots (
        execution INTEGER PRIMARY KEY,
        sequence INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        snapshot TEXT NOT NULL
    );
    CREATE TABLE tokens (
        token TEXT PRIMARY KEY,
        execution INTEGER NOT NULL,
        effect INTEGER NOT NULL,
        status TEXT NOT NULL,
        timeout_at INTEGER,
        heartbeat_seconds INTEGER,
        heartbeat_at INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX tokens_by_execution ON tokens (execution);
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        execution INTEGER NOT NULL,
        at INTEGER NOT NULL,
        message TEXT NOT NULL
    );
    CREATE INDEX inbox_by_execution ON inbox (execution);
";

/// Makes the tables, or brings those of an older version up to date. All or nothing.
pub(crate) fn migrate(db: &Connection, path: &Path) -> Result<(), JournalError> {
    if version(db, path)? == VERSION {
        return Ok(());
    }
    if is_empty(db)? {
        // Both stay with the file; the first one takes effect only before anything is written.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    let transaction =
        rusqlite::Transaction::new_unchecked(db, rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    let from = usize::try_from(version(db, path)?).unwrap_or_default();
    for step in MIGRATIONS.iter().skip(from) {
        db.execute_batch(step)?;
    }
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

/// The version of a journal that this program can read; 0 for an empty file.
pub(crate) fn version(db: &Connection, path: &Path) -> Result<i64, JournalError> {
    // In one statement: another process may be making the tables just now.
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) = 0
        FROM pragma_application_id, pragma_user_version";
    let (application, version, empty): (i64, i64, bool) =
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let path = || path.to_owned();
    match (application, version) {
        (APPLICATION_ID, version) if version > VERSION => {
            Err(JournalError::TooNew { path: path(), version })
        }
        (APPLICATION_ID, version) if version > 0 => Ok(version),
        (0, 0) if empty => Ok(0),
        _ => Err(JournalError::NotAJournal { path: path() }),
    }
}

fn is_empty(db: &Connection) -> Result<bool, JournalError> {
    Ok(db.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?)
}
