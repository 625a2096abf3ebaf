//! The same workflow file against an S3 endpoint, with the settings that every AWS tool takes.

use crate::support::{Import, S3Server, expected_rows, source};

const OBJECT: &str = "orders/imported/orders.jsonl";

#[test]
fn the_same_workflow_leaves_the_same_object_in_s3() {
    let source = source(1_003, &[]);
    let server = S3Server::with_buckets(&["orders"]);
    server.put("orders/cache/import/page-000000000975.jsonl", "{\"id\":\"stale\"}\n");
    let ran = server.known_to(Import::new().anywhere_from(&source.url())).run().succeeds();
    assert_eq!(server.object(OBJECT).unwrap(), expected_rows(1_003));
    assert_eq!(ran.json()["object"]["size"], expected_rows(1_003).len());
    assert!(!ran.path(".stepwell/objects").exists(), "nothing is written to the local folder");
}

#[test]
fn a_failed_import_leaves_the_earlier_object_in_s3() {
    let source = source(60, &["status:500@offset:50"]);
    let server = S3Server::with_buckets(&["orders"]);
    server.put(OBJECT, "of an earlier run\n");
    server
        .known_to(Import::new().anywhere_from(&source.url()))
        .run()
        .exits(1)
        .says(["error: the execution failed: Http.Status"]);
    assert_eq!(server.object(OBJECT).unwrap(), "of an earlier run\n");
}

#[test]
fn a_bucket_that_s3_does_not_have_is_named() {
    // In S3 buckets belong to an account and cost money: none is made.
    let source = source(3, &[]);
    let server = S3Server::with_buckets(&[]);
    server
        .known_to(Import::new().anywhere_from(&source.url()))
        .run()
        .exits(1)
        .says(["error: the execution failed: Buckets.NoSuchBucket", "`orders`"]);
}

#[test]
fn without_credentials_nothing_runs() {
    let source = source(3, &[]);
    let ran = Import::new()
        .anywhere_from(&source.url())
        .args(["--objects", "s3"])
        .env("AWS_REGION", "eu-central-1")
        .run()
        .exits(3)
        .prints_nothing();
    assert_eq!(source.requests(), 0);
    insta::assert_snapshot!(ran.shown_stderr());
}

#[test]
fn without_a_region_nothing_runs() {
    let source = source(3, &[]);
    Import::new()
        .anywhere_from(&source.url())
        .args(["--objects", "s3"])
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .run()
        .exits(3)
        .says(["error: no AWS region is set", "`AWS_REGION`"]);
}

#[test]
fn an_endpoint_that_is_down_fails_the_task_that_needs_it() {
    let source = source(3, &[]);
    let server = S3Server::with_buckets(&["orders"]);
    let cli = server.known_to(Import::new().anywhere_from(&source.url()));
    let address = server.endpoint().to_owned();
    drop(server);
    cli.run().exits(1).says(["error: the execution failed: Buckets.Storage"]);
    assert!(address.starts_with("http://127.0.0.1:"));
}
