//! One file per command.

pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod validate;

use std::path::Path;

use stepwell_asl::{NamedMachine, Workflow};

use crate::error::CommandError;

/// Reads a workflow file as text.
fn read_source(path: &Path) -> Result<String, CommandError> {
    let bytes = std::fs::read(path).map_err(|error| CommandError::unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CommandError::invalid(format!("`{}` is not UTF-8 text (byte {at})", path.display()))
    })
}

/// The name of a machine whose file holds nothing but its definition: the file's, without endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').find(|part| !part.is_empty()).unwrap_or("workflow");
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' })
        .collect()
}

/// The machine of that name, or the only one.
fn choose<'w>(
    workflow: &'w Workflow,
    name: Option<&str>,
) -> Result<&'w NamedMachine, CommandError> {
    let names = || {
        let names: Vec<_> = workflow.machines.iter().map(|machine| machine.name.as_str()).collect();
        names.join(", ")
    };
    match (name, workflow.machines.as_slice()) {
        (None, [machine]) => Ok(machine),
        (None, _) => Err(CommandError::invalid("the file holds several state machines")
            .with_help(format!("choose one with `--state-machine NAME`: {}", names()))),
        (Some(name), machines) => {
            machines.iter().find(|machine| machine.name == name).ok_or_else(|| {
                CommandError::invalid(format!("the file holds no state machine `{name}`"))
                    .with_help(format!("it holds: {}", names()))
            })
        }
    }
}
