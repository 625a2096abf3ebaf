//! Variables and functions that have no value where they are used: what can be known before a run, from the
//! transitions of a machine (`facts/asl.md` 2.5).
//!
//! A name may be assigned on every path to a state, on some, or on none. A machine within another begins with what
//! its state had; a distributed Map's begins with nothing.

use std::collections::{BTreeMap, BTreeSet};

use stepwell_query::{Expression, Query, Template, jsonata_functions};

use crate::definition::{Definition, Machine, Name, StateId, Transition};
use crate::finding::{Findings, NO_VALUE, Place, closest};
use crate::state::assign::Assign;
use crate::state::choice::{Comparison, Condition, Operand, Test};
use crate::state::fail::Text;
use crate::state::jsonata::Use;
use crate::state::map::{Items, Mode, Percentage};
use crate::state::wait::WaitFor;
use crate::state::{Part, Quantity, State, StateKind};

/// What is assigned when a state is entered.
#[derive(Debug, Clone, PartialEq, Default)]
struct Known {
    /// On every path.
    always: BTreeSet<Name>,
    /// On some path.
    perhaps: BTreeSet<Name>,
}

/// Says of every variable that is read where it can have no value, and of every function that there is not.
pub(crate) fn check(
    definition: &Definition,
    uses: &[Use],
    places: &BTreeMap<StateId, Place>,
    findings: &mut Findings,
) {
    let mut known = BTreeMap::new();
    flow(definition, definition.outermost(), Known::default(), &mut known);
    let assigned: BTreeSet<&str> = definition
        .states()
        .flat_map(|state| edges(state).into_iter().flat_map(|(_, assign)| &assign.0))
        .map(|(name, _)| name.as_str())
        .collect();
    for used in uses {
        // A state that nothing leads to is another finding.
        let Some(known) = known.get(&used.state) else { continue };
        check_use(used, known, &assigned, findings);
    }
    for state in definition.states() {
        let (Some(known), Some(place)) = (known.get(&state.id), places.get(&state.id)) else {
            continue;
        };
        let names: BTreeSet<&str> = queries(state).into_iter().filter_map(variable).collect();
        for name in names {
            if let Some(message) = lacking(name, known) {
                let message = format!("`${name}` {message}");
                let others = assigned.iter().copied().filter(|other| *other != name);
                findings.warning(NO_VALUE, place, message).suggest(name, others);
            }
        }
    }
}

fn check_use(used: &Use, known: &Known, assigned: &BTreeSet<&str>, findings: &mut Findings) {
    let survey = used.expression.survey();
    let is_function = |name: &str| jsonata_functions().iter().any(|one| one.name == name);
    for mention in &survey.free {
        let name = mention.name.as_str();
        let (message, names) = if name == "eval" {
            ("AWS has disabled `$eval`".to_owned(), Vec::new())
        } else if known.perhaps.contains(name) && is_function(name) && mention.called {
            (format!("`${name}` is a variable here, which hides the function"), Vec::new())
        } else if is_function(name) || known.always.contains(name) || survey.asked.contains(name) {
            continue;
        } else if mention.called && !assigned.contains(name) {
            let functions = jsonata_functions().iter().map(|one| one.name);
            (format!("there is no function `${name}`"), functions.collect())
        } else if let Some(message) = lacking(name, known) {
            (format!("`${name}` {message}"), assigned.iter().copied().collect())
        } else {
            continue;
        };
        let finding = findings.warning(NO_VALUE, &used.place, message);
        finding.part(&used.text, used.range(&mention.span));
        if let Some(close) = closest(name, names).filter(|close| *close != name) {
            finding.help(format!("did you mean `${close}`?"));
        }
    }
}

/// What is wrong with reading a variable.
fn lacking(name: &str, known: &Known) -> Option<&'static str> {
    if known.always.contains(name) {
        None
    } else if known.perhaps.contains(name) {
        Some("is assigned only on some of the ways here")
    } else {
        Some("has no value here: no state before assigns it")
    }
}

/// Follows the transitions of a machine and of those in it, until nothing more comes of it.
fn flow(
    definition: &Definition,
    machine: &Machine,
    begin: Known,
    known: &mut BTreeMap<StateId, Known>,
) {
    known.insert(machine.start_at, begin);
    let mut open = vec![machine.start_at];
    while let Some(id) = open.pop() {
        let (state, here) = (definition.state(id), known[&id].clone());
        for (next, assign) in edges(state) {
            let Some(next) = next else { continue };
            let mut there = here.clone();
            for (name, _) in &assign.0 {
                there.always.insert(name.clone());
                there.perhaps.insert(name.clone());
            }
            match known.get_mut(&next) {
                None => _ = known.insert(next, there),
                Some(before) => {
                    let joined = Known {
                        always: before.always.intersection(&there.always).cloned().collect(),
                        perhaps: before.perhaps.union(&there.perhaps).cloned().collect(),
                    };
                    if joined == *before {
                        continue;
                    }
                    *before = joined;
                }
            }
            open.push(next);
        }
    }
    for id in &machine.states {
        let state = definition.state(*id);
        let Some(here) = known.get(id).cloned() else { continue };
        let apart = matches!(&state.kind, StateKind::Map(map) if map.mode != Mode::Inline);
        for inner in state.kind.machines() {
            let begin = if apart { Known::default() } else { here.clone() };
            flow(definition, definition.machine(*inner), begin, known);
        }
    }
}

