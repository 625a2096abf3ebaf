//! `/tmp`: works as a task expects, ends where Lambda's ends, and is no way to the host's files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use stepwell_sandbox::{Function, Grants, HttpGrant, Status};

use crate::support::{Setup, answer, failure, invoke, log};

const MB: u64 = 1 << 20;

/// What the guest's standard library says when the quota is used up.
const NO_SPACE: &str = "No space left on device";

/// A hostile function with enough CPU to fill its `/tmp`.
fn filling() -> Setup {
    Setup::hostile().memory(1_769).timeout(300)
}

fn all(deeds: &[Value]) -> Value {
    json!({ "do": "all", "deeds": deeds })
}

/// What came of several deeds in one invocation.
async fn all_of(setup: Setup, deeds: &[Value]) -> Vec<Value> {
    let invoked = setup.invoke(all(deeds)).await;
    answer(&invoked).as_array().unwrap().clone()
}

/// That each of the deeds failed, with a message that has one of the texts in it.
#[track_caller]
fn assert_failed(deeds: &[Value], answers: &[Value], texts: &[&str]) {
    assert_eq!(deeds.len(), answers.len());
    for (deed, answer) in deeds.iter().zip(answers) {
        let message = answer["failed"].as_str().unwrap_or_else(|| panic!("{deed}: {answer}"));
        assert!(texts.iter().any(|text| message.contains(text)), "{deed}: {message}");
    }
}

#[tokio::test]
async fn files_work_as_with_any_standard_library() {
    let answers = all_of(
        Setup::hostile(),
        &[
            json!({ "do": "write-file", "path": "/tmp/a", "bytes": 5 }),
            json!({ "do": "append-file", "path": "/tmp/a", "text": " end" }),
            json!({ "do": "read-file", "path": "/tmp/a" }),
            json!({ "do": "make-directory", "path": "/tmp/d" }),
            json!({ "do": "rename-file", "path": "/tmp/a", "to": "/tmp/d/b" }),
            json!({ "do": "link-file", "path": "/tmp/d/b", "to": "/tmp/d/c" }),
            json!({ "do": "symlink-file", "target": "d/c", "path": "/tmp/l" }),
            json!({ "do": "stat-file", "path": "/tmp/l" }),
            json!({ "do": "list-files", "path": "/tmp/d" }),
            json!({ "do": "list-files", "path": "/tmp" }),
            json!({ "do": "resize-file", "path": "/tmp/l", "bytes": 70_000 }),
            json!({ "do": "read-removed", "path": "/tmp/d/b" }),
            json!({ "do": "read-file", "path": "/tmp/d/b" }),
            json!({ "do": "stat-file", "path": "/tmp/d" }),
            json!({ "do": "remove-directory", "path": "/tmp/d" }),
            json!({ "do": "list-files", "path": "/tmp" }),
        ],
    )
    .await;
    assert_eq!(answers[1], json!({ "bytes": 9 }));
    assert_eq!(answers[2], json!({ "text": "fffff end" }));
    assert_eq!(answers[7], json!({ "kind": "file", "bytes": 9, "isLink": true }));
    assert_eq!(answers[8], json!({ "names": ["b", "c"] }));
    assert_eq!(answers[9], json!({ "names": ["d", "l"] }));
    assert_eq!(answers[10], json!({ "bytes": 70_000, "zeros": true }));
    assert_eq!(answers[11], json!({ "bytes": 70_000 }));
    assert_failed(&[json!("removed")], &answers[12..13], &["No such file or directory"]);
    assert_eq!(answers[13]["kind"], "directory");
    assert_eq!(answers[14], json!({ "removed": "/tmp/d" }));
    assert_eq!(answers[15], json!({ "names": ["l"] }));
}

