//! Map: runs a machine for each of many items, as part of the execution or each as an execution of its own
//! (`facts/asl.md` 11).

use serde_json::{Value, json};
use stepwell_asl::{Items, Map, Mode, Percentage, QueryLanguage};
use stepwell_query::{Document, Template};

use super::parallel::together;
use super::{Data, shown, unexpected, work};
use crate::branch::{Branch, Child, Item, Waiting};
use crate::failure::Failure;
use crate::fork::{Fork, MapRun};
use crate::history::Details;
use crate::turn::{Flow, Halt, Turn};

/// Iterations of an inline Map that AWS runs at a time (`facts/asl.md` 11.1).
const INLINE_ITERATIONS_MAX: u32 = 40;
/// Executions that a distributed Map runs at a time on AWS (`facts/asl.md` 11.2).
pub const DISTRIBUTED_EXECUTIONS_MAX: u32 = 10_000;

/// Begins as many iterations as may run at a time, for the first time in this visit or once more.
pub(super) fn attempt(turn: &mut Turn<'_>, branch: &mut Branch, map: &Map) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let input = data.input(&map.work.io)?;
    let most = concurrency(turn, &data, map, &input)?;
    let items = items(turn, branch, map, &input)?;
    let length = length(items.value()).expect("items are an array or an object");
    turn.record(branch, Details::MapStateStarted { length })?;
    let mut fork = Fork::new(length, input);
    fork.items = Some(items);
    if let Mode::Distributed { .. } = &map.mode {
        fork.run = Some(start_run(turn, branch, map, &fork.input)?);
    }
    let started_id = branch.previous_id;
    while fork.next < most && !fork.all_begun() {
        begin_next(turn, branch, map, &mut fork, started_id)?;
    }
    if fork.left == 0 { complete(turn, branch, map, fork) } else { Ok(wait(fork)) }
}

/// The items: an array, or, in JSONata, an object.
fn items(turn: &Turn<'_>, branch: &Branch, map: &Map, input: &Document) -> Result<Document, Halt> {
    let data = Data::new(turn, branch);
    let path = match &map.items {
        Items::Template(template) => return computed_items(&data, template, input),
        Items::Path(path) => path,
    };
    let items = if path.is_identity() {
        input.clone()
    } else {
        data.find(path, input, |error| format!("Invalid path '{path}' : {error}"))?
    };
    if items.value().is_array() {
        return Ok(items);
    }
    if turn.state(branch).language == QueryLanguage::JsonPath {
        let what = format!("Reference path \"{path}\" must point to array.");
        return Err(data.runtime_failure(&what));
    }
    if items.value().is_object() {
        return Ok(items);
    }
    let what = format!("Map state input must be an array but was: {}", items.value());
    Err(data.evaluation_failure(&what, None, false))
}

/// `Items`. AWS refused objects when the recordings were made, and takes them since 2025 (`facts/asl.md` 3).
fn computed_items(
    data: &Data<'_>,
    template: &Template,
    input: &Document,
) -> Result<Document, Halt> {
    let items = data.fill(template, input)?;
    if length(items.value()).is_some() {
        return Ok(items);
    }
    let unexpected = unexpected("array", items.value());
    let what = match template {
        Template::Expression { expression, .. } => format!(
            "The JSONata expression '{expression}' specified for the field 'Items' {unexpected}"
        ),
        _ => format!("The field 'Items' {unexpected}"),
    };
    Err(data.evaluation_failure(&what, Some("Items"), false))
}

