//! What each state type does; one file per type. Here is what they have in common: how data flows through
//! a state (`facts/asl.md` 2.1).

use std::borrow::Cow;

use serde_json::{Map, Value};
use stepwell_asl::{Assign, InputOutput, Part, Quantity, ResultPath, State, StateKind};
use stepwell_query::{Document, Expression, Query, Template};

use crate::branch::{Branch, Item, Waiting};
use crate::context::{At, Moment};
use crate::event::Event;
use crate::execution::STATE_BYTES_MAX;
use crate::failure::{Failure, RUNTIME};
use crate::history::Assigned;
use crate::turn::{Flow, Halt, Turn, told};

mod choice;
mod fail;
pub(crate) mod map;
pub(crate) mod parallel;
mod pass;
mod succeed;
mod task;
mod wait;
mod work;

/// Does what a state does when it is entered.
pub(crate) fn enter(turn: &mut Turn<'_>, branch: &mut Branch, state: &State) -> Result<Flow, Halt> {
    if let Some(work) = state.kind.work() {
        branch.retries.resize(work.retry.len(), 0);
    }
    match &state.kind {
        StateKind::Task(task) => task::attempt(turn, branch, task),
        StateKind::Parallel(parallel) => parallel::attempt(turn, branch, parallel),
        StateKind::Map(map) => map::attempt(turn, branch, map),
        StateKind::Choice(choice) => choice::enter(turn, branch, choice),
        StateKind::Pass(pass) => pass::enter(turn, branch, pass),
        StateKind::Wait(wait) => wait::enter(turn, branch, wait),
        StateKind::Succeed(succeed) => succeed::enter(turn, branch, succeed),
        StateKind::Fail(fail) => Err(fail::enter(turn, branch, fail)),
    }
}

/// Goes on with a state when what it waited for has happened.
pub(crate) fn go_on(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    waiting: Waiting,
    event: Event,
) -> Result<Flow, Halt> {
    let state = turn.state(branch);
    match (&state.kind, waiting, event) {
        (StateKind::Task(task), Waiting::Call(call), Event::FunctionSucceeded { output, .. }) => {
            task::succeeded(turn, branch, task, *call, output)
        }
        (StateKind::Task(task), Waiting::Call(call), Event::FunctionFailed { failure, .. }) => {
            task::failed(turn, branch, task, &call, &failure)
        }
        (StateKind::Task(task), Waiting::Call(call), Event::TimerFired { id }) => {
            task::timed_out(turn, branch, task, &call, id)
        }
        (StateKind::Task(task), Waiting::Call(call), event) => {
            task::answered(turn, branch, task, *call, event)
        }
        (StateKind::Wait(wait), ..) => wait::ended(turn, branch, wait),
        (StateKind::Task(task), ..) => task::attempt(turn, branch, task),
        (StateKind::Parallel(parallel), ..) => parallel::attempt(turn, branch, parallel),
        (StateKind::Map(map), ..) => map::attempt(turn, branch, map),
        (
            StateKind::Choice(_) | StateKind::Pass(_) | StateKind::Succeed(_) | StateKind::Fail(_),
            ..,
        ) => unreachable!("states of this type wait for nothing"),
    }
}

/// A state's data on its way through, with the moment that the context object tells of.
pub(crate) struct Data<'t> {
    moment: Moment<'t>,
}

impl<'t> Data<'t> {
    pub(crate) fn new(turn: &'t Turn<'_>, branch: &'t Branch) -> Self {
        Self { moment: Moment::new(turn, branch, branch.item.as_ref()) }
    }

    /// The data as one of a Map's items sees it before its iteration begins.
    pub(crate) fn of_item(turn: &'t Turn<'_>, branch: &'t Branch, item: &'t Item) -> Self {
        Self { moment: Moment::new(turn, branch, Some(item)) }
    }

    /// The raw input through `InputPath`.
    pub(crate) fn input(&self, io: &InputOutput) -> Result<Document, Halt> {
        self.pick(&io.input_path, self.moment.branch.input.clone())
    }

