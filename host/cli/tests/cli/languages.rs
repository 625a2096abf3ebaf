//! Tasks in Rust, Python, JavaScript and C, built by the real toolchains: `cargo xtask languages` installs them.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    Cli, DESTINATION, Import, expected_rows, guest, guests, path_of_languages, source,
    with_languages,
};

/// The tasks of the import, by their languages: each in each.
const COMBINATIONS: [[&str; 3]; 3] = [
    ["Rust", "Python", "JavaScript"],
    ["Python", "JavaScript", "Rust"],
    ["JavaScript", "Rust", "Python"],
];

fn code_of(task: &str, language: &str) -> String {
    match language {
        "Rust" => format!("component: {}", guest(task)),
        "Python" => {
            format!(
                "source: {}/{task}.py\n    handler: {task}.{task}",
                guests("python/import_orders")
            )
        }
        _ => {
            let extension = if task == "fetch" { "ts" } else { "mjs" };
            format!("source: {}/{task}/index.{extension}", guests("javascript"))
        }
    }
}

#[test]
fn the_import_is_the_same_in_every_language() {
    let mut outputs = Vec::new();
    for languages in COMBINATIONS {
        let source = source(103, &[]);
        let mut import = Import::new();
        for (task, language) in ["initialize", "fetch", "persist"].into_iter().zip(languages) {
            let component = format!("component: {}", guest(task));
            import = import.replace(&component, &code_of(task, language));
        }
        let ran = with_languages(import.from(&source.url())).run().succeeds();
        assert_eq!(
            ran.read(&format!("objects/{DESTINATION}")),
            expected_rows(103),
            "{languages:?}"
        );
        assert_eq!(source.requests(), 6, "{languages:?}");
        let mut output = ran.json();
        output["source"] = json!(null);
        assert!(output["object"]["etag"].is_string());
        output["object"]["etag"] = json!(null);
        outputs.push(output);
    }
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0], outputs[2]);
}

#[test]
fn the_mixed_import_builds_its_own_tasks() {
    let source = source(30, &[]);
    let import = Import::of("import-orders-mixed.yaml")
        .replace("../guest-tasks/python", &guests("python"))
        .replace("../guest-tasks/javascript", &guests("javascript"));
    let ran = with_languages(import.from(&source.url())).run().succeeds();
    assert_eq!(ran.read(&format!("objects/{DESTINATION}")), expected_rows(30));
}

/// JSON texts that must come back, as the number or text that they are.
const VALUES: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "0.1",
    "1e-7",
    "1e21",
    "5e-324",
    "1.7976931348623157e308",
    "9007199254740991",
    "-9007199254740991",
    "\"\"",
    "\"é\"",
    "\"😀\"",
    "\"\\u0000\"",
    "\"\\\\\\\"\\n\"",
    "\"\\u2028\"",
    "[]",
    "{}",
    "[[],[[]],{}]",
    r#"{"b":1,"a":{"":null}}"#,
    r#"["a",1,null,true]"#,
];

/// Those that not every language has: integers that only Python's hold, and numbers that JavaScript writes
/// otherwise.
const LARGE: [(&str, &str, &str); 4] = [
    ("9007199254740993", "9007199254740993", "9007199254740992"),
    ("123456789012345678901234567890", "123456789012345678901234567890", "1.2345678901234568e29"),
    ("1.0", "1.0", "1"),
    ("-0.0", "-0.0", "0"),
];

fn echo(source: &str, event: &str) -> Value {
    let function = format!("functions: {{ echo: {{ {source}, timeout: 60, memorySize: 512 }} }}");
    let machine = "stateMachines: { m: { definition: { StartAt: A, States: { A: { Type: Task, Resource: \
                   echo, End: true } } } } }";
    let cli = Cli::new().file("w.yaml", format!("{function}\n{machine}\n"));
    with_languages(cli.args(["invoke", "w.yaml", "--event", event])).run().succeeds().json()
}

