//! A state: what all types have in common. Each type has a file of its own below.

use std::fmt;
use std::sync::Arc;

use stepwell_query::{Query, ReferencePath};

use crate::fields::{Field, Fields};
use crate::finding::{EXCLUSIVE_FIELDS, Findings, MISSING_FIELD, STATE_TYPE, UNSUPPORTED};
use crate::machine::{Name, Target, Transition, query_language};
use crate::path;

pub(crate) mod choice;
pub(crate) mod fail;
pub(crate) mod pass;
pub(crate) mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

/// A state of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its name, unique in the machine.
    pub name: Name,
    /// What the author says about it.
    pub comment: Option<String>,
    /// Its type with the type's fields.
    pub kind: StateKind,
}

/// The types of states (`facts/asl.md` 1).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum StateKind {
    Task(Box<task::Task>),
    Choice(choice::Choice),
    Pass(pass::Pass),
    Wait(wait::Wait),
    Succeed(succeed::Succeed),
    Fail(fail::Fail),
}

/// A state's type, which begins the names of its history events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum StateType {
    Task,
    Choice,
    Pass,
    Wait,
    Succeed,
    Fail,
}

/// As ASL writes it.
impl fmt::Display for StateType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

impl StateKind {
    /// The type alone.
    pub fn state_type(&self) -> StateType {
        match self {
            Self::Task(_) => StateType::Task,
            Self::Choice(_) => StateType::Choice,
            Self::Pass(_) => StateType::Pass,
            Self::Wait(_) => StateType::Wait,
            Self::Succeed(_) => StateType::Succeed,
            Self::Fail(_) => StateType::Fail,
        }
    }
}

/// `InputPath` and `OutputPath`. `None` is null in the file: `{}` instead of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct InputOutput {
    /// Which part of the raw input the state sees.
    pub input_path: Option<Query>,
    /// Which part of the result the next state sees.
    pub output_path: Option<Query>,
}

/// `ResultPath`: where the result goes in the raw input.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultPath {
    /// Null in the file: the result is thrown away and the raw input goes on.
    Discard,
    /// The result is written to that place; `$`, the default, replaces the input.
    At(Arc<ReferencePath>),
}

/// Gathers what a state leads to while it is read.
#[derive(Default)]
pub(crate) struct Leads {
    pub(crate) targets: Vec<Target>,
    pub(crate) ends: bool,
}

/// Reads one state; what it leads to is known even when the rest is not sound.
pub(crate) fn read(
    field: &Field<'_>,
    findings: &mut Findings,
) -> (Option<State>, Vec<Target>, bool) {
    let mut leads = Leads::default();
    let state = read_state(field, &mut leads, findings);
    // A state that could not be read might have been the last one: no second finding for one mistake.
    let ends = leads.ends || state.is_none();
    (state, leads.targets, ends)
}

const TYPES: [&str; 8] = ["Task", "Choice", "Pass", "Wait", "Succeed", "Fail", "Parallel", "Map"];

fn read_state(field: &Field<'_>, leads: &mut Leads, findings: &mut Findings) -> Option<State> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let comment = fields.take("Comment").and_then(|field| field.string(findings));
    query_language(&mut fields, findings);
    let type_field = fields.require("Type", findings)?;
    let type_name = type_field.string(findings)?;
    fields.refuse_for_now(&["Assign"], findings);
    if !matches!(type_name, "Fail") {
        refuse_jsonata_fields(&mut fields, findings);
    }
    let kind = match type_name {
        "Task" => {
            task::read(&mut fields, leads, findings).map(|task| StateKind::Task(Box::new(task)))
        }
        "Choice" => choice::read(&mut fields, leads, findings).map(StateKind::Choice),
        "Pass" => pass::read(&mut fields, leads, findings).map(StateKind::Pass),
        "Wait" => wait::read(&mut fields, leads, findings).map(StateKind::Wait),
        "Succeed" => succeed::read(&mut fields, leads, findings).map(StateKind::Succeed),
        "Fail" => fail::read(&mut fields, leads, findings).map(StateKind::Fail),
        "Parallel" | "Map" => {
            let message = format!("states of type `{type_name}` are not supported yet");
            findings.error(UNSUPPORTED, &type_field.place, message);
            // What it leads to still counts.
            _ = transition(&mut fields, leads, &mut Findings::default());
            return None;
        }
        other => {
            findings
                .error(STATE_TYPE, &type_field.place, format!("`{other}` is no type of state"))
                .suggest(other, TYPES);
            _ = transition(&mut fields, leads, &mut Findings::default());
            return None;
        }
    };
    fields.finish(&format!("a state of type `{type_name}`"), findings);
    Some(State { name: field.name.into(), comment: comment.map(str::to_owned), kind: kind? })
}

