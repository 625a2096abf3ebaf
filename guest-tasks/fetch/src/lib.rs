//! The repeated step of an import: gets one page of rows from the source into the cache.
//!
//! Asks `<source>?offset=<offset>&limit=<limit>` for a JSON array of rows and advances `offset` by as
//! many as came; an empty page sets `continue` to false. Trying again replaces the page that the first
//! attempt wrote.

use import_cache::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use stepwell_task::{Failure, http, log, task};

/// Rows per page, unless the state says otherwise.
const LIMIT_DEFAULT: u64 = 25;

#[derive(Deserialize, Serialize)]
struct State {
    source: String,
    bucket: String,
    cache: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(rename = "continue", default)]
    more: bool,
    offset: u64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[task]
fn fetch(mut state: State) -> Result<State, Failure> {
    let cache = Cache::new(&state.bucket, &state.cache)?;
    let url = page_url(&state.source, state.offset, state.limit.unwrap_or(LIMIT_DEFAULT))?;
    let body = http::get(&url)?.success()?.body;
    let rows: Vec<&RawValue> = serde_json::from_slice(&body).map_err(|error| {
        Failure::new("Source.InvalidPage", format!("`{url}` is no JSON array of rows: {error}"))
    })?;

    state.more = !rows.is_empty();
    if state.more {
        cache.write_page(state.offset, &rows)?;
    } else {
        // An earlier attempt may have got rows here that the source has lost since.
        cache.remove_page(state.offset)?;
    }
    log::debug(format_args!("{} rows from `{url}`", rows.len()));
    state.offset += rows.len() as u64;
    Ok(state)
}

/// Adds the page to the source's own query, if it has one.
fn page_url(source: &str, offset: u64, limit: u64) -> Result<String, Failure> {
    if limit == 0 {
        return Err(Failure::invalid_input("`limit` is 0: no page would ever have a row"));
    }
    let source = source.split('#').next().unwrap_or_default();
    let separator = match source.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{source}{separator}offset={offset}&limit={limit}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stepwell_task::testing;

    use super::*;

    fn answer_with(status: u16, body: &'static str) {
        testing::bucket("orders");
        testing::source(move |_| Ok((status, Vec::new(), body.into())));
    }

    fn run(offset: u64) -> Result<Value, Failure> {
        let event = json!({
            "source": "http://source/orders", "bucket": "orders", "cache": "cache/",
            "continue": true, "offset": offset, "kept": [1],
        });
        let state = fetch(serde_json::from_value(event).unwrap())?;
        Ok(serde_json::to_value(state).unwrap())
    }

    #[test]
    fn the_page_is_added_to_the_sources_own_query() {
        for (source, url) in [
            ("http://s/orders", "http://s/orders?offset=50&limit=25"),
            ("http://s/orders?shop=1", "http://s/orders?shop=1&offset=50&limit=25"),
            ("http://s/orders?", "http://s/orders?offset=50&limit=25"),
            ("http://s/orders?shop=1&", "http://s/orders?shop=1&offset=50&limit=25"),
            ("http://s/orders#top", "http://s/orders?offset=50&limit=25"),
        ] {
            assert_eq!(page_url(source, 50, 25).unwrap(), url);
        }
        assert_eq!(page_url("http://s/", 0, 0).unwrap_err().error, "InvalidInput");
    }

    #[test]
    fn a_page_of_rows_goes_to_the_cache_and_advances_the_offset() {
        answer_with(200, "[{\"id\":1.10},\n {\"id\":9007199254740993}]");
        let state = run(25).unwrap();
        assert_eq!(state["offset"], 27);
        assert_eq!(state["continue"], true);
        assert_eq!(state["kept"], json!([1]));
        let page = testing::object("orders", "cache/page-000000000025.jsonl").unwrap();
        assert_eq!(String::from_utf8(page).unwrap(), "{\"id\":1.10}\n{\"id\":9007199254740993}\n");
    }

    #[test]
    fn an_empty_page_ends_the_loop_and_leaves_no_page() {
        answer_with(200, "[]");
        testing::put("orders", "cache/page-000000000050.jsonl", b"of an earlier attempt\n");
        let state = run(50).unwrap();
        assert_eq!(state["offset"], 50);
        assert_eq!(state["continue"], false);
        assert!(testing::keys("orders").is_empty());
    }

    #[test]
    fn trying_again_replaces_the_page() {
        answer_with(200, "[1,2,3]");
        run(0).unwrap();
        answer_with(200, "[1,2]");
        assert_eq!(run(0).unwrap()["offset"], 2);
        assert_eq!(testing::keys("orders"), ["cache/page-000000000000.jsonl"]);
        assert_eq!(testing::object("orders", "cache/page-000000000000.jsonl").unwrap(), b"1\n2\n");
    }

    #[test]
    fn what_is_no_page_fails_by_name_and_writes_nothing() {
        for (status, body, error) in [
            (500, "[]", "Http.Status"),
            (200, "{\"rows\":[]}", "Source.InvalidPage"),
            (200, "[{\"id\":1},", "Source.InvalidPage"),
            (200, "<html>", "Source.InvalidPage"),
            (200, "", "Source.InvalidPage"),
        ] {
            answer_with(status, body);
            assert_eq!(run(0).unwrap_err().error, error, "{body}");
            assert!(testing::keys("orders").is_empty());
        }
    }
}
