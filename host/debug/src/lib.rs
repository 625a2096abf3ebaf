//! Time travel for executions: step through what happened or happens, go back, change what a function
//! answered, and look at everything on the way.
//!
//! ```text
//!   commands (terminal or script)            answers of functions
//!        |                                          ^
//!        v                                          |
//!    Debugger ---- what happens next? ---------->  World
//!        |
//!        v
//!    Session: timelines of moments, each an event of the engine, and the execution where one stands
//! ```
//!
//! An execution is a value that events change, and the same events give the same execution. So going back
//! is taking an earlier copy, and a change is another event: it begins a new timeline, and the old one
//! stays as it was.
//!
//! Reading order: `moment`, `session` (timelines, forward, back), `next` (what would happen), `world` (who
//! answers), `command` (the language), `target` and `debugger` (what commands do), `words` and `show` (what a person
//! reads), and [`replay()`], which holds a recorded history against the events it came from.
//!
//! Pure: no clock, no files, no terminal, no async. Functions are called through [`World`], and text goes
//! to a [`std::fmt::Write`].

mod command;
mod debugger;
mod moment;
mod next;
mod replay;
mod session;
mod show;
mod target;
mod words;
mod world;

pub use command::HELP;
pub use debugger::{CommandError, Debugger, Flow, ScriptError};
pub use moment::Moment;
pub use next::Next;
pub use replay::{Difference, Place, Replayed, replay};
pub use session::{DoesNotFit, Session, Taken, TimelineSummary};
pub use world::{Answered, World};
