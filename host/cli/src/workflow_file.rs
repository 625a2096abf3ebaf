//! Workflow files: reading one with the files beside it, and keeping all that was read, so that an
//! execution can go on with it whatever becomes of the files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stepwell_asl::{Files, Finding, NamedMachine, Options, Source, Workflow};

use crate::args::BesideArgs;
use crate::error::{CommandError, reason};

/// Texts that are larger are not read: a workflow file may be no larger.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A workflow file as it was read: everything that its definition follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The folder in which relative paths begin.
    pub(crate) base: PathBuf,
    /// The file, as it was named.
    pub(crate) path: PathBuf,
    /// What it held.
    pub(crate) text: String,
    /// The files that it refers to: what they held, or why they could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) files: BTreeMap<String, Result<String, String>>,
    /// Values for what the file leaves open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, String>,
    /// The file of `--functions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    functions: Option<FunctionsFile>,
    /// The machine that is wanted, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct FunctionsFile {
    path: PathBuf,
    text: String,
}

/// Reads a workflow file with the files beside it. The error is that of a file that cannot be read.
pub(crate) fn read(
    path: &Path,
    beside: &BesideArgs,
    machine: Option<&str>,
) -> Result<(Kept, Result<Workflow, Vec<Finding>>), CommandError> {
    let base = std::env::current_dir().unwrap_or_default();
    let values = beside.values.iter().cloned().collect();
    read_in(base, path, beside.functions.as_deref(), values, machine)
}

fn read_in(
    base: PathBuf,
    path: &Path,
    functions: Option<&Path>,
    values: BTreeMap<String, String>,
    machine: Option<&str>,
) -> Result<(Kept, Result<Workflow, Vec<Finding>>), CommandError> {
    let text = read_source(&base.join(path), path)?;
    let functions = functions.map(|path| {
        let text = read_source(&base.join(path), path)?;
        Ok::<_, CommandError>(FunctionsFile { path: path.to_owned(), text })
    });
    let (functions, machine) = (functions.transpose()?, machine.map(str::to_owned));
    let path = path.to_owned();
    let mut kept = Kept { base, path, text, files: BTreeMap::new(), values, functions, machine };
    let disk = Disk { base: &kept.base, files: RefCell::default() };
    let loaded = kept.load_from(&disk);
    kept.files = disk.files.into_inner();
    Ok((kept, loaded))
}

impl Kept {
    /// A file that is not there: its text was made here, for the file that was named.
    pub(crate) fn made(path: &Path, text: String) -> Self {
        let base = std::env::current_dir().unwrap_or_default();
        let (files, values) = (BTreeMap::new(), BTreeMap::new());
        let path = path.to_owned();
        Self { base, path, text, files, values, functions: None, machine: None }
    }

    /// The folder of the file.
    pub(crate) fn folder(&self) -> PathBuf {
        self.base.join(self.path.parent().unwrap_or(Path::new("")))
    }

    /// The workflow as it was read.
    pub(crate) fn load(&self) -> Result<Workflow, Vec<Finding>> {
        self.load_from(&Memory(&self.files))
    }

    /// The workflow as its files are now, if they are there and can be used.
    pub(crate) fn read_again(&self) -> Option<(Self, Workflow)> {
        let functions = self.functions.as_ref().map(|file| file.path.as_path());
        let (base, machine) = (self.base.clone(), self.machine.as_deref());
        let read = read_in(base, &self.path, functions, self.values.clone(), machine);
        let (kept, loaded) = read.ok()?;
        Some((kept, loaded.ok()?))
    }

    fn load_from(&self, files: &dyn Files) -> Result<Workflow, Vec<Finding>> {
        let functions = self.functions.as_ref();
        let functions_path = functions.map(|file| file.path.to_string_lossy());
        let options = Options {
            stem: &stem(&self.path),
            values: &self.values,
            functions: functions
                .zip(functions_path.as_deref())
                .map(|(file, path)| Source { path, text: &file.text }),
            machine: self.machine.as_deref(),
        };
        let source = Source { path: &self.path.to_string_lossy(), text: &self.text };
        stepwell_asl::load_with(&source, files, &options)
    }

    /// Says that the file cannot be used.
    pub(crate) fn refuse(&self, findings: Vec<Finding>) -> CommandError {
        let (path, source_text) = (self.path.clone(), self.text.clone());
        CommandError::Findings { path, source_text, findings }
    }
}

/// The file system, for the files that a workflow file refers to. Keeps what it read.
struct Disk<'b> {
    base: &'b Path,
    files: RefCell<BTreeMap<String, Result<String, String>>>,
}

impl Files for Disk<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        let read = read_beside(&self.base.join(path));
        self.files.borrow_mut().insert(path.to_owned(), read.clone());
        read
    }
}

/// Files that were read before.
struct Memory<'f>(&'f BTreeMap<String, Result<String, String>>);

impl Files for Memory<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        let otherwise = || Err("it was not read when the execution began".to_owned());
        self.0.get(path).cloned().unwrap_or_else(otherwise)
    }
}

fn read_beside(path: &Path) -> Result<String, String> {
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

/// Reads a file as text; `named` is how the user calls it.
pub(crate) fn read_source(path: &Path, named: &Path) -> Result<String, CommandError> {
    let bytes = read_bounded(path).map_err(|error| CommandError::unreadable(named, &error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("`{}` is larger than {FILE_BYTES_MAX} bytes", named.display());
        return Err(CommandError::invalid(message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        CommandError::invalid(format!("`{}` is not UTF-8 text (byte {at})", named.display()))
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
pub(crate) fn choose<'w>(
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
