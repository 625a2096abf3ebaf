//! Messages to executions from any process; whoever drives the execution makes events of them.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use stepwell_engine::EffectId;

use crate::error::JournalError;
use crate::owners::Owner;
use crate::records::{Key, LetterId, Milliseconds};
use crate::tokens::Answer;

/// What somebody wants of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A task was answered by its token.
    Answered {
        /// The effect that opened the token.
        effect: EffectId,
        /// The answer.
        answer: Answer,
    },
    /// Somebody wants the execution to end.
    StopRequested {
        /// The error to record, if any.
        error: Option<String>,
        /// The cause to record, if any.
        cause: Option<String>,
    },
}

/// A message in the inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its number: [`crate::Entry::letter`] takes it out of the inbox.
    pub id: LetterId,
    /// Whom it is for.
    pub key: Key,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub message: Message,
}

pub(crate) fn put(
    db: &Connection,
    key: Key,
    at: Timestamp,
    message: &Message,
) -> Result<(), JournalError> {
    let message = serde_json::to_string(message).expect("a message is made of texts and numbers");
    db.prepare_cached("INSERT INTO inbox (execution, at, message) VALUES (?1, ?2, ?3)")?
        .execute(params![key, Milliseconds(at), message])?;
    Ok(())
}

/// The messages to an owner's executions that are not among `taken`, in order.
pub(crate) fn take(
    db: &Connection,
    owner: &Owner,
    taken: &mut HashSet<LetterId>,
) -> Result<Vec<Letter>, JournalError> {
    let sql = "SELECT inbox.id, execution, at, message, executions.name FROM inbox
        JOIN executions ON executions.id = execution WHERE owner = ?1 ORDER BY inbox.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([owner.id()])?;
    let (mut letters, mut there) = (Vec::new(), HashSet::new());
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        there.insert(id);
        if taken.contains(&id) {
            continue;
        }
        let text: String = row.get(3)?;
        let message = serde_json::from_str(&text).map_err(|error| {
            let execution: String = row.get(4).unwrap_or_default();
            JournalError::corrupt(&execution, 0, format!("message {} in its inbox: {error}", id.0))
        })?;
        letters.push(Letter {
            id,
            key: row.get(1)?,
            at: row.get::<_, Milliseconds>(2)?.0,
            message,
        });
    }
    // Those that were read are gone, and need not be remembered.
    *taken = there;
    Ok(letters)
}
