//! Tokens of tasks that wait for somebody outside, and the answers to them, from any process.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use stepwell_engine::EffectId;
use stepwell_query::Document;

use crate::error::JournalError;
use crate::inbox::{self, Message};
use crate::records::{Key, Milliseconds};

/// What every token begins with; the digit is the format's version.
const PREFIX: &str = "st1.";

/// 256 bits in base64url, without padding.
const CHARACTERS: usize = 43;

/// A token that somebody may answer from the commit on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewToken {
    /// The execution that waits.
    pub key: Key,
    /// The token.
    pub token: String,
    /// What the execution waits for.
    pub effect: EffectId,
    /// When an answer comes too late, if ever.
    pub timeout_at: Option<Timestamp>,
    /// How many seconds may pass between two heartbeats.
    pub heartbeat_seconds: Option<i64>,
    /// When it is opened: the first heartbeat is due so many seconds later.
    pub at: Timestamp,
}

/// What somebody says about a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It gave a result.
    Success(Document),
    /// It failed.
    Failure {
        /// The error's name.
        error: Option<String>,
        /// What happened.
        cause: Option<String>,
    },
    /// It is still being worked on.
    Heartbeat,
}

/// Whether a text has a token's form. The engine draws tokens.
pub fn is_token(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.strip_prefix(PREFIX)
        .is_some_and(|digits| digits.len() == CHARACTERS && digits.bytes().all(is_digit))
}

impl NewToken {
    pub(crate) fn insert(&self, db: &Connection) -> rusqlite::Result<()> {
        // Asked for again after a crash, it is the same token; its last heartbeat stands.
        let sql = "INSERT INTO tokens
                (token, execution, effect, status, timeout_at, heartbeat_seconds, heartbeat_at)
            VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        db.prepare_cached(sql)?.execute(params![
            self.token,
            self.key,
            self.effect.0.cast_signed(),
            self.timeout_at.map(Milliseconds),
            self.heartbeat_seconds,
            Milliseconds(self.at),
        ])?;
        Ok(())
    }
}

/// Puts an answer into the inbox of the execution that waits for it.
pub(crate) fn answer(
    db: &Connection,
    token: &str,
    now: Timestamp,
    answer: Answer,
) -> Result<Key, JournalError> {
    if !is_token(token) {
        return Err(JournalError::InvalidToken);
    }
    let sql = "SELECT execution, effect, status, timeout_at, heartbeat_seconds, heartbeat_at
        FROM tokens WHERE token = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_row([token], |row| {
        let status: String = row.get(2)?;
        let timeout = row.get::<_, Option<Milliseconds>>(3)?.map(|at| at.0);
        let heartbeat =
            match (row.get::<_, Option<i64>>(4)?, row.get::<_, Option<Milliseconds>>(5)?) {
                (Some(seconds), Some(at)) => {
                    at.0.saturating_add(SignedDuration::from_secs(seconds)).ok()
                }
                _ => None,
            };
        let late = [timeout, heartbeat].into_iter().flatten().any(|deadline| deadline < now);
        Ok((row.get::<_, Key>(0)?, row.get::<_, i64>(1)?, status == "open" && !late))
    });
    let (key, effect, open) = found.optional()?.ok_or(JournalError::TaskDoesNotExist)?;
    if !open {
        return Err(JournalError::TaskTimedOut);
    }
    if answer == Answer::Heartbeat {
        db.prepare_cached("UPDATE tokens SET heartbeat_at = ?2 WHERE token = ?1")?
            .execute(params![token, Milliseconds(now)])?;
    } else {
        db.prepare_cached("UPDATE tokens SET status = 'answered' WHERE token = ?1")?
            .execute([token])?;
    }
    let effect = EffectId(effect.cast_unsigned());
    inbox::put(db, key, now, &Message::Answered { effect, answer })?;
    Ok(key)
}
