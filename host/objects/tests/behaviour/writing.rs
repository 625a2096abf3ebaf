//! Facts about objects that are written piece by piece.

use bytes::Bytes;

use crate::storage::{BUCKET, Storage};

/// 20 MiB in pieces of an awkward size: three parts on S3.
const PIECES: usize = 21;
const PIECE_BYTES: usize = 1_000_003;

pub(crate) async fn a_large_object_is_streamed(storage: Storage) {
    let piece = |number: usize| Bytes::from(vec![u8::try_from(number).unwrap(); PIECE_BYTES]);
    let mut writer = storage.create(BUCKET, "large").await.unwrap();
    for number in 0..PIECES {
        writer.write(piece(number)).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!(written.size, (PIECES * PIECE_BYTES) as u64);
    let object = storage.get(BUCKET, "large", None, u64::MAX).await.unwrap();
    assert_eq!(object.info.etag, written.etag);
    assert_eq!(object.info.size, written.size);
    assert_eq!(object.body, (0..PIECES).flat_map(piece).collect::<Bytes>());
    assert!(storage.leftovers().is_empty(), "{:?}", storage.leftovers());

    // One piece larger than two parts.
    let mut writer = storage.create(BUCKET, "large").await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    writer.write(object.body.clone()).await.unwrap();
    let written = writer.finish().await.unwrap();
    let again = storage.get(BUCKET, "large", None, u64::MAX).await.unwrap();
    assert_eq!(again.body[1..], object.body);
    assert_eq!(again.info.etag, written.etag);
}

pub(crate) async fn a_small_object_is_streamed(storage: Storage) {
    let mut writer = storage.create(BUCKET, "small").await.unwrap();
    for piece in ["one ", "", "two ", "three"] {
        writer.write(Bytes::from(piece)).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!((written.key.as_str(), written.size), ("small", 13));
    assert_eq!(storage.text("small").await, "one two three");

    // Exactly one part of S3.
    let mut writer = storage.create(BUCKET, "part").await.unwrap();
    writer.write(Bytes::from(vec![7; 8 << 20])).await.unwrap();
    assert_eq!(writer.finish().await.unwrap().size, 8 << 20);
    assert_eq!(storage.get(BUCKET, "part", None, u64::MAX).await.unwrap().body.len(), 8 << 20);
}

pub(crate) async fn an_empty_object_is_streamed(storage: Storage) {
    let writer = storage.create(BUCKET, "empty").await.unwrap();
    assert_eq!(writer.finish().await.unwrap().size, 0);
    assert_eq!(storage.text("empty").await, "");
}

pub(crate) async fn nothing_is_visible_before_the_end(storage: Storage) {
    let mut writer = storage.create(BUCKET, "a/b").await.unwrap();
    writer.write(Bytes::from(vec![0; 9 << 20])).await.unwrap();
    assert_eq!(storage.head(BUCKET, "a/b").await.unwrap_err().code(), "NoSuchKey");
    assert!(storage.keys("", 10).await.is_empty());
    writer.finish().await.unwrap();
    assert_eq!(storage.keys("", 10).await, ["a/b"]);
}

pub(crate) async fn an_abandoned_object_leaves_nothing(storage: Storage) {
    for bytes in [0, 10, 300_000, 9 << 20] {
        let mut writer = storage.create(BUCKET, "a").await.unwrap();
        writer.write(Bytes::from(vec![0; bytes])).await.unwrap();
        writer.abort().await.unwrap();
        assert!(storage.leftovers().is_empty(), "{:?}", storage.leftovers());

        let mut writer = storage.create(BUCKET, "a").await.unwrap();
        writer.write(Bytes::from(vec![0; bytes])).await.unwrap();
        drop(writer);
        // S3 is told in the background.
        storage.settle().await;
        assert!(storage.leftovers().is_empty(), "{:?}", storage.leftovers());
        assert!(storage.keys("", 10).await.is_empty());
    }
}

pub(crate) async fn an_abandoned_object_leaves_the_old_one(storage: Storage) {
    storage.put_text("a", "old").await;
    let mut writer = storage.create(BUCKET, "a").await.unwrap();
    writer.write(Bytes::from(vec![0; 9 << 20])).await.unwrap();
    writer.abort().await.unwrap();
    assert_eq!(storage.text("a").await, "old");
}
