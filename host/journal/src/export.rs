//! One execution as a JSON text by itself: to look at, to hand on, to replay elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepwell_engine::{Event, Outcome, Start};

use crate::error::JournalError;
use crate::journal::Journal;
use crate::records::{Key, Status};
use crate::{executions, reading};

/// What the member `format` of an export says.
pub const EXPORT_FORMAT: &str = "stepwell-execution";

/// The version that this program writes, and the newest that it reads.
pub const EXPORT_VERSION: u32 = 1;

/// An execution with all that is known of it. Documents stand where they occur, as strings of JSON text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// [`EXPORT_FORMAT`].
    pub format: String,
    /// [`EXPORT_VERSION`].
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// What it runs, as it was kept.
    pub workflow: Value,
    /// What its driver kept.
    pub settings: Value,
    /// What it began with.
    pub start: Start,
    /// What happened, in order.
    pub events: Vec<ExportedEvent>,
    /// The history as AWS shows it.
    pub history: Vec<Value>,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
}

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedEvent {
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Why a text is no export that this program reads.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is no JSON, or a member is missing or of another kind.
    #[error("this is not an exported execution: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It says that it is something else.
    #[error("this is not an exported execution: its format is not `{EXPORT_FORMAT}`")]
    OtherFormat,
    /// A newer program wrote it.
    #[error(
        "this is an export of version {version}, and this program reads up to {EXPORT_VERSION}"
    )]
    TooNew {
        /// Its version.
        version: u64,
    },
    /// Events are missing from it.
    #[error("event {sequence} is missing from the export")]
    Gap {
        /// The first that is missing.
        sequence: u64,
    },
}

impl Journal {
    /// Puts all that is known of an execution together.
    pub fn export(&self, key: Key) -> Result<Export, JournalError> {
        self.read(|db| {
            let loaded = executions::load(db, key)?;
            let recorded = reading::events(db, key, 1, usize::MAX)?;
            let gap = (1..).zip(&recorded).find(|(number, event)| event.sequence != *number);
            if let Some((sequence, _)) = gap {
                let name = &loaded.summary.name;
                return Err(JournalError::corrupt(name, sequence, "it is missing"));
            }
            let history = recorded.iter().flat_map(|recorded| &recorded.history);
            let history = history
                .map(|event| serde_json::to_value(event).expect("a history event has string keys"));
            // Texts to the journal; whoever wrote them wrote JSON, or else a string shows them.
            let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
            Ok(Export {
                format: EXPORT_FORMAT.to_owned(),
                version: EXPORT_VERSION,
                status: loaded.summary.status,
                workflow: json(loaded.workflow),
                settings: json(loaded.settings),
                start: loaded.start,
                history: history.collect(),
                events: recorded
                    .into_iter()
                    .map(|recorded| ExportedEvent {
                        sequence: recorded.sequence,
                        at: recorded.at,
                        event: recorded.event,
                    })
                    .collect(),
                outcome: loaded.outcome,
            })
        })
    }
}

impl Export {
    /// Reads what was exported.
    pub fn read(text: &str) -> Result<Self, ExportError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.format != EXPORT_FORMAT {
            return Err(ExportError::OtherFormat);
        }
        if head.version > u64::from(EXPORT_VERSION) {
            return Err(ExportError::TooNew { version: head.version });
        }
        let export: Self = serde_json::from_str(text)?;
        let mut sequences = (1..).zip(&export.events);
        if let Some((sequence, _)) = sequences.find(|(number, event)| event.sequence != *number) {
            return Err(ExportError::Gap { sequence });
        }
        Ok(export)
    }
}
