//! The guest tasks' components, and workflows around one of them.

use std::path::Path;

/// The path of a guest task's component.
pub(crate) fn guest(name: &str) -> String {
    let built = "../../guest-tasks/target/wasm32-wasip2/release";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(built).join(format!("{name}.wasm"));
    let path = path.canonicalize().unwrap_or_else(|error| {
        panic!("`{}`: {error}; `cargo xtask test` builds the guest tasks", path.display())
    });
    path.to_str().unwrap().to_owned()
}

/// A workflow of one Task that calls one function with these settings (indented by four), and goes on
/// with `Caught` after any failure.
pub(crate) fn machine_of(settings: &str) -> String {
    format!(
        "functions:
  task:
{settings}
stateMachines:
  machine:
    definition:
      StartAt: Work
      States:
        Work:
          Type: Task
          Resource: task
          Catch: [{{ ErrorEquals: [States.ALL], Next: Caught }}]
          End: true
        Caught: {{ Type: Pass, End: true }}
"
    )
}
