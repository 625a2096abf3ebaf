//! What an invocation costs in each language beside a bare wasmtime loop over the same component: the echo tasks,
//! as `stepwell build` builds them.
//!
//! `cargo xtask guests`, `cargo xtask languages`, then `cargo bench -p stepwell-cli --bench languages`. Compare the
//! medians of `bare` and `sandbox`, which have the same limits on.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use divan::Bencher;
use stepwell_sandbox::Environment;

use crate::support::Echo;

const CALLS: usize = 8;
const LANGUAGES: [Language; 3] = [Language::Rust, Language::Python, Language::JavaScript];

fn main() {
    divan::main();
}

#[derive(Debug, Clone, Copy)]
enum Language {
    Rust,
    Python,
    JavaScript,
}

impl Language {
    fn echo(self) -> &'static Echo {
        static ECHOES: [OnceLock<Echo>; 3] = [const { OnceLock::new() }; 3];
        ECHOES[self as usize].get_or_init(|| {
            let component = match self {
                Self::Rust => guests().join("target/wasm32-wasip2/release/echo.wasm"),
                Self::Python => built("python/echo/echo.py"),
                Self::JavaScript => built("javascript/echo/index.mjs"),
            };
            Echo::new(&std::fs::read(component).expect("the component is built"))
        })
    }
}

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../guest-tasks")
        .canonicalize()
        .expect("it is there")
}

/// Builds a task, or finds what the tests have built.
fn built(source: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let cache = folder.join("languages");
    let output = folder.join("bench").join(source.replace('/', "-"));
    std::fs::create_dir_all(&output).expect("a folder can be made");
    let workflow = format!(
        "x-stepwell: {{ functions: {{ echo: {{ source: {}/{source} }} }} }}\n\
         StartAt: A\nStates: {{ A: {{ Type: Succeed }} }}\n",
        guests().display()
    );
    let file = output.join("workflow.yaml");
    std::fs::write(&file, workflow).expect("a file can be written");
    let tools = guests().join("target/python/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let status = Command::new(env!("CARGO_BIN_EXE_stepwell"))
        .args(["build", "--output"])
        .arg(&output)
        .arg(&file)
        .env("STEPWELL_CACHE", cache)
        .env("PATH", format!("{}:{path}", tools.display()))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "`cargo xtask languages` installs what builds it"
    );
    output.join("echo.wasm")
}

/// A fresh instance for each call.
#[divan::bench_group(sample_count = 100)]
mod fresh {
    use super::{Bencher, CALLS, Environment, LANGUAGES, Language};

    #[divan::bench(args = LANGUAGES)]
    fn bare(bencher: Bencher<'_, '_>, language: Language) {
        language.echo().bare_fresh(bencher, CALLS);
    }

    #[divan::bench(args = LANGUAGES)]
    fn sandbox(bencher: Bencher<'_, '_>, language: Language) {
        language.echo().sandbox(bencher, Environment::Fresh, CALLS);
    }
}

/// The same instance for all calls.
#[divan::bench_group(sample_count = 100)]
mod warm {
    use super::{Bencher, CALLS, Environment, LANGUAGES, Language};

    #[divan::bench(args = LANGUAGES)]
    fn bare(bencher: Bencher<'_, '_>, language: Language) {
        language.echo().bare_warm(bencher, CALLS);
    }

    #[divan::bench(args = LANGUAGES)]
    fn sandbox(bencher: Bencher<'_, '_>, language: Language) {
        language.echo().sandbox(bencher, Environment::Warm, CALLS);
    }
}
