//! Reads a state machine with those nested in it: their states, and the rules that hold between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{Definition, Machine, MachineId, Name, StateId};
use crate::fields::{Field, Fields};
use crate::finding::{
    Findings, NO_TERMINAL_STATE, OUT_OF_RANGE, Place, START_AT, STATE_NAME, TARGET, UNREACHABLE,
    VARIABLE,
};
use crate::state::jsonata::Use;
use crate::state::wait::SECONDS_MAX;
use crate::state::{self, State};
use crate::variables;

/// A state's name, in Unicode characters (`facts/asl.md` 1).
pub const STATE_NAME_CHARACTERS_MAX: usize = 80;

/// What is gathered while a definition is read.
#[derive(Default)]
pub(crate) struct Book {
    machines: Vec<Option<Machine>>,
    states: Vec<Option<State>>,
    scopes: Vec<Scope>,
    /// Where each name of a state stands first.
    names: BTreeMap<Name, std::ops::Range<usize>>,
    /// The language of states that do not name one; nested machines have no other.
    language: QueryLanguage,
    pub(crate) machine_type: MachineType,
    /// Where each state stands.
    pub(crate) places: BTreeMap<StateId, Place>,
    /// Every JSONata expression.
    pub(crate) uses: Vec<Use>,
    /// Whether some state of some machine ends it.
    ends: bool,
    /// The machines that no state ends.
    endless: Vec<Place>,
}

/// The variables of a machine.
struct Scope {
    /// The machine around it whose variables it sees.
    outer: Option<MachineId>,
    assigned: Vec<Assigned>,
}

/// A variable that a state assigns.
struct Assigned {
    name: Name,
    place: Place,
    by_catcher: bool,
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
    /// The language of the state at hand.
    pub(crate) language: QueryLanguage,
    /// The way from the state at hand to the fields that are read: nothing, or such as `Catch[0]/`.
    pub(crate) within: String,
    /// The state at hand.
    pub(crate) state: StateId,
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
            .suggest(name, self.names.keys().copied())
            .aws_at(MISSING_TARGET, missing_target(name), Some(&field.place));
        None
    }

    /// The language of states that do not name one.
    pub(crate) fn outer_language(&self) -> QueryLanguage {
        self.book.language
    }

    /// Notes that a state of the machine assigns a variable.
    pub(crate) fn assigns(&mut self, name: Name, place: Place, by_catcher: bool) {
        let assigned = Assigned { name, place, by_catcher };
        self.book.scopes[self.machine.0 as usize].assigned.push(assigned);
    }
}

/// The type of a state machine on AWS, which decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MachineType {
    #[default]
    Standard,
    Express,
}

/// In which language a state's expressions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryLanguage {
    /// Paths, templates and intrinsic functions.
    #[default]
    JsonPath,
    /// Expressions between delimiters.
    Jsonata,
}

/// Reads a machine with all those nested in it.
pub(crate) fn read(
    field: &Field<'_>,
    machine_type: MachineType,
    findings: &mut Findings,
) -> Option<Definition> {
    let first = findings.count();
    let definition = read_definition(field, machine_type, findings);
    findings.locate_since(first, field.node, &field.place);
    definition
}

fn read_definition(
    field: &Field<'_>,
    machine_type: MachineType,
    findings: &mut Findings,
) -> Option<Definition> {
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
    let language = query_language(&mut fields, QueryLanguage::JsonPath, findings);
    let timeout_seconds =
        fields.take("TimeoutSeconds").map(|field| field.integer(1, SECONDS_MAX, findings));
    let mut book = Book { language, machine_type, ..Book::default() };
    let (start_at, states) = start_and_states(&mut fields, findings);
    fields.finish_in_doubt("a state machine", findings);
    read_machine(start_at, states.as_ref(), None, &mut book, findings);
    report_reassigned(&book.scopes, findings);
    report_endless(&book, findings);
    let definition = Definition {
        comment: comment.map(str::to_owned),
        timeout_seconds: timeout_seconds.map_or(Some(None), |seconds| seconds.map(Some))?,
        machines: book.machines.into_iter().collect::<Option<_>>()?,
        states: book.states.into_iter().collect::<Option<_>>()?,
    };
    variables::check(&definition, &book.uses, &book.places, findings);
    Some(definition)
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
    let (start_at, states) = start_and_states(&mut fields, findings);
    fields.finish_as_aws(what, findings);
    read_machine(start_at, states.as_ref(), outer, book, findings)
}

/// `QueryLanguage`, of a machine or a state; `outer` is the one that holds without it.
pub(crate) fn query_language(
    fields: &mut Fields<'_>,
    outer: QueryLanguage,
    findings: &mut Findings,
) -> QueryLanguage {
    let Some(field) = fields.take("QueryLanguage") else { return outer };
    match field.string(findings) {
        Some("JSONPath") => {
            if outer == QueryLanguage::Jsonata {
                // AWS's wording: `facts/asl.md` 1.
                let aws = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine";
                findings
                    .error(
                        OUT_OF_RANGE,
                        &field.place,
                        "a state of a machine whose query language is JSONata cannot use JSONPath",
                    )
                    .help("say `JSONata` for single states, not for the whole machine")
                    .aws_at("SCHEMA_VALIDATION_FAILED", aws, Some(&fields.place));
            }
            QueryLanguage::JsonPath
        }
        Some("JSONata") => QueryLanguage::Jsonata,
        Some(other) => {
            findings
                .error(OUT_OF_RANGE, &field.place, format!("`{other}` is no query language"))
                .help("write `JSONPath` or `JSONata`");
            outer
        }
        None => outer,
    }
}

