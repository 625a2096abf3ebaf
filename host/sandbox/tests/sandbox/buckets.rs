//! Buckets: behind grants, bounded by the function's memory, whole or not at all.

use std::sync::Arc;

use serde_json::{Value, json};
use stepwell_objects::FolderBuckets;
use stepwell_sandbox::{Grants, Invoked, ObjectGrant};
use tempfile::TempDir;

use crate::support::{Setup, answer, failure, log};

struct Storage {
    folder: TempDir,
    buckets: Arc<FolderBuckets>,
}

impl Storage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buckets = Arc::new(FolderBuckets::open(folder.path().to_owned()).unwrap());
        for (key, text) in [("mine/a", "a"), ("mine/b", "bb"), ("theirs/secret", "secret")] {
            let path = folder.path().join("orders").join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { folder, buckets }
    }

    /// Invokes a function that may read and write `orders/mine/*`, and read `orders/one`.
    async fn invoke(&self, deed: Value) -> Invoked {
        self.invoke_with(deed, &[("mine/", true, true, true), ("one", false, true, false)]).await
    }

    async fn invoke_with(&self, deed: Value, grants: &[(&str, bool, bool, bool)]) -> Invoked {
        let objects = grants
            .iter()
            .map(|&(key, prefix, read, write)| ObjectGrant {
                bucket: "orders".to_owned(),
                key: key.to_owned(),
                prefix,
                read,
                write,
            })
            .collect();
        let setup = Setup::hostile().objects(self.buckets.clone());
        setup.grants(Grants { objects, ..Grants::default() }).invoke(deed).await
    }

    fn read(&self, key: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.path().join("orders").join(key)).ok()
    }

    /// Every file, what is under way included.
    fn files(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(self.folder.path())
    }
}

#[tokio::test]
async fn granted_objects_are_read_written_listed_copied_and_deleted() {
    let storage = Storage::new();
    let bucket = "orders";
    let deed = json!({ "do": "bucket-put", "bucket": bucket, "key": "mine/c", "body": "ccc" });
    assert_eq!(answer(&storage.invoke(deed).await)["size"], 3);
    let deed = json!({ "do": "bucket-get", "bucket": bucket, "key": "mine/c" });
    assert_eq!(answer(&storage.invoke(deed).await)["text"], "ccc");
    let deed = json!({ "do": "bucket-head", "bucket": bucket, "key": "mine/b" });
    assert_eq!(answer(&storage.invoke(deed).await)["size"], 2);
    let deed = json!({ "do": "bucket-copy", "bucket": bucket, "key": "mine/c", "to": "mine/d" });
    answer(&storage.invoke(deed).await);
    let deed = json!({ "do": "bucket-delete", "bucket": bucket, "key": "mine/c" });
    answer(&storage.invoke(deed).await);
    let deed = json!({ "do": "bucket-list", "bucket": bucket, "prefix": "mine/" });
    let keys = answer(&storage.invoke(deed).await);
    assert_eq!(keys, json!({ "keys": ["mine/a", "mine/b", "mine/d"] }));
}

#[tokio::test]
async fn nothing_beside_the_grants_is_touched() {
    let storage = Storage::new();
    let deeds = [
        json!({ "do": "bucket-get", "bucket": "orders", "key": "theirs/secret" }),
        json!({ "do": "bucket-get", "bucket": "orders", "key": "mine" }),
        json!({ "do": "bucket-get", "bucket": "orders", "key": "one/more" }),
        json!({ "do": "bucket-get", "bucket": "others", "key": "mine/a" }),
        json!({ "do": "bucket-head", "bucket": "orders", "key": "theirs/secret" }),
        json!({ "do": "bucket-list", "bucket": "orders", "prefix": "" }),
        json!({ "do": "bucket-list", "bucket": "orders", "prefix": "min" }),
        json!({ "do": "bucket-list", "bucket": "orders", "prefix": "theirs/" }),
        json!({ "do": "bucket-put", "bucket": "orders", "key": "theirs/x", "body": "" }),
        json!({ "do": "bucket-put", "bucket": "orders", "key": "one", "body": "" }),
        json!({ "do": "bucket-write", "bucket": "orders", "key": "theirs/x", "bytes": 1 }),
        json!({ "do": "bucket-delete", "bucket": "orders", "key": "theirs/secret" }),
        json!({ "do": "bucket-copy", "bucket": "orders", "key": "theirs/secret", "to": "mine/x" }),
        json!({ "do": "bucket-copy", "bucket": "orders", "key": "mine/a", "to": "theirs/x" }),
    ];
    for deed in deeds {
        let invoked = storage.invoke(deed.clone()).await;
        assert_eq!(failure(&invoked).error_type, "Buckets.AccessDenied", "{deed}");
        assert!(log(&invoked)[0].starts_with("[sandbox] no grant to "), "{:?}", log(&invoked));
    }
    assert_eq!(storage.files(), 3);
}

