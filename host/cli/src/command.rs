//! One file per command.

pub(crate) mod completions;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod validate;

use std::io::Read;
use std::path::Path;

use stepwell_asl::{Files, Finding, NamedMachine, Options, Source, Workflow};

use crate::args::BesideArgs;
use crate::error::{CommandError, reason};

/// Texts that are larger are not read: a workflow file may be no larger.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The file system, for the files that a workflow file refers to.
struct FileSystem;

impl Files for FileSystem {
    fn read(&self, path: &str) -> Result<String, String> {
        let metadata = std::fs::metadata(path).map_err(|error| reason(&error))?;
        // A device or a pipe may never end.
        if !metadata.is_file() {
            return Err("it is no ordinary file".to_owned());
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(format!("it is longer than {FILE_BYTES_MAX} bytes"));
        }
        let bytes = std::fs::read(path).map_err(|error| reason(&error))?;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
    }
}

/// A workflow file's text, and what came of reading it.
type Loaded = (String, Result<Workflow, Vec<Finding>>);

/// Reads a workflow file with the files beside it.
fn load(path: &Path, beside: &BesideArgs, machine: Option<&str>) -> Result<Loaded, CommandError> {
    let text = read_source(path)?;
    let functions = match &beside.functions {
        Some(path) => Some((path.to_string_lossy(), read_source(path)?)),
        None => None,
    };
    let values = beside.values.iter().cloned().collect();
    let options = Options {
        stem: &stem(path),
        values: &values,
        functions: functions.as_ref().map(|(path, text)| Source { path, text }),
        machine,
    };
    let source = Source { path: &path.to_string_lossy(), text: &text };
    let loaded = stepwell_asl::load_with(&source, &FileSystem, &options);
    Ok((text, loaded))
}

/// Reads a workflow file as text.
fn read_source(path: &Path) -> Result<String, CommandError> {
    let bytes = read_bounded(path).map_err(|error| CommandError::unreadable(path, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("`{}` is larger than {FILE_BYTES_MAX} bytes", path.display());
        return Err(CommandError::invalid(message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CommandError::invalid(format!("`{}` is not UTF-8 text (byte {at})", path.display()))
    })
}

/// A file's bytes, one more than [`FILE_BYTES_MAX`] at most.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The name of a machine whose file holds nothing but its definition: the file's, without endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split('.').find(|part| !part.is_empty()).unwrap_or("workflow");
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' })
        .collect()
}

/// The machine of that name or key, or the only one.
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
            let found = machines.iter().find(|machine| machine.name == name);
            found.or_else(|| machines.iter().find(|machine| machine.key == name)).ok_or_else(|| {
                CommandError::invalid(format!("the file holds no state machine `{name}`"))
                    .with_help(format!("it holds: {}", names()))
            })
        }
    }
}
