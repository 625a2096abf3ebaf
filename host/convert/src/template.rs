//! Payload templates, and values whose parts are known while they are converted.

use serde_json::{Map, Value};
use stepwell_query::Expression;

use crate::expr::{Expr, Level, Shape, constant_string, delimited};
use crate::intrinsic;
use crate::path::{self, Step};
use crate::remark::{Refusal, below};
use crate::scope::Scope;

/// A whole number beyond this is another one in JSONata.
const WHOLE_MAX: u64 = 1 << 53;

/// A value of which some is known: a template whose expressions are converted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// JSON as it is.
    Constant(Value),
    /// What an expression gives.
    Expr(Expr),
    /// An object with an expression somewhere in it.
    Object(Vec<(String, Self)>),
    /// An array with an expression somewhere in it.
    Array(Vec<Self>),
}

impl Part {
    /// What an expression gives that always has a value.
    pub(crate) fn there(text: &str) -> Self {
        Self::Expr(Expr::new(text, Level::Primary, Shape::Unknown))
    }

    /// Whether it is that expression.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self, Self::Expr(expr) if expr.text == text)
    }

    /// Whether filling it in can fail because something is missing.
    pub(crate) fn can_fail(&self) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Expr(expr) => {
                expr.may_lack || !expr.needs.is_empty() || expr.text.contains("$error(")
            }
            Self::Object(members) => members.iter().any(|(_, member)| member.can_fail()),
            Self::Array(items) => items.iter().any(Self::can_fail),
        }
    }

    /// The part that steps lead to as far as it is known, and the steps that are left.
    pub(crate) fn pick<'s>(&self, steps: &'s [Step]) -> (Self, &'s [Step]) {
        let (Some(first), rest) = (steps.first(), steps.get(1..).unwrap_or_default()) else {
            return (self.clone(), steps);
        };
        let found = match (self, first) {
            (Self::Object(members), Step::Name(name)) => {
                members.iter().find(|(other, _)| other == name).map(|(_, member)| member.clone())
            }
            (Self::Constant(Value::Object(members)), Step::Name(name)) => {
                members.get(name).cloned().map(Self::Constant)
            }
            (Self::Array(items), Step::Index(index)) => {
                usize::try_from(*index).ok().and_then(|index| items.get(index)).cloned()
            }
            (Self::Constant(Value::Array(items)), Step::Index(index)) => {
                let item = usize::try_from(*index).ok().and_then(|index| items.get(index));
                item.cloned().map(Self::Constant)
            }
            _ => None,
        };
        match found {
            Some(found) => found.pick(rest),
            None => (self.clone(), steps),
        }
    }

    /// The part that steps lead to.
    pub(crate) fn at(&self, steps: &[Step], label: &str, at: &str) -> Result<Self, Refusal> {
        let (part, rest) = self.pick(steps);
        if rest.is_empty() {
            return Ok(part);
        }
        match path::follow(part.inline(at)?, rest) {
            Ok(found) => Ok(Self::Expr(Expr { label: label.to_owned(), ..found })),
            Err(why) => Refusal::new(at, format!("`{label}` cannot be converted: {why}")),
        }
    }

    /// As JSON with an expression in each string that needs one.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Constant(value) => escaped(value),
            Self::Expr(expr) => Value::String(delimited(&expr.finish())),
            Self::Object(members) => {
                let members = members.iter().map(|(name, part)| (name.clone(), part.to_value()));
                Value::Object(members.collect())
            }
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
        }
    }

    /// As one expression.
    pub(crate) fn inline(&self, at: &str) -> Result<Expr, Refusal> {
        match self {
            Self::Expr(expr) => Ok(expr.clone()),
            Self::Constant(value) => {
                inlinable(value, at)?;
                Ok(Expr::constant(value))
            }
            Self::Object(members) => {
                let parts = members.iter().map(|(_, part)| part.inline(at));
                let parts = parts.collect::<Result<Vec<_>, _>>()?;
                let written = members.iter().zip(&parts).map(|((name, _), part)| {
                    format!("{}: {}", Value::from(name.as_str()), part.text)
                });
                let written: Vec<_> = written.collect();
                let text = format!("{{{}}}", written.join(", "));
                let whole = Expr::new(text, Level::Primary, Shape::Unknown);
                Ok(parts.iter().fold(whole, Expr::needing))
            }
            Self::Array(items) => {
                let parts = items.iter().map(|part| part.inline(at));
                Ok(array(&parts.collect::<Result<Vec<_>, _>>()?))
            }
        }
    }
}

