//! Follows steps that may lead to many values.
//!
//! A search recurses once per step that branches, of which the parser allows few, and walks `..` with a
//! stack of its own, so the depth of a document does not matter.

use std::borrow::Cow;
use std::mem;

use serde_json::{Value, map};

use super::error::{Obstacle, PathError};
use super::evaluate::{
    Place, RESULT_BYTES_MAX, Trail, copy, item, items, length, several_names, single,
};
use super::filter::Filter;
use super::step::{Slice, Step};

/// How many values a search looks at before it gives up: about a second of work. Only several `..` in one
/// path can ask for more on a document of any sensible size.
const VISITS_MAX: usize = 10_000_000;

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
        if self.forgiving && obstacle.is_absence() {
            return PathError::NotFound(String::new());
        }
        obstacle.describe(Trail(&self.places), &self.steps[index..], value)
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
