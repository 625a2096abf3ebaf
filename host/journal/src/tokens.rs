//! Tokens of tasks that wait for somebody outside, and the answers to them, from any process.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use stepwell_engine::{EffectId, OpenToken};
use stepwell_query::{Document, TOKEN_PREFIX};

use crate::error::JournalError;
use crate::inbox::{self, Message};
use crate::records::{Key, Milliseconds};

/// 256 bits in base64url, without padding.
const CHARACTERS: usize = 43;

/// A token that somebody may answer from the commit on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewToken {
    pub(crate) key: Key,
    pub(crate) open: OpenToken,
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
    text.strip_prefix(TOKEN_PREFIX)
        .is_some_and(|digits| digits.len() == CHARACTERS && digits.bytes().all(is_digit))
}

impl NewToken {
    pub(crate) fn insert(&self, db: &Connection) -> rusqlite::Result<()> {
        let OpenToken { id, state: _, token, timeout_at, heartbeat_seconds } = &self.open;
        // Asked for again after a crash, it is the same token, and what became of it stands.
        let sql = "INSERT INTO tokens
                (token, execution, effect, status, timeout_at, heartbeat_seconds)
            VALUES (?1, ?2, ?3, 'open', ?4, ?5) ON CONFLICT DO NOTHING";
        db.prepare_cached(sql)?.execute(params![
            token,
            self.key,
            id.0.cast_signed(),
            timeout_at.map(Milliseconds),
            heartbeat_seconds,
        ])?;
        Ok(())
    }
}

/// Notes when a token's next heartbeat is overdue.
pub(crate) fn expect_heartbeat(
    db: &Connection,
    key: Key,
    effect: EffectId,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "UPDATE tokens SET heartbeat_at = ?3 WHERE execution = ?1 AND effect = ?2";
    db.prepare_cached(sql)?.execute(params![key, effect.0.cast_signed(), Milliseconds(at)])?;
    Ok(())
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
    let sql = "SELECT execution, effect, status, timeout_at, heartbeat_at, heartbeat_seconds
        FROM tokens WHERE token = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_row([token], |row| {
        let status: String = row.get(2)?;
        let deadlines: [Option<Milliseconds>; 2] = [row.get(3)?, row.get(4)?];
        let late = deadlines.into_iter().flatten().any(|deadline| deadline.0 <= now);
        Ok((row.get::<_, Key>(0)?, row.get::<_, i64>(1)?, status == "open" && !late, row.get(5)?))
    });
    let (key, effect, open, heartbeat) = found.optional()?.ok_or(JournalError::TaskDoesNotExist)?;
    if !open {
        return Err(JournalError::TaskTimedOut);
    }
    if answer == Answer::Heartbeat {
        // Before the function has answered, none is due yet.
        let seconds: Option<i64> = heartbeat;
        let next = now.saturating_add(SignedDuration::from_secs(seconds.unwrap_or(i64::MAX)));
        let next = next.unwrap_or(Timestamp::MAX);
        let sql = "UPDATE tokens SET heartbeat_at = ?2
            WHERE token = ?1 AND heartbeat_at IS NOT NULL";
        db.prepare_cached(sql)?.execute(params![token, Milliseconds(next)])?;
    } else {
        db.prepare_cached("UPDATE tokens SET status = 'answered' WHERE token = ?1")?
            .execute([token])?;
    }
    let effect = EffectId(effect.cast_unsigned());
    inbox::put(db, key, now, &Message::Answered { effect, answer })?;
    Ok(key)
}
