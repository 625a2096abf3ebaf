//! Filters: `[?(@.price < 10 && @.stock)]`.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;
use serde_json::{Number, Value};

use super::decimal;
use super::error::{self, PathError};
use super::evaluate;
use super::step::Step;

/// A filter accepts what meets all conditions of one of its groups. Groups and conditions are in the
/// order in which they are tried, which is from right to left.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) groups: Vec<Vec<Condition>>,
}

/// A part of a filter between `&&` and `||`.
#[derive(Debug)]
pub(super) enum Condition {
    /// `@.a`, or `!@.a` when it is not wanted. The path begins at the element, also when it is `$.a`.
    Exists { path: Box<[Step]>, wanted: bool },
    /// `@.a < 5`.
    Compare { left: Operand, comparison: Comparison, right: Operand },
    /// `@.a =~ /b.*/`. The regex is anchored at both ends.
    Matches { subject: Operand, regex: Regex },
}

/// One side of a condition.
#[derive(Debug)]
pub(super) enum Operand {
    /// `@...`: a definite path from the element.
    Item(Box<[Step]>),
    /// `$...`: a definite path from the root.
    Root(Box<[Step]>),
    /// Anything else.
    Text(Box<str>),
    /// `/.../` where it is not matched against; it is not comparable with anything.
    Pattern(Box<str>),
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Whether an element passes.
    pub(super) fn accepts(&self, item: &Value, root: &Value) -> Result<bool, PathError> {
        for group in &self.groups {
            if all_hold(group, item, root)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn all_hold(group: &[Condition], item: &Value, root: &Value) -> Result<bool, PathError> {
    for condition in group {
        if !condition.holds(item, root)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Condition {
    fn holds(&self, item: &Value, root: &Value) -> Result<bool, PathError> {
        match self {
            Self::Exists { path, wanted } => Ok(exists(path, item)? == *wanted),
            Self::Compare { left, comparison, right } => {
                let Some(left) = left.value(item, root)? else { return Ok(false) };
                let Some(right) = right.value(item, root)? else { return Ok(false) };
                comparison.holds(&left, &right)
            }
            Self::Matches { subject, regex } => {
                let Some(subject) = subject.value(item, root)? else { return Ok(false) };
                Ok(subject.to_text().is_some_and(|text| regex.is_match(&text)))
            }
        }
    }
}

/// Whether something other than null is there.
fn exists(path: &[Step], item: &Value) -> Result<bool, PathError> {
    // Here, and only here, several names must all be there.
    if let Some((Step::Names(names), above)) = path.split_last() {
        let value = find(above, item)?;
        let members = value.as_deref().and_then(Value::as_object);
        return Ok(
            members.is_some_and(|members| names.iter().all(|name| members.contains_key(&**name)))
        );
    }
    Ok(find(path, item)?.is_some_and(|value| !value.is_null()))
}

fn find<'v>(path: &[Step], from: &'v Value) -> Result<Option<Cow<'v, Value>>, PathError> {
    match evaluate::follow(path, from) {
        Ok(value) => Ok(Some(value)),
        Err(stop) => stop.unless_absent(path).map_or(Ok(None), Err),
    }
}

impl Operand {
    /// What the operand stands for; none when that is not there.
    fn value<'a>(
        &'a self,
        item: &'a Value,
        root: &'a Value,
    ) -> Result<Option<Seen<'a>>, PathError> {
        match self {
            Self::Item(path) => Ok(find(path, item)?.map(Seen::Value)),
            Self::Root(path) => Ok(find(path, root)?.map(Seen::Value)),
            Self::Text(text) => Ok(Some(Seen::Text(text))),
            Self::Pattern(pattern) => Ok(Some(Seen::Pattern(pattern))),
        }
    }
}

/// An operand's value.
enum Seen<'a> {
    Value(Cow<'a, Value>),
    Text(&'a str),
    Pattern(&'a str),
}

impl Seen<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Value(value) if value.is_null())
    }