/// Where a state leads, and what it assigns on that way.
fn edges(state: &State) -> Vec<(Option<StateId>, &Assign)> {
    let next = |transition: &Transition| match transition {
        Transition::Next(next) => Some(*next),
        Transition::End => None,
    };
    match &state.kind {
        StateKind::Pass(pass) => vec![(next(&pass.transition), &pass.assign)],
        StateKind::Wait(wait) => vec![(next(&wait.transition), &wait.assign)],
        StateKind::Choice(choice) => {
            let rules = choice.rules.iter().map(|rule| (Some(rule.next), &rule.assign));
            rules.chain([(choice.default, &choice.assign)]).collect()
        }
        StateKind::Succeed(_) | StateKind::Fail(_) => Vec::new(),
        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => {
            let work = state.kind.work().expect("these states do work");
            let catchers = work.catch.iter().map(|one| (Some(one.next), &one.assign));
            catchers.chain([(next(&work.transition), &work.assign)]).collect()
        }
    }
}

fn variable(query: &Query) -> Option<&str> {
    match query {
        Query::Variable { name, .. } => Some(name),
        Query::Data(_) | Query::Context(_) => None,
    }
}

/// Every path in a state's own fields.
fn queries(state: &State) -> Vec<&Query> {
    let mut found = Vec::new();
    let assigns = edges(state).into_iter().flat_map(|(_, assign)| &assign.0);
    for (_, template) in assigns {
        of_template(template, &mut found);
    }
    match &state.kind {
        StateKind::Pass(pass) => {
            of_templates([&pass.parameters, &pass.output], &mut found);
            of_parts([&pass.io.input_path, &pass.io.output_path], &mut found);
        }
        StateKind::Succeed(succeed) => {
            of_parts([&succeed.io.input_path, &succeed.io.output_path], &mut found);
        }
        StateKind::Fail(fail) => {
            for text in [&fail.error, &fail.cause].into_iter().flatten() {
                if let Text::Path(expression) = text {
                    found.extend(expression.queries());
                }
            }
        }
        StateKind::Wait(wait) => {
            of_parts([&wait.io.input_path, &wait.io.output_path], &mut found);
            if let WaitFor::SecondsPath(query) | WaitFor::TimestampPath(query) = &wait.until {
                found.push(query);
            }
        }
        StateKind::Choice(choice) => {
            of_parts([&choice.io.input_path, &choice.io.output_path], &mut found);
            for rule in &choice.rules {
                of_condition(&rule.condition, &mut found);
            }
        }
        StateKind::Task(task) => {
            of_templates([&task.parameters, &task.credentials], &mut found);
            of_quantities([&task.timeout, &task.heartbeat], &mut found);
        }
        StateKind::Parallel(parallel) => of_templates([&parallel.parameters], &mut found),
        StateKind::Map(map) => {
            of_templates([&map.item_selector], &mut found);
            match &map.items {
                Items::Path(query) => found.push(query),
                Items::Template(template) => of_template(template, &mut found),
            }
            if let Quantity::Path(query) = &map.max_concurrency {
                found.push(query);
            }
            if let Mode::Distributed { tolerated_count, tolerated_percentage, .. } = &map.mode {
                of_quantities([tolerated_count], &mut found);
                if let Some(Percentage::Path(query)) = tolerated_percentage {
                    found.push(query);
                }
            }
        }
    }
    if let Some(work) = state.kind.work() {
        of_parts([&work.io.input_path, &work.io.output_path], &mut found);
        of_templates([&work.result_selector], &mut found);
    }
    found
}

fn of_templates<'s>(
    templates: impl IntoIterator<Item = &'s Option<Template>>,
    found: &mut Vec<&'s Query>,
) {
    for template in templates.into_iter().flatten() {
        of_template(template, found);
    }
}

fn of_template<'s>(template: &'s Template, found: &mut Vec<&'s Query>) {
    match template {
        // What stands in JSONata is known with its place.
        Template::Constant(_) | Template::Expression { expression: Expression::Jsonata(_), .. } => {
        }
        Template::Expression { expression, .. } => found.extend(expression.queries()),
        Template::Object(members) => {
            for (_, member) in members {
                of_template(member, found);
            }
        }
        Template::Array(items) => {
            for item in items {
                of_template(item, found);
            }
        }
    }
}

fn of_parts<'s>(parts: [&'s Part; 2], found: &mut Vec<&'s Query>) {
    for part in parts {
        if let Part::At(query) = part {
            found.push(query);
        }
    }
}

fn of_quantities<'s>(
    quantities: impl IntoIterator<Item = &'s Option<Quantity>>,
    found: &mut Vec<&'s Query>,
) {
    for quantity in quantities.into_iter().flatten() {
        if let Quantity::Path(query) = quantity {
            found.push(query);
        }
    }
}

fn of_condition<'s>(condition: &'s Condition, found: &mut Vec<&'s Query>) {
    match condition {
        Condition::And(all) | Condition::Or(all) => {
            for one in all {
                of_condition(one, found);
            }
        }
        Condition::Not(one) => of_condition(one, found),
        Condition::Compare(Comparison { variable, test, .. }) => {
            // Whether it is there is what the test asks.
            if !matches!(test, Test::IsPresent(_)) {
                found.push(variable);
            }
            match test {
                Test::String(_, Operand::Path(query))
                | Test::Numeric(_, Operand::Path(query))
                | Test::Boolean(Operand::Path(query))
                | Test::Timestamp(_, Operand::Path(query)) => found.push(query),
                _ => {}
            }
        }
        Condition::Constant(_) | Condition::Computed(_) => {}
    }
}
