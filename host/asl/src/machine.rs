//! A state machine: its states by name, and the rules that hold between them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fields::{Field, Fields};
use crate::finding::{
    Findings, NO_TERMINAL_STATE, OUT_OF_RANGE, Place, START_AT, STATE_NAME, TARGET, UNREACHABLE,
    UNSUPPORTED,
};
use crate::state::{self, State};

/// A state's name, in Unicode characters (`facts/asl.md` 1).
pub const STATE_NAME_CHARACTERS_MAX: usize = 80;

/// The name of a state or a machine. Cloning shares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Name(Arc<str>);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A checked state machine. It comes only from [`crate::load`], so every name in it that should lead to
/// a state does.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    comment: Option<String>,
    start_at: Name,
    states: BTreeMap<Name, State>,
}

/// Where a state leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// To another state.
    Next(Name),
    /// Out of the machine: the state's output is the execution's.
    End,
}

impl Definition {
    /// What the author says about it.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The first state's name.
    pub fn start_at(&self) -> &Name {
        &self.start_at
    }

    /// A state by its name. Every name that stands in this definition has one.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }

    /// All states in the order of their names.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.states.values()
    }
}

/// A name of a state that something leads to, with its place.
pub(crate) struct Target {
    pub(crate) name: Name,
    pub(crate) place: Place,
    pub(crate) from: &'static str,
}

/// Reads a machine.
pub(crate) fn read(field: &Field<'_>, findings: &mut Findings) -> Option<Definition> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let comment = fields.take("Comment").and_then(|field| field.string(findings));
    if let Some(version) = fields.take("Version")
        && version.node.to_value() != "1.0"
        && version.node.to_value() != 1.0
    {
        findings
            .error(OUT_OF_RANGE, &version.place, "`Version` must be \"1.0\"")
            .help("leave it out, or write `Version: \"1.0\"`");
    }
    query_language(&mut fields, findings);
    fields.refuse_for_now(&["TimeoutSeconds"], findings);
    let start_at = fields.require("StartAt", findings);
    let start_at =
        start_at.and_then(|field| Some((Name::from(field.string(findings)?), field.place)));
    let states = fields.require("States", findings);
    // `workflow` says what is to be done about it.
    fields.pass_over(&["functions"]);
    fields.finish("a state machine", findings);
    let states = states?;
    let (states, targets) = read_states(&states, findings)?;
    let (start_at, start_place) = start_at?;
    if !states.contains_key(&start_at) {
        findings
            .error(
                START_AT,
                &start_place,
                format!("`StartAt` names `{start_at}`, which is no state"),
            )
            .suggest(start_at.as_str(), states.keys().map(Name::as_str));
        return None;
    }
    // Where a state could not be read or a target is no state, that is why others seem out of reach.
    let sound = states.values().all(|(state, _)| state.is_some())
        && targets.values().flatten().all(|target| states.contains_key(&target.name));
    if sound {
        report_unreachable(&start_at, &states, &targets, findings);
    }
    let comment = comment.map(str::to_owned);
    let states = states.into_iter().map(|(name, (state, _))| Some((name, state?)));
    Some(Definition { comment, start_at, states: states.collect::<Option<_>>()? })
}

/// `QueryLanguage`, of a machine or a state.
pub(crate) fn query_language(fields: &mut Fields<'_>, findings: &mut Findings) {
    let Some(field) = fields.take("QueryLanguage") else { return };
    match field.string(findings) {
        None | Some("JSONPath") => {}
        Some("JSONata") => {
            findings.error(
                UNSUPPORTED,
                &field.place,
                "the query language JSONata is not supported yet",
            );
        }
        Some(other) => {
            findings
                .error(OUT_OF_RANGE, &field.place, format!("`{other}` is no query language"))
                .help("write `JSONPath`");
        }
    }
}

type States = BTreeMap<Name, (Option<State>, Place)>;
type Targets = BTreeMap<Name, Vec<Target>>;

/// Reads all states and checks what they lead to. A state that could not be read stays as a name, so
/// that transitions to it are not reported as well.
fn read_states(field: &Field<'_>, findings: &mut Findings) -> Option<(States, Targets)> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let mut states = States::new();
    let mut targets = Targets::new();
    let mut terminal = false;
    for field in fields.take_all() {
        check_name(&field, findings);
        let name = Name::from(field.name);
        let (state, leads_to, ends) = state::read(&field, findings);
        terminal |= ends;
        targets.insert(name.clone(), leads_to);
        states.insert(name, (state, field.place));
    }
    if states.is_empty() {
        findings.error(OUT_OF_RANGE, &field.place, "`States` must not be empty");
        return None;
    }
    for target in targets.values().flatten().filter(|target| !states.contains_key(&target.name)) {
        let message = format!("`{}` names `{}`, which is no state", target.from, target.name);
        findings
            .error(TARGET, &target.place, message)
            .suggest(target.name.as_str(), states.keys().map(Name::as_str));
    }
    if !terminal {
        findings
            .error(NO_TERMINAL_STATE, &field.place, "no state ends the machine")
            .help("add `End: true` to the last state, or a state of type `Succeed` or `Fail`");
    }
    Some((states, targets))
}

fn check_name(field: &Field<'_>, findings: &mut Findings) {
    let characters = field.name.chars().count();
    if characters == 0 || characters > STATE_NAME_CHARACTERS_MAX {
        let message = format!(
            "a state's name must have 1 to {STATE_NAME_CHARACTERS_MAX} characters; this one has {characters}"
        );
        findings.error(STATE_NAME, &field.place, message);
    } else if field.name.chars().any(char::is_control) {
        findings.error(STATE_NAME, &field.place, "a state's name must not hold control characters");
    }
}

fn report_unreachable(
    start_at: &Name,
    states: &States,
    targets: &Targets,
    findings: &mut Findings,
) {
    let mut reached = BTreeSet::new();
    let mut open = vec![start_at];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(targets.get(name).into_iter().flatten().map(|target| &target.name));
        }
    }
    for (name, (_, place)) in states.iter().filter(|(name, _)| !reached.contains(name)) {
        findings.warning(UNREACHABLE, place, format!("no transition leads to `{name}`"));
    }
}
