//! Who drives an execution: at most one process, and none that has died.
//!
//! An owner is a file with an exclusive lock of the operating system, which ends with its process, however
//! that ends. An execution's row names its owner; whether that one is alive, its lock tells.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::error::JournalError;
use crate::records::{BatchId, Key};

/// This process as one that drives executions of a journal. Dropping it lets others take them over.
#[derive(Debug)]
pub struct Owner {
    id: String,
    path: PathBuf,
    // Holds the lock.
    _file: File,
}

impl Owner {
    /// Registers this process below a journal's folder, and removes what dead ones left there.
    pub(crate) fn register(dir: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let folder = dir.join("owners");
        fs::create_dir_all(&folder).map_err(|error| JournalError::io(&folder, error))?;
        sweep(&folder);
        let id = Uuid::new_v4().to_string();
        // Locked before it has its name, so that nobody ever finds it without its lock.
        let new = folder.join(format!("{id}.new"));
        let path = lock_path(dir, &id);
        let make = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
            file.lock()?;
            writeln!(file, "{} {now}", std::process::id())?;
            fs::rename(&new, &path)?;
            Ok(file)
        };
        let file = make().map_err(|error| JournalError::io(&new, error))?;
        Ok(Self { id, path, _file: file })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Whatever stays is removed by the next one who registers.
        _ = fs::remove_file(&self.path);
    }
}

fn lock_path(dir: &Path, id: &str) -> PathBuf {
    dir.join("owners").join(format!("{id}.lock"))
}

/// The process of an owner that is alive.
pub(crate) fn alive(dir: &Path, id: &str) -> Option<u32> {
    let mut file = File::open(lock_path(dir, id)).ok()?;
    if !is_locked(&file) {
        return None;
    }
    let mut text = String::new();
    _ = file.read_to_string(&mut text);
    Some(text.split(' ').next().and_then(|pid| pid.parse().ok()).unwrap_or_default())
}

/// Asks with a shared lock, so that two who ask do not take each other for the owner.
fn is_locked(file: &File) -> bool {
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        if is_lock && File::open(&path).is_ok_and(|file| !is_locked(&file)) {
            _ = fs::remove_file(path);
        }
    }
}

/// Makes an owner that of an execution, unless another one that is alive has it.
pub(crate) fn claim(
    db: &Connection,
    dir: &Path,
    key: Key,
    owner: &Owner,
) -> Result<(), JournalError> {
    let mut statement = db.prepare_cached("SELECT owner, name FROM executions WHERE id = ?1")?;
    let row = statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (holder, execution): (Option<String>, String) =
        row.ok_or_else(|| JournalError::NoSuchExecution { arn: key.to_string() })?;
    if let Some(holder) = holder.filter(|holder| *holder != owner.id)
        && let Some(pid) = alive(dir, &holder)
    {
        return Err(JournalError::Owned { execution, pid });
    }
    db.prepare_cached("UPDATE executions SET owner = ?2 WHERE id = ?1")?
        .execute(params![key, owner.id])?;
    Ok(())
}

/// Makes an owner that of the next executions of a batch that have not begun and that nobody has.
pub(crate) fn claim_pending(
    db: &Connection,
    dir: &Path,
    batch: BatchId,
    limit: usize,
    owner: &Owner,
) -> Result<Vec<Key>, JournalError> {
    let sql = "SELECT id, owner FROM executions WHERE batch = ?1 AND status = 'PENDING'
        ORDER BY position_in_batch";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([batch])?;
    let mut keys = Vec::new();
    // One owner has many of them; whether it is alive is asked once.
    let mut known: Option<(String, bool)> = None;
    while keys.len() < limit
        && let Some(row) = rows.next()?
    {
        if let Some(holder) = row.get::<_, Option<String>>(1)? {
            let is_alive = match &known {
                Some((id, is_alive)) if *id == holder => *is_alive,
                _ => holder == owner.id || alive(dir, &holder).is_some(),
            };
            known = Some((holder, is_alive));
            if is_alive {
                continue;
            }
        }
        keys.push(row.get(0)?);
    }
    let mut statement = db.prepare_cached("UPDATE executions SET owner = ?2 WHERE id = ?1")?;
    for key in &keys {
        statement.execute(params![key, owner.id])?;
    }
    Ok(keys)
}
