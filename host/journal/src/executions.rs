//! Executions as a whole: creating, finding, listing and deleting them, and the batches they are of.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use sha2::{Digest, Sha256};
use stepwell_engine::{Outcome, Start};

use crate::documents::{Found, Recent};
use crate::error::JournalError;
use crate::journal::Journal;
use crate::owners::{self, Owner};
use crate::records::{BatchId, Key, Milliseconds, Status, WorkflowId};

/// An execution that is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewExecution {
    /// What it begins with.
    pub start: Start,
    /// What it runs: [`Journal::keep_workflow`] gives it.
    pub workflow: WorkflowId,
    /// What else its driver wants to know when it goes on with it. A text to the journal.
    pub settings: String,
}

/// A batch that is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBatch {
    /// Its name, of which there is one.
    pub name: String,
    /// When it is made.
    pub at: Timestamp,
    /// What its driver wants to know. A text to the journal.
    pub settings: String,
}

/// A batch of executions.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub at: Timestamp,
    /// What was kept with it.
    pub settings: String,
    /// How many executions it has.
    pub total: u64,
}

/// What became of [`Journal::create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There is a new execution.
    New(Key),
    /// There is one that was created alike and has not ended.
    Same(Key, Status),
}

/// A place in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The batch.
    pub batch: BatchId,
    /// Which of its executions, from 0.
    pub position: u64,
}

/// An execution as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its number in this journal.
    pub key: Key,
    /// Its ARN, of which there is one.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The machine's name.
    pub machine_name: String,
    /// The machine's ARN.
    pub machine_arn: String,
    /// Where it stands.
    pub status: Status,
    /// When it began, or was created, if it has not begun.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// How often it was redriven.
    pub redrive_count: u64,
    /// When it was last redriven.
    pub redriven_at: Option<Timestamp>,
    /// Its place in a batch, if it is of one.
    pub place: Option<Place>,
}

/// An execution with all but its events.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What a listing shows.
    pub summary: Summary,
    /// What it began with, or is to begin with.
    pub start: Start,
    /// What it runs, as it was kept.
    pub workflow: String,
    /// What its driver kept.
    pub settings: String,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// How many events there are.
    pub sequence: u64,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
}

/// Which executions are listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Those that stand there; all if empty.
    pub statuses: Vec<Status>,
    /// Those of the machine with this name or ARN.
    pub machine: Option<String>,
    /// Those that began then or later.
    pub started_from: Option<Timestamp>,
    /// Those that began before.
    pub started_before: Option<Timestamp>,
    /// Those of a batch.
    pub batch: Option<BatchId>,
    /// Those whose name begins so.
    pub name_prefix: Option<String>,
    /// Those that a listing has after this one.
    pub after: Option<Key>,
    /// So many at most; `None`: all.
    pub limit: Option<usize>,
}

/// How many executions stand where.
pub type Tally = BTreeMap<Status, u64>;

const SUMMARY: &str = "id, arn, name, machine_name, machine_arn, status, started_at, stopped_at,
    redrive_count, redriven_at, batch, position_in_batch";

impl Journal {
    /// Keeps what a program needs to load a workflow again, once for all equal ones.
    pub fn keep_workflow(&mut self, kept: &str) -> Result<WorkflowId, JournalError> {
        self.write(|_, db| {
            let hash = Sha256::digest(kept);
            let mut statement = db.prepare_cached("SELECT id FROM workflows WHERE hash = ?1")?;
            if let Some(id) = statement.query_row([&hash[..]], |row| row.get(0)).optional()? {
                return Ok(id);
            }
            db.prepare_cached("INSERT INTO workflows (hash, kept) VALUES (?1, ?2)")?
                .execute(params![&hash[..], kept])?;
            Ok(WorkflowId(db.last_insert_rowid()))
        })
    }

