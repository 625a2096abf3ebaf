//! Follows the steps of a path through a value.
//!
//! Definite paths are a loop without any state. For the others, [`Search`] recurses once per step that
//! branches (their number is bounded by the parser) and walks `..` with a stack of its own, so the depth
//! of a document does not matter.

use std::borrow::Cow;
use std::fmt;
use std::mem;

use serde_json::{Map, Value, map};

use super::error::{Obstacle, PathError};
use super::filter::Filter;
use super::step::{Slice, Step};

/// How many values a search looks at before it gives up: a few seconds of work. Only several `..` in one
/// path can ask for more on a document of any sensible size.
const VISITS_MAX: usize = 50_000_000;

/// How large the values found may be together. They are copied, and `..` can find the same part of a
/// document many times.
const RESULT_BYTES_MAX: usize = 256 * 1024 * 1024;

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

/// Evaluates a path that has a step that is not definite. From step `definite_from` on, they all are.
pub(super) fn indefinite(
    steps: &[Step],
    definite_from: usize,
    root: &Value,
) -> Result<Value, PathError> {
    let mut search = Search {
        steps,
        definite_from,
        root,
        places: Vec::new(),
        found: Vec::new(),
        visits: 0,
        forgiving: false,
    };
    search.descend(0, root)?;
    let mut budget = RESULT_BYTES_MAX;
    let found = search.found.into_iter().map(|value| match value {
        Cow::Borrowed(value) => copy(value, 0, &mut budget),
        Cow::Owned(value) => Ok(value),
    });
    found.collect::<Result<_, _>>().map(Value::Array)
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
        match self.obstacle.is_absence() {
            true => None,
            false => Some(self.obstacle.describe("$", &steps[self.step..], self.value)),
        }
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
enum Place<'a> {
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
struct Trail<'a>(&'a [Place<'a>]);

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
fn single<'p, 'v>(
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

fn items(value: &Value) -> Result<&[Value], Obstacle> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Err(Obstacle::Null),
        _ => Err(Obstacle::NotArray),
    }
}

fn length(items: &[Value]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

fn item<'p>(items: &[Value], index: i64) -> Result<(Place<'p>, &Value), Obstacle> {
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.map(|item| (Place::Index(index), item)).ok_or(Obstacle::OutOfBounds(index))
}

/// An object of those of the step's names that `value` has.
fn several_names(step: &Step, is_last: bool, value: &Value) -> Result<Value, Obstacle> {
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
fn copy(value: &Value, depth: usize, budget: &mut usize) -> Result<Value, PathError> {
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

/// An evaluation that may find any number of values.
struct Search<'a> {
    steps: &'a [Step],
    definite_from: usize,
    root: &'a Value,
    /// The way from the root to the value at hand.
    places: Vec<Place<'a>>,
    found: Vec<Cow<'a, Value>>,
    visits: usize,
    /// Whether a `*` will ignore that something is not there, so that nobody reads the message.
    forgiving: bool,
}

impl<'a> Search<'a> {
    /// Applies the steps from `first` on to a value at the current place.
    fn descend(&mut self, first: usize, value: &'a Value) -> Result<(), PathError> {
        let places = self.places.len();
        let outcome = self.take_steps(first, value);
        self.places.truncate(places);
        outcome
    }

    fn take_steps(&mut self, first: usize, mut value: &'a Value) -> Result<(), PathError> {
        self.visit()?;
        let steps = self.steps;
        for (index, step) in steps.iter().enumerate().skip(first) {
            match single(step, value) {
                Some(Ok((place, next))) => {
                    self.places.push(place);
                    value = next;
                }
                Some(Err(Obstacle::Missing)) if self.may_lack(index) => return Ok(()),
                Some(Err(obstacle)) => return Err(self.stop(index, value, obstacle)),
                None => return self.branch(index, value),
            }
        }
        self.found.push(Cow::Borrowed(value));
        Ok(())
    }

    fn branch(&mut self, index: usize, value: &'a Value) -> Result<(), PathError> {
        let steps = self.steps;
        match &steps[index] {
            Step::Indexes(indexes) => {
                self.each_item(index, value, |_| indexes.iter().map(|index| i64::from(*index)))
            }
            Step::Slice(slice) => self.each_item(index, value, |length| range(*slice, length)),
            Step::Wildcard => self.wildcard(index, value),
            Step::Filter(filter) => self.filter(index, filter, value),
            Step::Scan => self.scan(index + 1, value),
            step => {
                let found = several_names(step, self.is_last(index), value);
                let found = found.map_err(|obstacle| self.stop(index, value, obstacle))?;
                self.found.push(Cow::Owned(found));
                Ok(())
            }
        }
    }

    fn each_item<I: Iterator<Item = i64>>(
        &mut self,
        index: usize,
        value: &'a Value,
        wanted: impl FnOnce(i64) -> I,
    ) -> Result<(), PathError> {
        let items = items(value).map_err(|obstacle| self.stop(index, value, obstacle))?;
        for wanted in wanted(length(items)) {
            let (place, item) =
                item(items, wanted).map_err(|obstacle| self.stop(index, value, obstacle))?;
            self.below(index + 1, place, item)?;
        }
        Ok(())
    }

    fn wildcard(&mut self, index: usize, value: &'a Value) -> Result<(), PathError> {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.below(index + 1, Place::Name(name), member)?;
                }
            }
            Value::Array(items) => {
                let forgiving = mem::replace(&mut self.forgiving, true);
                for (place, item) in (0..).map(Place::Index).zip(items) {
                    match self.below(index + 1, place, item) {
                        Ok(()) | Err(PathError::NotFound(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                self.forgiving = forgiving;
            }
            _ => {}
        }
        Ok(())
    }

    fn filter(
        &mut self,
        index: usize,
        filter: &'a Filter,
        value: &'a Value,
    ) -> Result<(), PathError> {
        match value {
            Value::Object(_) => {
                if filter.accepts(value, self.root)? {
                    self.descend(index + 1, value)?;
                }
            }
            Value::Array(items) => {
                for (place, item) in (0..).map(Place::Index).zip(items) {
                    self.visit()?;
                    if filter.accepts(item, self.root)? {
                        self.below(index + 1, place, item)?;
                    }
                }
            }
            _ => return Err(self.stop(index, value, Obstacle::Primitive)),
        }
        Ok(())
    }

    /// Applies the step `target` to `value` and to all arrays and objects below it, parents first.
    fn scan(&mut self, target: usize, value: &'a Value) -> Result<(), PathError> {
        let above = self.places.len();
        let mut open = Vec::new();
        if value.is_array() || value.is_object() {
            self.scan_at(target, value)?;
            open.push(Children::of(value));
        }
        while let Some(children) = open.last_mut() {
            let Some((place, child)) = children.next() else {
                open.pop();
                continue;
            };
            self.visit()?;
            if child.is_array() || child.is_object() {
                self.places.truncate(above + open.len() - 1);
                self.places.push(place);
                self.scan_at(target, child)?;
                open.push(Children::of(child));
            }
        }
        Ok(())
    }

    /// Applies the step `target` to one array or object that a scan came to.
    fn scan_at(&mut self, target: usize, value: &'a Value) -> Result<(), PathError> {
        let steps = self.steps;
        let applies = match &steps[target] {
            Step::Name(name) => value.get(&**name).is_some(),
            Step::Names(names) => {
                value.is_object() && names.iter().all(|name| value.get(&**name).is_some())
            }
            Step::Index(_) | Step::Indexes(_) | Step::FromEnd(_) | Step::Slice(_) => {
                value.is_array()
            }
            Step::Wildcard => true,
            Step::Filter(filter) => filter.accepts(value, self.root)?,
            Step::Scan => false,
        };
        match value {
            _ if !applies => Ok(()),
            // Here the step itself is passed over, whatever it says.
            Value::Array(items) if !self.is_last(target) => (0..)
                .map(Place::Index)
                .zip(items)
                .try_for_each(|(place, item)| self.below(target + 1, place, item)),
            _ => self.descend(target, value),
        }
    }

    /// Applies the steps from `first` on to a value one place below the current one.
    fn below(&mut self, first: usize, place: Place<'a>, value: &'a Value) -> Result<(), PathError> {
        self.places.push(place);
        let outcome = self.descend(first, value);
        self.places.pop();
        outcome
    }

    fn visit(&mut self) -> Result<(), PathError> {
        self.visits += 1;
        match self.visits {
            ..=VISITS_MAX => Ok(()),
            _ => Err(PathError::TooMuch { max: VISITS_MAX, what: "looks at values" }),
        }
    }

    fn is_last(&self, index: usize) -> bool {
        index + 1 == self.steps.len()
    }

    /// Whether it is no error when the name at `index` is missing: not the last, and with a step that is
    /// not definite next to it in front, or anywhere behind.
    fn may_lack(&self, index: usize) -> bool {
        !self.is_last(index) && index.saturating_sub(1) < self.definite_from
    }

    fn stop(&self, index: usize, value: &Value, obstacle: Obstacle) -> PathError {
        match self.forgiving && obstacle.is_absence() {
            true => PathError::NotFound(String::new()),
            false => obstacle.describe(Trail(&self.places), &self.steps[index..], value),
        }
    }
}

/// The indexes of a slice. Those below zero are there to be found out of bounds.
fn range(slice: Slice, length: i64) -> std::ops::Range<i64> {
    let from_end = |index: i32| match i64::from(index) {
        index if index < 0 => length + index,
        index => index,
    };
    match slice {
        Slice::From(from) => from_end(from).max(0)..length,
        Slice::To(to) => 0..from_end(to).min(length),
        Slice::Between(from, to) if length > 0 => i64::from(from)..i64::from(to).min(length),
        Slice::Between(..) => 0..0,
    }
}

/// What is directly below an array or object, in order.
enum Children<'a> {
    Items(std::iter::Enumerate<std::slice::Iter<'a, Value>>),
    Members(map::Iter<'a>),
    None,
}

impl<'a> Children<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Array(items) => Self::Items(items.iter().enumerate()),
            Value::Object(members) => Self::Members(members.iter()),
            _ => Self::None,
        }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = (Place<'a>, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Items(items) => {
                let (index, item) = items.next()?;
                Some((Place::Index(i64::try_from(index).ok()?), item))
            }
            Self::Members(members) => {
                let (name, member) = members.next()?;
                Some((Place::Name(name), member))
            }
            Self::None => None,
        }
    }
}
