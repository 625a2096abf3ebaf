//! Facts about whole objects: put, get, head, copy, delete.

use std::sync::Arc;

use bytes::Bytes;
use stepwell_objects::ByteRange;

use crate::storage::{BUCKET, Storage};

pub(crate) async fn an_object_comes_back_as_it_was_put(storage: Storage) {
    let body = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Bytes>();
    let before = jiff::Timestamp::now();
    let put = storage.put(BUCKET, "cache/page-1.jsonl", body.clone()).await.unwrap();
    let got = storage.get(BUCKET, "cache/page-1.jsonl", None, 100_000).await.unwrap();
    let head = storage.head(BUCKET, "cache/page-1.jsonl").await.unwrap();
    let page = storage.page("", None, 10).await;

    assert_eq!(got.body, body);
    assert_eq!(got.info, head);
    assert_eq!(head.key, "cache/page-1.jsonl");
    assert_eq!(head.size, 100_000);
    // S3 cuts the time to seconds.
    assert!(head.last_modified.as_second() >= before.as_second());
    assert!(head.last_modified <= jiff::Timestamp::now());
    assert!(!head.etag.is_empty() && !head.etag.contains('"'));
    assert_eq!((&put.key, put.size, &put.etag), (&head.key, head.size, &head.etag));
    assert_eq!((&page.objects[0].key, page.objects[0].size), (&head.key, head.size));
    // s3s-fs leaves tags out of its listings.
    if !storage.is_toy_server() {
        assert_eq!((&put, &page.objects[0]), (&head, &head));
    }
}

pub(crate) async fn a_put_replaces_the_object(storage: Storage) {
    storage.put_text("a", "first").await;
    let first = storage.head(BUCKET, "a").await.unwrap();
    storage.put_text("a", "2nd").await;
    let second = storage.head(BUCKET, "a").await.unwrap();
    assert_eq!(storage.text("a").await, "2nd");
    assert_eq!(second.size, 3);
    assert_ne!(first.etag, second.etag);
    assert_eq!(storage.keys("", 10).await, ["a"]);
}

pub(crate) async fn ranges_are_cut_at_the_end(storage: Storage) {
    storage.put_text("digits", "0123456789").await;
    for (first, last, text) in [
        (0, None, "0123456789"),
        (0, Some(0), "0"),
        (3, Some(5), "345"),
        (7, None, "789"),
        (9, Some(9), "9"),
        (5, Some(99), "56789"),
        (0, Some(u64::MAX >> 1), "0123456789"),
    ] {
        let range = Some(ByteRange { first, last });
        let object = storage.get(BUCKET, "digits", range, 10).await.unwrap();
        assert_eq!(object.body, text.as_bytes());
        assert_eq!(object.info.size, 10, "the size is the whole object's");
    }
}

pub(crate) async fn a_range_outside_the_object_is_refused(storage: Storage) {
    storage.put_text("digits", "0123456789").await;
    storage.put_text("empty", "").await;
    for (key, first, last) in [
        ("digits", 10, None),
        ("digits", 99, Some(100)),
        ("digits", 5, Some(4)),
        ("empty", 0, None),
        ("empty", 0, Some(0)),
    ] {
        let range = Some(ByteRange { first, last });
        let error = storage.get(BUCKET, key, range, 10).await.unwrap_err();
        assert_eq!(error.code(), "InvalidRange", "{key} {range:?}");
    }
    assert_eq!(storage.text("empty").await, "");
}

pub(crate) async fn too_large_an_answer_is_refused(storage: Storage) {
    storage.put_text("digits", "0123456789").await;
    let error = storage.get(BUCKET, "digits", None, 9).await.unwrap_err();
    assert_eq!(error.code(), "EntityTooLarge");
    assert_eq!(error.to_string(), "10 bytes are more than the 9 that are allowed");
    let range = |last| Some(ByteRange { first: 0, last });
    assert!(storage.get(BUCKET, "digits", range(None), 9).await.is_err());
    assert!(storage.get(BUCKET, "digits", range(Some(9)), 9).await.is_err());
    assert_eq!(storage.get(BUCKET, "digits", range(Some(8)), 9).await.unwrap().body.len(), 9);
    assert_eq!(storage.get(BUCKET, "digits", None, 10).await.unwrap().body.len(), 10);
}

pub(crate) async fn a_copy_is_an_object_of_its_own(storage: Storage) {
    let odd = "to/ü +%25 b";
    storage.put_text("from", "text").await;
    let copied = storage.copy(BUCKET, "from", BUCKET, odd).await.unwrap();
    assert_eq!((copied.key.as_str(), copied.size), (odd, 4));
    assert_eq!(copied.etag, storage.head(BUCKET, odd).await.unwrap().etag);
    storage.put_text("from", "other").await;
    assert_eq!(storage.text(odd).await, "text");
    storage.copy(BUCKET, odd, BUCKET, "from").await.unwrap();
    assert_eq!(storage.text("from").await, "text");
    let error = storage.copy(BUCKET, "absent", BUCKET, "x").await.unwrap_err();
    assert_eq!(error.code(), "NoSuchKey");
}

pub(crate) async fn an_object_is_not_copied_onto_itself(storage: Storage) {
    storage.put_text("a", "text").await;
    let error = storage.copy(BUCKET, "a", BUCKET, "a").await.unwrap_err();
    assert_eq!(error.code(), "InvalidRequest");
    assert_eq!(storage.text("a").await, "text");
}

pub(crate) async fn deleting_twice_succeeds(storage: Storage) {
    storage.put_text("a/b/c", "text").await;
    storage.put_text("a/d", "text").await;
    storage.delete(BUCKET, "a/b/c").await.unwrap();
    storage.delete(BUCKET, "a/b/c").await.unwrap();
    storage.delete(BUCKET, "never/was").await.unwrap();
    assert_eq!(storage.keys("", 10).await, ["a/d"]);
    assert_eq!(storage.head(BUCKET, "a/b/c").await.unwrap_err().code(), "NoSuchKey");
}

pub(crate) async fn concurrent_puts_never_mix(storage: Storage) {
    const BYTES: usize = 200_000;
    let storage = Arc::new(storage);
    storage.put(BUCKET, "a", Bytes::from(vec![b'z'; BYTES])).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for letter in b'a'..=b'f' {
        let storage = Arc::clone(&storage);
        tasks.spawn(async move {
            for _ in 0..5 {
                storage.put(BUCKET, "a", Bytes::from(vec![letter; BYTES])).await.unwrap();
                let body = storage.get(BUCKET, "a", None, u64::MAX).await.unwrap().body;
                assert_eq!(body.len(), BYTES);
                assert!(body.iter().all(|byte| *byte == body[0]));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}
