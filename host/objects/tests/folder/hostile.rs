//! Links and files that somebody else put into the folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stepwell_objects::{Buckets, FolderBuckets, ListRequest};
use tempfile::TempDir;

const BUCKET: &str = "rows";

fn open(root: &Path) -> FolderBuckets {
    FolderBuckets::open(root.to_owned()).unwrap()
}

async fn keys(buckets: &FolderBuckets) -> Vec<String> {
    let page = buckets.list(BUCKET, &ListRequest::first("")).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

async fn assert_denied(buckets: &FolderBuckets, bucket: &str, key: &str) {
    let put = buckets.put(bucket, key, Bytes::from_static(b"x")).await.err();
    let get = buckets.get(bucket, key, None, 10).await.err();
    let head = buckets.head(bucket, key).await.err();
    let delete = buckets.delete(bucket, key).await.err();
    let copy = buckets.copy(bucket, key, bucket, "elsewhere").await.err();
    for error in [put, get, head, delete, copy] {
        let error = error.unwrap();
        assert_eq!(error.code(), "AccessDenied", "{error}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
}

#[tokio::test]
async fn a_linked_folder_is_refused() {
    let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let buckets = open(root.path());
    buckets.put(BUCKET, "a", Bytes::new()).await.unwrap();
    symlink(outside.path(), root.path().join("rows/link")).unwrap();
    symlink(outside.path(), root.path().join("bucket")).unwrap();

    assert_denied(&buckets, BUCKET, "link/secret").await;
    assert_denied(&buckets, BUCKET, "link/new/key").await;
    assert_denied(&buckets, "bucket", "secret").await;
    assert_eq!(
        buckets.list("bucket", &ListRequest::first("")).await.unwrap_err().code(),
        "AccessDenied"
    );
    assert_eq!(keys(&buckets).await, ["a"]);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "secret");
}

#[tokio::test]
async fn a_linked_file_is_not_read_and_a_put_replaces_the_link() {
    let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let buckets = open(root.path());
    buckets.put(BUCKET, "a", Bytes::new()).await.unwrap();
    for name in ["link", "other%object"] {
        symlink(&secret, root.path().join(BUCKET).join(name)).unwrap();
    }
    assert_eq!(buckets.get(BUCKET, "link", None, 10).await.unwrap_err().code(), "AccessDenied");
    assert_eq!(buckets.head(BUCKET, "link").await.unwrap_err().code(), "AccessDenied");
    assert!(buckets.get(BUCKET, "other", None, 10).await.is_err());
    assert_eq!(keys(&buckets).await, ["a"]);
    buckets.put(BUCKET, "link", Bytes::from_static(b"mine")).await.unwrap();
    assert_eq!(buckets.get(BUCKET, "link", None, 10).await.unwrap().body, "mine");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
}

#[tokio::test]
async fn a_linked_folder_for_temporary_files_is_refused() {
    let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let buckets = open(root.path());
    symlink(outside.path(), root.path().join(".stepwell-tmp")).unwrap();
    let error = buckets.put(BUCKET, "a", Bytes::new()).await.unwrap_err();
    assert_eq!(error.code(), "AccessDenied");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_pipe_is_no_object_and_does_not_block() {
    let root = TempDir::new().unwrap();
    let buckets = open(root.path());
    buckets.put(BUCKET, "a", Bytes::new()).await.unwrap();
    let pipe = root.path().join("rows/pipe");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    assert_eq!(buckets.get(BUCKET, "pipe", None, 1).await.unwrap_err().code(), "NoSuchKey");
    assert_eq!(buckets.head(BUCKET, "pipe").await.unwrap_err().code(), "NoSuchKey");
    assert_eq!(keys(&buckets).await, ["a"]);
}

#[tokio::test]
async fn a_file_that_somebody_puts_there_is_an_object() {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("rows/input")).unwrap();
    fs::write(root.path().join("rows/input/orders.csv"), "1;2").unwrap();
    fs::write(root.path().join("rows/100%.txt"), "not a name of ours").unwrap();
    let buckets = open(root.path());
    assert_eq!(keys(&buckets).await, ["input/orders.csv"]);
    assert_eq!(buckets.get(BUCKET, "input/orders.csv", None, 9).await.unwrap().body, "1;2");
    let file = buckets.file_of(BUCKET, "input/orders.csv").unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), "1;2");
}

#[tokio::test]
async fn empty_folders_disappear_with_their_last_object() {
    let root = TempDir::new().unwrap();
    let buckets = open(root.path());
    for key in ["a/b/c", "a/b/d"] {
        buckets.put(BUCKET, key, Bytes::new()).await.unwrap();
    }
    buckets.delete(BUCKET, "a/b/c").await.unwrap();
    assert!(root.path().join("rows/a/b/d").is_file());
    buckets.delete(BUCKET, "a/b/d").await.unwrap();
    assert!(!root.path().join("rows/a").exists());
    assert!(root.path().join("rows").is_dir(), "the bucket stays");
    assert!(keys(&buckets).await.is_empty());
}

#[tokio::test]
async fn leftovers_of_a_crash_are_invisible_and_swept_up_when_old() {
    let root = TempDir::new().unwrap();
    let temporary = root.path().join(".stepwell-tmp");
    let buckets = open(root.path());
    buckets.put(BUCKET, "a", Bytes::new()).await.unwrap();
    let (old, young) = (temporary.join("999999-0"), temporary.join("999999-1"));
    for (path, hours) in [(&old, 2), (&young, 0)] {
        let file = fs::File::create(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
    }
    assert_eq!(keys(&buckets).await, ["a"]);
    let buckets = open(root.path());
    assert!(!old.exists());
    assert!(young.exists(), "another process may be writing it");
    assert_eq!(keys(&buckets).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_object_and_those_below_it_may_be_written_at_once() {
    const ROUNDS: usize = 300;
    let root = TempDir::new().unwrap();
    let buckets = open(root.path());
    let (above, below) = (buckets.clone(), buckets.clone());
    let above = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let text = round.to_string();
            above.put(BUCKET, "a", Bytes::from(text.clone())).await.unwrap();
            assert_eq!(above.get(BUCKET, "a", None, 9).await.unwrap().body, text);
            if round % 3 == 0 {
                above.delete(BUCKET, "a").await.unwrap();
                assert_eq!(above.head(BUCKET, "a").await.unwrap_err().code(), "NoSuchKey");
            }
        }
    });
    let below = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            below.put(BUCKET, "a/b/c", Bytes::from_static(b"text")).await.unwrap();
            assert_eq!(below.get(BUCKET, "a/b/c", None, 9).await.unwrap().body, "text");
            below.delete(BUCKET, "a/b/c").await.unwrap();
            assert_eq!(below.head(BUCKET, "a/b/c").await.unwrap_err().code(), "NoSuchKey");
        }
    });
    above.await.unwrap();
    below.await.unwrap();
    assert_eq!(keys(&buckets).await, ["a"]);
}
