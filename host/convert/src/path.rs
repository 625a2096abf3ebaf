//! Paths: JSONPath's steps as JSONata's.
//!
//! The steps are read from the spelling that messages use ([`JsonPath::canonical`]), which has one way to
//! write each of them.
//!
//! A path that can lead to many values becomes a stream of *boxes*, objects with the value under `v`:
//! JSONata flattens arrays of arrays and takes an array of one for its element, and never does so with
//! what is in a box. [`unboxed`] makes the array of it.

use stepwell_query::{JsonPath, Query};

use crate::expr::{Expr, Level, Shape, fails, member, missing};
use crate::remark::Refusal;
use crate::scope::Scope;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(i32),
    /// What is added to the length.
    FromEnd(i32),
    Wildcard,
    /// From the first index on, up to the second; each may be missing.
    Slice(Option<i32>, Option<i32>),
}

/// The steps of a path, or what it has that is not converted.
pub(crate) fn steps(path: &JsonPath) -> Result<Vec<Step>, &'static str> {
    let canonical = path.canonical();
    let mut rest = &canonical[1..];
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if rest.starts_with("..") {
            return Err("`..` has no equal in JSONata that keeps JSONPath's order");
        }
        let inside = rest.strip_prefix('[').ok_or("the path is an unusual one")?;
        if let Some(name) = inside.strip_prefix('\'') {
            let (name, after) = name.split_once('\'').ok_or("the path is an unusual one")?;
            rest = after.strip_prefix(']').ok_or("several names in one step are not converted")?;
            steps.push(Step::Name(name.to_owned()));
            continue;
        }
        let (step, after) = inside.split_once(']').ok_or("the path is an unusual one")?;
        rest = after;
        steps.push(bracket(step)?);
    }
    Ok(steps)
}

fn bracket(step: &str) -> Result<Step, &'static str> {
    if step == "*" {
        return Ok(Step::Wildcard);
    }
    if step == "?" {
        return Err("JSONPath's filters compare in ways that JSONata does not");
    }
    let number = |text: &str| text.parse::<i32>().map_err(|_| "the path is an unusual one");
    if let Some(distance) = step.strip_prefix("@.size()") {
        return number(distance).map(Step::FromEnd);
    }
    if step.contains(',') || step.is_empty() {
        return Err("several indexes in one step are not converted");
    }
    match step.split_once(':') {
        Some((from, "")) => Ok(Step::Slice(Some(number(from)?), None)),
        Some(("", to)) => Ok(Step::Slice(None, Some(number(to)?))),
        Some((from, to)) => Ok(Step::Slice(Some(number(from)?), Some(number(to)?))),
        None => number(step).map(Step::Index),
    }
}

/// What a query means, for the data, the context object and variables that a scope has.
pub(crate) fn query(scope: &Scope<'_>, query: &Query, at: &str) -> Result<Expr, Refusal> {
    let label = query.to_string();
    let steps = match steps(query.path()) {
        Ok(steps) => steps,
        Err(why) => return Refusal::new(at, format!("`{label}` cannot be converted: {why}")),
    };
    let found = match query {
        Query::Data(_) => {
            let (part, rest) = scope.data.pick(&steps);
            follow(part.inline(at)?, rest)
        }
        Query::Context(_) => {
            let context = Expr::new("$states.context", Level::Primary, Shape::Unknown);
            let always = is_always_there(&steps);
            follow(context, &steps)
                .map(|found| Expr { may_lack: found.may_lack && !always, ..found })
        }
        Query::Variable { name, .. } => {
            let variable = Expr::new(format!("${name}"), Level::Primary, Shape::Unknown);
            follow(Expr { may_lack: true, ..variable }, &steps)
        }
    };
    match found {
        Ok(found) => Ok(Expr { label, ..found }),
        Err(why) => Refusal::new(at, format!("`{label}` cannot be converted: {why}")),
    }
}

/// Whether the context object always has this.
fn is_always_there(steps: &[Step]) -> bool {
    const ALWAYS: [&[&str]; 12] = [
        &["Execution"],
        &["Execution", "Id"],
        &["Execution", "Input"],
        &["Execution", "Name"],
        &["Execution", "RoleArn"],
        &["Execution", "StartTime"],
        &["State"],
        &["State", "EnteredTime"],
        &["State", "Name"],
        &["StateMachine"],
        &["StateMachine", "Id"],
        &["StateMachine", "Name"],
    ];
    ALWAYS.iter().any(|names| {
        names.len() == steps.len()
            && names
                .iter()
                .zip(steps)
                .all(|(name, step)| matches!(step, Step::Name(other) if other == name))
    })
}