/// An array of values, each of which stays one element though it is an array itself.
pub(crate) fn array(items: &[Expr]) -> Expr {
    let written = items.iter().map(|item| match item.shape {
        Shape::Scalar | Shape::Number | Shape::Text => item.text.clone(),
        // A literal array is not taken apart.
        _ if item.text.starts_with('[') && item.level == Level::Primary => item.text.clone(),
        _ if item.text.starts_with('{') => item.text.clone(),
        Shape::Array => format!("[{}]", item.text),
        Shape::Unknown => {
            let value = &item.text;
            format!("($type({value}) = \"array\" ? [[{value}]] : {value})")
        }
    });
    let written: Vec<_> = written.collect();
    let whole = Expr::new(format!("[{}]", written.join(", ")), Level::Primary, Shape::Array);
    items.iter().fold(whole, Expr::needing)
}

/// The mark of a value that YAML says by a tag: only the text knows what it is.
pub(crate) const TAGGED: char = '\u{F8FF}';

/// Whether JSONata can say a constant within an expression.
fn inlinable(value: &Value, at: &str) -> Result<(), Refusal> {
    match value {
        Value::Number(number) => {
            let large = number.as_i64().is_some_and(|number| number.unsigned_abs() > WHOLE_MAX)
                || number.as_u64().is_some_and(|number| number > WHOLE_MAX);
            if large {
                return Refusal::new(at, format!("JSONata has no number {number}"));
            }
            Ok(())
        }
        Value::String(text) if text.starts_with(TAGGED) => {
            Refusal::new(at, "a value with a YAML tag cannot go into an expression")
        }
        Value::String(text) if text.contains("${") => {
            let message = format!("`{text}` is to be replaced, which could break an expression");
            Refusal::new(at, message)
        }
        Value::Array(items) => items.iter().try_for_each(|item| inlinable(item, at)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            if name.starts_with("Fn::") || (name == "Ref" && members.len() == 1) {
                return Refusal::new(at, format!("`{name}` cannot go into an expression"));
            }
            inlinable(member, at)
        }),
        Value::String(_) | Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// A constant in which no string is taken for an expression.
pub(crate) fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(constant_string(text)),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), escaped(member)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Converts a payload template.
pub(crate) fn convert(scope: &Scope<'_>, template: &Value, at: &str) -> Result<Part, Refusal> {
    match template {
        Value::Object(members) => {
            let mut parts: Vec<(String, Part)> = Vec::new();
            for (name, member) in members {
                let here = below(at, name);
                let (name, part) = match name.strip_suffix(".$") {
                    Some(stripped) => {
                        let Some(text) = member.as_str() else {
                            return Refusal::new(&here, format!("`{name}` must be a string"));
                        };
                        (stripped, expression(scope, text, &here)?)
                    }
                    None => (name.as_str(), convert(scope, member, &here)?),
                };
                if parts.iter().any(|(other, _)| other == name) {
                    return Refusal::new(&here, format!("`{name}` stands twice"));
                }
                parts.push((name.to_owned(), part));
            }
            Ok(whole_object(parts))
        }
        Value::Array(items) => {
            let parts = items
                .iter()
                .enumerate()
                .map(|(index, item)| convert(scope, item, &below(at, &index.to_string())));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            let constants = parts.iter().map(|part| match part {
                Part::Constant(value) => Some(value.clone()),
                _ => None,
            });
            let constants: Option<Vec<_>> = constants.collect();
            Ok(constants.map_or(Part::Array(parts), |items| Part::Constant(Value::Array(items))))
        }
        other => Ok(Part::Constant(other.clone())),
    }
}

fn whole_object(parts: Vec<(String, Part)>) -> Part {
    let constants = parts.iter().map(|(name, part)| match part {
        Part::Constant(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    let constants: Option<Map<_, _>> = constants.collect();
    constants.map_or(Part::Object(parts), |members| Part::Constant(Value::Object(members)))
}

/// How often an expression draws something at random.
pub(crate) fn draws(expression: &str) -> usize {
    expression.matches("$random(").count() + expression.matches("$uuid(").count()
}

/// Converts what a template's `.$` field holds: a path or a call.
pub(crate) fn expression(scope: &Scope<'_>, text: &str, at: &str) -> Result<Part, Refusal> {
    match Expression::parse(text) {
        Ok(Expression::Query(query)) => {
            if let stepwell_query::Query::Data(path) = &query
                && let Ok(steps) = path::steps(path)
                && let (part, []) = scope.data.pick(&steps)
                && !matches!(part, Part::Expr(_))
            {
                return Ok(part);
            }
            path::query(scope, &query, at).map(Part::Expr)
        }
        Ok(Expression::Intrinsic(_)) => {
            let converted = intrinsic::convert(scope, text, at)?;
            let drawn = draws(&converted.finish());
            if drawn
                > text.matches("States.MathRandom").count() + text.matches("States.UUID").count()
            {
                return Refusal::new(at, "what it draws at random would be drawn twice");
            }
            Ok(Part::Expr(converted))
        }
        Ok(Expression::Jsonata(_)) => unreachable!("no text of JSONPath is read as JSONata"),
        Err(error) => Refusal::new(at, error.to_string()),
    }
}
