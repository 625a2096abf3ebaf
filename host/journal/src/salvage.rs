//! Copying what can be read of a damaged journal into a new one.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::doctor::{Head, Readable, keys, snapshot};
use crate::error::JournalError;
use crate::journal::{Durability, FILE_NAME, Journal, connect_for_reading, existing};
use crate::records::{Key, number};

/// What became of the executions of a damaged journal, by ARN.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Salvaged {
    /// Those that were copied whole.
    pub whole: Vec<String>,
    /// Those that were copied up to an event, with why not further. They are running again.
    pub cut: Vec<(String, u64, String)>,
    /// Those that cannot be read, with why not: by number, since an ARN may not be readable.
    pub lost: Vec<(Key, String)>,
    /// Whether there may be others, which cannot even be listed.
    pub incomplete: bool,
}

/// Copies each execution that can be read, whole or up to its last event that can, into a new journal in
/// another folder. The damaged one stays as it is.
pub fn salvage(dir: &Path, target: &Path) -> Result<Salvaged, JournalError> {
    let path = existing(dir)?;
    let target_path = target.join(FILE_NAME);
    if target_path.exists() {
        return Err(JournalError::TargetExists { path: target_path });
    }
    let from = connect_for_reading(&path).map_err(|error| error.at(&path))?;
    let mut journal = Journal::open(target, Durability::Step)?;
    let mut salvaged = Salvaged::default();
    let (keys, broken) = keys(&from);
    salvaged.incomplete = broken.is_some();
    for key in keys {
        let head = match Head::read(&from, key) {
            Ok(head) => head,
            Err(what) => {
                salvaged.lost.push((key, what));
                continue;
            }
        };
        let events = Readable::events(&from, key);
        match journal.write(|_, to| copy(&from, to, key, &events)) {
            Ok(()) => {}
            Err(JournalError::Damaged { what, .. }) => {
                salvaged.lost.push((key, what));
                continue;
            }
            Err(error) => return Err(error),
        }
        match events.broken {
            Some(what) => salvaged.cut.push((head.arn, events.count, what)),
            None => salvaged.whole.push(head.arn),
        }
    }
    Ok(salvaged)
}

fn copy(
    from: &Connection,
    to: &Connection,
    key: Key,
    events: &Readable,
) -> Result<(), JournalError> {
    let columns = "id, arn, name, machine_name, machine_arn, workflow, settings, batch,
        position_in_batch, start, status, started_at, stopped_at, outcome, redrive_count, redriven_at";
    let of = |table| format!("(SELECT {table} FROM executions NOT INDEXED WHERE id = ?1)");
    let workflow = format!("WHERE id = {}", of("workflow"));
    rows(from, to, "OR IGNORE", "workflows", "id, hash, kept", &workflow, &[key.0])?;
    let batch = format!("WHERE id = {}", of("batch"));
    rows(from, to, "OR IGNORE", "batches", "id, name, at, settings, total", &batch, &[key.0])?;
    rows(from, to, "", "executions", columns, "NOT INDEXED WHERE id = ?1", &[key.0])?;
    // Not a step further than what can be read.
    let range = "WHERE key >= ?1 ORDER BY key LIMIT ?2";
    let count = events.count.cast_signed();
    rows(from, to, "", "events", "key, at, event, history", range, &[key.rows().start, count])?;
    documents(from, to, key)?;
    if let Ok(Some((sequence, _))) = snapshot(from, key)
        && sequence <= events.count
    {
        let columns = "execution, sequence, bytes, snapshot";
        rows(from, to, "", "snapshots", columns, "WHERE execution = ?1", &[key.0])?;
    }
    if events.broken.is_none() {
        // A damaged token or message is less of a loss than its execution.
        let columns =
            "token, execution, effect, status, timeout_at, heartbeat_seconds, heartbeat_at";
        _ = rows(from, to, "OR IGNORE", "tokens", columns, "WHERE execution = ?1", &[key.0]);
        let columns = "execution, at, message";
        _ = rows(from, to, "", "inbox", columns, "WHERE execution = ?1 ORDER BY id", &[key.0]);
    } else {
        let sql = "UPDATE executions SET status = 'RUNNING', stopped_at = NULL, outcome = NULL
            WHERE id = ?1 AND status != 'PENDING'";
        to.execute(sql, [key])?;
    }
    Ok(())
}

/// Copies rows as they are.
fn rows(
    from: &Connection,
    to: &Connection,
    or: &str,
    table: &str,
    columns: &str,
    condition: &str,
    values: &[i64],
) -> Result<(), JournalError> {
    let mut statement =
        from.prepare_cached(&format!("SELECT {columns} FROM {table} {condition}"))?;
    let count = statement.column_count();
    let places = vec!["?"; count].join(", ");
    let sql = format!("INSERT {or} INTO {table} ({columns}) VALUES ({places})");
    let mut insert = to.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let row = (0..count).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?;
        insert.execute(params_from_iter(row))?;
    }
    Ok(())
}

/// Copies the documents that can be read, one by one: those that are needed were read before.
fn documents(from: &Connection, to: &Connection, key: Key) -> Result<(), JournalError> {
    const MISSING_MAX: u64 = 1_000;
    let sql = "SELECT max(key) FROM documents WHERE key >= ?1 AND key < ?2";
    let rows = key.rows();
    let last = from.query_row(sql, [rows.start, rows.end], |row| row.get::<_, Option<i64>>(0));
    // If the end is damaged, the numbers are tried until many in a row are missing.
    let known = last.as_ref().is_ok_and(Option::is_some);
    let last = last.ok().flatten().map_or(u64::from(u32::MAX), number);
    let mut read = from.prepare_cached("SELECT text FROM documents WHERE key = ?1")?;
    let mut insert = to.prepare_cached("INSERT INTO documents (key, text) VALUES (?1, ?2)")?;
    let mut missing = 0;
    for number in 1..=last {
        let row = key.row(number);
        match read.query_row([row], |row| row.get::<_, String>(0)) {
            Ok(text) => {
                missing = 0;
                insert.execute(params![row, text])?;
            }
            Err(_) => missing += 1,
        }
        if missing > MISSING_MAX && !known {
            break;
        }
    }
    Ok(())
}