/// Fields of the other query language, which a state of this one must not have.
fn refuse_jsonata_fields(fields: &mut Fields<'_>, findings: &mut Findings) {
    for (name, instead) in
        [("Arguments", "Parameters"), ("Output", "ResultSelector` and `OutputPath")]
    {
        if let Some(field) = fields.take(name) {
            findings
                .error(
                    UNSUPPORTED,
                    &field.place,
                    format!(
                        "`{name}` belongs to the query language JSONata, which is not supported yet"
                    ),
                )
                .help(format!("in JSONPath, use `{instead}`"));
        }
    }
}

/// `Next` or `End`.
pub(crate) fn transition(
    fields: &mut Fields<'_>,
    leads: &mut Leads,
    findings: &mut Findings,
) -> Option<Transition> {
    let next = fields.take("Next");
    let end = fields.take("End");
    let end_place = end.as_ref().map(|field| field.place.clone());
    let ends = end.is_some_and(|field| field.boolean(findings).unwrap_or(true));
    match next {
        Some(next) if ends => {
            let place = end_place.unwrap_or_default();
            findings
                .error(EXCLUSIVE_FIELDS, &place, "`Next` and `End` exclude each other")
                .related(next.place.span.clone(), "the other one");
            leads.ends = true;
            lead(&next, leads, findings).map(Transition::Next)
        }
        Some(next) => lead(&next, leads, findings).map(Transition::Next),
        None if ends => {
            leads.ends = true;
            Some(Transition::End)
        }
        None => {
            findings
                .error(
                    MISSING_FIELD,
                    &fields.place,
                    "neither `Next` nor `End` says where the state leads",
                )
                .help("add `Next: NAME`, or `End: true` for the last state");
            // It might have been meant as the last one.
            leads.ends = true;
            None
        }
    }
}

/// A field that names a state.
pub(crate) fn lead(field: &Field<'_>, leads: &mut Leads, findings: &mut Findings) -> Option<Name> {
    let name = Name::from(field.string(findings)?);
    let from = if field.name == "Default" { "Default" } else { "Next" };
    leads.targets.push(Target { name: name.clone(), place: field.place.clone(), from });
    Some(name)
}

pub(crate) fn input_output(
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) -> Option<InputOutput> {
    let mut read = |name| match fields.take(name) {
        Some(field) => path::nullable_query(&field, findings),
        None => Some(Some(Query::identity())),
    };
    let (input_path, output_path) = (read("InputPath"), read("OutputPath"));
    Some(InputOutput { input_path: input_path?, output_path: output_path? })
}

pub(crate) fn result_path(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<ResultPath> {
    let Some(field) = fields.take("ResultPath") else { return Some(ResultPath::default()) };
    if matches!(field.node.kind, crate::node::NodeKind::Null) {
        return Some(ResultPath::Discard);
    }
    path::reference_path(&field, findings).map(|path| ResultPath::At(Arc::new(path)))
}

impl Default for ResultPath {
    fn default() -> Self {
        let root = ReferencePath::parse("$").expect("`$` is a reference path");
        Self::At(Arc::new(root))
    }
}