    /// A result through `OutputPath`.
    pub(crate) fn output(&self, io: &InputOutput, result: Document) -> Result<Document, Halt> {
        self.pick(&io.output_path, result)
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
            return Err(Failure::data_limit_exceeded(self.state_name()).into());
        }
        Ok(filled)
    }

    /// What a template makes of the data.
    pub(crate) fn fill(&self, template: &Template, data: &Document) -> Result<Document, Halt> {
        let filled = template.fill(&At::new(data.value(), &self.moment));
        let filled =
            filled.map_err(|error| self.failure(error.name(), &error.cause(data.text())))?;
        self.made(filled)
    }

    /// The raw input with a result written into it.
    pub(crate) fn merge(&self, path: &ResultPath, result: Document) -> Result<Document, Halt> {
        let path = match path {
            ResultPath::Discard => return Ok(self.moment.branch.input.clone()),
            ResultPath::Replace => return Ok(result),
            ResultPath::At(path) => path,
        };
        let input = self.moment.branch.input.value().clone();
        let merged = path.write(input, result.into_value()).map_err(|_| {
            // As a run on AWS shows it; the specification's `States.ResultPathMatchFailure` was not seen.
            let input = self.moment.branch.input.text();
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
    fn pick(&self, part: &Part, data: Document) -> Result<Document, Halt> {
        match part {
            Part::Nothing => Ok(Document::from(Value::Object(Map::new()))),
            Part::Whole => Ok(data),
            Part::At(query) => {
                self.find(query, &data, |error| format!("Invalid path '{query}' : {error}"))
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

    /// The values of the variables that a state assigns.
    pub(crate) fn assigned(&self, assign: &Assign, data: &Document) -> Result<Assigned, Halt> {
        /// Of one variable, and of all that a state assigns, in bytes (`facts/asl.md` 2.5).
        const ASSIGNED_BYTES_MAX: usize = 262_144;
        if assign.0.is_empty() {
            return Ok(Assigned::default());
        }
        let assigned = assign
            .0
            .iter()
            .map(|(name, template)| Ok((name.clone(), self.fill(template, data)?)))
            .collect::<Result<Vec<_>, Halt>>()?;
        if assigned.iter().map(|(_, value)| value.size_bytes()).sum::<usize>() > ASSIGNED_BYTES_MAX
        {
            let what = "The variables that the state assigns exceed the maximum of 256 KiB.";
            return Err(self.runtime_failure(what));
        }
        Ok(Assigned::from(assigned))
    }

    /// A whole number from the file or from the state's input.
    pub(crate) fn quantity(
        &self,
        quantity: &Quantity,
        field: &str,
        data: &Document,
    ) -> Result<i64, Halt> {
        let query = match quantity {
            Quantity::Literal(number) => return Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
            Quantity::Path(query) => query,
        };
        let found = self.find(query, data, |error| format!("Invalid path '{query}' : {error}"))?;
        // Recorded on AWS: a text that holds a number will do.
        let number = match found.value() {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        };
        number.ok_or_else(|| {
            let value = shown(found.value());
            self.runtime_failure(&format!(
                "The {field}Path field refers to value \"{value}\" which is not a valid integer: {query}"
            ))
        })
    }

    /// The text that `ErrorPath` or `CausePath` leads to.
    pub(crate) fn text(&self, expression: &Expression, field: &str) -> Result<String, Halt> {
        let input = &self.moment.branch.input;
        let scope = self.scope(input);
        let found = expression
            .evaluate(&scope)
            .map_err(|error| self.failure(error.name(), &error.cause(field, input.text())))?;
        found.as_str().map(str::to_owned).ok_or_else(|| {
            self.runtime_failure(&format!(
                "The JSONPath '{expression}' specified for the field '{field}' must lead to a string, but led to {found}"
            ))
        })
    }

    /// A failure at this moment, told as AWS tells it.
    fn failure(&self, error: &str, what: &str) -> Halt {
        Failure::new(error, told(self.moment.state, self.moment.branch, what)).into()
    }

    pub(crate) fn runtime_failure(&self, what: &str) -> Halt {
        self.failure(RUNTIME, what)
    }

    pub(crate) fn state_name(&self) -> &str {
        self.moment.state.name.as_str()
    }
}

/// A value in a message: a string without its quotes.
pub(crate) fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}
