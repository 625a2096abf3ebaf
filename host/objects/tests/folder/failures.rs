//! Folders that cannot be written: missing, read-only, full.
//!
//! The tests may run as root, whom permissions do not bind. So the full and the read-only disk are real
//! file systems, mounted in a namespace of their own by a second run of this test program; where that is
//! not allowed, the tests say so and pass.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use stepwell_objects::{Buckets, FolderBuckets, ListRequest, ObjectError};
use tempfile::TempDir;

/// Tells a second run of this program in which folder to work.
const FOLDER: &str = "STEPWELL_OBJECTS_TEST_FOLDER";

/// Runs one test of this program again, behind a shell command that prepares the ground.
fn rerun(test: &str, folder: &Path, shell: &str) -> Output {
    Command::new("sh")
        .args(["-c", &format!("{shell} && exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .unwrap()
}

fn rerun_mounted(test: &str, options: &str) {
    let folder = TempDir::new().unwrap();
    let mount = |options: &str| format!("mount -t tmpfs -o {options} tmpfs \"${FOLDER}\"");
    let allowed = Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount("size=1m")])
        .env(FOLDER, folder.path())
        .output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED {test}: this machine does not let the test mount a file system");
        return;
    }
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{} && exec \"$0\" \"$@\"", mount(options))])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert_passed(&output);
}

fn assert_passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

/// The folder that this run is to work in, if it is a second run.
fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

async fn assert_nothing_there(buckets: &FolderBuckets) {
    let page = buckets.list("rows", &ListRequest::first("")).await;
    assert!(
        page.map_or_else(|error| error.code() == "NoSuchBucket", |page| page.objects.is_empty())
    );
    let temporary = buckets.root().join(".stepwell-tmp");
    assert_eq!(fs::read_dir(temporary).unwrap().count(), 0, "temporary files are removed");
}

/// Tries all ways to write 3 MiB and gives their errors.
async fn write_large(buckets: &FolderBuckets) -> Vec<ObjectError> {
    let body = Bytes::from(vec![1; 3 << 20]);
    let put = buckets.put("rows", "large", body.clone()).await.unwrap_err();
    let mut writer = buckets.create("rows", "large").await.unwrap();
    let write = writer.write(body).await.unwrap_err();
    let again = writer.write(Bytes::new()).await.unwrap_err();
    assert_eq!(again.code(), "InvalidRequest", "a failed writer stays failed");
    assert_eq!(writer.finish().await.unwrap_err().code(), "InvalidRequest");
    vec![put, write]
}

#[tokio::test]
async fn a_folder_below_a_file_cannot_be_opened() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "text").unwrap();
    let path = file.join("objects");
    let error = FolderBuckets::open(path.clone()).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot open the bucket folder `{}`: a file is where a folder should be",
            path.display()
        )
    );
}

#[tokio::test]
async fn a_file_in_place_of_a_bucket_is_named() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("rows"), "text").unwrap();
    let buckets = FolderBuckets::open(root.path().to_owned()).unwrap();
    let error = buckets.put("rows", "a", Bytes::new()).await.unwrap_err();
    let path = root.path().join("rows/a");
    assert_eq!(
        error.to_string(),
        format!("cannot write the object `{}`: a file is where a folder should be", path.display())
    );
    assert_eq!(buckets.head("rows", "a").await.unwrap_err().code(), "NoSuchBucket");
}

#[tokio::test]
async fn a_full_disk_is_named_and_leaves_nothing() {
    let Some(folder) = folder() else {
        return rerun_mounted("failures::a_full_disk_is_named_and_leaves_nothing", "size=1m");
    };
    let buckets = FolderBuckets::open(folder).unwrap();
    for error in write_large(&buckets).await {
        let path = buckets.root().join("rows/large");
        assert_eq!(
            error.to_string(),
            format!("cannot write the object `{}`: the disk is full", path.display())
        );
        assert_eq!(error.code(), "InternalError");
    }
    assert_nothing_there(&buckets).await;
    // There is room for a small one still.
    buckets.put("rows", "small", Bytes::from_static(b"text")).await.unwrap();
}

#[tokio::test]
async fn a_read_only_folder_is_named_and_can_be_read() {
    let Some(folder) = folder() else {
        let test = "failures::a_read_only_folder_is_named_and_can_be_read";
        let fill = "size=1m tmpfs \"$STEPWELL_OBJECTS_TEST_FOLDER\" \
                    && cd \"$STEPWELL_OBJECTS_TEST_FOLDER\" && mkdir rows .stepwell-tmp \
                    && echo text > rows/a && cd / && mount -o remount,ro";
        return rerun_mounted(test, fill);
    };
    let buckets = FolderBuckets::open(folder.clone()).unwrap();
    assert_eq!(buckets.get("rows", "a", None, 9).await.unwrap().body, "text\n");
    let put = buckets.put("rows", "b", Bytes::new()).await.unwrap_err();
    let delete = buckets.delete("rows", "a").await.unwrap_err();
    for (error, action, key) in [(put, "create", "b"), (delete, "delete", "a")] {
        assert_eq!(error.code(), "AccessDenied");
        let path = folder.join("rows").join(key);
        let expected = format!(
            "cannot {action} the object `{}`: the file system is read-only",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = FolderBuckets::open(folder.join("new")).err().unwrap();
    assert!(error.to_string().ends_with("/new`: the file system is read-only"), "{error}");
}

#[tokio::test]
async fn a_limit_on_file_sizes_is_named_and_leaves_nothing() {
    let Some(folder) = folder() else {
        let folder = TempDir::new().unwrap();
        // 512-byte blocks; the signal must be ignored, or it kills the process.
        let shell = "trap '' XFSZ && ulimit -f 2048";
        let test = "failures::a_limit_on_file_sizes_is_named_and_leaves_nothing";
        return assert_passed(&rerun(test, folder.path(), shell));
    };
    let buckets = FolderBuckets::open(folder).unwrap();
    for error in write_large(&buckets).await {
        let message = error.to_string();
        assert!(message.ends_with("the file would be larger than the system allows"), "{message}");
    }
    assert_nothing_there(&buckets).await;
}