    /// Creates an execution that begins at once, and makes it that of an owner.
    ///
    /// Creating it again with the same input gives the same one until it has ended; otherwise an ARN that
    /// is taken is an error.
    pub fn create(
        &mut self,
        new: &NewExecution,
        owner: Option<&Owner>,
    ) -> Result<Created, JournalError> {
        self.write(|_, db| {
            let arn = &new.start.execution_arn;
            let sql = "SELECT id, status, start FROM executions WHERE arn = ?1";
            let mut statement = db.prepare_cached(sql)?;
            let found = statement
                .query_row([arn], |row| Ok((row.get::<_, Key>(0)?, row.get(1)?, row.get(2)?)));
            let Some((key, status, start)): Option<(_, Status, String)> = found.optional()? else {
                return insert(db, new, None, owner).map(Created::New);
            };
            let start: Result<Start, _> = Found::default().decode(db, key, &start)?;
            let start = start.map_err(|what| JournalError::corrupt(&new.start.name, 0, what))?;
            if status.is_closed() || start.input != new.start.input {
                return Err(JournalError::AlreadyExists { arn: arn.clone() });
            }
            Ok(Created::Same(key, status))
        })
    }

    /// Creates a batch with all its executions, which are pending; all or nothing.
    pub fn create_batch(
        &mut self,
        new: &NewBatch,
        executions: impl IntoIterator<Item = NewExecution>,
    ) -> Result<BatchId, JournalError> {
        self.write(|_, db| {
            let mut statement =
                db.prepare_cached("SELECT count(*) FROM batches WHERE name = ?1")?;
            if statement.query_row([&new.name], |row| row.get::<_, i64>(0))? > 0 {
                return Err(JournalError::BatchExists { name: new.name.clone() });
            }
            db.execute(
                "INSERT INTO batches (name, at, settings, total) VALUES (?1, ?2, ?3, 0)",
                params![new.name, Milliseconds(new.at), new.settings],
            )?;
            let batch = BatchId(db.last_insert_rowid());
            let mut position = 0;
            for execution in executions {
                insert(db, &execution, Some(Place { batch, position }), None)?;
                position += 1;
            }
            let total = position.cast_signed();
            db.execute("UPDATE batches SET total = ?2 WHERE id = ?1", params![batch, total])?;
            Ok(batch)
        })
    }

    /// The batch of a name.
    pub fn batch(&self, name: &str) -> Result<Option<Batch>, JournalError> {
        Ok(self.batches()?.into_iter().find(|batch| batch.name == name))
    }

    /// All batches, the newest first.
    pub fn batches(&self) -> Result<Vec<Batch>, JournalError> {
        self.read(|db| {
            let sql = "SELECT id, name, at, settings, total FROM batches ORDER BY id DESC";
            let mut statement = db.prepare_cached(sql)?;
            let batches = statement.query_map([], |row| {
                Ok(Batch {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    at: row.get::<_, Milliseconds>(2)?.0,
                    settings: row.get(3)?,
                    total: row.get::<_, i64>(4)?.cast_unsigned(),
                })
            })?;
            Ok(batches.collect::<Result<_, _>>()?)
        })
    }

    /// An execution with all but its events.
    pub fn load(&self, key: Key) -> Result<Loaded, JournalError> {
        self.read(|db| load(db, key))
    }

    /// What a listing shows of an execution.
    pub fn describe(&self, key: Key) -> Result<Summary, JournalError> {
        self.read(|db| {
            let sql = format!("SELECT {SUMMARY} FROM executions WHERE id = ?1");
            let found = db.prepare_cached(&sql)?.query_row([key], summary).optional()?;
            found.ok_or_else(|| missing(key))
        })
    }

