//! Data on standard output, all else on standard error, and readers that go away.

use std::fs::File;

use crate::support::{Cli, Import, machine_of, source};

const STUB: &str = "    stub: { returns: { rows: 3 } }\n";

#[test]
fn standard_output_has_the_output_and_nothing_else() {
    Cli::workflow(&machine_of(STUB)).run().succeeds().prints("{\"rows\":3}");
}

#[test]
fn quiet_says_nothing_but_errors() {
    let source = source(30, &["status:500@first:1"]);
    let ran = Import::new().from(&source.url()).arg("-q").run().succeeds();
    assert_eq!(ran.stderr, "");

    let failing = machine_of("    stub: { fails: { error: Orders.Closed } }\n");
    let failing = failing.replace("States.ALL", "Other");
    let ran = Cli::workflow(&failing).arg("--quiet").run().exits(1).prints_nothing();
    assert_eq!(ran.stderr, "error: the execution failed: Orders.Closed\n");
}

#[test]
fn nothing_is_coloured_where_nobody_looks_at_a_terminal() {
    let run =
        |workflow: &str| Cli::workflow(workflow).env("NO_COLOR", "").env("TERM", "xterm").run();
    for ran in [run(&machine_of(STUB)), run("StartAt: A\n"), run("")] {
        assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Cli::workflow(&machine_of(STUB)).stdout(writer).run().succeeds();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Cli::new().args(["completions", "bash"]).stdout(writer).run().succeeds();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Cli::new().arg("--help").stdout(writer).run().succeeds();
}

#[test]
fn a_standard_error_that_nobody_reads_is_no_error() {
    let source = source(30, &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Import::new().from(&source.url()).stderr(writer).run().succeeds();
    assert_eq!(ran.json()["rows"], 30);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Cli::workflow("").stderr(writer).run().exits(2);
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    Cli::workflow(&machine_of(STUB))
        .stdout(full)
        .run()
        .exits(3)
        .says(["error: cannot write to standard output: the disk is full"]);
}

#[test]
fn a_terminal_shows_a_live_line_and_the_summary() {
    let found = std::process::Command::new("script").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: there is no `script` to make a terminal with");
        return;
    }
    let source = source(200, &[]);
    // `script` takes one command for a shell, so the input with its quotes comes from a file.
    let ran = Import::new()
        .with_input("@input.json")
        .file("input.json", Import::input_from(&source.url()))
        .within(&[], "script -qec \"$0 $*\" /dev/null")
        .env("TERM", "xterm")
        .run()
        .succeeds();
    let shown = &ran.stdout;
    assert!(shown.contains("fetch: 9 invocations, longest"), "{shown:?}");
    assert!(shown.contains("\"rows\":200"), "{shown:?}");
    assert!(shown.contains("\u{1b}["), "it moves the cursor: {shown:?}");
    assert!(!shown.contains("\u{1b}[3"), "NO_COLOR is set: {shown:?}");
}
