//! Sources that fail: what heals is retried, what does not is named, and the destination never holds
//! half of anything.

use std::net::TcpListener;

use crate::support::{Cli, Import, Ran, expected_rows, source};

const OBJECT: &str = "objects/orders/imported/orders.jsonl";
const EARLIER: &str = "of an earlier run\n";

/// Runs an import that fails, and asserts that its destination still holds what it did.
#[track_caller]
fn fails(cli: Cli, error: &str) -> Ran {
    let ran = cli.file(OBJECT, EARLIER).run().exits(1).prints_nothing();
    assert_eq!(ran.read(OBJECT), EARLIER);
    assert_eq!(ran.files("objects/orders/imported"), ["orders.jsonl"]);
    assert_eq!(ran.files("objects/.stepwell-tmp"), [""; 0]);
    ran.says([&format!("error: the execution failed: {error}")])
}

#[test]
fn failures_that_heal_are_retried() {
    for fault in ["status:500@first:2", "half-body@first:2", "drop@first:2"] {
        let source = source(60, &[fault]);
        let ran = Import::new().from(&source.url()).run().succeeds();
        assert_eq!(ran.read(OBJECT), expected_rows(60), "{fault}");
        // Pages of 25, 25, 10 and 0 rows, each asked for three times.
        assert_eq!(source.requests(), 12, "{fault}");
    }
}

#[test]
fn a_source_that_is_down_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/orders", free.local_addr().unwrap());
    drop(free);
    let ran = fails(Import::new().from(&url), "Http.Unreachable");
    insta::assert_snapshot!(ran.shown_stderr().replace(&url, "URL"));
}

#[test]
fn a_source_that_answers_500_for_ever_is_given_up() {
    let source = source(60, &["status:500@always"]);
    fails(Import::new().from(&source.url()), "Http.Status")
        .says(["answered with status 500", "fetch: 5 invocations (5 failed)"]);
    assert_eq!(source.requests(), 5);
}

#[test]
fn a_source_that_fails_late_leaves_the_earlier_object() {
    let source = source(1_003, &["status:503@offset:1000"]);
    let ran = fails(Import::new().from(&source.url()), "Http.Status");
    // What was fetched is in the cache still.
    assert_eq!(ran.files("objects/orders/cache/import").len(), 40);
}

#[test]
fn half_a_body_is_an_interruption() {
    let source = source(60, &["half-body@always"]);
    fails(Import::new().from(&source.url()), "Http.Interrupted");
    assert_eq!(source.requests(), 5);
}

#[test]
fn a_dropped_connection_is_an_interruption() {
    let source = source(60, &["drop@always"]);
    fails(Import::new().from(&source.url()), "Http.Interrupted");
    assert_eq!(source.requests(), 5);
}

#[test]
fn an_answer_that_is_no_json_is_an_invalid_page_and_is_not_asked_for_again() {
    let source = source(60, &["not-json@always"]);
    fails(Import::new().from(&source.url()), "Source.InvalidPage")
        .says(["is no JSON array of rows"]);
    assert_eq!(source.requests(), 1);
}

#[test]
fn a_slow_source_times_out() {
    let source = source(60, &["hang@always"]);
    let import = Import::new().replace("timeout: 30", "timeout: 1");
    let import = import.replace("MaxAttempts: 4", "MaxAttempts: 1");
    fails(import.from(&source.url()), "Http.Timeout").says(["fetch: 2 invocations (2 failed)"]);
}

#[test]
fn a_source_that_is_not_granted_is_denied() {
    let source = source(60, &[]);
    let import = Import::new().replace("\"127.0.0.1:*\", \"localhost:*\"", "api.example.com");
    fails(import.from(&source.url()), "Http.Denied").says([
        "[sandbox] denied a request to `127.0.0.1:",
        "no grant for it (`grants: { http: [\"127.0.0.1:",
    ]);
    assert_eq!(source.requests(), 0);
}