#[tokio::test]
async fn a_key_that_climbs_stays_a_key() {
    let storage = Storage::new();
    let deed = json!({ "do": "bucket-get", "bucket": "orders", "key": "mine/../theirs/secret" });
    let invoked = storage.invoke(deed).await;
    assert_eq!(failure(&invoked).error_type, "Buckets.NoSuchKey");
    let climbing = "mine/../../../../escaped";
    let deed = json!({ "do": "bucket-put", "bucket": "orders", "key": climbing, "body": "x" });
    answer(&storage.invoke(deed).await);
    assert_eq!(storage.files(), 4, "the object is below its bucket");
}

#[tokio::test]
async fn reading_and_writing_are_granted_apart() {
    let storage = Storage::new();
    let put = json!({ "do": "bucket-put", "bucket": "orders", "key": "mine/x", "body": "x" });
    let get = json!({ "do": "bucket-get", "bucket": "orders", "key": "mine/a" });
    let read_only = [("mine/", true, true, false)];
    let write_only = [("mine/", true, false, true)];
    answer(&storage.invoke_with(get.clone(), &read_only).await);
    answer(&storage.invoke_with(put.clone(), &write_only).await);
    for (deed, grants) in [(put, read_only), (get, write_only)] {
        let invoked = storage.invoke_with(deed, &grants).await;
        assert_eq!(failure(&invoked).error_type, "Buckets.AccessDenied");
    }
}

#[tokio::test]
async fn a_large_object_is_written_piece_by_piece_and_read_by_ranges() {
    let storage = Storage::new();
    let bytes = 40 << 20;
    let deed =
        json!({ "do": "bucket-write", "bucket": "orders", "key": "mine/big", "bytes": bytes });
    let invoked = storage.invoke(deed).await;
    assert_eq!(answer(&invoked)["size"], bytes);
    assert!(invoked.report.memory_peak_mb() < 8, "{}", invoked.report);
    // A quarter of 128 MB is the most that comes at once.
    let deed = json!({ "do": "bucket-get", "bucket": "orders", "key": "mine/big" });
    let invoked = storage.invoke(deed).await;
    assert_eq!(failure(&invoked).error_type, "Buckets.TooLarge");
}

#[tokio::test]
async fn a_writer_that_is_left_behind_leaves_nothing() {
    let storage = Storage::new();
    for bytes in [0, 1, 3 << 20] {
        let deed =
            json!({ "do": "leak-writer", "bucket": "orders", "key": "mine/a", "bytes": bytes });
        let invoked = storage.invoke(deed).await;
        assert_eq!(failure(&invoked).error_type, "Runtime.ExitError");
    }
    assert_eq!(storage.files(), 3);
    assert_eq!(storage.read("mine/a").as_deref(), Some("a"), "the object is as it was");
}

#[tokio::test]
async fn names_that_s3_would_not_take_are_refused() {
    let storage = Storage::new();
    let deed = json!({ "do": "bucket-get", "bucket": "orders", "key": format!("mine/{}", "k".repeat(1_100)) });
    let invoked = storage.invoke(deed).await;
    assert_eq!(failure(&invoked).error_type, "Buckets.InvalidName");
    let key = "k".repeat(100_000);
    let invoked =
        storage.invoke(json!({ "do": "bucket-get", "bucket": "orders", "key": key })).await;
    assert_eq!(failure(&invoked).error_type, "Buckets.AccessDenied");
    assert!(log(&invoked)[0].len() < 1_000, "a name in the log is cut");
}
