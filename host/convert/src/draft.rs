//! A state, or another object, as it becomes: new fields stand where those stood that they come from.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use stepwell_query::Query;

use crate::expr::{Expr, Level, Shape};
use crate::path;
use crate::remark::{Refusal, below};
use crate::scope::Scope;
use crate::template::{self, Part};

/// Behind new fields that come from none.
const LAST: [&str; 6] = ["Assign", "Retry", "Catch", "Next", "End", "Default"];

/// An object and what changes in it.
pub(crate) struct Draft<'v> {
    pub(crate) old: &'v Map<String, Value>,
    pub(crate) at: &'v str,
    set: Vec<(usize, String, Value)>,
    dropped: BTreeSet<&'v str>,
    /// Whether something in it can fail because it is not there.
    pub(crate) can_fail: bool,
}

impl<'v> Draft<'v> {
    pub(crate) fn new(old: &'v Map<String, Value>, at: &'v str) -> Self {
        Self { old, at, set: Vec::new(), dropped: BTreeSet::new(), can_fail: false }
    }

    /// A pointer to a field.
    pub(crate) fn pointer(&self, name: &str) -> String {
        below(self.at, name)
    }

    /// Leaves a field out.
    pub(crate) fn drop(&mut self, name: &str) {
        if let Some((name, _)) = self.old.get_key_value(name) {
            self.dropped.insert(name);
        }
    }

    /// Sets a field where the first of its sources stands; the sources are left out.
    pub(crate) fn set(&mut self, name: &str, value: Value, sources: &[&str]) {
        for source in sources {
            self.drop(source);
        }
        if self.old.contains_key(name) {
            self.drop(name);
        }
        let stands = |wanted: &[&str]| {
            self.old.keys().position(|other| other == name || wanted.contains(&other.as_str()))
        };
        let place = stands(sources).or_else(|| stands(&LAST)).unwrap_or(self.old.len());
        self.set.push((place, name.to_owned(), value));
    }

    /// Sets a field to what is converted.
    pub(crate) fn set_part(&mut self, name: &str, part: &Part, sources: &[&str]) {
        self.can_fail |= part.can_fail();
        self.set(name, part.to_value(), sources);
    }

    /// A template in a field of another name, or of the same.
    pub(crate) fn template(
        &mut self,
        scope: &Scope<'_>,
        [from, to]: [&str; 2],
    ) -> Result<Option<Part>, Refusal> {
        let Some(old) = self.old.get(from) else { return Ok(None) };
        let part = template::convert(scope, old, &self.pointer(from))?;
        if from != to || part.to_value() != *old {
            self.set_part(to, &part, &[from]);
        }
        Ok(Some(part))
    }

    /// A field that ends in `Path`, whose twin takes an expression.
    pub(crate) fn path(&mut self, scope: &Scope<'_>, to: &str) -> Result<(), Refusal> {
        let from = format!("{to}Path");
        let Some(old) = self.old.get(&from) else { return Ok(()) };
        let at = self.pointer(&from);
        let Some(text) = old.as_str() else { return Refusal::new(&at, "expected a path") };
        let part = template::expression(scope, text, &at)?;
        self.set_part(to, &part, &[&from]);
        Ok(())
    }

    /// The same for a field where JSONPath takes a text that holds a number as well, and JSONata does not.
    pub(crate) fn path_to_number(&mut self, scope: &Scope<'_>, to: &str) -> Result<(), Refusal> {
        let from = format!("{to}Path");
        let Some(old) = self.old.get(&from) else { return Ok(()) };
        let at = self.pointer(&from);
        let Some(text) = old.as_str() else { return Refusal::new(&at, "expected a path") };
        let part = match template::expression(scope, text, &at)? {
            Part::Expr(expr) => {
                let number = format!("$number({})", expr.finish());
                Part::Expr(Expr::new(number, Level::Primary, Shape::Scalar))
            }
            part => part,
        };
        self.set_part(to, &part, &[&from]);
        Ok(())
    }

    /// The fields in their order.
    pub(crate) fn finish(self) -> Map<String, Value> {
        let mut new = Map::new();
        let put = |place: usize, new: &mut Map<String, Value>| {
            for (_, name, value) in self.set.iter().filter(|(other, ..)| *other == place) {
                new.insert(name.clone(), value.clone());
            }
        };
        for (index, (name, value)) in self.old.iter().enumerate() {
            put(index, &mut new);
            if !self.dropped.contains(name.as_str()) {
                new.insert(name.clone(), value.clone());
            }
        }
        put(self.old.len(), &mut new);
        new
    }
}

/// A path field: the whole without it, `{}` for null.
pub(crate) fn selected(
    scope: &Scope<'_>,
    field: Option<&Value>,
    at: &str,
) -> Result<Part, Refusal> {
    match field {
        None => Ok(scope.data.clone()),
        Some(Value::Null) => Ok(Part::Constant(Value::Object(Map::new()))),
        Some(Value::String(text)) => match Query::parse(text) {
            Ok(query) if query.is_identity() => Ok(scope.data.clone()),
            Ok(Query::Data(path)) if path::steps(&path).is_ok() => {
                let steps = path::steps(&path).unwrap_or_default();
                scope.data.at(&steps, text, at)
            }
            Ok(query) => path::query(scope, &query, at).map(Part::Expr),
            Err(error) => Refusal::new(at, format!("`{text}` is no path: {error}")),
        },
        Some(_) => Refusal::new(at, "expected a path"),
    }
}
