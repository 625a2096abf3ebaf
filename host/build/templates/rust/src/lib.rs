//! A task: a function of the state that gives the next one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stepwell_task::{Failure, context, log, task};

#[derive(Debug, Serialize, Deserialize)]
struct State {
    #[serde(default = "world")]
    name: String,
    greeting: Option<String>,
    /// Whatever else the state has passes through.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn world() -> String {
    "World".to_owned()
}

#[task]
fn greet(mut state: State) -> Result<State, Failure> {
    if state.name.is_empty() {
        // `Retry` and `Catch` of the workflow match on the failure's name.
        return Err(Failure::new("NoName", "the name is empty"));
    }
    log::info(format_args!("{} greets {}", context().function_name, state.name));
    state.greeting = Some(format!("Hello, {}!", state.name));
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str) -> State {
        State { name: name.to_owned(), greeting: None, rest: Map::new() }
    }

    #[test]
    fn greets_by_name() {
        assert_eq!(greet(state("Ada")).unwrap().greeting.unwrap(), "Hello, Ada!");
    }

    #[test]
    fn refuses_what_is_no_name() {
        assert_eq!(greet(state("")).unwrap_err().error, "NoName");
    }
}
