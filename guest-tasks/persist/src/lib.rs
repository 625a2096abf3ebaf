//! The last step of an import: puts the cached rows at their final location, one object of JSON Lines.
//!
//! Streams page by page, so the rows need not fit into the function's memory. The object appears as a
//! whole or not at all, and trying again replaces it. An import without rows ends with an empty object.
//! The cache is left as it is; the next import empties it.

use std::io::BufRead as _;

use import_cache::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use stepwell_task::{
    Failure,
    buckets::{Error, Reader, Writer},
    log, task,
};

#[derive(Deserialize, Serialize)]
struct State {
    bucket: String,
    cache: String,
    destination: String,
    /// How many rows `fetch` has cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// How many of them `validate` has taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u64>,
    #[serde(default)]
    rows: u64,
    #[serde(default)]
    object: Option<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[task]
fn persist(mut state: State) -> Result<State, Failure> {
    let cache = Cache::new(&state.bucket, &state.cache)?;
    cache.check_destination(&state.destination)?;

    let mut writer = cache.bucket().create(&state.destination)?;
    state.rows = 0;
    for page in cache.pages() {
        state.rows += append(&mut writer, cache.bucket().open(page?.key))?;
    }
    check_count(&state)?;
    let object = writer.finish()?;

    log::info(format_args!("{} rows in `{}`", state.rows, object.key));
    state.object = Some(json!({
        "bucket": state.bucket, "key": object.key, "size": object.size, "etag": object.etag,
    }));
    Ok(state)
}

/// Appends all of a page, and returns how many rows that was.
fn append(writer: &mut Writer, mut page: Reader) -> Result<u64, Error> {
    let mut rows = 0;
    loop {
        let bytes = page.peek()?;
        if bytes.is_empty() {
            return Ok(rows);
        }
        rows += bytecount::count(bytes, b'\n') as u64;
        writer.append(bytes)?;
        let consumed = bytes.len();
        page.consume(consumed);
    }
}

/// Refuses a cache that is not what was fetched: pages lost, or those of another execution among them.
fn check_count(state: &State) -> Result<(), Failure> {
    let Some(fetched) = state.offset else { return Ok(()) };
    let rejected = state.rejected.unwrap_or(0);
    if state.rows.checked_add(rejected) == Some(fetched) {
        return Ok(());
    }
    Err(Failure::new(
        "Cache.Inconsistent",
        format!(
            "the cache `{}` holds {} rows, but {fetched} were fetched and {rejected} rejected: \
             does another execution use the same cache?",
            state.cache, state.rows
        ),
    ))
}

#[cfg(test)]
mod tests {
    use stepwell_task::testing;

    use super::*;

    fn run(event: Value) -> Result<Value, Failure> {
        testing::bucket("orders");
        let state = persist(serde_json::from_value(event).unwrap())?;
        Ok(serde_json::to_value(state).unwrap())
    }

    fn event(offset: u64) -> Value {
        json!({ "bucket": "orders", "cache": "cache/", "destination": "orders.jsonl", "offset": offset })
    }

    #[test]
    fn pages_become_one_object_in_the_order_of_rows() {
        testing::put("orders", "cache/page-000000000002.jsonl", b"{\"id\":3}\n");
        testing::put("orders", "cache/page-000000000000.jsonl", b"{\"id\":1}\n{\"id\":2}\n");
        let state = run(event(3)).unwrap();
        assert_eq!(state["rows"], 3);
        assert_eq!(state["object"]["bucket"], "orders");
        assert_eq!(state["object"]["key"], "orders.jsonl");
        assert_eq!(state["object"]["size"], 27);
        let rows = testing::object("orders", "orders.jsonl").unwrap();
        assert_eq!(rows, b"{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    }

    #[test]
    fn trying_again_gives_the_same_each_field_once() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"1\n");
        let first = run(event(1)).unwrap();
        let again = persist(serde_json::from_value(first.clone()).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), first.to_string());
    }

    #[test]
    fn no_rows_become_an_empty_object() {
        assert_eq!(run(event(0)).unwrap()["rows"], 0);
        assert_eq!(testing::object("orders", "orders.jsonl").unwrap(), b"");
    }

    #[test]
    fn a_cache_that_is_not_what_was_fetched_is_refused_and_the_old_object_stays() {
        testing::put("orders", "orders.jsonl", b"of yesterday");
        testing::put("orders", "cache/page-000000000000.jsonl", b"1\n2\n");
        assert_eq!(run(event(3)).unwrap_err().error, "Cache.Inconsistent");
        assert_eq!(testing::object("orders", "orders.jsonl").unwrap(), b"of yesterday");
    }

    #[test]
    fn rejected_rows_are_accounted_for_and_left_where_they_are() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"1\n");
        testing::put("orders", "cache/rejected/page-000000000000.jsonl", b"2\n");
        let mut event = event(2);
        event["rejected"] = json!(1);
        assert_eq!(run(event).unwrap()["rows"], 1);
        assert_eq!(testing::object("orders", "orders.jsonl").unwrap(), b"1\n");
    }

    #[test]
    fn a_destination_inside_the_cache_is_refused() {
        let mut event = event(0);
        event["destination"] = json!("cache/orders.jsonl");
        assert_eq!(run(event).unwrap_err().error, "InvalidInput");
    }
}
