//! `--input`: JSON, `@FILE` or `-`, and what is none of them.

use crate::support::{Cli, Ran};

const ECHO: &str = "StartAt: Only\nStates: { Only: { Type: Pass, End: true } }\n";

fn echo() -> Cli {
    Cli::workflow(ECHO)
}

#[track_caller]
fn refused(cli: Cli) -> Ran {
    let ran = cli.args(["--history", "history.json"]).run().exits(2).prints_nothing();
    assert!(!ran.path("history.json").exists());
    ran
}

#[test]
fn the_input_is_an_empty_object_unless_given() {
    echo().run().succeeds().prints("{}");
}

#[test]
fn the_input_is_json_on_the_command_line() {
    for json in ["7", "-7", "null", "[1,2]", r#"{"a":1.10,"b":9007199254740993}"#, "\"ü\""] {
        echo().input(json).run().succeeds().prints(json);
    }
}

#[test]
fn the_input_is_a_file() {
    echo()
        .input("@in put.json")
        .file("in put.json", " {\"a\": 1}\n")
        .run()
        .succeeds()
        .prints("{\"a\": 1}");
}

#[test]
fn the_input_is_standard_input() {
    echo().input("-").stdin("[\n1\n]\n").run().succeeds().prints("[\n1\n]");
}

#[test]
fn text_that_is_no_json_is_refused() {
    insta::assert_snapshot!(refused(echo().input("{n: 1}")).stderr);
    refused(echo().input("")).says(["error: the input of `--input` is not JSON: "]);
    refused(echo().input("{} {}")).says(["error: the input of `--input` is not JSON: "]);
    refused(echo().input("@in.json").file("in.json", "{'a': 1}"))
        .says(["error: the input of `in.json` is not JSON: "]);
    refused(echo().input("-").stdin("")).says(["error: the input of standard input is not JSON: "]);
}

#[test]
fn a_file_that_is_missing_is_named() {
    insta::assert_snapshot!(refused(echo().input("@in.json")).stderr);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    refused(echo().input("@in.json").file("in.json", [b'"', 0xff, b'"']))
        .says(["`in.json` is not UTF-8 text (byte 1)"]);
    refused(echo().input("-").stdin([b'"', 0xff, b'"'])).says(["standard input", "UTF-8"]);
}

#[test]
fn an_input_larger_than_a_state_is_refused() {
    let largest = format!("\"{}\"", "x".repeat(262_142));
    echo().input("-").stdin(largest.clone()).run().succeeds().prints(&largest);
    let larger = format!("\"{}\"", "x".repeat(262_143));
    insta::assert_snapshot!(refused(echo().input("-").stdin(larger.clone())).stderr);
    refused(echo().input("@in.json").file("in.json", larger))
        .says(["the input of `in.json` is longer than 262144 bytes"]);
    // A file that is much larger is not read to its end.
    refused(echo().input("-").stdin(vec![b'x'; 8 << 20])).says(["is longer than 262144 bytes"]);
}

#[test]
fn an_input_that_nests_too_deep_is_refused() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    refused(echo().input(&deep)).says(["error: the input of `--input` is not JSON: "]);
}
