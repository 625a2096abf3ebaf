//! Durable executions: their events, their history and, from time to time, a snapshot, in SQLite.
//!
//! ```text
//!   engine: Execution ---- event, history ----> append --.
//!                                                         > commit: one transaction ---> journal.db
//!   other executions ----- event, history ----> append --'                                  |
//!                                                                                           v
//!   engine: Execution <--- last snapshot, and the events after it, applied ------------- restore
//! ```
//!
//! Reading order: [`Journal`], `executions` (creating, finding, listing them), `recorder` (what was
//! appended), `documents` (large ones are written once), `owners` (who drives an execution), `tokens` and
//! `inbox` (what other processes say), `schema`, `doctor` and `salvage`, `export`.
//!
//! Knows no tasks and no files of workflows: what a program needs to load a definition again is a text
//! that it keeps here. Reads no clock, prints nothing, and knows no async.

mod background;
mod doctor;
mod documents;
mod error;
mod executions;
mod export;
mod inbox;
mod journal;
mod log;
mod owners;
mod reading;
mod recorder;
mod records;
mod salvage;
mod schema;
mod tokens;

pub use doctor::{Counts, Diagnosis, Finding, doctor};
pub use error::JournalError;
pub use executions::{
    Batch, Created, Filter, Loaded, NewBatch, NewExecution, Place, Summary, Tally,
};
pub use export::{EXPORT_FORMAT, EXPORT_VERSION, Export, ExportError, ExportedEvent};
pub use inbox::{Letter, Message};
pub use journal::{Durability, Entry, FILE_NAME, Journal};
pub use owners::Owner;
pub use reading::Recorded;
pub use records::{BatchId, Key, LetterId, Status, WorkflowId};
pub use salvage::{Salvaged, salvage};
pub use tokens::{Answer, is_token};
