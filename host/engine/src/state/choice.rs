//! Choice: picks the next state by the first rule that holds. A value of the wrong type does not pass a
//! test and is no error; a path that finds nothing is one, but for `IsPresent`.

use std::cmp;

use jiff::Timestamp;
use serde_json::{Number, Value};
use stepwell_asl::{
    Choice, Comparison, Condition, Operand, Ordering, Test, Transition, is_pattern,
};
use stepwell_query::{Query, Scope, parse_timestamp};

use super::Data;
use crate::branch::Branch;
use crate::turn::{Flow, Halt, Turn};

pub(super) fn enter(turn: &Turn<'_>, branch: &Branch, choice: &Choice) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let selected = if choice.io.is_whole() { None } else { Some(data.input(&choice.io)?) };
    let input = selected.as_ref().unwrap_or(&branch.input);
    let mut taken = choice.default.map(|next| (next, &choice.assign, &choice.output));
    let scope = data.scope(input);
    for rule in &choice.rules {
        let holds = match &rule.condition {
            Condition::Computed(computed) => data.compute(computed, "boolean", Value::as_bool)?,
            condition => holds(condition, &scope).map_err(|what| data.runtime_failure(&what))?,
        };
        if holds {
            taken = Some((rule.next, &rule.assign, &rule.output));
            break;
        }
    }
    let Some((next, assign, output)) = taken else {
        // The specification calls this `States.NoChoiceMatched`; measured on AWS, it is this.
        return Err(data.runtime_failure(
            "Failed to transition out of the state. The state does not point to a next state.",
        ));
    };
    let assigned = data.assigned(assign, input)?;
    let output = match output {
        Some(output) => Some(data.fill(output, input)?),
        None => selected.map(|input| data.output(&choice.io, input)).transpose()?,
    };
    Ok(Flow::Exit { output, assigned, transition: Transition::Next(next) })
}

/// The error is the cause of a runtime failure.
fn holds(condition: &Condition, scope: &dyn Scope) -> Result<bool, String> {
    match condition {
        Condition::And(conditions) => {
            for condition in conditions {
                if !holds(condition, scope)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Or(conditions) => {
            for condition in conditions {
                if holds(condition, scope)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Condition::Not(condition) => holds(condition, scope).map(|holds| !holds),
        Condition::Compare(comparison) => compare(comparison, scope),
        Condition::Constant(holds) => Ok(*holds),
        Condition::Computed(_) => unreachable!("an expression is a rule's whole condition"),
    }
}

fn compare(comparison: &Comparison, scope: &dyn Scope) -> Result<bool, String> {
    let found = comparison.variable.evaluate(scope);
    if let Test::IsPresent(wanted) = comparison.test {
        return Ok(found.is_ok() == wanted);
    }
    let value = found.map_err(|_| missing(&comparison.variable))?;
    Ok(match &comparison.test {
        Test::IsPresent(wanted) => *wanted,
        Test::IsNull(wanted) => value.is_null() == *wanted,
        Test::IsNumeric(wanted) => value.is_number() == *wanted,
        Test::IsString(wanted) => value.is_string() == *wanted,
        Test::IsBoolean(wanted) => value.is_boolean() == *wanted,
        Test::IsTimestamp(wanted) => timestamp(&value).is_some() == *wanted,
        Test::StringMatches(pattern) if !is_pattern(pattern) => {
            // That it fails is documented; AWS's words for it are not.
            return Err(format!("The pattern '{pattern}' holds an invalid escape sequence."));
        }
        Test::StringMatches(pattern) => value.as_str().is_some_and(|text| matches(pattern, text)),
        Test::String(ordering, operand) => {
            let other = resolve(operand, scope, |value| value.as_str().map(str::to_owned))?;
            match (value.as_str(), other) {
                (Some(text), Some(other)) => passes(*ordering, compare_strings(text, &other)),
                _ => false,
            }
        }
        Test::Numeric(ordering, operand) => {
            let other = resolve(operand, scope, |value| value.as_number().cloned())?;
            match (value.as_number(), other) {
                (Some(number), Some(other)) => {
                    compare_numbers(number, &other).is_some_and(|order| passes(*ordering, order))
                }
                _ => false,
            }
        }
        Test::Boolean(operand) => {
            let other = resolve(operand, scope, Value::as_bool)?;
            value.as_bool().is_some_and(|boolean| Some(boolean) == other)
        }
        Test::Timestamp(ordering, operand) => {
            let other = resolve(operand, scope, timestamp)?;
            match (timestamp(&value), other) {
                (Some(instant), Some(other)) => passes(*ordering, instant.cmp(&other)),
                _ => false,
            }
        }
    })
}

fn missing(query: &Query) -> String {
    format!(
        "Invalid path '{query}': The choice state's condition path references an invalid value."
    )
}

/// The operand's value; `None` when a path finds one of another type.
fn resolve<T: Clone>(
    operand: &Operand<T>,
    scope: &dyn Scope,
    typed: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match operand {
        Operand::Literal(value) => Ok(Some(value.clone())),
        Operand::Path(query) => match query.evaluate(scope) {
            Ok(value) => Ok(typed(&value)),
            Err(_) => Err(missing(query)),
        },
    }
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    parse_timestamp(value.as_str()?)
}

fn passes(ordering: Ordering, order: cmp::Ordering) -> bool {
    match ordering {
        Ordering::Equals => order.is_eq(),
        Ordering::LessThan => order.is_lt(),
        Ordering::GreaterThan => order.is_gt(),
        Ordering::LessThanEquals => order.is_le(),
        Ordering::GreaterThanEquals => order.is_ge(),
    }
}

/// By UTF-16 code units, as Java compares: only characters beyond the basic plane fall elsewhere than by
/// their code points.
fn compare_strings(left: &str, right: &str) -> cmp::Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// Whole numbers exactly, others as floating point.
fn compare_numbers(left: &Number, right: &Number) -> Option<cmp::Ordering> {
    let whole = |number: &Number| {
        number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// `*` stands for any characters; `\*` and `\\` for a star and a backslash. Linear in memory, and in time
/// at worst the product of the lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut read) = (0, 0);
    // Where to go on when what follows the last star does not match: one character further.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(None) => {
                star = Some((at, read));
                at += 1;
            }
            Some(Some(character)) if *character == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, from)) => {
                    star = Some((star_at, from + 1));
                    at = star_at + 1;
                    read = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(Option::is_none)
}

/// The pattern's characters; `None` is a star that stands for any.
fn tokens(pattern: &str) -> Vec<Option<char>> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => None,
            '\\' => characters.next(),
            character => Some(character),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("log-*.txt", "log-2026.txt"),
            ("log-*.txt", "log-.txt"),
            ("*a*b*", "xxaxxbxx"),
            ("a**b", "ab"),
            (r"2\*3", "2*3"),
            (r"a\\b", r"a\b"),
            ("*aab", "aaaab"),
            ("é*", "était"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("log-*.txt", "log-2026.txt.gz"),
            (r"2\*3", "2x3"),
            ("a*b", "acbd"),
            ("A", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_full_of_stars_does_not_take_forever() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(20_000)));
    }

    #[test]
    fn whole_numbers_compare_exactly() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        let compare = |left, right| compare_numbers(&number(left), &number(right)).unwrap();
        assert!(compare("9007199254740993", "9007199254740992").is_gt());
        assert!(compare("18446744073709551615", "-1").is_gt());
        assert!(compare("1", "1.0").is_eq());
        assert!(compare("0", "-0.0").is_eq());
        assert!(compare("0.1", "0.2").is_lt());
    }
}
