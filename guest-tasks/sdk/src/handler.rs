//! From the event's text to a typed state and back.

use serde::{Serialize, de::DeserializeOwned};

use crate::Failure;

/// Reads the event, calls the task, writes its answer. Called by `handler!`.
pub fn answer<State, Answer, Error>(
    event: &str,
    task: impl FnOnce(State) -> Result<Answer, Error>,
) -> Result<String, Failure>
where
    State: DeserializeOwned,
    Answer: Serialize,
    Failure: From<Error>,
{
    let state = serde_json::from_str(event).map_err(|error| {
        Failure::invalid_input(format!("the event does not fit this task: {error}"))
    })?;
    serde_json::to_string(&task(state)?).map_err(|error| {
        Failure::new("InvalidAnswer", format!("the answer cannot be written as JSON: {error}"))
    })
}

/// Where the target has no standard error, lets a panic's message be logged. Called by `handler!`.
pub fn report_panics() {
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::message(crate::log::Level::Critical, "panic", panic);
    }));
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Map, Value};

    use super::*;

    #[derive(Deserialize, Serialize)]
    struct Counter {
        count: u64,
        #[serde(flatten)]
        rest: Map<String, Value>,
    }

    fn count(mut state: Counter) -> Result<Counter, Failure> {
        state.count = state.count.checked_add(1).ok_or(Failure::new("Overflow", "too many"))?;
        Ok(state)
    }

    crate::handler!(count);

    #[test]
    fn fields_that_the_task_does_not_know_pass_through_in_their_order() {
        let event = r#"{"zebra":1.5,"count":41,"apple":{"b":[null],"a":9007199254740993}}"#;
        let answer = answer(event, count).unwrap();
        assert_eq!(answer, r#"{"count":42,"zebra":1.5,"apple":{"b":[null],"a":9007199254740993}}"#);
    }

    #[test]
    fn an_event_that_does_not_fit_is_invalid_input() {
        let failure = answer(r#"{"count":"many"}"#, count).unwrap_err();
        assert_eq!(failure.error, "InvalidInput");
        assert!(failure.cause.contains("expected u64"), "{}", failure.cause);
    }

    #[test]
    fn a_failure_is_the_answer_as_it_is() {
        let failed = answer("1", |_: u8| Err::<u8, _>(Failure::new("Broken", "it broke")));
        assert_eq!(failed, Err(Failure::new("Broken", "it broke")));
    }
}
