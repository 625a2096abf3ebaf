//! The first step of an import: empties the cache and sets the state to the beginning.
//!
//! A cache that an earlier execution left behind is gone afterwards. Trying again is harmless.

use import_cache::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stepwell_task::{Failure, log, task};

#[derive(Deserialize, Serialize)]
struct State {
    bucket: String,
    cache: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    #[serde(rename = "continue", default)]
    more: bool,
    #[serde(default)]
    offset: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[task]
fn initialize(mut state: State) -> Result<State, Failure> {
    let cache = Cache::new(&state.bucket, &state.cache)?;
    if let Some(destination) = &state.destination {
        cache.check_destination(destination)?;
    }
    let deleted = cache.clear()?;
    log::info(format_args!("{deleted} objects deleted from the cache `{}`", state.cache));
    state.more = true;
    state.offset = 0;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_task::testing;

    use super::*;

    fn run(event: Value) -> Result<Value, Failure> {
        let state = initialize(serde_json::from_value(event).unwrap())?;
        Ok(serde_json::to_value(state).unwrap())
    }

    #[test]
    fn a_stale_cache_and_a_stale_state_are_gone() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"{}\n");
        let event = json!({ "bucket": "orders", "cache": "cache/", "offset": 75, "continue": false, "x": 1 });
        let expected =
            json!({ "bucket": "orders", "cache": "cache/", "offset": 0, "continue": true, "x": 1 });
        assert_eq!(run(event), Ok(expected));
        assert!(testing::keys("orders").is_empty());
    }

    #[test]
    fn a_destination_inside_the_cache_is_refused_before_anything_is_deleted() {
        testing::put("orders", "cache/old", b"");
        let event =
            json!({ "bucket": "orders", "cache": "cache/", "destination": "cache/orders.jsonl" });
        assert_eq!(run(event).unwrap_err().error, "InvalidInput");
        assert_eq!(testing::keys("orders"), ["cache/old"]);
    }

    #[test]
    fn an_empty_prefix_is_refused_before_anything_is_deleted() {
        testing::put("orders", "precious", b"");
        let event = json!({ "bucket": "orders", "cache": "" });
        assert_eq!(run(event).unwrap_err().error, "InvalidInput");
        assert_eq!(testing::keys("orders"), ["precious"]);
    }
}
