//! A state: what all types have in common. Each type has a file of its own below.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_query::{Query, ReferencePath, Template};

use crate::definition::{MachineId, Name, StateId, Transition};
use crate::fields::{Field, Fields};
use crate::finding::{EXCLUSIVE_FIELDS, Findings, MISSING_FIELD, STATE_TYPE};
use crate::machine::{Leads, QueryLanguage, query_language};
use crate::path;
use jsonata::{Computed, Site, Written};

pub(crate) mod assign;
pub(crate) mod choice;
pub(crate) mod distributed;
pub(crate) mod fail;
pub(crate) mod integration;
pub(crate) mod jsonata;
pub(crate) mod language;
pub(crate) mod map;
pub(crate) mod parallel;
pub(crate) mod pass;
pub(crate) mod succeed;
pub(crate) mod task;
pub(crate) mod wait;
pub(crate) mod work;

/// A state of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its number in the definition.
    pub id: StateId,
    /// The machine it belongs to.
    pub machine: MachineId,
    /// Its name, unique in the definition.
    pub name: Name,
    /// What the author says about it.
    pub comment: Option<String>,
    /// In which language its fields are written.
    pub language: QueryLanguage,
    /// Its type with the type's fields.
    pub kind: StateKind,
}

/// The types of states (`facts/asl.md` 1).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum StateKind {
    Task(Box<task::Task>),
    Parallel(Box<parallel::Parallel>),
    Map(Box<map::Map>),
    Choice(choice::Choice),
    Pass(Box<pass::Pass>),
    Wait(Box<wait::Wait>),
    Succeed(succeed::Succeed),
    Fail(fail::Fail),
}

/// A state's type, which begins the names of its history events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum StateType {
    Task,
    Parallel,
    Map,
    Choice,
    Pass,
    Wait,
    Succeed,
    Fail,
}

impl StateType {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Task" => Self::Task,
            "Parallel" => Self::Parallel,
            "Map" => Self::Map,
            "Choice" => Self::Choice,
            "Pass" => Self::Pass,
            "Wait" => Self::Wait,
            "Succeed" => Self::Succeed,
            "Fail" => Self::Fail,
            _ => return None,
        })
    }
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
            Self::Parallel(_) => StateType::Parallel,
            Self::Map(_) => StateType::Map,
            Self::Choice(_) => StateType::Choice,
            Self::Pass(_) => StateType::Pass,
            Self::Wait(_) => StateType::Wait,
            Self::Succeed(_) => StateType::Succeed,
            Self::Fail(_) => StateType::Fail,
        }
    }

    /// What a state that does work does about results and errors; `None` for the other types.
    pub fn work(&self) -> Option<&work::Work> {
        match self {
            Self::Task(task) => Some(&task.work),
            Self::Parallel(parallel) => Some(&parallel.work),
            Self::Map(map) => Some(&map.work),
            Self::Choice(_) | Self::Pass(_) | Self::Wait(_) | Self::Succeed(_) | Self::Fail(_) => {
                None
            }
        }
    }

    /// The machines nested in the state, in order.
    pub fn machines(&self) -> &[MachineId] {
        match self {
            Self::Parallel(parallel) => &parallel.branches,
            Self::Map(map) => std::slice::from_ref(&map.processor),
            _ => &[],
        }
    }
}

/// `InputPath` and `OutputPath`.
#[derive(Debug, Clone, PartialEq)]
pub struct InputOutput {
    /// Which part of the raw input the state sees.
    pub input_path: Part,
    /// Which part of the result the next state sees.
    pub output_path: Part,
}

/// Part of some data.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// `$`, the default: all of it.
    Whole,
    /// Null in the file: `{}` instead of it.
    Nothing,
    /// What a path leads to.
    At(Query),
}

impl InputOutput {
    /// Whether both are the whole.
    pub fn is_whole(&self) -> bool {
        self.input_path == Part::Whole && self.output_path == Part::Whole
    }
}

/// `ResultPath`: where the result goes in the raw input.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultPath {
    /// `$`, the default: the result goes on instead of the raw input.
    Replace,
    /// Null in the file: the result is thrown away and the raw input goes on.
    Discard,
    /// The result is written to that place.
    At(Arc<ReferencePath>),
}

/// A number in the file, or a path to one.
#[derive(Debug, Clone, PartialEq)]
pub enum Quantity {
    /// The number.
    Literal(u64),
    /// The field that ends in `Path`.
    Path(Query),
    /// An expression.
    Computed(Computed),
}

