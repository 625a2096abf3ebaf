//! JSONPath in the dialect of AWS Step Functions.
//!
//! A path is compiled once ([`parse`]) into steps ([`step`]) and evaluated many times ([`evaluate`],
//! [`search`]). Everything is bounded: the text, the steps, the conditions, the work and the size of a
//! result. The parser reads filters to a depth of one, because a path inside a filter may not hold
//! another filter, so no path, however hostile, can exhaust the stack.

mod decimal;
mod error;
mod evaluate;
mod filter;
mod parse;
mod parse_filter;
mod search;
mod step;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use error::{PathError, PathSyntaxError};

use step::{Canonical, Step};

/// A compiled path such as `$.orders[*].id`. Cloning it shares it.
///
/// A path is *definite* when it can only ever mean one place: names, `['a','b']`, `[0]` and
/// `[(@.length-1)]`. It gives that value or fails. Every other path (`*`, `..`, slices, `[0,1]`,
/// filters) gives an array of all that it finds.
///
/// The dialect is Jayway json-path 2.0.0. What surprises about it:
///
/// - A name that is missing on the way of an indefinite path usually gives `[]`, but the last name
///   after `..`, a slice or a filter must be there, and so must a name that is followed, and directly
///   preceded, by definite steps only. `[*]` on an array skips the elements where the rest of the path
///   finds nothing.
/// - `[-1]` is out of bounds; `[-1:]` is the last element, `[(@.length-1)]` as well. In `[a:b]` a
///   negative `a` is out of bounds and a negative `b` gives `[]`. A third part, a step, is ignored.
/// - `['a','b']` makes an object of those names that are there, and must end the path.
/// - Names go into single quotes, which cannot be escaped; double quotes are refused.
/// - `..[0].x` means `.x` of every element of every array: the index is not looked at.
/// - A filter is a list of conditions joined by `&&` and `||`, where `&&` binds tighter and parentheses
///   mean nothing. A condition is a definite path (there and not null), `!` and such a path, or two
///   operands and `==`, `!=`, `<`, `<=`, `>`, `>=` or `=~ /regex/`. A literal is a text, quoted or not,
///   and is read as the type of what the left path finds: `1=='1'`, `true=='true'`. Double quotes are
///   part of the text. A condition on something missing is false.
/// - `$.x` as a condition by itself looks into the element, as `@.x` does.
/// - There are no functions: `.length()` is a name.
///
/// Where Jayway trips over itself at run time on what can be seen when a path is read (`=~` without a
/// regex, a second `$`), [`JsonPath::parse`] refuses. Regexes are those of the `regex` crate: no
/// look-around and no back references.
#[derive(Clone)]
pub struct JsonPath(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    steps: Box<[Step]>,
    /// From this step on, all steps are definite.
    definite_from: usize,
}

impl JsonPath {
    /// The path `$`, the whole.
    pub fn root() -> Self {
        Self(Arc::new(Compiled { text: "$".into(), steps: Box::default(), definite_from: 0 }))
    }

    /// Reads a path. It starts with `$`; spaces after its end are ignored.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let steps = parse::path(text)?;
        let definite_from =
            steps.iter().rposition(|step| !step.is_definite()).map_or(0, |index| index + 1);
        Ok(Self(Arc::new(Compiled {
            text: text.into(),
            steps: steps.into_boxed_slice(),
            definite_from,
        })))
    }

    /// Whether the path gives one value. If not, it gives an array.
    pub fn is_definite(&self) -> bool {
        self.0.definite_from == 0
    }

    /// Whether the path is `$`, the whole.
    pub fn is_root(&self) -> bool {
        self.0.steps.is_empty()
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// What the path without its first steps means in `root`.
    pub(crate) fn evaluate_after<'v>(
        &self,
        steps: usize,
        root: &'v Value,
    ) -> Result<Cow<'v, Value>, PathError> {
        let (rest, definite_from) = (&self.0.steps[steps..], self.0.definite_from);
        if self.is_definite() {
            evaluate::definite(rest, root)
        } else {
            let definite_from = definite_from.saturating_sub(steps);
            search::indefinite(rest, definite_from, root).map(Cow::Owned)
        }
    }

    /// The first two names, where the path begins with names: it sees nothing beside them.
    pub fn first_names(&self) -> [Option<&str>; 2] {
        let name = |index: usize| match self.0.steps.get(index) {
            Some(Step::Name(name)) => Some(&**name),
            _ => None,
        };
        let first = name(0);
        [first, first.and_then(|_| name(1))]
    }

    /// The path as messages spell it: `$['orders'][*]['id']`.
    pub fn canonical(&self) -> String {
        format!("${}", Canonical(&self.0.steps))
    }

    /// What the path means in `root`. The value of a definite path is borrowed from there, unless it ends
    /// in several names; finding it allocates nothing.
    pub fn evaluate<'v>(&self, root: &'v Value) -> Result<Cow<'v, Value>, PathError> {
        if self.is_definite() {
            evaluate::definite(&self.0.steps, root)
        } else {
            search::indefinite(&self.0.steps, self.0.definite_from, root).map(Cow::Owned)
        }
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonPath {}

impl fmt::Debug for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("JsonPath").field(&self.as_str()).finish()
    }
}

/// As it was written.
impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
