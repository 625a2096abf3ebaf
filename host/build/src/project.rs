//! New tasks and workflows: the files that they begin with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::{Language, WIT, python};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../guest-tasks/sdk");

/// What was made.
#[derive(Debug)]
pub struct Project {
    /// The files to look at, relative to where it was made.
    pub files: Vec<PathBuf>,
    /// Commands for a shell that come next.
    pub next: Vec<String>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It cannot be called so.
    #[error(
        "`{name}` is no name: letters, digits, `-` and `_`, and a letter first, 64 of them at most"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// There is something already.
    #[error("`{}` is there already, and is left as it is", .path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// It could not be written.
    #[error("cannot write `{}`: {error}", .path.display())]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A task in a folder of its name below `here`, with a test and a workflow that calls it.
pub fn task(here: &Path, name: &str, language: Language) -> Result<Project, ProjectError> {
    let (template, prepare, test) = match language {
        Language::Rust => ("rust", None, "cargo test"),
        Language::Python => ("python", Some(python::INSTALL), "python3 -m unittest"),
        Language::JavaScript => ("javascript", Some("npm install"), "node --test"),
    };
    let (folder, files) = make(here, name, template)?;
    if language == Language::Rust {
        // There is no registry that has the SDK: it comes along, with the contract that it is generated from.
        put(&SDK, &folder.join("sdk/stepwell-task"))?;
        put(&WIT, &folder.join("wit"))?;
    }
    let inside = |command: &str| format!("(cd {name} && {command})");
    let mut next: Vec<_> = match language {
        Language::JavaScript => prepare.map(inside).into_iter().collect(),
        Language::Python => prepare.map(str::to_owned).into_iter().collect(),
        Language::Rust => vec!["rustup target add wasm32-wasip2".to_owned()],
    };
    next.push(inside(test));
    next.push(format!(
        "stepwell run {name}/workflow.yaml --input '{{\"name\": \"World\"}}' --watch"
    ));
    Ok(Project { files, next })
}

/// A workflow in a folder of its name below `here`, whose functions are stubs.
pub fn workflow(here: &Path, name: &str) -> Result<Project, ProjectError> {
    let (_, files) = make(here, name, "workflow")?;
    let next = vec![
        format!("stepwell run {name}/workflow.yaml --input @{name}/input.json --watch"),
        format!("(cd {name} && stepwell new task fetch --lang python)"),
    ];
    Ok(Project { files, next })
}

/// What a template has, in a folder that was not there. `NAME` and, for identifiers, `IDENT` stand for the name,
/// in texts and in files' names.
fn make(here: &Path, name: &str, template: &str) -> Result<(PathBuf, Vec<PathBuf>), ProjectError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || !name.chars().all(fits) || name.len() > 64 {
        return Err(ProjectError::Name { name: name.to_owned() });
    }
    let folder = here.join(name);
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ProjectError::Exists { path: PathBuf::from(name) },
        _ => ProjectError::Unwritable { path: folder.clone(), error },
    })?;
    let named = |text: &str| text.replace("IDENT", &name.replace('-', "_")).replace("NAME", name);
    let mut files = Vec::new();
    let template = TEMPLATES.get_dir(template).expect("there is a template for each language");
    let mut open = vec![template];
    while let Some(dir) = open.pop() {
        open.extend(dir.dirs());
        for file in dir.files() {
            let path = file.path().strip_prefix(template.path()).expect("it is within it");
            // A file of cargo's would make a package of the template, one of git's would be obeyed.
            let path =
                path.to_str().expect("templates have plain names").trim_end_matches(".template");
            let path = named(path).replace("dot-", ".");
            let text = named(file.contents_utf8().expect("templates are texts"));
            write(&folder.join(&path), text.as_bytes())?;
            files.push(Path::new(name).join(path));
        }
    }
    files.sort();
    Ok((folder, files))
}

fn put(files: &Dir<'_>, folder: &Path) -> Result<(), ProjectError> {
    crate::builder::unpack(files, folder)
        .map_err(|error| ProjectError::Unwritable { path: folder.to_owned(), error })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ProjectError> {
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| ProjectError::Unwritable { path: path.to_owned(), error })
}
