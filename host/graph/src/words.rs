//! What a state does and when a rule holds, in few words.

use std::fmt::Display;

use stepwell_asl::{
    Call, Catcher, Condition, Fail, Items, Map, Mode, Operand, Ordering, Quantity, Retrier, Task,
    Test, Text, Wait, WaitFor,
};
use stepwell_query::Template;

/// When a choice rule leads on, such as `$.continue = true`.
pub(crate) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::And(all) => joined(all, " and "),
        Condition::Or(any) => joined(any, " or "),
        Condition::Not(inner) => match &**inner {
            Condition::Compare(comparison) => {
                format!("{} {}", comparison.variable, test(&comparison.test, false))
            }
            Condition::Not(twice) => self::condition(twice),
            other => format!("not ({})", self::condition(other)),
        },
        Condition::Compare(comparison) => {
            format!("{} {}", comparison.variable, test(&comparison.test, true))
        }
        Condition::Constant(holds) => holds.to_string(),
        Condition::Computed(computed) => computed.expression.to_string(),
    }
}

fn joined(conditions: &[Condition], word: &str) -> String {
    let words = conditions.iter().map(|one| match one {
        Condition::And(all) | Condition::Or(all) if all.len() > 1 => {
            format!("({})", condition(one))
        }
        _ => condition(one),
    });
    words.collect::<Vec<_>>().join(word)
}

/// `holds`: whether the rule wants the test to pass.
fn test(test: &Test, holds: bool) -> String {
    let is = |wanted: bool, what: &str| {
        if wanted == holds { format!("is {what}") } else { format!("is not {what}") }
    };
    match test {
        Test::IsNull(wanted) => is(*wanted, "null"),
        Test::IsPresent(wanted) => is(*wanted, "present"),
        Test::IsNumeric(wanted) => is(*wanted, "a number"),
        Test::IsString(wanted) => is(*wanted, "a string"),
        Test::IsBoolean(wanted) => is(*wanted, "a boolean"),
        Test::IsTimestamp(wanted) => is(*wanted, "a timestamp"),
        Test::StringMatches(pattern) => {
            format!("{} {}", if holds { "matches" } else { "does not match" }, quoted(pattern))
        }
        Test::String(ordering, Operand::Literal(value)) => {
            format!("{} {}", sign(*ordering, holds), quoted(value))
        }
        Test::String(ordering, Operand::Path(path)) => compared(*ordering, holds, path),
        Test::Numeric(ordering, operand) => of_operand(*ordering, holds, operand),
        Test::Boolean(operand) => of_operand(Ordering::Equals, holds, operand),
        Test::Timestamp(ordering, operand) => of_operand(*ordering, holds, operand),
    }
}

fn of_operand<T: Display>(ordering: Ordering, holds: bool, operand: &Operand<T>) -> String {
    match operand {
        Operand::Literal(value) => compared(ordering, holds, value),
        Operand::Path(path) => compared(ordering, holds, path),
    }
}

fn compared(ordering: Ordering, holds: bool, operand: &impl Display) -> String {
    format!("{} {operand}", sign(ordering, holds))
}

/// A value of another type passes no test, so "not less" is not the same as "greater or equal".
fn sign(ordering: Ordering, holds: bool) -> &'static str {
    match (ordering, holds) {
        (Ordering::Equals, true) => "=",
        (Ordering::LessThan, true) => "<",
        (Ordering::GreaterThan, true) => ">",
        (Ordering::LessThanEquals, true) => "≤",
        (Ordering::GreaterThanEquals, true) => "≥",
        (Ordering::Equals, false) => "≠",
        (Ordering::LessThan, false) => "not <",
        (Ordering::GreaterThan, false) => "not >",
        (Ordering::LessThanEquals, false) => "not ≤",
        (Ordering::GreaterThanEquals, false) => "not ≥",
    }
}

/// As JSON writes it, so that control characters are visible.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a Task calls: the function's name, or the integration when each call says which.
pub(crate) fn called(task: &Task) -> String {
    match (&task.resource.call, task.resource.function()) {
        (_, Some(function)) => function.to_string(),
        (Call::Function(_) | Call::Invoke { .. }, None) => "lambda:invoke".to_owned(),
    }
}

pub(crate) fn wait(wait: &Wait) -> String {
    match &wait.until {
        WaitFor::Seconds(seconds) => format!("{seconds} s"),
        WaitFor::SecondsPath(path) => format!("{path} s"),
        WaitFor::Timestamp(timestamp) => format!("until {timestamp}"),
        WaitFor::TimestampPath(path) => format!("until {path}"),
        WaitFor::ComputedSeconds(computed) => format!("{} s", computed.expression),
        WaitFor::ComputedTimestamp(computed) => format!("until {}", computed.expression),
    }
}

/// The error that a Fail state ends with.
pub(crate) fn error(fail: &Fail) -> Option<String> {
    fail.error.as_ref().map(|error| match error {
        Text::Literal(text) => text.clone(),
        Text::Path(path) => path.to_string(),
        Text::Computed(computed) => computed.expression.to_string(),
    })
}

/// What a Map goes through, and how many at a time.
pub(crate) fn map(map: &Map) -> Vec<String> {
    let items = match &map.items {
        Items::Path(path) => path.to_string(),
        Items::Template(Template::Expression { expression, .. }) => expression.to_string(),
        Items::Template(_) => "its items".to_owned(),
    };
    let mut words = vec![format!("each of {items}")];
    match &map.max_concurrency {
        Quantity::Literal(0) => {}
        Quantity::Literal(1) => words.push("one at a time".to_owned()),
        Quantity::Literal(most) => words.push(format!("{most} at a time")),
        Quantity::Path(path) => words.push(format!("{path} at a time")),
        Quantity::Computed(computed) => words.push(format!("{} at a time", computed.expression)),
    }
    if let Mode::Distributed { .. } = map.mode {
        words.push("distributed".to_owned());
    }
    words
}

/// What a retrier does, such as `retries 3× on States.ALL`.
pub(crate) fn retrier(retrier: &Retrier) -> String {
    let errors = retrier.error_equals.join(", ");
    match retrier.max_attempts {
        0 => format!("never retries on {errors}"),
        times => format!("retries {times}× on {errors}"),
    }
}

pub(crate) fn catcher(catcher: &Catcher) -> String {
    format!("catch {}", catcher.error_equals.join(", "))
}
