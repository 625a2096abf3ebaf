//! Wait: until so many seconds have passed since the state was entered, or until a time.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stepwell_asl::{Wait, WaitFor};
use stepwell_query::{Query, parse_timestamp};

use super::{Data, shown};
use crate::branch::{Branch, Waiting};
use crate::effect::Purpose;
use crate::turn::{Flow, Halt, Turn};

/// The longest wait that AWS begins, in seconds (`facts/asl.md` 5).
const DELAY_SECONDS_MAX: i64 = i32::MAX as i64;

pub(super) fn enter(turn: &mut Turn<'_>, branch: &Branch, wait: &Wait) -> Result<Flow, Halt> {
    let until = end_of(turn, branch, wait)?;
    if until <= turn.at {
        return ended(turn, branch, wait);
    }
    if until.duration_since(turn.at).as_secs() > DELAY_SECONDS_MAX {
        return Err(turn.runtime_failure(branch, "Wait state delay is too long."));
    }
    let purpose = Purpose::Wait { state: turn.state(branch).name.clone() };
    let timer = turn.set_timer(purpose, |_| until);
    Ok(Flow::Wait(Waiting::Time(timer)))
}

/// The time has come.
pub(super) fn ended(turn: &Turn<'_>, branch: &Branch, wait: &Wait) -> Result<Flow, Halt> {
    let data = Data::new(turn, branch);
    let input = data.input(&wait.io)?;
    let assigned = data.assigned(&wait.assign, &input)?;
    let output = data.output(&wait.io, input)?;
    let output = data.put_out(wait.output.as_ref(), output)?;
    Ok(Flow::Exit { output: Some(output), assigned, transition: wait.transition })
}

fn end_of(turn: &Turn<'_>, branch: &Branch, wait: &Wait) -> Result<Timestamp, Halt> {
    let data = Data::new(turn, branch);
    let find = |query: &Query, field: &str| {
        data.find(query, &data.input(&wait.io)?, |_| {
            format!("The {field} parameter does not reference an input value: {query}")
        })
    };
    match &wait.until {
        WaitFor::Seconds(seconds) => {
            after(turn, branch, i64::try_from(*seconds).unwrap_or(i64::MAX))
        }
        WaitFor::Timestamp(timestamp) => Ok(*timestamp),
        WaitFor::ComputedSeconds(computed) => {
            let seconds = data.compute(computed, "integer", Value::as_i64)?;
            if seconds < 0 {
                let what = format!("The Seconds field has a negative value: {seconds}");
                return Err(data.evaluation_failure(&what, Some(&computed.location), true));
            }
            after(turn, branch, seconds)
        }
        WaitFor::ComputedTimestamp(computed) => {
            let text =
                data.compute(computed, "string", |value| value.as_str().map(str::to_owned))?;
            parse_timestamp(&text).ok_or_else(|| {
                let what = format!(
                    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format \
                     string: {text}"
                );
                data.evaluation_failure(&what, Some(&computed.location), true)
            })
        }
        WaitFor::SecondsPath(query) => {
            let found = find(query, "SecondsPath")?;
            let Some(seconds) = found.value().as_i64() else {
                let what = "cannot be parsed as a long value";
                let text = format!(
                    "The SecondsPath parameter {what}: {query} == {}",
                    shown(found.value())
                );
                return Err(data.runtime_failure(&text));
            };
            if seconds < 0 {
                let text = format!(
                    "The SecondsPath parameter references a negative value: {query} == {seconds}"
                );
                return Err(data.runtime_failure(&text));
            }
            after(turn, branch, seconds)
        }
        WaitFor::TimestampPath(query) => {
            let found = find(query, "TimestampPath")?;
            found.value().as_str().and_then(parse_timestamp).ok_or_else(|| {
                data.runtime_failure(&format!(
                    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
                     date-time format string: {query} == {}",
                    shown(found.value())
                ))
            })
        }
    }
}

fn after(turn: &Turn<'_>, branch: &Branch, seconds: i64) -> Result<Timestamp, Halt> {
    turn.at
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|_| turn.runtime_failure(branch, "Wait state delay is too long."))
}
