//! Large documents of an execution, written once.
//!
//! While a row is encoded, each document of [`KEPT_BYTES_MIN`] or more becomes a number. One that equals
//! a recent one gets that one's number: by its place in memory, which the engine shares, or else by its
//! bytes, which a task may have handed back unchanged. So what is read back is shared again, too.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stepwell_query::{Document, Keeper, with_keeper};

use crate::error::JournalError;
use crate::records::{Key, number};

/// Documents of so many bytes of text have a row of their own: a smaller one costs less where it stands.
const KEPT_BYTES_MIN: usize = 1 << 10;

/// Documents that are looked through for an equal one: more than branches usually have in hand.
const RECENT_MAX: usize = 64;

/// Bytes of documents that a reader holds on to before it begins anew.
const FOUND_BYTES_MAX: usize = 64 << 20;

/// The documents of an execution that were written last, and those that are to be written.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    documents: VecDeque<(u64, Document)>,
    bytes: usize,
    last: u64,
    new: Vec<(u64, Document)>,
}

impl Recent {
    /// Those of an execution that other processes, or this one before, have written.
    pub(crate) fn load(db: &Connection, key: Key) -> Result<Self, JournalError> {
        /// So many are worth a comparison by bytes.
        const RELOADED_MAX: i64 = 4;
        let mut recent = Self::default();
        let sql = "SELECT key, text FROM documents WHERE key = ?1 + 1
            UNION SELECT * FROM (SELECT key, text FROM documents WHERE key >= ?1 AND key < ?2
                ORDER BY key DESC LIMIT ?3)
            ORDER BY key";
        let mut statement = db.prepare_cached(sql)?;
        let rows = key.rows();
        let mut rows = statement.query((rows.start, rows.end, RELOADED_MAX))?;
        while let Some(row) = rows.next()? {
            let row_number = number(row.get(0)?);
            recent.last = recent.last.max(row_number);
            if let Ok(document) = Document::parse(row.get::<_, String>(1)?) {
                recent.remember(row_number, document);
            }
        }
        Ok(recent)
    }

    /// Encodes a value. What must be written before its row is among [`Recent::take_new`].
    pub(crate) fn encode(&mut self, value: &impl Serialize) -> String {
        let keeper = Rc::new(Writing(RefCell::new(std::mem::take(self))));
        let text = with_keeper(keeper.clone(), || serde_json::to_string(value));
        *self = Rc::into_inner(keeper).expect("the scope has ended").0.into_inner();
        text.expect("our types have string keys and serialise without errors of their own")
    }

    /// The documents that have no row yet.
    pub(crate) fn take_new(&mut self) -> Vec<(u64, Document)> {
        std::mem::take(&mut self.new)
    }

    /// Bytes that are held in memory for comparison.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what could be compared with.
    pub(crate) fn forget(&mut self) {
        self.documents.clear();
        self.bytes = 0;
    }

    fn keep(&mut self, document: &Document) -> u64 {
        let same = self.documents.iter().find(|(_, recent)| recent.same(document));
        if let Some((number, _)) = same {
            return *number;
        }
        let equal = self.documents.iter_mut().find(|(_, recent)| recent.text() == document.text());
        if let Some((number, recent)) = equal {
            // The newer one is what will be met again.
            *recent = document.clone();
            return *number;
        }
        self.last += 1;
        self.new.push((self.last, document.clone()));
        self.remember(self.last, document.clone());
        self.last
    }

    fn remember(&mut self, number: u64, document: Document) {
        self.bytes += document.size_bytes();
        self.documents.push_front((number, document));
        if self.documents.len() > RECENT_MAX {
            // The first one may be the execution's input, which each snapshot names.
            let first = self.documents.back().is_some_and(|(number, _)| *number == 1);
            let oldest = self.documents.remove(RECENT_MAX - usize::from(first));
            self.bytes -= oldest.map_or(0, |(_, oldest)| oldest.size_bytes());
        }
    }
}

struct Writing(RefCell<Recent>);

impl Keeper for Writing {
    fn keep(&self, document: &Document) -> Option<u64> {
        (document.size_bytes() >= KEPT_BYTES_MIN).then(|| self.0.borrow_mut().keep(document))
    }

    fn find(&self, _: u64) -> Option<Document> {
        None
    }
}

/// Documents of one execution that were read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    documents: HashMap<u64, Document>,
    bytes: usize,
}

impl Found {
    /// Decodes a value, with the documents that it names. The inner error says what is wrong with it.
    pub(crate) fn decode<T: DeserializeOwned>(
        &mut self,
        db: &Connection,
        key: Key,
        text: &str,
    ) -> Result<Result<T, String>, JournalError> {
        if self.bytes > FOUND_BYTES_MAX {
            *self = Self::default();
        }
        loop {
            let reading = Reading { found: std::mem::take(self), missing: RefCell::default() };
            let keeper = Rc::new(reading);
            let value = with_keeper(keeper.clone(), || serde_json::from_str(text));
            let reading = Rc::into_inner(keeper).expect("the scope has ended");
            *self = reading.found;
            let missing = reading.missing.into_inner();
            if missing.is_empty() {
                return Ok(value.map_err(|error| error.to_string()));
            }
            for number in missing {
                if let Err(what) = self.read(db, key, number)? {
                    return Ok(Err(what));
                }
            }
        }
    }

    fn read(
        &mut self,
        db: &Connection,
        key: Key,
        number: u64,
    ) -> Result<Result<(), String>, JournalError> {
        if number == 0 || number > u64::from(u32::MAX) {
            return Ok(Err(format!("there is no document {number}")));
        }
        let mut statement = db.prepare_cached("SELECT text FROM documents WHERE key = ?1")?;
        let text = statement.query_row([key.row(number)], |row| row.get::<_, String>(0));
        let Some(text) = text.optional()? else {
            return Ok(Err(format!("document {number} is missing")));
        };
        match Document::parse(text) {
            Ok(document) => {
                self.bytes += document.size_bytes();
                self.documents.insert(number, document);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(format!("document {number} is not JSON: {error}"))),
        }
    }
}

/// Reads with the documents at hand, and notes which others it would need.
struct Reading {
    found: Found,
    missing: RefCell<HashSet<u64>>,
}

impl Keeper for Reading {
    fn keep(&self, _: &Document) -> Option<u64> {
        None
    }

    fn find(&self, number: u64) -> Option<Document> {
        let document = self.found.documents.get(&number).cloned();
        document.or_else(|| {
            self.missing.borrow_mut().insert(number);
            // Anything will do: what is read now is read again.
            Some(Document::from(Value::Null))
        })
    }
}
