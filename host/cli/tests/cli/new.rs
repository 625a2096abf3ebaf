//! `stepwell new`, and what a new task is good for at once.

use crate::support::{Cli, link_packages, with_languages};

/// Makes a task, and gives its folder to what comes next.
fn made(language: &str) -> Cli {
    let ran = Cli::new().args(["new", "task", "hello-world", "--lang", language]).run().succeeds();
    assert!(ran.stdout.contains("stepwell run hello-world/workflow.yaml"), "{}", ran.stdout);
    ran.again()
}

fn greets(cli: Cli) {
    let ran = with_languages(cli.args([
        "run",
        "hello-world/workflow.yaml",
        "--input",
        r#"{"name":"Ada"}"#,
    ]))
    .run()
    .succeeds();
    assert_eq!(ran.json()["greeting"], "Hello, Ada!");
    ran.says(["hello-world greets Ada"]);
}

#[test]
fn a_new_task_in_python_runs_at_once() {
    greets(made("python"));
}

#[test]
fn a_new_task_in_javascript_runs_at_once() {
    let cli = made("js");
    link_packages(&cli.path("hello-world"));
    greets(cli);
}

#[test]
fn a_new_task_in_rust_runs_at_once() {
    let home = std::env::var("HOME").unwrap_or_default();
    let of = |name: &str, folder: &str| {
        std::env::var(name).unwrap_or_else(|_| format!("{home}/{folder}"))
    };
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/new-task");
    let cli = made("rust")
        .env("CARGO_HOME", of("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", of("RUSTUP_HOME", ".rustup"))
        .env("CARGO_TARGET_DIR", target);
    greets(cli);
}

#[test]
fn the_tests_of_a_new_task_pass() {
    let python: &[&str] = &["-B", "-m", "unittest"];
    for (language, program, arguments) in
        [("python", "python3", python), ("js", "node", &["--test"])]
    {
        let cli = made(language);
        let mut command = std::process::Command::new(program);
        let output = command.args(arguments).current_dir(cli.path("hello-world")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_new_workflow_runs_at_once() {
    let ran = Cli::new().args(["new", "workflow", "import"]).run().succeeds();
    let run = ["run", "import/workflow.yaml", "--input", "@import/input.json"];
    let ran = ran.again().args(run).run().succeeds();
    ran.prints(r#"{"offset":50,"rows":37,"continue":false}"#);
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let cli = Cli::new().file("hello/mine.py", "mine");
    let ran = cli.args(["new", "task", "hello", "--lang", "python"]).run().exits(2);
    let ran = ran.says(["`hello` is there already"]);
    assert_eq!(ran.files("hello"), ["mine.py"]);
    for name in ["", "1st", "../up", "a b", "-x", "é"] {
        Cli::new().args(["new", "workflow", "--", name]).run().exits(2).says(["is no name"]);
    }
}

/// Waits until the run has printed this, and says what it has said.
fn printed(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_to_string(folder.join("out")).is_ok_and(|out| out.contains(text))
}

#[test]
fn a_watched_run_runs_again_when_something_changes() {
    let cli = with_languages(made("python")).file("input.json", r#"{"name":"Ada"}"#);
    let out = std::fs::File::create(cli.path("out")).unwrap();
    let run = ["run", "hello-world/workflow.yaml", "--input", "@input.json", "--watch"];
    let started = cli.args(run).stdout(out).start().wait_for("waiting for changes");
    let task = started.folder().join("hello-world/hello_world.py");
    // A mistake does not end it.
    std::fs::write(&task, "def handler(:\n").unwrap();
    let started = started.wait_for("SyntaxError");
    let text = "def handler(state, context):\n    return {'again': state['name']}\n";
    std::fs::write(&task, text).unwrap();
    let started = started.wait_until(|folder| printed(folder, r#"{"again":"Ada"}"#));
    std::fs::write(started.folder().join("input.json"), r#"{"name":"Eve"}"#).unwrap();
    let started = started.wait_until(|folder| printed(folder, r#"{"again":"Eve"}"#));
    started
        .signal("INT")
        .end()
        .exits(0)
        .says(["hello_world.py has changed", "input.json has changed"]);
}

#[test]
fn what_cannot_be_read_again_cannot_be_watched() {
    let cli = Cli::new().args(["new", "workflow", "import"]).run().succeeds().again();
    let ran = cli.args(["run", "import/workflow.yaml", "--input", "-", "--watch"]).run();
    ran.exits(2).says(["standard input only once"]);
}
