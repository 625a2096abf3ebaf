//! Bucket folders that cannot be used: known before anything runs where that is possible, and never at
//! the cost of what is there already.

use std::process::Command;

use crate::support::{Import, Ran, source};

/// Runs an import into this folder, which cannot be opened.
#[track_caller]
fn refused(place: &str) -> Ran {
    let source = source(3, &[]);
    let ran = Import::new()
        .anywhere_from(&source.url())
        .file("file", "text")
        .args(["--objects", place, "--history", "history.json"])
        .run()
        .exits(3)
        .prints_nothing()
        .says(["error: ", "help: choose another folder with `--objects DIR`"]);
    assert_eq!(source.requests(), 0);
    assert_eq!(ran.read("file"), "text");
    assert!(!ran.path("history.json").exists());
    ran
}

#[test]
fn a_folder_below_a_file_is_no_place_for_objects() {
    refused("file/objects").says(["a file is where a folder should be"]);
    refused("file").says(["a file is where a folder should be"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_no_place_for_objects() {
    refused("/proc/objects").says(["cannot open the bucket folder `/proc/objects`"]);
}

#[test]
fn a_bucket_whose_name_s3_would_not_take_is_refused() {
    let source = source(3, &[]);
    let import = Import::new().replace("orders/cache/*", "Orders!/cache/*");
    import.from(&source.url()).run().exits(3).says(["error: `Orders!` is not a bucket name: "]);
}

/// Runs an import in a mount namespace of its own, where `objects` is a file system of this size. What it
/// left is copied to `after`. `None` where this machine does not let a test mount a file system.
fn on_a_disk_of(size: &str, rows: u64) -> Option<Ran> {
    let mount = |size: &str| format!("mount -t tmpfs -o size={size} tmpfs objects");
    let probe = format!("cd \"$(mktemp -d)\" && mkdir objects && {}", mount("1m"));
    let allowed = Command::new("unshare").args(["-rm", "sh", "-c", &probe]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: this machine does not let the test mount a file system");
        return None;
    }
    let source = source(rows, &[]);
    let before = format!(
        "{} && mkdir -p objects/orders/imported && echo earlier > objects/orders/imported/orders.jsonl",
        mount(size)
    );
    let import = Import::new().from(&source.url()).file("objects/mount-point", "");
    let ran = import.between(&["unshare", "-rm"], &before, "cp -r objects after").run();
    Some(ran.exits(1).prints_nothing())
}

#[track_caller]
fn assert_earlier_object_only(ran: &Ran) {
    assert_eq!(ran.read("after/orders/imported/orders.jsonl"), "earlier\n");
    assert_eq!(ran.files("after/orders/imported"), ["orders.jsonl"]);
    assert_eq!(ran.files("after/.stepwell-tmp"), [""; 0]);
}

#[test]
fn a_disk_that_fills_up_while_rows_are_fetched_fails_that_task() {
    let Some(ran) = on_a_disk_of("64k", 1_003) else { return };
    assert_earlier_object_only(&ran);
    ran.says([
        "  Fetch  failed: Buckets.Storage: ",
        "error: the execution failed: Buckets.Storage: ",
    ])
    .says(["the disk is full"]);
}

#[test]
fn a_disk_that_fills_up_while_rows_are_persisted_leaves_the_earlier_object() {
    // 41 pages of a block each, and not enough room for all rows once more.
    let Some(ran) = on_a_disk_of("200k", 1_003) else { return };
    assert_earlier_object_only(&ran);
    assert_eq!(ran.files("after/orders/cache").len(), 41);
    ran.says(["  Persist  failed: Buckets.Storage: ", "the disk is full"]);
}
