//! What comes of a compiler's process that is none, or is cut short. The real one is tested where its binary is:
//! `host/cli/tests/cli/compile.rs`.

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};
use stepwell_sandbox::{Compiler, CompilerBounds, Component, LoadError, Sandbox, SandboxSettings};

use crate::support::Guest;

/// What a load says whose compiler is a shell script, which finds its bounds in `$0` and `$1`.
fn load(script: &str, wall: Duration) -> LoadError {
    let compiler = Compiler::Process {
        command: PathBuf::from("/bin/sh"),
        arguments: ["-c", script].map(Into::into).to_vec(),
        bounds: CompilerBounds { memory_bytes: 5 << 20, cpu_seconds: 7, wall },
    };
    refused(compiler)
}

fn refused(compiler: Compiler) -> LoadError {
    let settings = SandboxSettings { compiler, ..SandboxSettings::default() };
    let sandbox = Sandbox::new(settings).unwrap();
    let loaded = Component::load(&sandbox, &Guest::null().component());
    loaded.err().expect("no code comes of it")
}

/// With time enough.
fn told(script: &str) -> String {
    load(script, Duration::from_mins(5)).to_string()
}

#[test]
fn a_compiler_that_does_not_start_is_named() {
    let bounds = CompilerBounds::default();
    let command = PathBuf::from("/nowhere/compiler");
    let error = refused(Compiler::Process { command, arguments: Vec::new(), bounds });
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    assert!(error.to_string().contains("`/nowhere/compiler` does not start: "), "{error}");
}

#[test]
fn a_compiler_that_does_not_end_is_ended() {
    // One that reads nothing, and one that has said something.
    for script in ["exec /bin/sleep 600", "printf abc; exec /bin/sleep 600"] {
        let error = load(script, Duration::from_millis(50));
        assert!(matches!(error, LoadError::TooCostly { .. }), "{error}");
        assert!(error.to_string().ends_with("it takes more than 0 seconds"), "{error}");
    }
}

#[test]
fn the_way_in_which_it_ends_is_told() {
    let cases = [
        ("exit 0", "cannot compile the component: the compiler ended with exit status: 0"),
        (
            "echo no >&2; exit 3",
            "cannot compile the component: the compiler ended with exit status: 3: no",
        ),
        (
            "kill -XCPU $$",
            "costs too much to compile: it takes more than 7 seconds of processor time",
        ),
        (
            "kill -KILL $$",
            "something outside killed the compiler; the machine may be short of memory",
        ),
        (
            "kill -SEGV $$",
            "costs too much to compile: its nesting is too deep for the compiler's stack",
        ),
        (
            "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
            "costs too much to compile: it takes more than 5 MiB of memory",
        ),
    ];
    for (script, expected) in cases {
        let told = told(script);
        assert!(told.contains(expected), "{script}: {told}");
    }
}

#[test]
fn it_gets_its_bounds_and_no_environment() {
    let told = told("echo \"$0 $1 ${HOME-none} ${CARGO_MANIFEST_DIR-none}\" >&2; exit 1");
    assert!(told.ends_with("exit status: 1: 5242880 7 none none"), "{told}");
}

#[test]
fn what_it_says_is_read_and_kept_in_bounds() {
    // More than a pipe holds, before it reads anything.
    let told = told(
        "i=0; while [ $i -lt 9000 ]; do echo 0123456789012345678 >&2; i=$((i+1)); done; exit 1",
    );
    assert!(told.len() < 9_000, "{}", told.len());
    assert!(told.contains(": 0123456789012345678 0123456789012345678 "), "{told}");
}

/// What is said of an answer that was written to the compiler's standard output.
fn answered(kind: u8, body: &[u8], hash: Option<[u8; 32]>) -> LoadError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer");
    let right = || Sha256::new().chain_update([kind]).chain_update(body).finalize().into();
    let hash = hash.unwrap_or_else(right);
    std::fs::write(&path, [&[kind][..], &hash, body].concat()).unwrap();
    load(&format!("exec /bin/cat '{}'", path.display()), Duration::from_mins(5))
}

#[test]
fn an_answer_that_is_not_whole_or_no_code_of_ours_is_not_used() {
    let error = answered(0, b"half of the code", Some([7; 32]));
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
    let error = answered(0, b"the code of another engine", None);
    assert!(matches!(error, LoadError::Invalid { .. }), "{error}");
    let error = answered(9, b"of a kind that there is not", None);
    assert!(matches!(error, LoadError::Compiler { .. }), "{error}");
}

#[test]
fn a_refusal_comes_with_its_reason() {
    let told = [1, 2, 3, 4].map(|kind| answered(kind, b"because", None));
    let [
        LoadError::Invalid { .. },
        LoadError::Module { .. },
        LoadError::TooLarge { .. },
        LoadError::TooCostly { .. },
    ] = &told
    else {
        panic!("{told:?}")
    };
    assert!(told.iter().all(|error| error.to_string().ends_with(": because")));
}
