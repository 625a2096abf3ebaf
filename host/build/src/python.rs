//! Python: componentize-py, with a module of ours that calls the task's.

use std::fs;
use std::path::Path;
use std::process::Command;

use include_dir::{Dir, include_dir};

use crate::builder::unpack;
use crate::digest::Fingerprint;
use crate::source::Found;
use crate::toolchain::{not_installed, run, words};
use crate::{BuildError, Language};

static PACKAGE: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../../guest-tasks/python/stepwell_task");

pub(crate) const INSTALL: &str = "pip install componentize-py==0.25.1";

/// The world of a Python task: that of every task, and the environment, which the interpreter in a component
/// knows as it was when it was built.
const WORLD: &str = "package stepwell:task@0.1.0;

world python-task {
  include task;
  import wasi:cli/environment@0.2.12;
}
";

/// Where componentize-py shows the second of its `-p` folders to the interpreter.
const TASK_MOUNT: &str = "/1/";

/// What componentize-py makes a component of. The names are checked to be Python's before they come here.
fn entry(found: &Found) -> String {
    format!(
        "from stepwell_task.runtime import serve\n\nHandler = serve(\"{}\", \"{}\")\n",
        found.module, found.function
    )
}

pub(crate) fn add_to(fingerprint: &mut Fingerprint) {
    fingerprint.add_embedded(&PACKAGE);
}

/// Builds into `out`; `scratch` is an empty folder for what that takes.
pub(crate) fn build(found: &Found, scratch: &Path, out: &Path) -> Result<(), BuildError> {
    let unwritable = |error| BuildError::Unwritable { path: scratch.to_owned(), error };
    let (glue, wit) = (scratch.join("glue"), scratch.join("wit"));
    unpack(&PACKAGE, &glue.join("stepwell_task")).map_err(unwritable)?;
    unpack(&crate::WIT, &wit).map_err(unwritable)?;
    for name in found.module.split('.').chain([&*found.function]) {
        if !is_name(name) {
            let message = format!("`{name}` of the handler is no name in Python");
            return Err(BuildError::Handler { message });
        }
    }
    fs::write(glue.join("stepwell_app.py"), entry(found)).map_err(unwritable)?;
    fs::write(wit.join("python.wit"), WORLD).map_err(unwritable)?;
    let folder = std::path::absolute(&found.folder).unwrap_or_else(|_| found.folder.clone());
    let mut command = Command::new("componentize-py");
    command
        .arg("-d")
        .arg(wit)
        .args(["-w", "python-task", "componentize", "stepwell_app", "-p"])
        .arg(&glue)
        .arg("-p")
        .arg(folder)
        .arg("-o")
        .arg(out)
        // What it writes beside us must not land in the user's folder.
        .current_dir(scratch);
    let output = run(&mut command, &found.file, || {
        not_installed(Language::Python, "componentize-py", INSTALL)
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(BuildError::Failed { path: found.file.clone(), output: own_words(&words(&output), found) })
}

/// What Python says of the task: without the frames of componentize-py, of our package and of the import
/// machinery, and with the task's files as they are called here. All of it, where it is of another shape.
fn own_words(said: &str, found: &Found) -> String {
    let Some((_, traceback)) = said.rsplit_once("Traceback (most recent call last):\n") else {
        return said.to_owned();
    };
    let traceback = traceback.split("\n\n").next().unwrap_or(traceback);
    let (mut own, mut lines) = (false, Vec::new());
    for line in traceback.lines() {
        if let Some(frame) = line.strip_prefix("  File \"") {
            own = frame.starts_with(TASK_MOUNT);
        } else if !line.starts_with(' ') {
            own = true;
        }
        if own {
            let folder = format!("{}/", found.folder.display());
            lines.push(line.replacen(TASK_MOUNT, &folder, 1));
        }
    }
    lines.join("\n")
}

/// Whether it is an identifier.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_failing_import_the_tasks_own_frames_are_told() {
        let said = "Traceback (most recent call last):\n  File \"/usr/bin/componentize-py\", line 8\n\
                    AssertionError: Traceback (most recent call last):\n  \
                    File \"/0/stepwell_app.py\", line 3, in <module>\n    Handler = serve()\n  \
                    File \"/1/fetch.py\", line 1, in <module>\n    import nothing\n\
                    ModuleNotFoundError: No module named 'nothing'\n\n\nCaused by:\n    x";
        let found = Found {
            language: Language::Python,
            folder: "tasks".into(),
            file: "tasks/fetch.py".into(),
            module: "fetch".to_owned(),
            function: "handler".to_owned(),
        };
        assert_eq!(
            own_words(said, &found),
            "  File \"tasks/fetch.py\", line 1, in <module>\n    import nothing\n\
             ModuleNotFoundError: No module named 'nothing'"
        );
        assert_eq!(own_words("no room on the disk", &found), "no room on the disk");
    }
}
