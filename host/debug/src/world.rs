//! Who answers what an execution asks for.

use jiff::{SignedDuration, Timestamp};
use stepwell_engine::{Event, Invocation};

/// What a call led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// [`Event::FunctionSucceeded`] or [`Event::FunctionFailed`] with the invocation's id.
    pub event: Event,
    /// How long it took, from when it was asked for.
    pub took: SignedDuration,
}

/// Calls functions, and is what a debugger knows of the world outside.
pub trait World {
    /// Performs a call that was asked for at that time. An error is the world's own, such as a component
    /// that cannot be loaded, and never a function's failure, which is an event.
    ///
    /// The same call may be performed again after a step back; [`Invocation::call`] says which answer a stub
    /// gives that answers differently each time.
    fn perform(&mut self, call: &Invocation, asked_at: Timestamp) -> Result<Answered, String>;

    /// The text of a file that a command names by `@FILE` instead of JSON.
    fn read(&mut self, file: &str) -> Result<String, String> {
        Err(format!("`{file}` cannot be read from here"))
    }
}
