//! Components that are none: each is refused before anything runs, at its place in the workflow file.

use crate::support::{Cli, Ran, guest, machine_of};

/// Runs a workflow whose component is this file.
#[track_caller]
fn refused(bytes: Option<&[u8]>) -> Ran {
    let cli = Cli::workflow(&machine_of("    component: tasks/task.wasm\n"));
    let cli = match bytes {
        Some(bytes) => cli.file("tasks/task.wasm", bytes),
        None => cli,
    };
    cli.run().exits(2).prints_nothing().says([
        "error[ASL0505]: ",
        "--> workflow.yaml:3:16",
        "component: tasks/task.wasm",
        "error: `workflow.yaml` cannot be used: 1 error\n",
    ])
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component that exports an empty instance under this name.
fn exporting(name: &str) -> Vec<u8> {
    wat(&format!("(component (instance $it) (export \"{name}\" (instance $it)))"))
}

#[test]
fn a_component_that_does_not_exist_is_named() {
    refused(None).says(["cannot read the component `tasks/task.wasm`: there is no such file"]);
}

#[test]
fn a_folder_is_no_component() {
    Cli::workflow(&machine_of("    component: tasks\n"))
        .file("tasks/x", "")
        .run()
        .exits(2)
        .says(["cannot read the component `tasks`: it is a folder"]);
}

#[test]
fn a_truncated_component_is_no_component() {
    let whole = std::fs::read(guest("fetch")).unwrap();
    refused(Some(&whole[..whole.len() / 2]))
        .says(["`tasks/task.wasm` is no task: not a valid component: "]);
    refused(Some(&whole[..9])).says(["`tasks/task.wasm` is no task: not a valid component: "]);
    refused(Some(&whole[..6]))
        .says(["`tasks/task.wasm` is no task: not a valid component: the file is cut short"]);
}

#[test]
fn a_text_file_is_no_component() {
    refused(Some(b"print('hello')\n")).says([
        "`tasks/task.wasm` is no task: not a WebAssembly file: it begins with `print(\\'hello`",
    ]);
}

#[test]
fn an_empty_file_is_no_component() {
    refused(Some(b"")).says([
        "`tasks/task.wasm` is no task: not a WebAssembly file: it begins with nothing: the file is empty",
    ]);
}

#[test]
fn a_component_of_another_world_is_no_task() {
    refused(Some(&exporting("wasi:cli/run@0.2.0")))
        .says(["`tasks/task.wasm` is no task: the component has another world: \
         it exports `wasi:cli/run@0.2.0` and not `stepwell:task/handler`"]);
    refused(Some(&wat("(component)"))).says(["it exports nothing and not `stepwell:task/handler`"]);
}

#[test]
fn a_core_module_without_type_information_is_no_task() {
    refused(Some(&wat("(module (func (export \"_start\")))")))
        .says(["a core module that cannot be made a component: it carries no type information"]);
    refused(Some(&wat("(module (import \"env\" \"abort\" (func)))")))
        .says(["`tasks/task.wasm` is no task: a core module that cannot be made a component: "]);
}

#[test]
fn a_task_of_another_version_is_refused_by_name() {
    for version in ["0.2.0", "0.0.9", "1.0.0"] {
        let handler = format!("stepwell:task/handler@{version}");
        refused(Some(&exporting(&handler))).says([&format!(
            "the task was built for version {version} of `stepwell:task`; this host runs versions 0.1.x"
        )]);
    }
}

#[test]
fn a_handler_of_another_type_does_not_fit() {
    refused(Some(&exporting("stepwell:task/handler@0.1.0")))
        .says(["the component does not fit the world of a task: "]);
}

#[test]
fn imports_that_the_host_does_not_offer_are_named() {
    let component = wat("(component
        (import \"acme:database/query@1.0.0\" (instance (export \"run\" (func))))
        (instance $it) (export \"stepwell:task/handler@0.1.0\" (instance $it)))");
    refused(Some(&component))
        .says(["the component imports `acme:database/query@1.0.0`, which the host does not offer"]);
}

#[test]
fn every_unusable_component_is_told_at_once() {
    let workflow = "
functions:
  one: { component: missing.wasm }
  two: { component: text.wasm }
  unused: { component: missing-too.wasm }
stateMachines:
  machine:
    definition:
      StartAt: One
      States:
        One: { Type: Task, Resource: one, Next: Two }
        Two: { Type: Task, Resource: two, End: true }
";
    let ran = Cli::workflow(workflow)
        .file("text.wasm", "text")
        .args(["--history", "history.json"])
        .run()
        .exits(2)
        .says(["error: `workflow.yaml` cannot be used: 2 errors\n"]);
    // A function that no state calls is not looked at.
    insta::assert_snapshot!(ran.shown_stderr());
    assert!(!ran.path("history.json").exists());
}