    /// Executions, those that began last first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Summary>, JournalError> {
        self.read(|db| {
            let (conditions, mut values) = filter.conditions();
            values.push(match filter.limit {
                Some(limit) => i64::try_from(limit).unwrap_or(i64::MAX).into(),
                None => (-1).into(),
            });
            let sql = format!(
                "SELECT {SUMMARY} FROM executions WHERE {conditions}
                ORDER BY started_at DESC, id DESC LIMIT ?{}",
                values.len()
            );
            let mut statement = db.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(values), summary)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How many executions stand where, of those that a listing without a limit would show.
    pub fn tally(&self, filter: &Filter) -> Result<Tally, JournalError> {
        self.read(|db| {
            let (conditions, values) = filter.conditions();
            let sql = format!(
                "SELECT status, count(*) FROM executions WHERE {conditions} GROUP BY status"
            );
            let mut statement = db.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The execution with this ARN, name or number, or whose name alone begins so.
    pub fn find(&self, text: &str) -> Result<Key, JournalError> {
        /// So many are named to somebody who has to choose.
        const SHOWN_MAX: i64 = 5;
        self.read(|db| {
            let end = format!("{text}\u{10ffff}");
            let ways: [(&str, &[&dyn rusqlite::ToSql]); 3] = [
                ("arn = ?1", &[&text]),
                ("name = ?1", &[&text]),
                ("name >= ?1 AND name < ?2", &[&text, &end]),
            ];
            for (condition, values) in ways {
                let sql = format!(
                    "SELECT id, arn FROM executions WHERE {condition} ORDER BY id DESC LIMIT {SHOWN_MAX}"
                );
                let mut statement = db.prepare_cached(&sql)?;
                let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
                let found: Vec<(Key, String)> = rows.collect::<Result<_, _>>()?;
                match &found[..] {
                    [] => {}
                    [(key, _)] => return Ok(*key),
                    _ => {
                        let matches = found.into_iter().map(|(_, arn)| arn).collect();
                        return Err(JournalError::Ambiguous { name: text.to_owned(), matches });
                    }
                }
                if text.is_empty() {
                    break;
                }
            }
            Err(JournalError::NoSuchExecution { arn: text.to_owned() })
        })
    }

    /// Deletes an execution that has ended; `force`: also one that no process drives.
    pub fn delete(&mut self, key: Key, force: bool) -> Result<(), JournalError> {
        self.forget(key);
        self.write(|journal, db| {
            let execution = name(db, key)?;
            if let Some(pid) = owner(db, key)?.and_then(|owner| owners::alive(&journal.dir, &owner))
            {
                return Err(JournalError::Owned { execution, pid });
            }
            if !force && !status(db, key)?.is_closed() {
                return Err(JournalError::NotClosed { execution });
            }
            delete(db, key)
        })?;
        self.give_back_room()
    }

    /// Deletes all executions that ended before a time, and says how many.
    pub fn prune(&mut self, before: Timestamp) -> Result<u64, JournalError> {
        /// So many in one transaction: others want to write as well.
        const TOGETHER: i64 = 100;
        let (mut count, mut after) = (0, Key(0));
        loop {
            let (deleted, last) = self.write(|journal, db| {
                // A batch goes on as one: what has ended of it stays while others have not.
                let sql = "SELECT id, owner FROM executions AS closed
                    WHERE id > ?3 AND stopped_at < ?1 AND status NOT IN ('PENDING', 'RUNNING')
                    AND (batch IS NULL OR NOT EXISTS (SELECT 1 FROM executions AS open
                        WHERE open.batch = closed.batch AND open.status IN ('PENDING', 'RUNNING')))
                    ORDER BY id LIMIT ?2";
                let mut statement = db.prepare_cached(sql)?;
                let found = statement
                    .query_map(params![Milliseconds(before), TOGETHER, after], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect::<Result<Vec<(Key, Option<String>)>, _>>()?;
                let mut deleted = 0;
                for (key, owner) in &found {
                    // One that is about to be redriven is somebody's.
                    if owner
                        .as_ref()
                        .is_none_or(|owner| owners::alive(&journal.dir, owner).is_none())
                    {
                        delete(db, *key)?;
                        deleted += 1;
                    }
                }
                Ok((deleted, found.last().map(|(key, _)| *key)))
            })?;
            count += deleted;
            let Some(last) = last else { break };
            after = last;
        }
        self.give_back_room()?;
        Ok(count)
    }

    /// Cuts pages off the file's end that nothing is on.
    fn give_back_room(&mut self) -> Result<(), JournalError> {
        let work = || -> rusqlite::Result<()> {
            let mut statement = self.db.prepare("PRAGMA incremental_vacuum")?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        work().map_err(|error| JournalError::from(error).at(&self.dir.join(crate::FILE_NAME)))
    }
}

impl Filter {
    fn conditions(&self) -> (String, Vec<Value>) {
        let (mut conditions, mut values) = (vec!["TRUE".to_owned()], Vec::<Value>::new());
        let mut add = |condition: &str, value: Value| {
            values.push(value);
            conditions.push(condition.replace('?', &format!("?{}", values.len())));
        };
        if let Some(machine) = &self.machine {
            add("? IN (machine_name, machine_arn)", machine.clone().into());
        }
        if let Some(from) = self.started_from {
            add("started_at >= ?", from.as_millisecond().into());
        }
        if let Some(before) = self.started_before {
            add("started_at < ?", before.as_millisecond().into());
        }
        if let Some(batch) = self.batch {
            add("batch = ?", batch.0.into());
        }
        if let Some(prefix) = &self.name_prefix {
            add("name >= ?", prefix.clone().into());
            add("name < ?", format!("{prefix}\u{10ffff}").into());
        }
        if let Some(after) = self.after {
            let condition =
                "(started_at, id) < (SELECT started_at, id FROM executions WHERE id = ?)";
            add(condition, after.0.into());
        }
        if !self.statuses.is_empty() {
            // Names of our own, without a quote in them.
            let names = self.statuses.iter().map(|status| format!("'{status}'"));
            conditions.push(format!("status IN ({})", names.collect::<Vec<_>>().join(", ")));
        }
        (conditions.join(" AND "), values)
    }
}

/// Inserts a new execution; its ARN must be free.
fn insert(
    db: &Connection,
    new: &NewExecution,
    place: Option<Place>,
    owner: Option<&Owner>,
) -> Result<Key, JournalError> {
    let NewExecution { start, workflow, settings } = new;
    let mut recent = Recent::default();
    let encoded = recent.encode(start);
    let status = if place.is_some() { Status::Pending } else { Status::Running };
    let sql = "INSERT INTO executions (arn, name, machine_name, machine_arn, workflow, settings,
            batch, position_in_batch, start, status, started_at, owner)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        ON CONFLICT (arn) DO NOTHING";
    let inserted = db.prepare_cached(sql)?.execute(params![
        start.execution_arn,
        start.name,
        start.machine_name,
        start.machine_arn,
        workflow,
        settings,
        place.map(|place| place.batch),
        place.map(|place| place.position.cast_signed()),
        encoded,
        status,
        Milliseconds(start.at),
        owner.map(Owner::id),
    ])?;
    if inserted == 0 {
        return Err(JournalError::AlreadyExists { arn: start.execution_arn.clone() });
    }
    let key = Key(db.last_insert_rowid());
    let mut statement = db.prepare_cached("INSERT INTO documents (key, text) VALUES (?1, ?2)")?;
    for (number, document) in recent.take_new() {
        statement.execute(params![key.row(number), document.text()])?;
    }
    Ok(key)
}

fn delete(db: &Connection, key: Key) -> Result<(), JournalError> {
    let rows = key.rows();
    for table in ["events", "documents"] {
        let sql = format!("DELETE FROM {table} WHERE key >= ?1 AND key < ?2");
        db.prepare_cached(&sql)?.execute([rows.start, rows.end])?;
    }
    for table in ["snapshots", "tokens", "inbox"] {
        let sql = format!("DELETE FROM {table} WHERE execution = ?1");
        db.prepare_cached(&sql)?.execute([key])?;
    }
    let sql = "DELETE FROM executions WHERE id = ?1 RETURNING workflow, batch";
    let of: (i64, Option<i64>) =
        db.prepare_cached(sql)?.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = "DELETE FROM workflows WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM executions WHERE workflow = ?1)";
    db.prepare_cached(sql)?.execute([of.0])?;
    let sql = "DELETE FROM batches WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM executions WHERE batch = ?1)";
    db.prepare_cached(sql)?.execute([of.1])?;
    Ok(())
}

pub(crate) fn load(db: &Connection, key: Key) -> Result<Loaded, JournalError> {
    let sql = format!(
        "SELECT {SUMMARY}, start, settings, outcome,
            (SELECT kept FROM workflows WHERE workflows.id = workflow),
            (SELECT max(key) & 0xffffffff FROM events WHERE key >= ?2 AND key < ?3),
            (SELECT at FROM events WHERE key >= ?2 AND key < ?3 ORDER BY key DESC LIMIT 1)
        FROM executions WHERE id = ?1"
    );
    let rows = key.rows();
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![key, rows.start, rows.end])?;
    let row = rows.next()?.ok_or_else(|| missing(key))?;
    let summary = summary(row)?;
    let corrupt = |what: String| JournalError::corrupt(&summary.name, 0, what);
    let mut found = Found::default();
    let start: Result<Start, _> = found.decode(db, key, &row.get::<_, String>(12)?)?;
    let outcome = match row.get::<_, Option<String>>(14)? {
        Some(text) => Some(found.decode(db, key, &text)?.map_err(&corrupt)?),
        None => None,
    };
    let workflow: Option<String> = row.get(15)?;
    let last_at = match row.get::<_, Option<String>>(17)? {
        Some(text) => Some(text.parse().map_err(|error: jiff::Error| corrupt(error.to_string()))?),
        None => None,
    };
    Ok(Loaded {
        start: start.map_err(&corrupt)?,
        workflow: workflow.ok_or_else(|| corrupt("its workflow is missing".to_owned()))?,
        settings: row.get(13)?,
        outcome,
        sequence: row.get::<_, Option<i64>>(16)?.unwrap_or_default().cast_unsigned(),
        last_at,
        summary,
    })
}

pub(crate) fn status(db: &Connection, key: Key) -> Result<Status, JournalError> {
    let mut statement = db.prepare_cached("SELECT status FROM executions WHERE id = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()?.ok_or_else(|| missing(key))
}

pub(crate) fn owner(db: &Connection, key: Key) -> Result<Option<String>, JournalError> {
    let mut statement = db.prepare_cached("SELECT owner FROM executions WHERE id = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()?.ok_or_else(|| missing(key))
}

pub(crate) fn name(db: &Connection, key: Key) -> Result<String, JournalError> {
    let mut statement = db.prepare_cached("SELECT name FROM executions WHERE id = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()?.ok_or_else(|| missing(key))
}

fn missing(key: Key) -> JournalError {
    JournalError::NoSuchExecution { arn: key.to_string() }
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let time = |column| row.get::<_, Option<Milliseconds>>(column).map(|at| at.map(|at| at.0));
    let batch: Option<BatchId> = row.get(10)?;
    let position: Option<i64> = row.get(11)?;
    Ok(Summary {
        key: row.get(0)?,
        arn: row.get(1)?,
        name: row.get(2)?,
        machine_name: row.get(3)?,
        machine_arn: row.get(4)?,
        status: row.get(5)?,
        started_at: row.get::<_, Milliseconds>(6)?.0,
        stopped_at: time(7)?,
        redrive_count: row.get::<_, i64>(8)?.cast_unsigned(),
        redriven_at: time(9)?,
        place: batch
            .map(|batch| Place { batch, position: position.unwrap_or_default().cast_unsigned() }),
    })
}