/// Reads one state. What it leads to is noted even when the rest is not sound.
pub(crate) fn read(
    field: &Field<'_>,
    id: StateId,
    machine: MachineId,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<State> {
    const TYPES: [&str; 8] =
        ["Task", "Choice", "Pass", "Wait", "Succeed", "Fail", "Parallel", "Map"];
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let comment = fields.take("Comment").and_then(|field| field.string(findings));
    leads.language = query_language(&mut fields, leads.outer_language(), findings);
    let type_field = fields.require("Type", findings)?;
    let type_name = type_field.string(findings)?;
    if let Some(state_type) = StateType::from_name(type_name) {
        language::refuse_fields_of_the_other(state_type, leads.language, &mut fields, findings);
    }
    let kind = match type_name {
        "Task" => {
            task::read(&mut fields, leads, findings).map(|task| StateKind::Task(Box::new(task)))
        }
        "Parallel" => parallel::read(&mut fields, leads, findings)
            .map(|parallel| StateKind::Parallel(Box::new(parallel))),
        "Map" => map::read(&mut fields, leads, findings).map(|map| StateKind::Map(Box::new(map))),
        "Choice" => choice::read(&mut fields, leads, findings).map(StateKind::Choice),
        "Pass" => {
            pass::read(&mut fields, leads, findings).map(|pass| StateKind::Pass(Box::new(pass)))
        }
        "Wait" => {
            wait::read(&mut fields, leads, findings).map(|wait| StateKind::Wait(Box::new(wait)))
        }
        "Succeed" => succeed::read(&mut fields, leads, findings).map(StateKind::Succeed),
        "Fail" => fail::read(&mut fields, leads, findings).map(StateKind::Fail),
        other => {
            findings
                .error(STATE_TYPE, &type_field.place, format!("`{other}` is no type of state"))
                .suggest(other, TYPES);
            // What it leads to still counts.
            _ = transition(&mut fields, leads, &mut Findings::default());
            return None;
        }
    };
    fields.finish_as_aws(&format!("a state of type `{type_name}`"), findings);
    let (name, comment) = (field.name.into(), comment.map(str::to_owned));
    Some(State { id, machine, name, comment, language: leads.language, kind: kind? })
}

/// `Next` or `End`.
pub(crate) fn transition(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
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
            leads.lead(&next, findings).map(Transition::Next)
        }
        Some(next) => leads.lead(&next, findings).map(Transition::Next),
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

pub(crate) fn input_output(
    fields: &mut Fields<'_>,
    language: QueryLanguage,
    findings: &mut Findings,
) -> Option<InputOutput> {
    if language == QueryLanguage::Jsonata {
        return Some(InputOutput { input_path: Part::Whole, output_path: Part::Whole });
    }
    let mut read = |name| match fields.take(name) {
        Some(field) => path::nullable_query(&field, findings).map(|query| match query {
            Some(query) if query.is_identity() => Part::Whole,
            Some(query) => Part::At(query),
            None => Part::Nothing,
        }),
        None => Some(Part::Whole),
    };
    let (input_path, output_path) = (read("InputPath"), read("OutputPath"));
    Some(InputOutput { input_path: input_path?, output_path: output_path? })
}

pub(crate) fn result_path(
    fields: &mut Fields<'_>,
    language: QueryLanguage,
    findings: &mut Findings,
) -> Option<ResultPath> {
    if language == QueryLanguage::Jsonata {
        return Some(ResultPath::Replace);
    }
    let Some(field) = fields.take("ResultPath") else { return Some(ResultPath::Replace) };
    if matches!(field.node.kind, crate::node::NodeKind::Null) {
        return Some(ResultPath::Discard);
    }
    path::reference_path(&field, findings).map(|path| {
        if path.is_root() { ResultPath::Replace } else { ResultPath::At(Arc::new(path)) }
    })
}

/// A field that holds a number, or its twin that ends in `Path` and leads to one; in JSONata, an expression.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(crate) fn quantity(
    fields: &mut Fields<'_>,
    [literal, by_path]: [&'static str; 2],
    range: std::ops::RangeInclusive<u64>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Quantity>> {
    if leads.language == QueryLanguage::Jsonata {
        let read = |field: Field<'_>| match jsonata::computed(&field, leads, findings) {
            Written::Plain => {
                field.integer(*range.start(), *range.end(), findings).map(Quantity::Literal)
            }
            Written::Broken => None,
            Written::Computed(computed) => Some(Quantity::Computed(computed)),
        };
        return optional(fields.take(literal).map(read));
    }
    fields.at_most_one(&[literal, by_path], findings);
    let literal = fields
        .take(literal)
        .map(|field| field.integer(*range.start(), *range.end(), findings).map(Quantity::Literal));
    let by_path = fields
        .take(by_path)
        .map(|field| path::reference_query(&field, findings).map(Quantity::Path));
    optional(literal.or(by_path))
}

/// Turns what was read of a field that need not be there inside out: the outer option of the result says
/// whether it could be read.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(crate) fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |read| read.map(Some))
}

/// A field that holds a payload template in JSONPath, if it is there. JSONata has no such field.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(crate) fn template(
    fields: &mut Fields<'_>,
    name: &'static str,
    language: QueryLanguage,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    if language == QueryLanguage::Jsonata {
        return Some(None);
    }
    optional(fields.take(name).map(|field| path::template(&field, findings)))
}

/// What makes the effective input: `Parameters`, or `Arguments` in JSONata.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(crate) fn arguments(
    fields: &mut Fields<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    match leads.language {
        QueryLanguage::JsonPath => template(fields, "Parameters", leads.language, findings),
        QueryLanguage::Jsonata => {
            jsonata::template(fields, "Arguments", Site::Plain, leads, findings)
        }
    }
}

/// `Output`, which only JSONata has.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(crate) fn output(
    fields: &mut Fields<'_>,
    site: Site,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    match leads.language {
        QueryLanguage::JsonPath => Some(None),
        QueryLanguage::Jsonata => jsonata::template(fields, "Output", site, leads, findings),
    }
}
