//! Follows definite steps, which lead to one value at most.
//!
//! That is a loop without any state, so finding a value allocates nothing; words are only made for an
//! error that somebody will read.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::error::{Obstacle, PathError};
use super::step::Step;

/// How large the values found may be together. They are copied, and `..` can find the same part of a
/// document many times.
pub(super) const RESULT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How deeply a found value may nest, since copying recurses. Documents stay far below it.
const RESULT_DEPTH_MAX: usize = 512;

/// What a value costs beside its text.
const VALUE_BYTES: usize = size_of::<Value>();

/// Evaluates a path whose steps are all definite.
pub(super) fn definite<'v>(steps: &[Step], root: &'v Value) -> Result<Cow<'v, Value>, PathError> {
    follow(steps, root).map_err(|stop| {
        let (done, rest) = steps.split_at(stop.step);
        stop.obstacle.describe(Route(done, root), rest, stop.value)
    })
}

/// Where and why following a definite path ended early.
pub(super) struct Stop<'v> {
    step: usize,
    value: &'v Value,
    obstacle: Obstacle,
}

impl Stop<'_> {
    /// The error, unless it is only that something is not there.
    pub(super) fn unless_absent(self, steps: &[Step]) -> Option<PathError> {
        if self.obstacle.is_absence() {
            return None;
        }
        Some(self.obstacle.describe("$", &steps[self.step..], self.value))
    }
}

/// Follows definite steps. Makes no message, because a filter may not care.
pub(super) fn follow<'v>(steps: &[Step], root: &'v Value) -> Result<Cow<'v, Value>, Stop<'v>> {
    let mut value = root;
    for (index, step) in steps.iter().enumerate() {
        let stop = |obstacle| Stop { step: index, value, obstacle };
        match single(step, value) {
            Some(Ok((_, next))) => value = next,
            Some(Err(obstacle)) => return Err(stop(obstacle)),
            None => {
                let is_last = index + 1 == steps.len();
                return several_names(step, is_last, value).map(Cow::Owned).map_err(stop);
            }
        }
    }
    Ok(Cow::Borrowed(value))
}

/// One step from a value to one below it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Name(&'a str),
    Index(i64),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "['{name}']"),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

/// Places from the root on, as messages spell them.
pub(super) struct Trail<'a>(pub(super) &'a [Place<'a>]);

impl fmt::Display for Trail<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("$")?;
        self.0.iter().try_for_each(|place| write!(formatter, "{place}"))
    }
}

/// The places that definite steps went through.
struct Route<'a>(&'a [Step], &'a Value);

impl fmt::Display for Route<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("$")?;
        let mut value = self.1;
        for step in self.0 {
            if let Some(Ok((place, next))) = single(step, value) {
                write!(formatter, "{place}")?;
                value = next;
            }
        }
        Ok(())
    }
}

/// The value one step further, for the steps that lead to one value of the document; none for the others.
pub(super) fn single<'p, 'v>(
    step: &'p Step,
    value: &'v Value,
) -> Option<Result<(Place<'p>, &'v Value), Obstacle>> {
    match step {
        Step::Name(name) => Some(match value {
            Value::Object(members) => match members.get(&**name) {
                Some(next) => Ok((Place::Name(name), next)),
                None => Err(Obstacle::Missing),
            },
            _ => Err(Obstacle::NotObject),
        }),
        Step::Index(index) => Some(items(value).and_then(|items| item(items, i64::from(*index)))),
        Step::FromEnd(distance) => {
            Some(items(value).and_then(|items| item(items, length(items) + i64::from(*distance))))
        }
        Step::Names(_)
        | Step::Indexes(_)
        | Step::Slice(_)
        | Step::Wildcard
        | Step::Filter(_)
        | Step::Scan => None,
    }
}

pub(super) fn items(value: &Value) -> Result<&[Value], Obstacle> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Err(Obstacle::Null),
        _ => Err(Obstacle::NotArray),
    }
}

pub(super) fn length(items: &[Value]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

pub(super) fn item<'p>(items: &[Value], index: i64) -> Result<(Place<'p>, &Value), Obstacle> {
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.map(|item| (Place::Index(index), item)).ok_or(Obstacle::OutOfBounds(index))
}

/// An object of those of the step's names that `value` has.
pub(super) fn several_names(step: &Step, is_last: bool, value: &Value) -> Result<Value, Obstacle> {
    let Step::Names(names) = step else { unreachable!("all other definite steps are single") };
    let Value::Object(members) = value else { return Err(Obstacle::NotObject) };
    if !is_last {
        return Err(Obstacle::NotLeaf);
    }
    let mut budget = RESULT_BYTES_MAX;
    let mut found = Map::new();
    for name in names {
        if let Some(member) = members.get(&**name) {
            let member = copy(member, 1, &mut budget).map_err(Obstacle::Other)?;
            found.insert(name.to_string(), member);
        }
    }
    Ok(Value::Object(found))
}

/// Copies a value within bounds.
pub(super) fn copy(value: &Value, depth: usize, budget: &mut usize) -> Result<Value, PathError> {
    if depth > RESULT_DEPTH_MAX {
        return Err(PathError::TooMuch { max: RESULT_DEPTH_MAX, what: "levels in its result" });
    }
    let text_bytes = match value {
        Value::String(text) => text.len(),
        Value::Object(members) => members.keys().map(|name| size_of::<String>() + name.len()).sum(),
        _ => 0,
    };
    *budget = budget
        .checked_sub(VALUE_BYTES + text_bytes)
        .ok_or(PathError::TooMuch { max: RESULT_BYTES_MAX, what: "bytes for its result" })?;
    match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| copy(item, depth + 1, budget));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, member)| Ok((name.clone(), copy(member, depth + 1, budget)?)));
            members.collect::<Result<_, _>>().map(Value::Object)
        }
        scalar => Ok(scalar.clone()),
    }
}
