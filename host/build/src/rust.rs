//! Rust: cargo knows what has to be built anew, so it is asked each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::source::Found;
use crate::toolchain::{not_installed, run_telling, words};
use crate::{BuildError, Language};

const TARGET: &str = "wasm32-wasip2";

/// A line of cargo's messages, as far as it matters.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    fresh: bool,
}

/// Where cargo has put the component, and whether it had to do something.
pub(crate) fn build(found: &Found, tell: &dyn Fn(&str)) -> Result<(PathBuf, bool), BuildError> {
    let manifest = std::path::absolute(&found.file).unwrap_or_else(|_| found.file.clone());
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--message-format=json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(&manifest)
        // Where the folder says which toolchain it wants, that is meant.
        .current_dir(&found.folder);
    let absent = || {
        not_installed(Language::Rust, "cargo", "see https://rustup.rs (stable Rust, 1.95 or newer)")
    };
    // What cargo compiles now is progress, not an error.
    let output = run_telling(&mut command, &found.folder, absent, &|line| {
        if line.trim_start().starts_with("Compiling ") {
            tell(line.trim_start());
        }
    })?;
    if !output.status.success() {
        let said = words(&output);
        if said.contains(&format!("the `{TARGET}` target may not be installed")) {
            let install = format!("rustup target add {TARGET}");
            return Err(not_installed(Language::Rust, &format!("target {TARGET}"), &install));
        }
        return Err(BuildError::Failed { path: found.folder.clone(), output: said });
    }
    component(&output.stdout, &manifest).ok_or_else(|| BuildError::Failed {
        path: found.folder.clone(),
        output: "it has no library of the kind `cdylib`, which is what becomes a component: add \
                 `[lib]` with `crate-type = [\"cdylib\"]` to its `Cargo.toml`"
            .to_owned(),
    })
}

fn component(messages: &[u8], manifest: &Path) -> Option<(PathBuf, bool)> {
    let same = |path: &Path| {
        path == manifest
            || path
                .canonicalize()
                .ok()
                .is_some_and(|path| Some(path) == manifest.canonicalize().ok())
    };
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact" && same(&message.manifest_path))
        .find_map(|message| {
            let is_wasm =
                |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
            Some((message.filenames.into_iter().find(is_wasm)?, !message.fresh))
        })
}