/// How many items there are, if it is items.
fn length(items: &Value) -> Option<usize> {
    match items {
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// One of the items.
fn item(items: &Value, index: u32) -> Item {
    let (key, value) = match items {
        Value::Object(members) => {
            let (key, value) =
                members.iter().nth(index as usize).expect("no more begin than there are");
            (Some(key.clone()), value)
        }
        items => (None, &items[index as usize]),
    };
    Item { index, value: Document::from(value.clone()), key }
}

/// An iteration came to its end, and its output is in the fork.
pub(crate) fn iteration_ended(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    below: &Branch,
    map: &Map,
    index: u32,
    mut fork: Box<Fork>,
) -> Result<Flow, Halt> {
    let name = turn.state(branch).name.clone();
    let mut last = branch.previous_id;
    if fork.run.is_none() {
        let details = Details::MapIterationSucceeded { name, index };
        last = turn.record_apart(branch, below.previous_id, details)?;
    }
    // What fails from here on follows the last event there is.
    branch.previous_id = last;
    if !fork.all_begun() {
        // AWS lets the next iteration follow the last event within this one.
        begin_next(turn, branch, map, &mut fork, below.previous_id)?;
    }
    if fork.left > 0 {
        return Ok(wait(*fork));
    }
    complete(turn, branch, map, *fork)
}

/// An iteration failed: the others are stopped, unless the Map tolerates it.
pub(crate) fn iteration_failed(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    below: &Branch,
    map: &Map,
    index: u32,
    mut fork: Box<Fork>,
    failure: &Failure,
) -> Result<Flow, Halt> {
    let items = fork.outputs.len();
    if let Some(run) = &mut fork.run {
        run.failed += 1;
        if !run.exceeds(items) {
            turn.tell_of_failed_child(branch, index, failure);
            fork.end(index, Document::from(failure.to_output()));
            return iteration_ended(turn, branch, below, map, index, fork);
        }
        turn.tell_of_failed_child(branch, index, failure);
        turn.stop_below(branch, branch.previous_id)?;
        let failure = Failure::tolerance_exceeded();
        let (error, cause) = (failure.error.clone(), failure.cause.clone());
        turn.record(branch, Details::MapRunFailed { error, cause })?;
        return work::failed(turn, branch, &map.work, &failure, Some(Details::MapStateFailed));
    }
    let (state, cause_id) = (turn.state(branch), below.previous_id);
    let details = Details::MapIterationFailed { name: state.name.clone(), index };
    turn.record_apart(branch, cause_id, details)?;
    turn.record_aborted(below, cause_id)?;
    turn.stop_below(branch, cause_id)?;
    branch.previous_id = cause_id;
    work::failed(turn, branch, &map.work, failure, Some(Details::MapStateFailed))
}

fn wait(fork: Fork) -> Flow {
    Flow::Wait(Waiting::Fork(Box::new(fork)))
}

/// How many iterations may run at a time.
fn concurrency(turn: &Turn<'_>, data: &Data<'_>, map: &Map, input: &Document) -> Result<u32, Halt> {
    let asked = data.quantity(&map.max_concurrency, "MaxConcurrency", input)?;
    if asked < 0 {
        return Err(data.runtime_failure("MaxConcurrency cannot be negative."));
    }
    let most = match map.mode {
        Mode::Inline => INLINE_ITERATIONS_MAX,
        Mode::Distributed { .. } => turn.start.child_executions_max.min(DISTRIBUTED_EXECUTIONS_MAX),
    };
    let asked = u32::try_from(asked).unwrap_or(u32::MAX);
    Ok(if asked == 0 { most } else { asked.min(most) })
}

/// Begins the next iteration, as the consequence of an event.
fn begin_next(
    turn: &mut Turn<'_>,
    branch: &Branch,
    map: &Map,
    fork: &mut Fork,
    previous_id: u64,
) -> Result<(), Halt> {
    let index = fork.next;
    fork.next += 1;
    let item = item(fork.items.as_ref().expect("a Map's fork has items").value(), index);
    let data = Data::of_item(turn, branch, &item);
    let input = match &map.item_selector {
        Some(template) => data.parameters(Some(template), fork.input.clone())?,
        None => match &item.key {
            Some(key) => Document::from(json!({ "Key": key, "Value": item.value.value() })),
            None => item.value.clone(),
        },
    };
    let first = turn.definition.machine(map.processor).start_at;
    let id = turn.next_branch_id();
    let mut below = Branch {
        parent: Some((branch.id, index)),
        child: branch.child,
        item: Some(item),
        ..Branch::before(id, first, input, turn.at)
    };
    if let Some(run) = &fork.run {
        // Its history begins with its own `ExecutionStarted`.
        below.child = Some(id);
        let child = child_of(turn, run, &below);
        turn.running.children.insert(id, child);
    } else {
        let name = turn.state(branch).name.clone();
        let details = Details::MapIterationStarted { name, index };
        below.previous_id = turn.record_apart(branch, previous_id, details)?;
    }
    turn.make_ready(below);
    Ok(())
}

fn child_of(turn: &Turn<'_>, run: &MapRun, branch: &Branch) -> Child {
    let name = turn.uuid();
    let machine = format!("{}/{}", turn.start.machine_arn, run.label);
    Child {
        execution_arn: format!("{}:{name}", machine.replace(":stateMachine:", ":execution:")),
        machine_arn: machine,
        name,
        input: branch.input.clone(),
        at: turn.at,
        history_id: 1,
        variables_bytes: 0,
    }
}

/// All iterations have ended.
fn complete(turn: &mut Turn<'_>, branch: &mut Branch, map: &Map, fork: Fork) -> Result<Flow, Halt> {
    if fork.run.is_some() {
        turn.record(branch, Details::MapRunSucceeded)?;
    }
    // AWS lets both this and the state's exit follow the end of the last iteration.
    turn.record_apart(branch, branch.previous_id, Details::MapStateSucceeded)?;
    let result = together(turn, branch, fork)?;
    work::succeeded(turn, branch, &map.work, result)
}

fn start_run(
    turn: &mut Turn<'_>,
    branch: &mut Branch,
    map: &Map,
    input: &Document,
) -> Result<MapRun, Halt> {
    let Mode::Distributed { label, tolerated_count, tolerated_percentage } = &map.mode else {
        unreachable!("only a distributed Map has a run")
    };
    let data = Data::new(turn, branch);
    let count = tolerated_count
        .as_ref()
        .map(|count| data.quantity(count, "ToleratedFailureCount", input))
        .transpose()?;
    if count.is_some_and(|count| count < 0) {
        return Err(data.runtime_failure("ToleratedFailureCount cannot be negative."));
    }
    let percentage = tolerated_percentage
        .as_ref()
        .map(|percentage| read_percentage(&data, percentage, input))
        .transpose()?;
    let label = label.clone().unwrap_or_else(|| turn.uuid());
    let machine = turn.start.machine_arn.replace(":stateMachine:", ":mapRun:");
    let arn = format!("{machine}/{label}:{}", turn.uuid());
    turn.record(branch, Details::MapRunStarted { map_run_arn: arn.clone() })?;
    Ok(MapRun {
        arn,
        redrives: 0,
        label,
        tolerated_count: count.and_then(|count| u64::try_from(count).ok()),
        tolerated_percentage: percentage,
        failed: 0,
    })
}

fn read_percentage(
    data: &Data<'_>,
    percentage: &Percentage,
    input: &Document,
) -> Result<f64, Halt> {
    let query = match percentage {
        Percentage::Literal(percentage) => return Ok(*percentage),
        Percentage::Path(query) => query,
        Percentage::Computed(computed) => {
            let percentage = data.compute(computed, "number", Value::as_f64)?;
            if !(0.0..=100.0).contains(&percentage) {
                let what = "ToleratedFailurePercentage must be between 0 and 100.";
                return Err(data.evaluation_failure(what, Some(&computed.location), true));
            }
            return Ok(percentage);
        }
    };
    let found = data.find(query, input, |error| format!("Invalid path '{query}' : {error}"))?;
    let number = match found.value() {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    let Some(number) = number else {
        let value = shown(found.value());
        return Err(data.runtime_failure(&format!(
            "The ToleratedFailurePercentagePath field refers to value \"{value}\" which is not a valid float: {query}"
        )));
    };
    if !(0.0..=100.0).contains(&number) {
        return Err(data.runtime_failure("ToleratedFailurePercentage must be between 0 and 100."));
    }
    Ok(number)
}
