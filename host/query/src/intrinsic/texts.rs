//! Functions on texts and on JSON as text.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{Budget, Trouble};
use crate::java;
use crate::kind::kind;

/// A template of `States.Format`: the texts around each `{}`.
pub(super) struct Pattern;

impl Pattern {
    /// Takes a template apart. A backslash takes its meaning from a brace, a quote or a backslash after
    /// it, and stands for itself before anything else.
    pub(super) fn of(template: &str) -> Box<[String]> {
        let mut texts = Vec::new();
        let mut text = String::new();
        let mut characters = template.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => text.push(characters.next_if(|next| is_escaped(*next)).unwrap_or('\\')),
                '{' if characters.next_if_eq(&'}').is_some() => {
                    texts.push(std::mem::take(&mut text));
                }
                plain => text.push(plain),
            }
        }
        texts.push(text);
        texts.into()
    }

    pub(super) fn of_value(template: &Value) -> Result<Box<[String]>, Trouble> {
        text(template).map(Self::of)
    }
}

/// What a backslash can take the meaning from.
pub(super) fn is_escaped(character: char) -> bool {
    matches!(character, '\'' | '{' | '}' | '\\')
}

/// `States.Format`.
pub(super) fn format(
    budget: &mut Budget,
    pattern: &[String],
    values: &[Cow<'_, Value>],
) -> Result<Value, Trouble> {
    if pattern.len() - 1 != values.len() {
        return Err("number of arguments do not match the occurrences of {}.".into());
    }
    let mut formatted = String::new();
    for (index, before) in pattern.iter().enumerate() {
        budget.take(before.len())?;
        formatted.push_str(before);
        if let Some(value) = values.get(index) {
            let value = java::text(value, budget.0).map_err(|_| Trouble::TooMuch)?;
            budget.take(value.len())?;
            formatted.push_str(&value);
        }
    }
    Ok(Value::String(formatted))
}

/// `States.StringSplit`: at every character of a set. Empty pieces are dropped.
pub(super) fn split(
    budget: &mut Budget,
    whole: &Value,
    separators: &Value,
) -> Result<Value, Trouble> {
    let (whole, separators) = (text(whole)?, text(separators)?);
    let separators: BTreeSet<char> = separators.chars().collect();
    let mut pieces = Vec::new();
    for piece in whole.split(|character| separators.contains(&character)) {
        if !piece.is_empty() {
            // Two quotes and a comma.
            budget.take(piece.len() + 3)?;
            pieces.push(Value::from(piece));
        }
    }
    Ok(Value::Array(pieces))
}

/// `States.StringToJson`. A blank text is null.
pub(super) fn string_to_json(budget: &mut Budget, json: &Value) -> Result<Value, Trouble> {
    let json = text(json)?;
    if json.trim().is_empty() {
        return Ok(Value::Null);
    }
    budget.take(json.len())?;
    let mut value =
        serde_json::from_str(json).map_err(|error| format!("the text is not JSON: {error}"))?;
    drop_minus_of_zero(&mut value);
    Ok(value)
}

/// `States.JsonToString`.
pub(super) fn json_to_string(budget: &mut Budget, value: &Value) -> Result<Value, Trouble> {
    budget.take_json(value)?;
    Ok(Value::String(value.to_string()))
}

/// `States.JsonMerge`: the second's members win.
pub(super) fn json_merge(
    budget: &mut Budget,
    first: Cow<'_, Value>,
    second: Cow<'_, Value>,
    deep: &Value,
) -> Result<Value, Trouble> {
    for value in [&first, &second] {
        if !value.is_object() {
            return Err(format!("expected an object, not {}", kind(value)).into());
        }
    }
    match deep {
        Value::Bool(false) => {}
        Value::Bool(true) => {
            return Err(
                "the third argument must be false, for AWS merges no deeper than that".into()
            );
        }
        other => return Err(format!("expected a boolean, not {}", kind(other)).into()),
    }
    let (mut merged, second) = (budget.own(first)?, budget.own(second)?);
    if let (Value::Object(merged), Value::Object(second)) = (&mut merged, second) {
        merged.extend(second);
    }
    Ok(merged)
}

pub(super) fn text(value: &Value) -> Result<&str, Trouble> {
    value.as_str().ok_or_else(|| format!("expected a string, not {}", kind(value)).into())
}

/// Java's integers know no -0.
fn drop_minus_of_zero(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if number.as_f64().is_some_and(|float| float == 0.0 && float.is_sign_negative()) {
                *value = Value::from(0);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(drop_minus_of_zero),
        Value::Object(members) => members.values_mut().for_each(drop_minus_of_zero),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
