//! What is not granted is denied by name, and the log says which grant is missing.

use serde_json::{Value, json};

use crate::support::{Cli, guest, machine_of, source};

fn hostile(settings: &str, deed: &Value) -> Cli {
    let component = format!("    component: {}\n    timeout: 5\n{settings}", guest("hostile"));
    Cli::workflow(&machine_of(&component)).input(&deed.to_string())
}

/// The error that the workflow catches.
#[track_caller]
fn error(settings: &str, deed: &Value) -> String {
    let ran = hostile(settings, deed).run().succeeds();
    ran.json()["Error"].as_str().unwrap_or_else(|| panic!("{}", ran.told())).to_owned()
}

#[test]
fn a_host_is_reached_only_with_a_grant() {
    let source = source(3, &[]);
    let deed = json!({ "do": "http", "url": source.url() });
    assert_eq!(error("", &deed), "Http.Denied");
    assert_eq!(error("    grants: { http: [\"127.0.0.1:1\"] }\n", &deed), "Http.Denied");
    assert_eq!(source.requests(), 0);
    let granted = format!("    grants: {{ http: [\"{}\"] }}\n", source.authority());
    let ran = hostile(&granted, &deed).run().succeeds();
    assert_eq!(ran.json()["status"], 200);
    assert_eq!(source.requests(), 1);
}

#[test]
fn a_bucket_is_touched_only_with_a_grant() {
    let grants = "    grants: { objects: [\"rows/mine/*\", { read: \"rows/theirs/*\" }] }\n";
    let put = |key: &str| json!({ "do": "bucket-put", "bucket": "rows", "key": key, "body": "b" });
    let get = |key: &str| json!({ "do": "bucket-get", "bucket": "rows", "key": key });
    assert_eq!(error("", &put("mine/a")), "Buckets.AccessDenied");
    assert_eq!(error(grants, &put("theirs/a")), "Buckets.AccessDenied");
    assert_eq!(error(grants, &put("a")), "Buckets.AccessDenied");
    assert_eq!(error(grants, &get("a")), "Buckets.AccessDenied");
    assert_eq!(error(grants, &get("theirs/a")), "Buckets.NoSuchKey");
    let list = |prefix: &str| json!({ "do": "bucket-list", "bucket": "rows", "prefix": prefix });
    assert_eq!(error(grants, &list("")), "Buckets.AccessDenied");
    let other = json!({ "do": "bucket-get", "bucket": "other", "key": "mine/a" });
    assert_eq!(error(grants, &other), "Buckets.AccessDenied");

    let ran = hostile(grants, &put("mine/a")).run().succeeds();
    assert_eq!(ran.files(".stepwell/objects/rows"), ["mine/a"]);
}

#[test]
fn a_denial_names_the_grant_that_is_missing() {
    let deed = json!({ "do": "bucket-put", "bucket": "rows", "key": "a/b", "body": "b" });
    let ran = hostile("", &deed).run().succeeds();
    insta::assert_snapshot!(ran.shown_stderr());
}

#[test]
fn no_object_is_reached_by_climbing_out_of_a_prefix() {
    let grants = "    grants: { objects: [\"rows/mine/*\"] }\n";
    let key = "mine/../../../../escaped";
    let deed = json!({ "do": "bucket-put", "bucket": "rows", "key": key, "body": "b" });
    let ran = hostile(grants, &deed).file("objects/keep", "").args(["--objects", "objects/here"]);
    let ran = ran.run().succeeds();
    assert!(!ran.path("escaped").exists() && !ran.path("objects/escaped").exists());
}

#[test]
fn the_environment_is_empty_but_for_what_the_file_says() {
    let deed = json!({ "do": "env" });
    let ran = hostile("", &deed).env("SECRET", "of the developer").run().succeeds();
    assert_eq!(ran.json(), json!({ "variables": [], "arguments": [] }));
    let settings = "    environment: { LEVEL: debug, LIMIT: 25 }\n";
    let ran = hostile(settings, &deed).run().succeeds();
    assert_eq!(ran.json()["variables"], json!([["LEVEL", "debug"], ["LIMIT", "25"]]));
}

#[test]
fn no_file_of_the_machine_is_there() {
    for path in ["/etc/passwd", "workflow.yaml", "/", "/proc/self/environ"] {
        let told = error("", &json!({ "do": "read-file", "path": path }));
        assert!(!told.is_empty(), "{path}");
        let told = error("", &json!({ "do": "write-file", "path": path, "bytes": 1 }));
        assert!(!told.is_empty(), "{path}");
    }
}

#[test]
fn no_socket_connects() {
    let source = source(3, &[]);
    let granted = format!("    grants: {{ http: [\"{}\"] }}\n", source.authority());
    let deed = json!({ "do": "connect", "address": source.authority() });
    let told = error(&granted, &deed);
    assert!(!told.is_empty());
    assert_eq!(source.requests(), 0);
}
