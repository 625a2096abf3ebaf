//! A step between `fetch` and `persist`: takes the bad rows out of the cache.
//!
//! A good row is a JSON object with an integer `id` that is greater than the `id` of the good row before
//! it. So a row that a source gives twice, because its pages shifted while they were read, is found
//! without remembering more than one number. Bad rows go to `<cache>rejected/`, with the reason, one
//! JSON text a line: `{"reason":"...","row":...}`.
//!
//! Works within the memory of one page. Trying again gives the same counts: a page is rewritten only
//! after its bad rows are safe, and those are counted where they are kept.

use import_cache::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use stepwell_task::{Failure, log, task};

#[derive(Deserialize, Serialize)]
struct State {
    bucket: String,
    cache: String,
    #[serde(default)]
    valid: u64,
    #[serde(default)]
    rejected: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[task]
fn validate(mut state: State) -> Result<State, Failure> {
    let cache = Cache::new(&state.bucket, &state.cache)?;
    (state.valid, state.rejected) = (0, 0);
    let mut last_id = None;
    for page in cache.pages() {
        let key = page?.key;
        let sorted = sort(&cache.bucket().get(&key)?.body, &mut last_id)?;
        if !sorted.bad.is_empty() {
            log::warn(format_args!("`{key}` has bad rows: see `{}`", cache.rejected_key(&key)));
            cache.bucket().put(&cache.rejected_key(&key), &sorted.bad)?;
            cache.bucket().put(&key, &sorted.good)?;
        }
        state.valid += sorted.good_rows;
    }
    for rejected in cache.rejected() {
        state.rejected += lines(&cache.bucket().get(&rejected?.key)?.body).count() as u64;
    }
    Ok(state)
}

/// A page taken apart; both parts are JSON Lines.
#[derive(Default)]
struct Sorted {
    good: Vec<u8>,
    good_rows: u64,
    bad: Vec<u8>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    reason: String,
    row: &'a RawValue,
}

/// `last_id` is that of the last good row of the pages before, and of this page afterwards.
fn sort(page: &[u8], last_id: &mut Option<i128>) -> Result<Sorted, Failure> {
    let mut sorted = Sorted::default();
    for line in lines(page) {
        match check(line, *last_id) {
            Ok(id) => {
                *last_id = Some(id);
                sorted.good.extend_from_slice(line);
                sorted.good.push(b'\n');
                sorted.good_rows += 1;
            }
            Err(reason) => {
                let text = serde_json::value::to_raw_value(&String::from_utf8_lossy(line))?;
                let row = serde_json::from_slice(line).unwrap_or(&*text);
                serde_json::to_writer(&mut sorted.bad, &Rejected { reason, row })?;
                sorted.bad.push(b'\n');
            }
        }
    }
    Ok(sorted)
}

/// The row's `id`, or what is wrong with it.
fn check(row: &[u8], last_id: Option<i128>) -> Result<i128, String> {
    #[derive(Deserialize)]
    struct Row {
        id: i128,
    }
    if !row.trim_ascii_start().starts_with(b"{") {
        return Err("not a JSON object".to_owned());
    }
    let Row { id } = serde_json::from_slice(row).map_err(|error| error.to_string())?;
    match last_id {
        Some(last) if id <= last => Err(format!("`id` {id} comes after {last}")),
        _ => Ok(id),
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_task::testing;

    use super::*;

    fn run() -> Value {
        testing::bucket("orders");
        let event = json!({ "bucket": "orders", "cache": "cache/", "offset": 9 });
        let state = validate(serde_json::from_value(event).unwrap()).unwrap();
        serde_json::to_value(state).unwrap()
    }

    fn text(key: &str) -> String {
        String::from_utf8(testing::object("orders", key).unwrap()).unwrap()
    }

    #[test]
    fn good_pages_stay_as_they_are() {
        let page = "{\"id\":1,\"amount\":1.10}\n{\"id\": 2}\n";
        testing::put("orders", "cache/page-000000000000.jsonl", page.as_bytes());
        let expected = json!({ "bucket": "orders", "cache": "cache/", "offset": 9, "valid": 2, "rejected": 0 });
        assert_eq!(run(), expected);
        assert_eq!(text("cache/page-000000000000.jsonl"), page);
        assert_eq!(testing::keys("orders").len(), 1);
    }

    #[test]
    fn bad_rows_are_kept_apart_with_their_reasons() {
        let rows = [
            "{\"id\":5}",
            "[6]",
            "{\"id\":\"7\"}",
            "{\"amount\":1.10}",
            "{\"id\":5}",
            "{",
            "{\"id\":8}",
        ];
        testing::put("orders", "cache/page-000000000000.jsonl", rows.join("\n").as_bytes());
        let state = run();
        assert_eq!((&state["valid"], &state["rejected"]), (&json!(2), &json!(5)));
        assert_eq!(text("cache/page-000000000000.jsonl"), "{\"id\":5}\n{\"id\":8}\n");
        let rejected = text("cache/rejected/page-000000000000.jsonl");
        let rejected: Vec<&str> = rejected.lines().collect();
        assert_eq!(rejected[0], r#"{"reason":"not a JSON object","row":[6]}"#);
        assert!(rejected[2].ends_with(r#""row":{"amount":1.10}}"#), "{}", rejected[2]);
        assert_eq!(rejected[3], r#"{"reason":"`id` 5 comes after 5","row":{"id":5}}"#);
        assert!(rejected[4].ends_with(r#""row":"{"}"#), "{}", rejected[4]);
    }

    #[test]
    fn a_row_that_the_next_page_repeats_is_rejected() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"{\"id\":1}\n{\"id\":2}\n");
        testing::put("orders", "cache/page-000000000002.jsonl", b"{\"id\":2}\n{\"id\":3}\n");
        let state = run();
        assert_eq!((&state["valid"], &state["rejected"]), (&json!(3), &json!(1)));
        assert_eq!(text("cache/page-000000000002.jsonl"), "{\"id\":3}\n");
    }

    #[test]
    fn trying_again_gives_the_same_counts() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"{\"id\":2}\n{\"id\":1}\n");
        let first = run();
        assert_eq!(run(), first);
        let again = validate(serde_json::from_value(first.clone()).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), first.to_string());
        // The first attempt ended between its two writes.
        testing::put("orders", "cache/page-000000000000.jsonl", b"{\"id\":2}\n{\"id\":1}\n");
        assert_eq!(run(), first);
    }

    #[test]
    fn a_page_may_lose_all_its_rows() {
        testing::put("orders", "cache/page-000000000000.jsonl", b"null\n");
        let state = run();
        assert_eq!((&state["valid"], &state["rejected"]), (&json!(0), &json!(1)));
        assert_eq!(text("cache/page-000000000000.jsonl"), "");
    }
}
