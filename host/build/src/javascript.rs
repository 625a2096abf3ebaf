//! JavaScript and TypeScript: node runs our script, which bundles with esbuild and calls componentize-js.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::builder::unpack;
use crate::digest::Fingerprint;
use crate::source::Found;
use crate::toolchain::{not_installed, run, words};
use crate::{BuildError, Language};

static PACKAGE: Dir<'_> =
    include_dir!("$CARGO_MANIFEST_DIR/../../guest-tasks/javascript/stepwell-task");

/// What the script says by its exit code: a package is missing.
const MISSING: i32 = 3;
/// What a project that has a `package.json` needs.
pub(crate) const INSTALL: &str =
    "npm install --save-dev @bytecodealliance/componentize-js@0.23 esbuild";

pub(crate) fn add_to(fingerprint: &mut Fingerprint) {
    fingerprint.add_embedded(&PACKAGE);
}

/// What the script prints, as far as it matters.
#[derive(Deserialize)]
struct Told {
    /// The files that were bundled, from the folder that is built in.
    inputs: Vec<PathBuf>,
}

/// Builds into `out`; `scratch` is an empty folder for what that takes. Gives the files that were bundled and that the
/// hash of the source's folder knows nothing of.
pub(crate) fn build(found: &Found, scratch: &Path, out: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let unwritable = |error| BuildError::Unwritable { path: scratch.to_owned(), error };
    let (package, wit) = (scratch.join("stepwell-task"), scratch.join("wit"));
    unpack(&PACKAGE, &package).map_err(unwritable)?;
    unpack(&crate::WIT, &wit).map_err(unwritable)?;
    let file = std::path::absolute(&found.file).unwrap_or_else(|_| found.file.clone());
    let mut command = Command::new("node");
    command
        .arg(package.join("build.mjs"))
        .arg(file)
        .args(["--handler", &found.function])
        .arg("--out")
        .arg(out)
        .arg("--wit")
        .arg(wit)
        .args(["--root", ".", "--json"])
        .current_dir(&found.folder);
    let output = run(&mut command, &found.file, || {
        not_installed(Language::JavaScript, "node", "apt install nodejs npm (20 or newer)")
    })?;
    if output.status.success() {
        // Its last line: what it calls may have something to say as well.
        let mut lines = output.stdout.split(|byte| *byte == b'\n').rev();
        let told = lines.find_map(|line| serde_json::from_slice::<Told>(line).ok());
        let told = told.ok_or_else(|| BuildError::Failed {
            path: found.file.clone(),
            output: words(&output),
        })?;
        let elsewhere = |path: &PathBuf| {
            path.components().any(|part| part == Component::ParentDir)
                || path.components().any(|part| part.as_os_str() == "node_modules")
        };
        return Ok(told
            .inputs
            .into_iter()
            .filter(elsewhere)
            .map(|path| found.folder.join(path))
            .collect());
    }
    let said = words(&output);
    if output.status.code() == Some(MISSING) {
        let what = said.split('`').nth(1).unwrap_or("componentize-js");
        let install = format!("cd {} && {INSTALL}", found.folder.display());
        return Err(not_installed(Language::JavaScript, what, &install));
    }
    let output = said.trim_start_matches("error: ").to_owned();
    Err(BuildError::Failed { path: found.file.clone(), output })
}
