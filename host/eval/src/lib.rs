//! A place to try expressions: JSONata, JSONPath and intrinsic functions, evaluated as a workflow would.
//!
//! Reading order: [`Question`], a text and the language that it is in; [`Values`], what it can see; `notices`,
//! what is worth a warning; [`Session`], which takes lines and gives answers; `command`, the lines that begin
//! with a colon; `open`, whether a line goes on; `complete`, what could stand here.
//!
//! Pure: files are read through [`Files`], time and random bits are handed in, and whoever asks prints.

mod command;
mod complete;
mod functions;
mod notices;
mod open;
mod question;
mod session;
mod values;

pub use complete::Candidate;
pub use open::is_open;
pub use question::{Notice, Question, Trouble};
pub use session::{Files, Reply, Said, Session};
pub use values::{Values, ValuesError};