/// `StartAt` and `States`.
fn start_and_states<'n>(
    fields: &mut Fields<'n>,
    findings: &mut Findings,
) -> (Option<(&'n str, Place)>, Option<Field<'n>>) {
    // In the order in which AWS lists them.
    let missing = ["States", "StartAt"].into_iter().filter(|name| !fields.has(name));
    let missing: Vec<_> = missing.collect();
    let first = findings.count();
    let start_at = fields.require("StartAt", findings);
    let states = fields.require("States", findings);
    for finding in findings.since(first) {
        let aws = format!("These fields are required: [{}]", missing.join(", "));
        finding.aws_at("SCHEMA_VALIDATION_FAILED", aws, Some(&fields.place));
    }
    (start_at.and_then(|field| Some((field.string(findings)?, field.place))), states)
}

/// What cannot be read leaves a gap in the book.
fn read_machine(
    start_at: Option<(&str, Place)>,
    states: Option<&Field<'_>>,
    outer: Option<MachineId>,
    book: &mut Book,
    findings: &mut Findings,
) -> MachineId {
    let id = MachineId(number_of(book.machines.len()));
    book.machines.push(None);
    book.scopes.push(Scope { outer, assigned: Vec::new() });
    let machine = states.and_then(|states| read_states(states, start_at, id, book, findings));
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
    let mut leads = Leads {
        machine,
        names,
        targets: Vec::new(),
        ends: false,
        language: book.language,
        within: String::new(),
        state: ids[0],
        broken: false,
        book,
    };
    let (mut reach, mut terminal) = (BTreeMap::new(), false);
    for (member, id) in members.iter().zip(&ids) {
        check_name(member, leads.book, findings);
        (leads.ends, leads.state) = (false, *id);
        leads.book.places.insert(*id, member.place.clone());
        let state = state::read(member, *id, machine, &mut leads, findings);
        // A state that could not be read might have been the last one: no second finding for one mistake.
        terminal |= leads.ends || state.is_none();
        leads.broken |= state.is_none();
        reach.insert(*id, std::mem::take(&mut leads.targets));
        leads.book.states[id.0 as usize] = state;
    }
    if terminal {
        leads.book.ends = true;
    } else {
        leads.book.endless.push(field.place.clone());
    }
    let (start_name, start_place) = start_at?;
    let Some(start_at) = leads.names.get(start_name).copied() else {
        findings
            .error(
                START_AT,
                &start_place,
                format!("`StartAt` names `{start_name}`, which is no state"),
            )
            .suggest(start_name, leads.names.keys().copied())
            .aws_at(MISSING_TARGET, missing_target(start_name), Some(&start_place));
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
        // AWS refuses the machine; running it does no harm.
        let aws = format!("State \"{}\" is not reachable.", field.name);
        let finding = findings.warning(UNREACHABLE, &field.place, message);
        finding.aws_at(MISSING_TARGET, aws, Some(&field.place));
    }
}

/// AWS's code for a transition that leads nowhere, and for a state to which none leads.
const MISSING_TARGET: &str = "MISSING_TRANSITION_TARGET";

/// AWS's words for `StartAt` and `Default` as well.
fn missing_target(name: &str) -> String {
    format!("Missing 'Next' target: {name}")
}

/// AWS asks for one state that ends, wherever it is; a machine without one can only fail or go on forever.
fn report_endless(book: &Book, findings: &mut Findings) {
    for place in &book.endless {
        let message = "no state ends the machine";
        let finding = if book.ends {
            findings.warning(NO_TERMINAL_STATE, place, message)
        } else {
            findings.error(NO_TERMINAL_STATE, place, message)
        };
        finding.help("add `End: true` to the last state, or a state of type `Succeed` or `Fail`");
        if !book.ends {
            finding.aws_at("MISSING_END_STATE", "Workflow has no terminal state", None);
        }
    }
}

/// A machine cannot assign a variable that one around it assigns (`facts/asl.md` 2.5), but for one that only
/// a catcher assigns: AWS accepts `states_variables/parallel_catch_error`.
fn report_reassigned(scopes: &[Scope], findings: &mut Findings) {
    for scope in scopes {
        let mut outer = scope.outer;
        while let Some(around) = outer.map(|id| &scopes[id.0 as usize]) {
            for Assigned { name, place, .. } in &scope.assigned {
                let clashes = |other: &&Assigned| other.name == *name && !other.by_catcher;
                let Some(Assigned { place: first, .. }) = around.assigned.iter().find(clashes)
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