/// Follows steps from a value.
pub(crate) fn follow(base: Expr, steps: &[Step]) -> Result<Expr, &'static str> {
    let definite = steps.iter().position(|step| !is_definite(step)).unwrap_or(steps.len());
    let (head, rest) = steps.split_at(definite);
    let found = definitely(base, head)?;
    if rest.is_empty() { Ok(found) } else { many(&found, rest) }
}

fn is_definite(step: &Step) -> bool {
    matches!(step, Step::Name(_) | Step::Index(_) | Step::FromEnd(_))
}

fn definitely(base: Expr, steps: &[Step]) -> Result<Expr, &'static str> {
    if steps.is_empty() {
        return Ok(base);
    }
    let text = steps.iter().try_fold(base.head(), |text, step| along(&text, step))?;
    let found = Expr::new(text, Level::Primary, Shape::Unknown);
    Ok(Expr { may_lack: true, needs: base.needs, ..found })
}

fn along(text: &str, step: &Step) -> Result<String, &'static str> {
    match step {
        Step::Name(name) => Ok(member(text, name)),
        Step::Index(index) if *index >= 0 => Ok(format!("{text}[{index}]")),
        Step::FromEnd(distance) if *distance < 0 => Ok(format!("{text}[{distance}]")),
        _ => Err("the index is always out of bounds"),
    }
}

/// An array of all that the steps lead to, of which the first leads to many.
fn many(base: &Expr, steps: &[Step]) -> Result<Expr, &'static str> {
    let mut stream = match &steps[0] {
        Step::Wildcard => below("$all"),
        Step::Slice(from, to) => format!(
            "($type($all) = \"array\" ? {} : $exists($all) ? {})",
            sliced("$all", *from, *to)?,
            fails(&format!("{} is no array", base.label))
        ),
        _ => unreachable!("the first step leads to many values"),
    };
    let mut forgiving = steps[0] == Step::Wildcard;
    let mut rest = &steps[1..];
    while let Some(step) = rest.first() {
        let next = match step {
            Step::Wildcard => below("v"),
            Step::Slice(from, to) => {
                format!("($type(v) = \"array\" ? {})", sliced("v", *from, *to)?)
            }
            _ => {
                let length = rest.iter().take_while(|step| is_definite(step)).count();
                let (run, behind) = rest.split_at(length);
                rest = behind;
                let required = !forgiving && behind.is_empty();
                if required && length > 1 {
                    return Err("behind a slice only one name is converted");
                }
                stream = format!("{stream}.{}", run_of(run, required)?);
                continue;
            }
        };
        forgiving |= *step == Step::Wildcard;
        rest = &rest[1..];
        stream = format!("{stream}.{next}");
    }
    let boxes = if stream.contains("$box") { " $box := function($v) { {\"v\": $v} };" } else { "" };
    let text = format!("($all := {};{boxes} {})", base.text, unboxed(&stream));
    let found = Expr::new(text, Level::Primary, Shape::Array);
    Ok(Expr { needs: base.needs.clone(), ..found })
}

/// Boxes of all that is directly below a value.
fn below(value: &str) -> String {
    format!(
        "($type({value}) = \"object\" ? $each({value}, $box) : $type({value}) = \"array\" ? $map({value}, $box))"
    )
}

/// Boxes of a range of an array.
fn sliced(value: &str, from: Option<i32>, to: Option<i32>) -> Result<String, &'static str> {
    let from_end = |index: i32| match index {
        ..0 => format!("$count({value}) - {}", index.unsigned_abs()),
        _ => index.to_string(),
    };
    let condition = match (from, to) {
        (Some(from), None) => format!("$i >= {}", from_end(from)),
        (None, Some(to)) => format!("$i < {}", from_end(to)),
        (Some(from), Some(to)) if from >= 0 && to >= 0 => format!("$i >= {from} and $i < {to}"),
        _ => return Err("a slice with two ends and a negative one gives nothing in JSONPath"),
    };
    Ok(format!("$map({value}, function($v, $i) {{ {condition} ? {{\"v\": $v}} }})"))
}

/// Names and indexes from what is in a box to another box.
fn run_of(steps: &[Step], required: bool) -> Result<String, &'static str> {
    let mut tests = Vec::new();
    let mut text = "v".to_owned();
    for step in steps {
        let kind = if matches!(step, Step::Name(_)) { "object" } else { "array" };
        tests.push(format!("$type({text}) = \"{kind}\""));
        text = along(&text, step)?;
    }
    if required {
        tests.push(format!("$exists({text})"));
    }
    let otherwise =
        if required { format!(" : {}", missing("a step of the path")) } else { String::new() };
    Ok(format!("({} ? {{\"v\": {text}}}{otherwise})", tests.join(" and ")))
}

/// What is in boxes, as an array.
fn unboxed(boxes: &str) -> String {
    format!("[{boxes}.($type(v) = \"array\" ? [[v]] : v)]")
}
