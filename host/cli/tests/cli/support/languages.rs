//! The toolchains of other languages, which `cargo xtask languages` installs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Cli;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder of the guests: `python`, `javascript`.
pub(crate) fn guests(folder: &str) -> String {
    root().join("guest-tasks").join(folder).to_str().unwrap().to_owned()
}

/// A `PATH` with componentize-py, Python with zig, and wit-bindgen in front.
pub(crate) fn path_of_languages() -> OsString {
    let tools = root().join("guest-tasks/target/python/bin");
    let installed = tools.join("componentize-py").exists();
    assert!(installed, "install the toolchains first: `cargo xtask languages`");
    let mut path = OsString::from(tools);
    path.push(":");
    path.push(root().join("guest-tasks/target/wit-bindgen/bin"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// The command line with the toolchains, and with what was built and compiled by others of these tests.
pub(crate) fn with_languages(cli: Cli) -> Cli {
    cli.env("PATH", path_of_languages()).env("STEPWELL_CACHE", shared_cache()).patiently()
}

/// Components of interpreters take seconds to build and more to compile: once for all tests.
pub(crate) fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("languages")
}

/// Makes the packages of `guest-tasks/javascript` those of a project.
pub(crate) fn link_packages(project: &Path) {
    let packages = root().join("guest-tasks/javascript/node_modules");
    assert!(packages.exists(), "install the toolchains first: `cargo xtask languages`");
    std::os::unix::fs::symlink(packages, project.join("node_modules")).unwrap();
}
