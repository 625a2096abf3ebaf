//! What each state type does; one file per type. Here is what they have in common: how data flows through
//! a state (`facts/asl.md` 2.1).

use std::borrow::Cow;

use serde_json::{Map, Value};
use stepwell_asl::{Assign, Computed, InputOutput, Part, Quantity, ResultPath, State, StateKind};
use stepwell_query::{
    Document, Expression, ExpressionError, QUERY_EVALUATION_ERROR, Query, Template,
};

use crate::branch::{Branch, Item, Waiting};
use crate::context::{At, Moment, States};
use crate::event::Event;
use crate::execution::STATE_BYTES_MAX;
use crate::failure::{Evaluation, Failure, RUNTIME};
use crate::history::{Assigned, Details};
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

/// Records the failure of an expression, if that is how a state ended, and lets the state retry or catch it.
/// `before` is the event before the state's entry, if it is about what happens there: AWS lets the failure
/// follow that one.
pub(crate) fn after_evaluation(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    flow: Result<Flow, Halt>,
    before: Option<u64>,
) -> Result<Flow, Halt> {
    let Err(Halt::Failed(mut failure)) = flow else { return flow };
    let Some(evaluation) = failure.evaluation.take() else { return Err(failure.into()) };
    let state = turn.state(branch);
    if let Some(before) = before.filter(|_| !evaluation.of_value)
        && branch.previous_id == branch.entered_id
    {
        branch.previous_id = before;
    }
    let (error, cause) = (failure.error.clone(), failure.cause.clone());
    let location = evaluation.location;
    let details = Details::EvaluationFailed { state: state.name.clone(), error, cause, location };
    turn.record(branch, details)?;
    let given_up = match &state.kind {
        StateKind::Map(_) => Some(Details::MapStateFailed),
        StateKind::Parallel(_) => Some(Details::ParallelStateFailed),
        _ => None,
    };
    match state.kind.work() {
        Some(work) if !evaluation.in_catcher => {
            let flow = work::failed(turn, branch, work, &failure, given_up);
            // A catcher has expressions of its own.
            after_evaluation(turn, branch, flow, None)
        }
        _ => Err(failure.into()),
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
    states: States<'t>,
}

impl<'t> Data<'t> {
    pub(crate) fn new(turn: &'t Turn<'_>, branch: &'t Branch) -> Self {
        Self::at(turn, branch, branch.item.as_ref())
    }

    fn at(turn: &'t Turn<'_>, branch: &'t Branch, item: Option<&'t Item>) -> Self {
        Self { moment: Moment::new(turn, branch, item), states: States::default() }
    }

    /// With what the state's work gave: `$states.result`.
    pub(crate) fn with_result(mut self, result: &'t Document) -> Self {
        self.states.result = Some(result);
        self
    }

    /// With what a catcher caught: `$states.errorOutput`.
    pub(crate) fn with_error_output(mut self, error_output: &'t Document) -> Self {
        self.states.error_output = Some(error_output);
        self
    }

    /// The data as one of a Map's items sees it before its iteration begins.
    pub(crate) fn of_item(turn: &'t Turn<'_>, branch: &'t Branch, item: &'t Item) -> Self {
        Self::at(turn, branch, Some(item))
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
        let scope = self.scope(data);
        if let Some(document) = template.share(&scope) {
            return Ok(document);
        }
        let filled = template.fill(&scope).map_err(|error| {
            if let ExpressionError::Jsonata { .. } = error.source {
                return self.evaluation_failure(&error.cause(""), Some(&error.field), false);
            }
            self.failure(error.name(), &error.cause(data.text()))
        })?;
        self.made(filled)
    }

    /// What `Output` makes; what goes on without it is `otherwise`.
    pub(crate) fn put_out(
        &self,
        output: Option<&Template>,
        otherwise: Document,
    ) -> Result<Document, Halt> {
        match output {
            Some(template) => self.fill(template, &otherwise),
            None => Ok(otherwise),
        }
    }

    /// The value of a computed field, as far as it is of the type that the field takes. `expected` names the type.
    pub(crate) fn compute<T>(
        &self,
        computed: &Computed,
        expected: &str,
        typed: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Halt> {
        let scope = self.scope(&self.moment.branch.input);
        let Computed { location, expression } = computed;
        let failure = |what: &dyn std::fmt::Display| {
            let what = format!(
                "The JSONata expression '{expression}' specified for the field '{location}' {what}"
            );
            self.evaluation_failure(&what, Some(location), false)
        };
        let value = expression.evaluate(&scope).map_err(|error| failure(&error))?;
        typed(&value).ok_or_else(|| failure(&unexpected(expected, &value)))
    }

    /// A failure of an expression, or of what it came to.
    pub(crate) fn evaluation_failure(
        &self,
        what: &str,
        location: Option<&str>,
        of_value: bool,
    ) -> Halt {
        let cause = told(self.moment.state, self.moment.branch, what);
        let mut failure = Failure::new(QUERY_EVALUATION_ERROR, cause);
        let in_catcher = self.states.error_output.is_some();
        let location = location.map(str::to_owned);
        failure.evaluation = Some(Evaluation { location, of_value, in_catcher });
        failure.into()
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
        match query.evaluate(&self.scope(data)) {
            Ok(value) => Ok(Document::from(value.into_owned())),
            Err(error) => Err(self.runtime_failure(&otherwise(&error))),
        }
    }

    pub(crate) fn scope<'d>(&'d self, data: &'d Document) -> At<'d> {
        At::new(data.value(), &self.moment, self.states)
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
            Quantity::Computed(computed) => {
                return self.compute(computed, "integer", Value::as_i64);
            }
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

/// What AWS says of a value that is not of the type that its field takes.
pub(crate) fn unexpected(expected: &str, value: &Value) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!(
        "returned an unexpected result type. Expected '{expected}', but was '{kind}' for value: {value}"
    )
}

/// A value in a message: a string without its quotes.
pub(crate) fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}
