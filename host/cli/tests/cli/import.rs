//! The paginated import, into a local folder.

use std::fs;

use serde_json::json;

use crate::support::{Cli, DESTINATION, Import, Ran, expected_rows, source};

const OBJECT: &str = "objects/orders/imported/orders.jsonl";

#[test]
fn an_import_puts_every_row_of_the_source_into_one_object_in_order() {
    let source = source(1_003, &[]);
    let ran = Import::new().from(&source.url()).run().succeeds();
    assert_eq!(ran.read(&format!("objects/{DESTINATION}")), expected_rows(1_003));
    // 41 pages with rows and an empty one.
    assert_eq!(source.requests(), 42);
    let mut output = ran.json();
    let etag = output["object"].as_object_mut().unwrap().remove("etag");
    assert!(etag.is_some_and(|etag| etag.is_string()));
    let expected = json!({
        "source": source.url(), "bucket": "orders", "cache": "cache/import/",
        "destination": "imported/orders.jsonl", "offset": 1_003, "continue": false, "rows": 1_003,
        "object": {
            "bucket": "orders", "key": "imported/orders.jsonl", "size": expected_rows(1_003).len(),
        },
    });
    assert_eq!(output, expected);
}

#[test]
fn an_import_tells_each_step_and_sums_up() {
    let source = source(30, &[]);
    let ran = Import::new().from(&source.url()).run().succeeds();
    let told = ran.shown_stderr().replace(&source.authority(), "HOST");
    insta::assert_snapshot!(told);
}

#[test]
fn what_an_earlier_run_left_in_the_cache_is_gone() {
    let source = source(60, &[]);
    let page = |name: &str| format!("objects/orders/cache/import/{name}");
    let ran = Import::new()
        .from(&source.url())
        .file(&page("page-000000000050.jsonl"), "{\"id\":\"stale\"}\n")
        .file(&page("page-000000000975.jsonl"), "{\"id\":\"stale\"}\n")
        .file(OBJECT, "of an earlier run\n")
        .run()
        .succeeds()
        .says(["2 objects deleted from the cache `cache/import/`"]);
    assert_eq!(ran.read(OBJECT), expected_rows(60));
    assert_eq!(
        ran.files("objects/orders/cache/import"),
        [0, 25, 50].map(|offset| format!("page-{offset:012}.jsonl"))
    );
}

#[test]
fn a_source_without_rows_becomes_an_empty_object() {
    let source = source(0, &[]);
    let ran = Import::new().from(&source.url()).run().succeeds();
    assert_eq!(ran.read(OBJECT), "");
    assert_eq!(ran.json()["rows"], 0);
}

#[test]
fn pages_may_have_another_size() {
    let source = source(100, &[]);
    let input = json!({
        "source": source.url(), "bucket": "orders", "cache": "cache/import/",
        "destination": "imported/orders.jsonl", "limit": 40,
    });
    let ran = Import::new().with_input(&input.to_string()).args(["--objects", "objects"]).run();
    assert_eq!(ran.succeeds().read(OBJECT), expected_rows(100));
    assert_eq!(source.requests(), 4);
}

#[test]
fn a_second_run_uses_the_compiled_code_of_the_first_and_gives_the_same() {
    let source = source(30, &[]);
    let run = |cache: &str| -> Ran {
        Import::new().from(&source.url()).args(["--cache", cache]).run().succeeds()
    };
    let first = run("code");
    let code_of = |ran: &Ran| -> Vec<String> {
        ran.files("code").into_iter().filter(|file| !file.contains('.')).collect()
    };
    let cached = code_of(&first);
    assert_eq!(cached.len(), 3, "one entry for each component: {cached:?}");
    let code = first.path("code");
    let second = run(code.to_str().unwrap());
    assert_eq!(second.read(OBJECT), first.read(OBJECT));
    assert_eq!(code_of(&first), cached);

    // A damaged entry costs time and nothing else.
    for entry in &cached {
        fs::write(code.join(entry), "damaged").unwrap();
    }
    let third = run(code.to_str().unwrap());
    assert_eq!(third.read(OBJECT), first.read(OBJECT));
    assert!(fs::metadata(code.join(&cached[0])).unwrap().len() > 1_000);
}

#[test]
fn an_import_can_be_validated_before_it_is_persisted() {
    let source = source(1_003, &[]);
    let ran = Import::of("import-orders-validated.yaml").from(&source.url()).run().succeeds();
    assert_eq!(ran.read(OBJECT), expected_rows(1_003));
    let output = ran.json();
    assert_eq!(output["valid"], 1_003);
    assert_eq!(output["rejected"], 0);
    assert_eq!(output["rows"], 1_003);
}

#[test]
fn an_import_in_jsonata_does_the_same_and_counts_its_pages() {
    let source = source(1_003, &["status:500@first:1"]);
    let ran = Import::of("import-orders-jsonata.yaml").from(&source.url()).run().succeeds();
    assert_eq!(ran.read(OBJECT), expected_rows(1_003));
    let output = ran.json();
    assert_eq!(output["rows"], 1_003);
    assert_eq!(output["pages"], 41);
}

#[test]
fn the_workflow_runs_from_the_folder_it_stands_in_and_from_any_other() {
    // Components are found relative to the workflow file, wherever the caller is.
    let source = source(3, &[]);
    let workflow = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workflows/import-orders.yaml");
    let input = Import::input_from(&source.url());
    let ran = Cli::new().args(["run", workflow]).input(&input).run().succeeds();
    assert_eq!(ran.read(&format!(".stepwell/objects/{DESTINATION}")), expected_rows(3));
}
