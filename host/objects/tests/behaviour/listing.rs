//! Facts about listings: order, pages, prefixes.

use bytes::Bytes;

use crate::storage::{BUCKET, Storage};

async fn put_all(storage: &Storage, keys: &[String]) {
    for key in keys {
        storage.put(BUCKET, key, Bytes::new()).await.unwrap();
    }
}

pub(crate) async fn pages_hold_all_keys_in_order(storage: Storage) {
    let mut keys: Vec<String> =
        (0..50).map(|n| format!("cache/{}/{}", n % 3, (n * 37) % 50)).collect();
    put_all(&storage, &keys).await;
    keys.sort_unstable();
    for max_keys in [1, 7, 25, 49, 50, 51, 1_000] {
        assert_eq!(storage.keys("", max_keys).await, keys, "pages of {max_keys}");
    }
    assert!(storage.page("", None, 50).await.next_continuation_token.is_none());
    assert!(storage.page("", None, 49).await.next_continuation_token.is_some());
}

pub(crate) async fn more_than_a_page_of_keys(storage: Storage) {
    let keys: Vec<String> = (0..1_203).map(|n| format!("cache/page-{n:05}.jsonl")).collect();
    put_all(&storage, &keys).await;
    let page = storage.page("cache/", None, u16::MAX).await;
    assert_eq!(page.objects.len(), 1_000, "a page ends at S3's limit");
    assert!(page.next_continuation_token.is_some());
    assert_eq!(storage.keys("cache/", 1_000).await, keys);
    assert_eq!(storage.keys("", 7).await, keys);
}

pub(crate) async fn the_order_is_that_of_the_bytes(storage: Storage) {
    let mut keys: Vec<String> =
        ["a-b", "a.b", "a/b", "a0", "a!", "a/b-c", "a-/b", "a./b", "aa/", "A", "ä/b", "z", "Z/a"]
            .iter()
            // s3s-fs makes a key that ends in `/` a folder, which it does not list.
            .filter(|key| !(storage.is_toy_server() && key.ends_with('/')))
            .map(|key| (*key).to_owned())
            .collect();
    put_all(&storage, &keys).await;
    keys.sort_unstable();
    for max_keys in [1, 2, 5, 100] {
        assert_eq!(storage.keys("", max_keys).await, keys);
    }
}

pub(crate) async fn a_prefix_need_not_end_at_a_slash(storage: Storage) {
    let keys = ["a", "ab", "ab/c", "ab/d", "abc/d", "b", "b/a/c"].map(str::to_owned);
    // s3s-fs cannot have an object beside a folder of the same name.
    let collides = |key: &String| storage.is_toy_server() && (key == "ab" || key == "b");
    let keys: Vec<_> = keys.into_iter().filter(|key| !collides(key)).collect();
    put_all(&storage, &keys).await;
    for prefix in
        ["", "a", "ab", "ab/", "ab/c", "abc", "b/", "b/a", "b/a/c", "b/a/c/", "c", "0", "ab/c0"]
    {
        let expected: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
        for max_keys in [1, 100] {
            assert_eq!(storage.keys(prefix, max_keys).await.iter().collect::<Vec<_>>(), expected);
        }
    }
}

pub(crate) async fn deleting_page_by_page_empties_a_prefix(storage: Storage) {
    let keys: Vec<String> = (0..60).map(|n| format!("cache/{n}")).collect();
    put_all(&storage, &keys).await;
    storage.put_text("kept", "text").await;
    let mut token = None;
    loop {
        let page = storage.page("cache/", token, 7).await;
        for object in &page.objects {
            storage.delete(BUCKET, &object.key).await.unwrap();
        }
        token = page.next_continuation_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(storage.keys("", 10).await, ["kept"]);
}

pub(crate) async fn no_keys_may_be_asked_for(storage: Storage) {
    storage.put_text("a", "text").await;
    let page = storage.page("", None, 0).await;
    assert!(page.objects.is_empty());
    assert!(page.next_continuation_token.is_none());
}
