//! Events, effects and history in words, one line each.

use jiff::Timestamp;
use stepwell_asl::Name;
use stepwell_engine::{
    Details, Effect, EffectId, Event, FailedChild, HistoryEvent, Outcome, Purpose,
};

use crate::moment::Moment;

/// Longer texts are cut where a line tells of them; `show` has them whole.
const TEXT_CHARACTERS_MAX: usize = 120;

/// A text on one line, cut when it is long, with how much was left out.
pub(crate) fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown = String::new();
    for character in characters.by_ref().take(TEXT_CHARACTERS_MAX) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    match characters.count() {
        0 => shown,
        left => format!("{shown}... ({left} more characters)"),
    }
}

/// A number of things.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// How long after the start, in seconds.
pub(crate) fn offset(start: Timestamp, at: Timestamp) -> String {
    let milliseconds = at.as_millisecond() - start.as_millisecond();
    let sign = if milliseconds < 0 { '-' } else { '+' };
    let milliseconds = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// An error and its cause.
pub(crate) fn failure(error: Option<&str>, cause: Option<&str>) -> String {
    let error = error.unwrap_or("no error");
    match cause {
        Some(cause) if !cause.is_empty() => format!("{}: {}", cut(error), cut(cause)),
        _ => cut(error),
    }
}

/// What happened, and for what.
pub(crate) fn event(moment: &Moment) -> String {
    let of = |id: &EffectId| match &moment.effect {
        Some(effect) => subject(effect),
        None => format!("#{}", id.0),
    };
    match &moment.event {
        Event::Started => "the execution began".to_owned(),
        Event::Resumed => "the engine went on".to_owned(),
        Event::FunctionSucceeded { id, output } => {
            format!("{} answered: {}", of(id), cut(output.text()))
        }
        Event::TaskSucceeded { id, output } => {
            format!("{} was answered: {}", of(id), cut(output.text()))
        }
        Event::FunctionFailed { id, failure } | Event::TaskFailed { id, failure } => {
            format!(
                "{} failed: {}",
                of(id),
                self::failure(failure.error.as_deref(), failure.cause.as_deref())
            )
        }
        Event::TaskHeartbeat { id } => format!("{} had a heartbeat", of(id)),
        Event::TimerFired { id } => match &moment.effect {
            Some(Effect::SetTimer {
                purpose: Purpose::Timeout | Purpose::Heartbeat { .. },
                ..
            }) => format!("{} was reached", of(id)),
            _ => format!("{} came", of(id)),
        },
        Event::StopRequested { error: None, cause: None } => "somebody stopped it".to_owned(),
        Event::StopRequested { error, cause } => {
            format!("somebody stopped it: {}", failure(error.as_deref(), cause.as_deref()))
        }
        Event::RedriveRequested => "somebody let it go on where it failed".to_owned(),
        Event::InputReplaced { id, input } => {
            let state = moment.effect.as_ref().and_then(state);
            let state = state.map_or_else(|| format!("what waits for #{}", id.0), Name::to_string);
            format!("{state} begins anew with another input: {}", cut(input.text()))
        }
    }
}

/// The state that asked for an effect.
fn state(effect: &Effect) -> Option<&Name> {
    match effect {
        Effect::Invoke(call) => Some(&call.state),
        Effect::OpenToken(token) => Some(&token.state),
        Effect::SetTimer { purpose: Purpose::Wait { state }, .. } => Some(state),
        _ => None,
    }
}

/// What an effect is about.
pub(crate) fn subject(effect: &Effect) -> String {
    match effect {
        Effect::Invoke(call) => format!("function `{}` (#{})", call.function, call.id.0),
        Effect::OpenToken(token) => format!("the token of {} (#{})", token.state, token.id.0),
        Effect::SetTimer { id, purpose: Purpose::Wait { state }, .. } => {
            format!("the time for {state} (#{})", id.0)
        }
        Effect::SetTimer { id, purpose: Purpose::Timeout, .. } => {
            format!("the time limit (#{})", id.0)
        }
        Effect::SetTimer { id, purpose: Purpose::Heartbeat { .. }, .. } => {
            format!("the time limit for a heartbeat (#{})", id.0)
        }
        Effect::Cancel { id } => format!("the end of #{}", id.0),
        Effect::Resume => "a turn of the engine".to_owned(),
        Effect::Finish(_) => "the end".to_owned(),
    }
}

/// What is asked for, and where; `None` where there is nothing to wait for.
pub(crate) fn effect(start: Timestamp, effect: &Effect, path: Option<&str>) -> Option<String> {
    let place = |state: &Name| path.map_or_else(|| state.to_string(), str::to_owned);
    let text = match effect {
        Effect::Invoke(call) => {
            let again = match call.attempt {
                0 => String::new(),
                attempt => format!(", attempt {}", attempt + 1),
            };
            let payload = cut(call.payload.text());
            let place = place(&call.state);
            format!("#{} function `{}` for {place}{again}: {payload}", call.id.0, call.function)
        }
        Effect::OpenToken(token) => {
            format!("#{} an answer for {}", token.id.0, place(&token.state))
        }
        Effect::SetTimer { id, at, purpose: Purpose::Wait { state } } => {
            format!("#{} {} for {}", id.0, offset(start, *at), place(state))
        }
        Effect::SetTimer { id, at, purpose: Purpose::Timeout } => {
            let whose = path.unwrap_or("the execution");
            format!("#{} {}, the time limit of {whose}", id.0, offset(start, *at))
        }
        Effect::SetTimer { id, at, purpose: Purpose::Heartbeat { token } } => {
            let at = offset(start, *at);
            format!("#{} {at}, the time limit for a heartbeat of #{}", id.0, token.0)
        }
        Effect::Cancel { .. } | Effect::Resume | Effect::Finish(_) => return None,
    };
    Some(text)
}

/// What a moment's history tells that its event does not; `None` where that is nothing.
pub(crate) fn gained(event: &Event, history: &HistoryEvent) -> Option<String> {
    let text = match &history.details {
        Details::StateEntered { state_type, name, .. } => {
            format!("entered {name} ({state_type})")
        }
        Details::StateExited { name, output, assigned, .. } => {
            let names: Vec<_> = assigned.iter().map(|(name, _)| format!("${name}")).collect();
            let assigned = match names.as_slice() {
                [] => String::new(),
                names => format!(", assigned {}", names.join(", ")),
            };
            format!("left {name}{assigned}: {}", cut(output.text()))
        }
        Details::StateAborted { state_type } => format!("gave up a {state_type} state"),
        Details::ExecutionSucceeded { output } => {
            format!("the execution succeeded: {}", cut(output.text()))
        }
        Details::ExecutionFailed { error, cause } => {
            format!("the execution failed: {}", failure(error.as_deref(), cause.as_deref()))
        }
        Details::ExecutionAborted { .. } => "the execution was aborted".to_owned(),
        Details::ExecutionTimedOut => "the execution timed out".to_owned(),
        Details::MapStateStarted { length } => count(*length, "item"),
        Details::MapIterationStarted { name, index } => format!("{name}[{index}] began"),
        Details::MapIterationSucceeded { name, index } => format!("{name}[{index}] succeeded"),
        Details::MapIterationFailed { name, index } => format!("{name}[{index}] failed"),
        Details::MapIterationAborted { name, index } => format!("{name}[{index}] was given up"),
        Details::ParallelStateFailed => "a Parallel state failed".to_owned(),
        Details::MapStateFailed => "a Map state failed".to_owned(),
        Details::MapRunFailed { error, cause } => {
            format!("the map run failed: {}", failure(error.as_deref(), cause.as_deref()))
        }
        Details::LambdaFunctionTimedOut { .. } | Details::TaskTimedOut { .. } => {
            "the task timed out".to_owned()
        }
        Details::LambdaFunctionFailed { error, cause }
        | Details::TaskFailed { error, cause, .. } => {
            // The event tells it, unless the task failed for another reason.
            if matches!(event, Event::FunctionFailed { .. } | Event::TaskFailed { .. }) {
                return None;
            }
            format!("the task failed: {}", failure(error.as_deref(), cause.as_deref()))
        }
        _ => return None,
    };
    Some(text)
}

/// A child execution that failed.
pub(crate) fn failed_child(child: &FailedChild) -> String {
    let FailedChild { state, index, failure } = child;
    let failure = self::failure(failure.error.as_deref(), failure.cause.as_deref());
    format!("{state}[{index}] failed: {failure}")
}

/// How an execution ended.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded { output } => format!("succeeded: {}", cut(output.text())),
        Outcome::Failed { error, cause } => {
            format!("failed: {}", failure(error.as_deref(), cause.as_deref()))
        }
        Outcome::TimedOut => "timed out".to_owned(),
        Outcome::Aborted { error: None, cause: None } => "was aborted".to_owned(),
        Outcome::Aborted { error, cause } => {
            format!("was aborted: {}", failure(error.as_deref(), cause.as_deref()))
        }
    }
}

/// An event of the history: `id<previous Type name`.
pub(crate) fn history(event: &HistoryEvent) -> String {
    let first = format!("{}<{} {}", event.id, event.previous_id, event.details.event_type());
    match &event.details {
        Details::StateEntered { name, .. } | Details::StateExited { name, .. } => {
            format!("{first} {name}")
        }
        Details::MapIterationStarted { name, index }
        | Details::MapIterationSucceeded { name, index }
        | Details::MapIterationFailed { name, index }
        | Details::MapIterationAborted { name, index } => format!("{first} {name}[{index}]"),
        Details::ExecutionFailed { error, cause }
        | Details::ExecutionAborted { error, cause }
        | Details::LambdaFunctionFailed { error, cause }
        | Details::LambdaFunctionTimedOut { error, cause }
        | Details::TaskFailed { error, cause, .. }
        | Details::TaskTimedOut { error, cause, .. }
        | Details::MapRunFailed { error, cause } => {
            format!("{first} {}", failure(error.as_deref(), cause.as_deref()))
        }
        _ => first,
    }
}
