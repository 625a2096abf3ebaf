//! A world of stubs: functions answer as their workflow file says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use stepwell_asl::{Component, StubAnswer, Workflow};
use stepwell_debug::{Answered, World};
use stepwell_engine::{Event, Failure, Invocation};
use stepwell_query::Document;

/// The stubs of a workflow, and the files that commands may name.
pub(crate) struct Stubs {
    pub(crate) workflow: Workflow,
    pub(crate) files: BTreeMap<String, String>,
}

impl World for Stubs {
    fn perform(&mut self, call: &Invocation, _asked_at: Timestamp) -> Result<Answered, String> {
        let (_, settings) = self
            .workflow
            .function(call.function.as_str())
            .ok_or_else(|| format!("no function is called `{}`", call.function))?;
        let Some(Component::Stub(stub)) = &settings.code else {
            return Err(format!("the function `{}` has no code", call.function));
        };
        let last = stub.answers.len() - 1;
        let (sleeps, answer) = &stub.answers[last.min(usize::try_from(call.call).unwrap())];
        let id = call.id;
        let event = match answer {
            StubAnswer::Returns(value) => {
                Event::FunctionSucceeded { id, output: Document::from(value.clone()) }
            }
            StubAnswer::Echo => Event::FunctionSucceeded { id, output: call.payload.clone() },
            StubAnswer::Fails { error, cause } => {
                Event::FunctionFailed { id, failure: Failure::new(error.as_str(), cause.as_str()) }
            }
        };
        Ok(Answered { event, took: SignedDuration::from_secs_f64(sleeps.unwrap_or(0.0)) })
    }

    fn read(&mut self, file: &str) -> Result<String, String> {
        self.files.get(file).cloned().ok_or_else(|| format!("there is no file `{file}`"))
    }
}
