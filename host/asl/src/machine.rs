//! A state machine with those nested in it: their states, and the rules that hold between them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fields::{Field, Fields};
use crate::finding::{
    Findings, NO_TERMINAL_STATE, OUT_OF_RANGE, Place, START_AT, STATE_NAME, TARGET, UNREACHABLE,
    UNSUPPORTED, VARIABLE,
};
use crate::state::wait::SECONDS_MAX;
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

/// A state of a definition. Numbers follow the order of the file, an outer machine's states before those
/// nested in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateId(u32);

/// A machine of a definition: the outermost one, a branch of a Parallel, or what a Map does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId(u32);

/// A checked state machine. It comes only from [`crate::load`], so every state that something in it leads
/// to is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    comment: Option<String>,
    timeout_seconds: Option<u64>,
    machines: Vec<Machine>,
    states: Vec<State>,
}

/// A machine within a definition: states that lead to each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The first state.
    pub start_at: StateId,
    /// Its states in the order of the file, without those of machines nested in them.
    pub states: Vec<StateId>,
}

/// Where a state leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// To another state of its machine.
    Next(StateId),
    /// Out of the machine: the state's output is the machine's.
    End,
}

impl Definition {
    /// What the author says about it.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// `TimeoutSeconds`: how long an execution may take.
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    /// The outermost machine.
    pub fn outermost(&self) -> &Machine {
        &self.machines[0]
    }

    /// A machine. Every id that stands in this definition has one.
    ///
    /// # Panics
    ///
    /// When the id comes from another definition.
    pub fn machine(&self, id: MachineId) -> &Machine {
        &self.machines[id.0 as usize]
    }

    /// A state. Every id that stands in this definition has one.
    ///
    /// # Panics
    ///
    /// When the id comes from another definition.
    pub fn state(&self, id: StateId) -> &State {
        &self.states[id.0 as usize]
    }

    /// All states, nested ones after those of the machine around them.
    pub fn states(&self) -> impl Iterator<Item = &State> {
        self.states.iter()
    }

    /// Whether an id is one of this definition's, for whoever has it from elsewhere.
    pub fn has(&self, state: StateId) -> bool {
        (state.0 as usize) < self.states.len()
    }
}

/// What is gathered while a definition is read.
#[derive(Default)]
pub(crate) struct Book {
    machines: Vec<Option<Machine>>,
    states: Vec<Option<State>>,
    scopes: Vec<Scope>,
    /// Where each name of a state stands first.
    names: BTreeMap<Name, std::ops::Range<usize>>,
}

/// The variables of a machine.
struct Scope {
    /// The machine around it whose variables it sees.
    outer: Option<MachineId>,
    assigned: Vec<(Name, Place)>,
}

/// The machine that is being read: its states' names, and what they lead to.
pub(crate) struct Leads<'b> {
    pub(crate) book: &'b mut Book,
    pub(crate) machine: MachineId,
    names: BTreeMap<&'b str, StateId>,
    /// What the state at hand leads to.
    targets: Vec<StateId>,
    /// Whether the state at hand ends the machine.
    pub(crate) ends: bool,
    /// Whether something could not be read, so that the rest may seem out of reach.
    broken: bool,
}

impl Leads<'_> {
    /// A field that names a state of the same machine.
    pub(crate) fn lead(&mut self, field: &Field<'_>, findings: &mut Findings) -> Option<StateId> {
        let name = field.string(findings)?;
        if let Some(id) = self.names.get(name) {
            self.targets.push(*id);
            return Some(*id);
        }
        self.broken = true;
        let from = if field.name == "Default" { "Default" } else { "Next" };
        findings
            .error(TARGET, &field.place, format!("`{from}` names `{name}`, which is no state"))
            .suggest(name, self.names.keys().copied());
        None
    }

    /// Notes that a state of the machine assigns a variable.
    pub(crate) fn assigns(&mut self, name: Name, place: Place) {
        self.book.scopes[self.machine.0 as usize].assigned.push((name, place));
    }
}

/// Reads a machine with all those nested in it.
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
    let timeout_seconds =
        fields.take("TimeoutSeconds").map(|field| field.integer(1, SECONDS_MAX, findings));
    // `workflow` says what is to be done about it.
    fields.pass_over(&["functions"]);
    let mut book = Book::default();
    read_machine(fields, "a state machine", None, &mut book, findings);
    report_reassigned(&book.scopes, findings);
    Some(Definition {
        comment: comment.map(str::to_owned),
        timeout_seconds: timeout_seconds.map_or(Some(None), |seconds| seconds.map(Some))?,
        machines: book.machines.into_iter().collect::<Option<_>>()?,
        states: book.states.into_iter().collect::<Option<_>>()?,
    })
}