#[tokio::test]
async fn large_files_and_long_listings_are_whole() {
    let answers = all_of(
        filling(),
        &[
            json!({ "do": "write-file", "path": "/tmp/large", "bytes": 3_000_001 }),
            json!({ "do": "resize-file", "path": "/tmp/large", "bytes": 5_000_000 }),
            json!({ "do": "make-directory", "path": "/tmp/many" }),
            json!({ "do": "fill-directory", "path": "/tmp/many", "files": 1_000 }),
            json!({ "do": "list-files", "path": "/tmp/many" }),
            json!({ "do": "remove-directory", "path": "/tmp/many" }),
            json!({ "do": "list-files", "path": "/tmp" }),
        ],
    )
    .await;
    assert_eq!(answers[1], json!({ "bytes": 5_000_000, "zeros": true }));
    let listed: BTreeSet<&str> =
        answers[4]["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let expected: BTreeSet<String> = (0..1_000).map(|file| format!("file-{file}")).collect();
    assert_eq!(listed, expected.iter().map(String::as_str).collect());
    assert_eq!(answers[6], json!({ "names": ["large"] }), "all of a long listing can be removed");
}

#[tokio::test]
async fn the_last_byte_of_512_mb_fits_and_the_next_does_not() {
    let function = filling().warm().function();
    let full =
        invoke(&function, json!({ "do": "fill-file", "path": "/tmp/f", "bytes": 512 * MB })).await;
    assert_eq!(answer(&full), json!({ "bytes": 512 * MB, "failed": null }));
    assert_eq!(full.report.usage.storage_peak_bytes, 512 * MB);
    assert_eq!(full.report.usage.storage_peak_files, 1);
    let deeds = [
        json!({ "do": "append-file", "path": "/tmp/f", "text": "!" }),
        json!({ "do": "write-file", "path": "/tmp/g", "bytes": 1 }),
        json!({ "do": "make-directory", "path": "/tmp/d" }),
    ];
    let over = invoke(&function, all(&deeds)).await;
    let answers = answer(&over);
    let (written, made) = answers.as_array().unwrap().split_at(2);
    // The C library of today's guests makes this of any error of a stream; the log says which it was.
    assert_failed(&deeds[..2], written, &["I/O error", NO_SPACE]);
    assert_failed(&deeds[2..], made, &[NO_SPACE]);
    let line = "[sandbox] no space left in `/tmp`: 512 MB (`ephemeralStorageSize`)";
    assert_eq!(log(&over), [line, line]);
    let again = json!({ "do": "fill-file", "path": "/tmp/f", "bytes": 512 * MB });
    let full = answer(&invoke(&function, again).await);
    assert_eq!(
        full,
        json!({ "bytes": 512 * MB, "failed": null }),
        "what was cut off is free again"
    );
}

#[tokio::test]
async fn a_full_disk_has_its_own_error_code() {
    let invoked = filling().invoke(json!({ "do": "raw-fill", "path": "full" })).await;
    let expected = json!({
        "bytes": 512 * MB,
        "streamed": "insufficient-space",
        "again": "closed",
        "directly": "insufficient-space",
        "inPlace": "done",
    });
    assert_eq!(answer(&invoked), expected);
}

#[tokio::test]
async fn the_last_file_of_512_mb_fits_and_the_next_does_not() {
    let invoked = filling().invoke(json!({ "do": "fill-directory", "path": "/tmp" })).await;
    let full = answer(&invoked);
    assert_eq!(full["files"], 32_768);
    assert!(full["failed"].as_str().unwrap().contains(NO_SPACE), "{full}");
    assert_eq!(invoked.report.usage.storage_peak_files, 32_768);
}

#[tokio::test]
async fn no_path_leads_out_of_tmp() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let outside = ["/etc/passwd", "/proc/self/environ", here, "/tmp/../etc/passwd", "/"];
    let mut deeds = Vec::new();
    for path in outside {
        deeds.push(json!({ "do": "read-file", "path": path }));
        deeds.push(json!({ "do": "list-files", "path": path }));
        deeds.push(json!({ "do": "write-file", "path": path, "bytes": 1 }));
        deeds.push(json!({ "do": "append-file", "path": path, "text": "" }));
        deeds.push(json!({ "do": "stat-file", "path": path }));
        deeds.push(json!({ "do": "remove-file", "path": path }));
        deeds.push(json!({ "do": "remove-directory", "path": path }));
        deeds.push(json!({ "do": "make-directory", "path": format!("{path}/made") }));
        deeds.push(json!({ "do": "link-file", "path": path, "to": "/tmp/linked" }));
        deeds.push(json!({ "do": "rename-file", "path": path, "to": "/tmp/moved" }));
        deeds.push(json!({ "do": "symlink-file", "target": path, "path": "/tmp/absolute" }));
    }
    let everywhere = HttpGrant { host: "*".to_owned(), port: Some(None) };
    let grants = Grants { http: vec![everywhere], ..Grants::default() };
    for setup in [Setup::hostile(), Setup::hostile().grants(grants)] {
        let answers = all_of(setup, &deeds).await;
        for (deed, answer) in deeds.iter().zip(answers) {
            assert!(answer["failed"].is_string(), "{deed}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_host_itself_permits_no_path_out_of_tmp() {
    let absolute = ["/", "/etc/passwd", "/tmp", "/tmp/f"];
    let climbing = ["..", "../etc/passwd", "./../tmp", "a/../..", "../../../../../etc/passwd"];
    for path in absolute.iter().chain(&climbing) {
        let deeds = [
            json!({ "do": "make-directory", "path": "/tmp/a" }),
            json!({ "do": "raw-path", "path": path }),
        ];
        let answers = all_of(Setup::hostile(), &deeds).await;
        for (call, code) in answers[1].as_object().unwrap() {
            assert_eq!(code, "not-permitted", "{call} {path}");
        }
    }
    for (target, made) in [("/etc/passwd", "not-permitted"), ("/", "not-permitted"), ("..", "done")]
    {
        let said =
            answer(&Setup::hostile().invoke(json!({ "do": "raw-link", "target": target })).await);
        assert_eq!(said["made"], made, "{target}");
        assert_eq!(said["opened"], if made == "done" { "not-permitted" } else { "no-entry" });
    }
}

#[tokio::test]
async fn no_link_leads_out_of_tmp() {
    let made = [
        json!({ "do": "make-directory", "path": "/tmp/d" }),
        json!({ "do": "symlink-file", "target": "..", "path": "/tmp/up" }),
        json!({ "do": "symlink-file", "target": "../../etc/passwd", "path": "/tmp/d/passwd" }),
        json!({ "do": "symlink-file", "target": "d/../../etc", "path": "/tmp/etc" }),
        json!({ "do": "symlink-file", "target": "/etc", "path": "/tmp/root" }),
        json!({ "do": "symlink-file", "target": "loop", "path": "/tmp/loop" }),
    ];
    let tried = [
        json!({ "do": "read-file", "path": "/tmp/up/etc/passwd" }),
        json!({ "do": "read-file", "path": "/tmp/d/passwd" }),
        json!({ "do": "read-file", "path": "/tmp/etc/passwd" }),
        json!({ "do": "list-files", "path": "/tmp/up" }),
        json!({ "do": "list-files", "path": "/tmp/d/../.." }),
        json!({ "do": "write-file", "path": "/tmp/up/tmp/written", "bytes": 1 }),
        json!({ "do": "rename-file", "path": "/tmp/d", "to": "/tmp/up/d" }),
        json!({ "do": "link-file", "path": "/tmp/d/passwd", "to": "/tmp/up/passwd" }),
        json!({ "do": "remove-file", "path": "/tmp/up/etc/passwd" }),
        json!({ "do": "read-file", "path": "/tmp/loop" }),
    ];
    let answers = all_of(Setup::hostile(), &[&made[..], &tried[..]].concat()).await;
    let (made_answers, answers) = answers.split_at(made.len());
    let not_permitted = ["Operation not permitted"];
    assert_failed(&made[4..5], &made_answers[4..5], &not_permitted);
    let (of_loop, out) = (answers.len() - 1, &answers[..answers.len() - 1]);
    assert_failed(&tried[..of_loop], out, &not_permitted);
    assert_failed(&tried[of_loop..], &answers[of_loop..], &["symbolic link", "Symbolic link"]);
}

#[tokio::test]
async fn a_fresh_instance_finds_nothing_and_a_warm_one_what_it_left() {
    let write = json!({ "do": "append-file", "path": "/tmp/kept", "text": "kept " });
    let list = json!({ "do": "list-files", "path": "/tmp" });
    let fresh = Setup::hostile().function();
    let warm = Setup::hostile().warm().function();
    for _ in 0..2 {
        assert_eq!(answer(&invoke(&fresh, &write).await), json!({ "bytes": 5 }));
        assert_eq!(answer(&invoke(&fresh, &list).await), json!({ "names": [] }));
    }
    assert_eq!(answer(&invoke(&warm, &write).await), json!({ "bytes": 5 }));
    assert_eq!(answer(&invoke(&warm, &write).await), json!({ "bytes": 10 }));
    let invoked = invoke(&warm, &list).await;
    assert_eq!(answer(&invoked), json!({ "names": ["kept"] }));
    assert_eq!(invoked.report.usage.storage_peak_bytes, 4_096);
    let other = Setup::hostile().warm().function();
    assert_eq!(answer(&invoke(&other, &list).await), json!({ "names": [] }));
}

#[tokio::test]
async fn a_crash_takes_the_files_with_it() {
    let function = Setup::hostile().warm().function();
    let write = json!({ "do": "write-file", "path": "/tmp/f", "bytes": 1 });
    answer(&invoke(&function, write).await);
    let trapped = invoke(&function, json!({ "do": "trap" })).await;
    assert_eq!(failure(&trapped).error_type, "Runtime.ExitError");
    assert_eq!(trapped.report.usage.storage_peak_files, 1);
    let list = json!({ "do": "list-files", "path": "/tmp" });
    assert_eq!(answer(&invoke(&function, list).await), json!({ "names": [] }));
}

#[tokio::test]
async fn the_host_sees_no_file() {
    let before = files_of_the_host();
    let function: Function = filling().warm().function();
    let write = json!({ "do": "fill-file", "path": "/tmp/f", "bytes": 8 * MB });
    assert_eq!(answer(&invoke(&function, write).await)["bytes"], 8 * MB);
    // Other tests use the folder as well, so only what holds the guest's bytes counts.
    let written: Vec<PathBuf> = files_of_the_host()
        .difference(&before)
        .filter(|path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(&[b'F'; 4_096])))
        .cloned()
        .collect();
    assert!(written.is_empty(), "{written:?}");
}

fn files_of_the_host() -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.is_file()).collect()
}

#[tokio::test]
async fn too_many_open_files_are_an_error_and_not_the_end() {
    let answers = all_of(
        filling(),
        &[
            json!({ "do": "write-file", "path": "/tmp/f", "bytes": 1 }),
            json!({ "do": "hold-files", "path": "/tmp/f", "times": 5_000 }),
            json!({ "do": "hold-files", "path": "/tmp/f", "times": 500 }),
        ],
    )
    .await;
    let open = answers[1]["open"].as_u64().unwrap();
    assert!((900..1_024).contains(&open) && answers[1]["failed"].is_string(), "{answers:?}");
    assert_eq!(answers[2], json!({ "open": 500, "failed": null }), "closed files make room");
}

#[tokio::test]
async fn a_task_that_writes_without_end_is_stopped_by_its_time() {
    let fill = json!({ "do": "all", "deeds": [
        { "do": "fill-file", "path": "/tmp/f" }, { "do": "spin" }
    ]});
    let invoked = Setup::hostile().timeout(1).invoke(fill).await;
    assert!(matches!(invoked.report.status, Status::Timeout(_)), "{}", invoked.report);
    assert!(invoked.report.usage.storage_peak_bytes > 0);
}