    /// Whether this is null, or the text `null`, which counts as null in comparisons.
    fn is_nullish(&self) -> bool {
        self.is_null() || self.as_text() == Some("null")
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Value(value) => value.as_str(),
            Self::Text(text) => Some(text),
            Self::Pattern(_) => None,
        }
    }

    fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Value(value) => value.as_number(),
            Self::Text(_) | Self::Pattern(_) => None,
        }
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Value(value) => value.as_bool(),
            Self::Text(_) | Self::Pattern(_) => None,
        }
    }

    /// The text that a regex sees; none for null.
    fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Value(value) => match &**value {
                Value::Null => None,
                Value::String(text) => Some(Cow::Borrowed(text)),
                other => Some(Cow::Owned(error::context(other))),
            },
            Self::Text(text) | Self::Pattern(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// Whether both are the same value at the same place.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(Cow::Borrowed(one)), Self::Value(Cow::Borrowed(other))) => {
                std::ptr::eq(*one, *other)
            }
            _ => false,
        }
    }
}

impl Comparison {
    fn holds(self, left: &Seen<'_>, right: &Seen<'_>) -> Result<bool, PathError> {
        if self.orders() && left.is_null() != right.is_null() {
            return Ok(false);
        }
        let Some(ordering) = compare(left, right)? else { return Ok(false) };
        Ok(match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        })
    }

    fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// Compares two operands; none when they are not comparable, in which case no comparison holds, not even
/// `!=`. Only the right one is a text that stands for another type.
fn compare(left: &Seen<'_>, right: &Seen<'_>) -> Result<Option<Ordering>, PathError> {
    if left.is(right) {
        return Ok(Some(Ordering::Equal));
    }
    if left.is_nullish() || right.is_nullish() {
        return Ok(Some(right.is_nullish().cmp(&left.is_nullish())));
    }
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        return Ok(Some(compare_texts(left, right)));
    }
    if let Some(left) = left.as_number() {
        if let Some(right) = right.as_number() {
            return compare_numbers(left, right).map(Some);
        }
        if let Some(right) = right.as_text() {
            return compare_number_with_text(left, right).map(Some);
        }
    }
    if let Some(left) = left.as_bool() {
        let right = match right.as_text() {
            Some(text) => Some(text.eq_ignore_ascii_case("true")),
            None => right.as_bool(),
        };
        return Ok(right.map(|right| left.cmp(&right)));
    }
    Ok(None)
}

/// Java's order: by UTF-16 units.
fn compare_texts(left: &str, right: &str) -> Ordering {
    let unescaped = if right.contains(r"\'") {
        Cow::Owned(right.replace(r"\'", "'"))
    } else {
        Cow::Borrowed(right)
    };
    left.encode_utf16().cmp(unescaped.encode_utf16())
}

fn compare_numbers(left: &Number, right: &Number) -> Result<Ordering, PathError> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Ok(left.cmp(&right));
    }
    let floats = (exact_float(left), exact_float(right));
    if let (Some(left), Some(right)) = floats
        && let Some(ordering) = left.partial_cmp(&right)
    {
        return Ok(ordering);
    }
    compare_decimals(&left.to_string(), &right.to_string())
}

fn compare_number_with_text(left: &Number, right: &str) -> Result<Ordering, PathError> {
    if let (Some(left), Ok(right)) = (left.as_i64(), right.parse::<i64>()) {
        return Ok(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (exact_float(left), short_decimal(right))
        && let Some(ordering) = left.partial_cmp(&right)
    {
        return Ok(ordering);
    }
    compare_decimals(&left.to_string(), right)
}

/// The number as a float, if no other number becomes the same float.
fn exact_float(number: &Number) -> Option<f64> {
    const INTEGER_MAX: u64 = 1 << 53;
    match number.as_i64() {
        Some(integer) if integer.unsigned_abs() > INTEGER_MAX => None,
        None if number.is_u64() => None,
        _ => number.as_f64(),
    }
}

/// A plain decimal number of so few digits that floats tell it from all others like it.
fn short_decimal(text: &str) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    if text.len() > DIGITS_MAX || !text.bytes().all(is_plain) {
        return None;
    }
    text.parse().ok()
}

fn compare_decimals(left: &str, right: &str) -> Result<Ordering, PathError> {
    decimal::compare(left, right).map_err(|error| {
        PathError::NotApplicable(match error.at {
            Some(at) => format!(
                "Character {at} is neither a decimal digit number, decimal point, nor \"e\" notation \
                 exponential mark."
            ),
            None => "No digits found.".to_owned(),
        })
    })
}
