//! `stepwell inspect`: what a task exports and imports, which grants it would need, and its size.

use regex::Regex;
use serde_json::json;

use crate::support::{Cli, Ran, guest};

fn inspect(arguments: &[&str]) -> Ran {
    Cli::new().arg("inspect").args(arguments).run()
}

/// Without what changes whenever the task is built.
fn shown(ran: &Ran, path: &str) -> String {
    let text = ran.stdout.replace(path, "TASK");
    let text = Regex::new(r"\d+ bytes").unwrap().replace(&text, "N bytes").into_owned();
    Regex::new(r"[0-9a-f]{64}").unwrap().replace(&text, "SHA256").into_owned()
}

#[test]
fn a_task_is_told_in_words() {
    let fetch = guest("fetch");
    let ran = inspect(&[&fetch]).succeeds();
    assert_eq!(ran.stderr, "");
    // What else it imports is the business of its compiler and standard library.
    let shown = shown(&ran, &fetch);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[..2], ["TASK: a component of N bytes", "sha256:  SHA256"]);
    let made_by = lines.iter().find(|line| line.starts_with("processed-by:  "));
    assert!(made_by.is_some_and(|line| line.contains("wit-component ")), "{shown}");
    let exports = lines.iter().position(|line| *line == "exports:").unwrap();
    let next = ["exports:", "  stepwell:task/handler@0.1.0", "imports:"];
    assert_eq!(lines[exports..exports + 3], next);
    for import in ["stepwell:task/buckets@0.1.0", "wasi:http/outgoing-handler@0.2.12"] {
        assert!(lines.contains(&format!("  {import}").as_str()), "{shown}");
    }
    let end = &lines[lines.len() - 2..];
    assert_eq!(end, ["grants it would need:  http, objects", "task:  yes"]);
}

#[test]
fn a_task_is_told_in_json() {
    let echo = guest("echo");
    let told = inspect(&["--json", &echo]).succeeds().json();
    assert_eq!(told["file"], echo);
    assert_eq!(told["kind"], "component");
    assert_eq!(told["task"], true);
    assert_eq!(told["reason"], json!(null));
    assert_eq!(told["grants"], json!([]));
    assert_eq!(told["exports"], json!(["stepwell:task/handler@0.1.0"]));
    assert_eq!(told["sizeBytes"], std::fs::metadata(&echo).unwrap().len());
    assert_eq!(told["sha256"].as_str().unwrap().len(), 64);
    let made_by = told["producers"]["processed-by"].as_array().unwrap();
    assert!(made_by.iter().any(|tool| tool.as_str().unwrap().starts_with("wit-component ")));
    let persist = inspect(&["--json", &guest("persist")]).succeeds().json();
    assert_eq!(persist["grants"], json!(["objects"]));
}

#[test]
fn a_component_of_another_world_is_shown_and_is_no_task() {
    let component =
        wat::parse_str("(component (instance $it) (export \"wasi:cli/run@0.2.0\" (instance $it)))")
            .unwrap();
    let cli = || Cli::new().file("other.wasm", &component).args(["inspect", "other.wasm"]);
    let ran = cli().run().exits(2);
    let reason = "the component has another world: \
                  it exports `wasi:cli/run@0.2.0` and not `stepwell:task/handler`";
    insta::assert_snapshot!(shown(&ran, "other.wasm"));
    ran.says([&format!("error: `other.wasm` is no task: {reason}\n")]);
    let told = cli().arg("--json").run().exits(2).json();
    assert_eq!((&told["task"], &told["reason"]), (&json!(false), &json!(reason)));
}

#[test]
fn what_is_no_component_is_refused() {
    let inspect =
        |bytes: &[u8]| Cli::new().file("task.wasm", bytes).args(["inspect", "task.wasm"]).run();
    inspect(b"text\n")
        .exits(2)
        .prints_nothing()
        .says(["error: `task.wasm`: not a WebAssembly file"]);
    inspect(b"").exits(2).says(["error: `task.wasm`: not a WebAssembly file", "the file is empty"]);
    inspect(b"\0asm\x0d\0\x01\0\x01")
        .exits(2)
        .says(["error: `task.wasm`: not a valid component: "]);
}

#[test]
fn a_file_that_is_missing_or_a_folder_is_refused() {
    inspect(&["task.wasm"])
        .exits(2)
        .says(["error: cannot read `task.wasm`: there is no such file"]);
    inspect(&["."]).exits(2).says(["error: cannot read `.`: it is a folder"]);
}