#[test]
fn values_come_back_from_every_language_as_they_are() {
    let all = format!("[{}]", VALUES.join(","));
    let expected: Value = serde_json::from_str(&all).unwrap();
    let python = format!("source: {}/echo.py", guests("python/echo"));
    let javascript = format!("source: {}/echo/index.mjs", guests("javascript"));
    let rust = format!("component: {}", guest("echo"));
    for source in [&python, &javascript, &rust] {
        assert_eq!(echo(source, &all), expected, "{source}");
    }
    let texts: Vec<&str> = LARGE.iter().map(|(text, ..)| *text).collect();
    let event = format!("[{}]", texts.join(","));
    let of = |pick: fn(&(&'static str, &'static str, &'static str)) -> &'static str| -> Value {
        let texts: Vec<&str> = LARGE.iter().map(pick).collect();
        serde_json::from_str(&format!("[{}]", texts.join(","))).unwrap()
    };
    assert_eq!(echo(&python, &event), of(|(_, python, _)| python));
    assert_eq!(echo(&javascript, &event), of(|(.., javascript)| javascript));
}

fn failing(extension: &str, text: &str) -> Value {
    let workflow = format!(
        "functions: {{ lost: {{ source: lost.{extension}, timeout: 60, memorySize: 512 }} }}\n\
         stateMachines: {{ m: {{ definition: {{ StartAt: A, States: {{ A: {{ Type: Task, Resource: lost, \
         End: true }} }} }} }} }}\n"
    );
    let cli = Cli::new().file("w.yaml", workflow).file(&format!("lost.{extension}"), text);
    if extension != "py" {
        crate::support::link_packages(&cli.path("."));
    }
    let ran = with_languages(cli.args(["invoke", "w.yaml"])).run().exits(1);
    let payload = ran.json();
    assert!(ran.stderr.contains("Lost"), "{}", ran.stderr);
    payload
}

#[test]
fn an_exception_in_python_is_reported_as_by_lambda() {
    let text = "class Lost(Exception):\n    pass\n\ndef handler(event, context):\n    raise Lost('no order')\n";
    let mut payload = failing("py", text);
    let id = payload["requestId"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    let expected = json!({
        "errorMessage": "no order", "errorType": "Lost", "requestId": null,
        "stackTrace": ["  File \"/var/task/lost.py\", line 5, in handler\n    raise Lost('no order')\n"],
    });
    // As texts: the order of the members is Lambda's as well.
    assert_eq!(payload.to_string(), expected.to_string());
}

#[test]
fn an_error_in_javascript_is_reported_as_by_lambda() {
    let text = "class Lost extends Error { name = 'Lost' }\nexport async function handler() {\n  \
                throw new Lost('no order');\n}\n";
    let payload = failing("mjs", text);
    let expected = json!({
        "errorType": "Lost", "errorMessage": "no order",
        "trace": ["Lost: no order", "    at handler (file:///var/task/lost.mjs:3:9)"],
    });
    assert_eq!(payload.to_string(), expected.to_string());
}

#[test]
fn a_task_in_c_reads_an_object_in_parts() {
    let component = checksum();
    let reads = |key: &str, arguments: &[&str]| {
        Cli::new()
            .file("objects/orders/nine", "123456789")
            .file("objects/orders/empty", "")
            .file("objects/orders/large", "a".repeat(600_000))
            .args(["invoke", &component, "--objects", "objects", "--event"])
            .arg(format!("\"{key}\""))
            .args(arguments.iter().copied())
            .run()
    };
    let granted = ["--env", "BUCKET=orders", "--allow-objects", "orders/*"];
    for (key, bytes, crc32) in
        [("nine", 9, "cbf43926"), ("empty", 0, "00000000"), ("large", 600_000, "b8e3e871")]
    {
        let ran = reads(key, &granted).succeeds();
        // `printf` is the log.
        let ran = ran.says([&format!("\nreading {key} of orders\n")]);
        ran.prints(&json!({ "bytes": bytes, "crc32": crc32 }).to_string());
    }
    let failing = |key: &str, arguments: &[&str], error: &str| {
        let ran = reads(key, arguments).exits(1);
        assert_eq!(ran.json()["errorType"], error);
    };
    failing("none", &granted, "Buckets.NoSuchKey");
    failing("nine", &granted[..2], "Buckets.AccessDenied");
    failing("nine", &granted[2..], "Configuration");
    failing("\\u006e", &granted, "InvalidEvent");
}

/// The task in C, built as its script says.
fn checksum() -> String {
    let folder = guests("c");
    let built = Command::new(format!("{folder}/build.sh"))
        .env("PATH", path_of_languages())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    format!("{folder}/../target/c/checksum.wasm")
}

#[test]
fn a_task_sees_the_environment_of_its_run_and_not_of_its_build() {
    let text = "import os, random\nSTAGE = os.environ['STAGE']\ndef handler(event, context):\n    \
                return [STAGE, random.random()]\n";
    let workflow = |stage: &str| {
        format!(
            "functions: {{ f: {{ source: stage.py, timeout: 60, memorySize: 512, environment: {{ STAGE: {stage} \
             }} }} }}\nstateMachines: {{ m: {{ definition: {{ StartAt: A, States: {{ A: {{ Type: Task, \
             Resource: f, End: true }} }} }} }} }}\n"
        )
    };
    let cli = Cli::new()
        .file("stage.py", text)
        .file("a.yaml", workflow("a"))
        .file("b.yaml", workflow("b"));
    let first = with_languages(cli.args(["invoke", "a.yaml"])).run().succeeds();
    let (stage, random) = (first.json()[0].clone(), first.json()[1].clone());
    assert_eq!(stage, "a");
    let second = with_languages(first.again().args(["invoke", "b.yaml"])).run().succeeds();
    let second = second.does_not_say(["build"]);
    let again = second.json();
    assert_eq!(again[0], "b");
    assert_ne!(again[1], random, "each instance has numbers of its own");
}

#[test]
fn building_tells_where_components_are() {
    let workflow = format!(
        "functions:\n  echo: {{ source: {}/echo.py }}\n  stub: {{ stub: {{ echo: true }} }}\nstateMachines: {{ m: {{ \
         definition: {{ StartAt: A, States: {{ A: {{ Type: Succeed }} }} }} }} }}\n",
        guests("python/echo")
    );
    let cli = with_languages(Cli::new().file("w.yaml", workflow));
    let ran = cli.args(["build", "w.yaml", "--output", "components"]).run().succeeds();
    let ran = ran.prints("echo  components/echo.wasm");
    assert_eq!(ran.files("components"), ["echo.wasm"]);
    let told =
        with_languages(ran.again().args(["build", "w.yaml", "echo", "--json"])).run().succeeds();
    let list = told.json();
    let [built] = &list.as_array().unwrap()[..] else { panic!("one function") };
    assert_eq!(built["function"], "echo");
    assert_eq!(built["language"], "Python");
    assert_eq!(built["builtAnew"], false);
    let again = with_languages(told.again().args(["build", "w.yaml", "stub"])).run().exits(2);
    again.says(["`stub` has no `source:`"]);
}

#[test]
fn a_change_beside_the_folder_of_a_source_is_noticed() {
    let workflow = "functions: { f: { source: task/index.mjs, timeout: 60, memorySize: 512 } }\n\
                    stateMachines: { m: { definition: { StartAt: A, States: { A: { Type: Task, Resource: f, End: \
                    true } } } } }\n";
    let cli = Cli::new()
        .file("w.yaml", workflow)
        .file(
            "task/index.mjs",
            "import { answer } from '../shared.mjs';\nexport const handler = () => answer;\n",
        )
        .file("shared.mjs", "export const answer = 1;\n");
    crate::support::link_packages(&cli.path("."));
    let invoke = |cli: Cli| with_languages(cli.args(["invoke", "w.yaml"])).run().succeeds();
    let ran = invoke(cli).prints("1");
    let ran = invoke(ran.again()).prints("1").does_not_say(["build"]);
    invoke(ran.again().file("shared.mjs", "export const answer = 2;\n")).prints("2");
}

#[test]
fn a_source_that_does_not_build_is_told_in_its_languages_words() {
    let workflow = |source: &str| {
        format!(
            "functions:\n  f: {{ source: {source} }}\nstateMachines: {{ m: {{ definition: {{ StartAt: A, States: \
             {{ A: {{ Type: Task, Resource: f, End: true }} }} }} }} }}\n"
        )
    };
    for (file, text, words) in [
        ("lost.py", "import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'"),
        ("odd.py", "def handler(:\n", "SyntaxError: invalid syntax"),
        ("none.py", "x = 1\n", "Handler 'handler' missing on module 'none'"),
    ] {
        let cli = Cli::new().file(&format!("{file}.d/{file}"), text);
        let cli = cli.file("w.yaml", workflow(&format!("{file}.d/{file}")));
        let ran = with_languages(cli.args(["build", "w.yaml"])).run().exits(2);
        ran.says(["does not build", words, "w.yaml:2:16"]).does_not_say(["stepwell_task/runtime"]);
    }
    let cli = Cli::new().file("w.yaml", workflow("task.py")).file("task.py", "");
    let ran = cli.env("PATH", "/nowhere").args(["build", "w.yaml"]).run().exits(3);
    ran.says(["`componentize-py` is not installed", "pip install componentize-py==0.25.1"]);
    let cli = Cli::new().file("w.yaml", workflow("task.js")).file("task.js", "");
    cli.env("PATH", "/nowhere")
        .args(["build", "w.yaml"])
        .run()
        .exits(3)
        .says(["`node` is not installed"]);
    let cli = Cli::new().file("w.yaml", workflow("task.rb")).file("task.rb", "");
    cli.args(["build", "w.yaml"]).run().exits(2).says(["ends like none that is known"]);
    let cli = Cli::new().file("w.yaml", workflow("task.py"));
    cli.args(["build", "w.yaml"]).run().exits(2).says(["cannot read the source"]);
}
