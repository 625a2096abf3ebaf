//! What each state type does; one file per type. Here is what they have in common: how data flows through
//! a state (`facts/asl.md` 2.1).

use std::cell::Cell;

use serde_json::{Map, Value};
use stepwell_asl::{InputOutput, ResultPath, State, StateKind};
use stepwell_query::{Document, Query, Template};

use crate::context::{At, Moment};
use crate::execution::{Branch, Flow, Halt, STATE_BYTES_MAX, Turn};
use crate::failure::Failure;

mod choice;
mod fail;
mod pass;
mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

/// Does what a state does when it is entered.
pub(crate) fn enter(turn: &mut Turn<'_>, branch: &mut Branch, state: &State) -> Result<Flow, Halt> {
    match &state.kind {
        StateKind::Task(task) => {
            branch.retries.resize(task.retry.len(), 0);
            task::attempt(turn, branch, task)
        }
        StateKind::Choice(choice) => choice::enter(turn, branch, choice),
        StateKind::Pass(pass) => pass::enter(turn, branch, pass),
        StateKind::Wait(wait) => wait::enter(turn, branch, wait),
        StateKind::Succeed(succeed) => succeed::enter(turn, branch, succeed),
        StateKind::Fail(fail) => Err(fail::enter(fail)),
    }
}

/// A state's data on its way through, with the moment that the context object tells of.
pub(crate) struct Data<'e> {
    branch: &'e Branch,
    moment: Moment<'e>,
}

impl<'e> Data<'e> {
    /// `retried`: whether the state's type can be retried, which the context object shows.
    pub(crate) fn new(turn: &Turn<'e>, branch: &'e Branch, retried: bool) -> Self {
        let moment = Moment {
            start: turn.start,
            state: &branch.state,
            entered_at: branch.entered_at,
            retry_count: retried.then(|| branch.retry_count()),
            previous_id: branch.previous_id,
            draws: Cell::default(),
        };
        Self { branch, moment }
    }

    /// The raw input through `InputPath`.
    pub(crate) fn input(&self, io: &InputOutput) -> Result<Document, Halt> {
        self.pick(io.input_path.as_ref(), &self.branch.input)
    }

    /// A result through `OutputPath`.
    pub(crate) fn output(&self, io: &InputOutput, result: &Document) -> Result<Document, Halt> {
        self.pick(io.output_path.as_ref(), result)
    }

    /// The effective input: what `Parameters` makes of the input.
    pub(crate) fn parameters(
        &self,
        template: Option<&Template>,
        input: Document,
    ) -> Result<Document, Halt> {
        let Some(template) = template else { return Ok(input) };
        let filled = self.fill(template, &input)?;
        if filled.size_bytes() > STATE_BYTES_MAX {
            return Err(Failure::data_limit_exceeded(self.branch.state.as_str()).into());
        }
        Ok(filled)
    }

    /// What a template makes of the data.
    pub(crate) fn fill(&self, template: &Template, data: &Document) -> Result<Document, Halt> {
        let filled =
            template.fill(&At::new(data.value(), &self.moment)).map_err(|error| {
                match self.runtime_failure(&error.cause(data.text())) {
                    Halt::Failed(Failure { cause, .. }) => {
                        Halt::Failed(Failure { error: Some(error.name().to_owned()), cause })
                    }
                    halt @ Halt::HistoryFull => halt,
                }
            })?;
        self.made(filled)
    }

    /// The raw input with a result written into it.
    pub(crate) fn merge(&self, path: &ResultPath, result: Document) -> Result<Document, Halt> {
        let path = match path {
            ResultPath::Discard => return Ok(self.branch.input.clone()),
            ResultPath::At(path) if path.is_root() => return Ok(result),
            ResultPath::At(path) => path,
        };
        let input = self.branch.input.value().clone();
        let merged = path.write(input, result.into_value()).map_err(|_| {
            // As a run on AWS shows it; the specification's `States.ResultPathMatchFailure` was not seen.
            let input = self.branch.input.text();
            let cause = format!("Unable to apply ReferencePath {path} to input {input}");
            Failure::new("States.ReferencePathConflict", cause)
        })?;
        self.made(merged)
    }

    /// A value that was put together here. A loop can nest its input once more in each round.
    fn made(&self, value: Value) -> Result<Document, Halt> {
        Document::from_made(value)
            .map_err(|error| self.runtime_failure(&format!("The state's data is {error}.")))
    }

    /// What a path finds in the data; `{}` for null.
    fn pick(&self, query: Option<&Query>, data: &Document) -> Result<Document, Halt> {
        match query {
            None => Ok(Document::from(Value::Object(Map::new()))),
            Some(query) if query.is_identity() => Ok(data.clone()),
            Some(query) => {
                self.find(query, data, |error| format!("Invalid path '{query}' : {error}"))
            }
        }
    }

    /// What a path finds in the data; `otherwise` tells the failure.
    pub(crate) fn find(
        &self,
        query: &Query,
        data: &Document,
        otherwise: impl FnOnce(&stepwell_query::PathError) -> String,
    ) -> Result<Document, Halt> {
        match query.evaluate(&At::new(data.value(), &self.moment)) {
            Ok(value) => Ok(Document::from(value.into_owned())),
            Err(error) => Err(self.runtime_failure(&otherwise(&error))),
        }
    }

    pub(crate) fn scope<'d>(&'d self, data: &'d Document) -> At<'d> {
        At::new(data.value(), &self.moment)
    }

    pub(crate) fn runtime_failure(&self, what: &str) -> Halt {
        Turn::runtime_failure(self.branch, what)
    }
}
