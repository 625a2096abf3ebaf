//! Functions on arrays. Elements are compared deeply; 1 and 1.0 are not the same.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::numbers::integer;
use super::{Budget, Trouble};
use crate::kind::kind;

/// How many numbers `States.ArrayRange` makes at most: the limit of AWS.
const RANGE_ITEMS_MAX: i128 = 1_000;

/// `States.Array`.
pub(super) fn array(budget: &mut Budget, values: Vec<Cow<'_, Value>>) -> Result<Value, Trouble> {
    let items = values.into_iter().map(|value| budget.own(value));
    Ok(Value::Array(items.collect::<Result<_, _>>()?))
}

/// `States.ArrayContains`.
pub(super) fn contains(array: &Value, value: &Value) -> Result<Value, Trouble> {
    Ok(Value::Bool(items(array)?.contains(value)))
}

/// `States.ArrayGetItem`.
pub(super) fn get_item(
    budget: &mut Budget,
    array: &Value,
    index: &Value,
) -> Result<Value, Trouble> {
    let (items, index) = (items(array)?, integer(index)?);
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    let item = item.ok_or_else(|| {
        let count = items.len();
        format!("the index {index} is out of bounds for a length of {count}")
    })?;
    budget.own(Cow::Borrowed(item))
}

/// `States.ArrayLength`.
pub(super) fn length(array: &Value) -> Result<Value, Trouble> {
    Ok(Value::from(items(array)?.len()))
}

/// `States.ArrayPartition`.
pub(super) fn partition(
    budget: &mut Budget,
    array: Cow<'_, Value>,
    size: &Value,
) -> Result<Value, Trouble> {
    items(&array)?;
    let size = integer(size)?;
    if size < 1 {
        return Err("the size of a part must be a positive number".into());
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // Two brackets and a comma for each part.
    budget.take(3 * items(&array)?.len().div_ceil(size))?;
    let mut rest = owned_items(budget, array)?.into_iter();
    let mut parts = Vec::new();
    while rest.len() > 0 {
        parts.push(Value::Array(rest.by_ref().take(size).collect()));
    }
    Ok(Value::Array(parts))
}

/// `States.ArrayRange`: both ends included.
pub(super) fn range(first: &Value, last: &Value, step: &Value) -> Result<Value, Trouble> {
    let (first, last, step) = (integer(first)?, integer(last)?, integer(step)?);
    if step == 0 {
        return Err("the step must not be zero".into());
    }
    // Backwards, all three change their sign. There is no step where the last lies on the other side.
    let distance = (i128::from(last) - i128::from(first)) * i128::from(step.signum());
    let steps = distance.div_euclid(i128::from(step.unsigned_abs()));
    if steps >= RANGE_ITEMS_MAX {
        return Err(format!("the array would have more than {RANGE_ITEMS_MAX} elements").into());
    }
    let numbers = (0..=steps).map(|index| {
        let number = i128::from(first) + index * i128::from(step);
        Value::from(i64::try_from(number).expect("it lies between the first and the last"))
    });
    Ok(Value::Array(numbers.collect()))
}

/// `States.ArrayUnique`: the first of each, in their order.
pub(super) fn unique(budget: &mut Budget, array: Cow<'_, Value>) -> Result<Value, Trouble> {
    items(&array)?;
    let mut items = owned_items(budget, array)?;
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(sorted(item)));
    Ok(Value::Array(items))
}

fn items(value: &Value) -> Result<&Vec<Value>, Trouble> {
    value.as_array().ok_or_else(|| format!("expected an array, not {}", kind(value)).into())
}

fn owned_items(budget: &mut Budget, array: Cow<'_, Value>) -> Result<Vec<Value>, Trouble> {
    match budget.own(array)? {
        Value::Array(items) => Ok(items),
        _ => Ok(Vec::new()),
    }
}

/// A text that is the same for equal values only: JSON with the members in the order of their names.
fn sorted(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}