/// Reads a machine within another: a branch, or what a Map does with an item. `outer` is the machine whose
/// variables it sees.
pub(crate) fn read_nested(
    mut fields: Fields<'_>,
    what: &str,
    outer: Option<MachineId>,
    book: &mut Book,
    findings: &mut Findings,
) -> MachineId {
    fields.pass_over(&["Comment"]);
    query_language(&mut fields, findings);
    read_machine(fields, what, outer, book, findings)
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

/// Reads `StartAt` and `States`. What cannot be read leaves a gap in the book.
fn read_machine(
    mut fields: Fields<'_>,
    what: &str,
    outer: Option<MachineId>,
    book: &mut Book,
    findings: &mut Findings,
) -> MachineId {
    let id = MachineId(number_of(book.machines.len()));
    book.machines.push(None);
    book.scopes.push(Scope { outer, assigned: Vec::new() });
    let start_at = fields.require("StartAt", findings);
    let start_at = start_at.and_then(|field| Some((field.string(findings)?, field.place)));
    let states = fields.require("States", findings);
    fields.finish(what, findings);
    let machine = states.and_then(|states| read_states(&states, start_at, id, book, findings));
    book.machines[id.0 as usize] = machine;
    id
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).expect("a file is too small to hold so many states")
}

/// Reads all states and checks what they lead to. A state that could not be read keeps its name, so that
/// transitions to it are not reported as well.
fn read_states(
    field: &Field<'_>,
    start_at: Option<(&str, Place)>,
    machine: MachineId,
    book: &mut Book,
    findings: &mut Findings,
) -> Option<Machine> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let members = fields.take_all();
    if members.is_empty() {
        findings.error(OUT_OF_RANGE, &field.place, "`States` must not be empty");
        return None;
    }
    let first = book.states.len();
    book.states.resize_with(first + members.len(), || None);
    let ids = (0..members.len()).map(|index| StateId(number_of(first + index)));
    let ids: Vec<StateId> = ids.collect();
    let names = members.iter().map(|member| member.name).zip(ids.iter().copied()).collect();
    let mut leads = Leads { book, machine, names, targets: Vec::new(), ends: false, broken: false };
    let (mut reach, mut terminal) = (BTreeMap::new(), false);
    for (member, id) in members.iter().zip(&ids) {
        check_name(member, leads.book, findings);
        leads.ends = false;
        let state = state::read(member, *id, machine, &mut leads, findings);
        // A state that could not be read might have been the last one: no second finding for one mistake.
        terminal |= leads.ends || state.is_none();
        leads.broken |= state.is_none();
        reach.insert(*id, std::mem::take(&mut leads.targets));
        leads.book.states[id.0 as usize] = state;
    }
    if !terminal {
        findings
            .error(NO_TERMINAL_STATE, &field.place, "no state ends the machine")
            .help("add `End: true` to the last state, or a state of type `Succeed` or `Fail`");
    }
    let (start_name, start_place) = start_at?;
    let Some(start_at) = leads.names.get(start_name).copied() else {
        findings
            .error(
                START_AT,
                &start_place,
                format!("`StartAt` names `{start_name}`, which is no state"),
            )
            .suggest(start_name, leads.names.keys().copied());
        return None;
    };
    if !leads.broken {
        let places = members.iter().zip(&ids).map(|(member, id)| (*id, member)).collect();
        report_unreachable(start_at, &reach, &places, findings);
    }
    Some(Machine { start_at, states: ids })
}

fn check_name(field: &Field<'_>, book: &mut Book, findings: &mut Findings) {
    let characters = field.name.chars().count();
    if characters == 0 || characters > STATE_NAME_CHARACTERS_MAX {
        let message = format!(
            "a state's name must have 1 to {STATE_NAME_CHARACTERS_MAX} characters; this one has {characters}"
        );
        findings.error(STATE_NAME, &field.place, message);
    } else if field.name.chars().any(char::is_control) {
        findings.error(STATE_NAME, &field.place, "a state's name must not hold control characters");
    }
    if let Some(first) = book.names.insert(field.name.into(), field.place.span.clone()) {
        findings
            .error(STATE_NAME, &field.place, format!("another state is called `{}`", field.name))
            .related(first, "this one")
            .help("names are unique in the whole machine, nested ones included");
    }
}

fn report_unreachable(
    start_at: StateId,
    reach: &BTreeMap<StateId, Vec<StateId>>,
    places: &BTreeMap<StateId, &Field<'_>>,
    findings: &mut Findings,
) {
    let mut reached = BTreeSet::new();
    let mut open = vec![start_at];
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(reach.get(&id).into_iter().flatten());
        }
    }
    for field in places.iter().filter(|(id, _)| !reached.contains(id)).map(|(_, field)| field) {
        let message = format!("no transition leads to `{}`", field.name);
        findings.warning(UNREACHABLE, &field.place, message);
    }
}

/// A machine cannot assign a variable that one around it assigns (`facts/asl.md` 2.5).
fn report_reassigned(scopes: &[Scope], findings: &mut Findings) {
    for scope in scopes {
        let mut outer = scope.outer;
        while let Some(around) = outer.map(|id| &scopes[id.0 as usize]) {
            for (name, place) in &scope.assigned {
                let Some((_, first)) = around.assigned.iter().find(|(other, _)| other == name)
                else {
                    continue;
                };
                let message = format!("`{name}` is a variable of the machine around this one");
                findings
                    .error(VARIABLE, place, message)
                    .related(first.span.clone(), "it is assigned here")
                    .help("use another name: an inner machine reads outer variables, but cannot assign them");
            }
            outer = around.outer;
        }
    }
}
