//! Case folders: which there are, what they hold, and their snapshots.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use stepwell_asl::Files;

/// The names that a case's workflow file can have: those that each tool gives its own.
const ENTRIES: [&str; 6] = [
    "workflow.yaml",
    "workflow.asl.json",
    "template.yaml",
    "template.json",
    "serverless.yml",
    "Stack.template.json",
];

/// Any of these files, or a workflow file, makes a folder a case.
const MARKS: [&str; 2] = ["source.json", "table.json"];

/// Where the case folders of a boundary lie.
pub fn boundary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(name)
}

/// One test for each case folder of a boundary. A folder that is no case and holds none is a mistake.
pub fn trials(name: &'static str, check: fn(&Path)) -> Vec<Trial> {
    let root = boundary(name);
    cases_below(&root)
        .into_iter()
        .map(|folder| {
            let below = folder.strip_prefix(&root).expect("it was found there");
            Trial::test(format!("{name}/{}", below.display()), move || {
                if is_case(&folder) {
                    check(&folder);
                    Ok(())
                } else {
                    Err(Failed::from(format!("the folder holds none of {ENTRIES:?} and {MARKS:?}")))
                }
            })
        })
        .collect()
}

/// The case folders below a folder, and the folders that hold nothing, in the order of their names.
pub fn cases_below(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    if is_case(folder) || folders.is_empty() {
        return vec![folder.to_owned()];
    }
    folders.iter().flat_map(|folder| cases_below(folder)).collect()
}

fn is_case(folder: &Path) -> bool {
    ENTRIES.iter().chain(&MARKS).any(|name| folder.join(name).is_file())
}

/// The workflow file's text.
///
/// `source.json` stands for texts that no editor or reader should meet: a list of `[text, times]`.
pub fn source(folder: &Path) -> String {
    if let Some(parts) = json(folder, "source.json") {
        return parts
            .as_array()
            .expect("source.json is a list of `[text, times]`")
            .iter()
            .map(|part| {
                let text = part[0].as_str().expect("the first is a text");
                let times = part[1].as_u64().expect("the second is a number");
                text.repeat(usize::try_from(times).expect("it fits into memory"))
            })
            .collect();
    }
    fs::read_to_string(folder.join(entry(folder))).expect("the workflow file can be read")
}

/// The workflow file's name.
pub fn entry(folder: &Path) -> &'static str {
    let mut entries = ENTRIES.iter().filter(|name| folder.join(name).is_file());
    entries.next().expect("the case has a workflow file")
}

/// A JSON file of the case, if it has it.
pub fn json(folder: &Path, name: &str) -> Option<Value> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Compares a text with the case's `expected.snap`.
///
/// A missing snapshot is a failure where `INSTA_UPDATE=no`; `INSTA_UPDATE=always` writes it.
pub fn assert_snapshot(folder: &Path, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("expected", text));
}

/// The files of a folder, for what a workflow file refers to.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(path)).map_err(|_| "there is no such file".to_owned())
    }
}
