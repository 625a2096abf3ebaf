//! Rules about the repository as a whole: which crate may depend on what, and what must be documented.
//!
//! Manifests and the lock file are read as text: `[dependencies]` of our own crates, and of other
//! crates everything that the lock file lists, whatever the features. So a rule may forbid too much, and
//! never too little.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use stepwell_asl::CODES;

/// What the crates that must stay pure may not reach on any way: runtimes, clocks and chance.
const IMPURE: [&str; 8] =
    ["tokio", "wasmtime", "rand", "rand_core", "getrandom", "fastrand", "uuid", "tracing"];
const PURE: [&str; 8] = [
    "stepwell-query",
    "stepwell-eval",
    "stepwell-asl",
    "stepwell-convert",
    "stepwell-engine",
    "stepwell-debug",
    "stepwell-graph",
    "stepwell-lambda",
];

/// Crates that only one of ours may name.
const OWNED: [(&str, &str); 11] = [
    ("wasmtime", "stepwell-sandbox"),
    ("wasmtime-wasi", "stepwell-sandbox"),
    ("wasmtime-wasi-http", "stepwell-sandbox"),
    ("aws-sdk-s3", "stepwell-objects"),
    ("clap", "stepwell-cli"),
    ("rusqlite", "stepwell-journal"),
    ("indicatif", "stepwell-cli"),
    ("serde-saphyr", "stepwell-asl"),
    ("oci-client", "stepwell-registry"),
    ("jlens-core", "stepwell-query"),
    ("rustyline", "stepwell-cli"),
];

/// Which of our crates each may name: arrows point one way, and engine and sandbox never meet.
const ARROWS: [(&str, &[&str]); 16] = [
    ("stepwell-allowance", &[]),
    ("stepwell-build", &[]),
    ("stepwell-query", &["stepwell-allowance"]),
    ("stepwell-eval", &["stepwell-query"]),
    ("stepwell-asl", &["stepwell-query"]),
    ("stepwell-convert", &["stepwell-asl", "stepwell-query"]),
    ("stepwell-engine", &["stepwell-asl", "stepwell-query"]),
    ("stepwell-debug", &["stepwell-asl", "stepwell-engine", "stepwell-query"]),
    ("stepwell-journal", &["stepwell-asl", "stepwell-engine", "stepwell-query"]),
    ("stepwell-graph", &["stepwell-asl", "stepwell-query"]),
    ("stepwell-lambda", &[]),
    ("stepwell-objects", &[]),
    ("stepwell-registry", &["stepwell-asl"]),
    ("stepwell-scratch", &[]),
    ("stepwell-sandbox", &["stepwell-lambda", "stepwell-objects", "stepwell-scratch"]),
    (
        "stepwell-cli",
        &[
            "stepwell-allowance",
            "stepwell-asl",
            "stepwell-build",
            "stepwell-convert",
            "stepwell-debug",
            "stepwell-engine",
            "stepwell-eval",
            "stepwell-graph",
            "stepwell-journal",
            "stepwell-lambda",
            "stepwell-objects",
            "stepwell-query",
            "stepwell-registry",
            "stepwell-sandbox",
        ],
    ),
];

#[test]
fn pure_crates_reach_no_runtime_clock_or_chance() {
    let (ours, locked) = (dependencies_of_ours(), locked_dependencies());
    for pure in PURE {
        let mut reached = BTreeSet::new();
        let mut open = vec![pure.to_owned()];
        while let Some(name) = open.pop() {
            let next = ours.get(&name).or_else(|| locked.get(&name)).cloned().unwrap_or_default();
            if reached.insert(name) {
                open.extend(next);
            }
        }
        let forbidden: Vec<_> = reached
            .iter()
            .filter(|name| IMPURE.contains(&name.as_str()) || name.starts_with("aws-"))
            .collect();
        assert!(forbidden.is_empty(), "{pure} reaches {forbidden:?}");
        assert!(reached.len() > 5, "the lock file was not understood: {reached:?}");
    }
}

#[test]
fn each_heavy_dependency_has_one_owner() {
    for (name, dependencies) in dependencies_of_ours() {
        for (dependency, owner) in OWNED {
            let named = dependencies.contains(dependency);
            assert!(!named || name == owner, "{name} names {dependency}, which is {owner}'s");
        }
    }
}

#[test]
fn arrows_between_crates_point_one_way() {
    let ours = dependencies_of_ours();
    for (name, allowed) in ARROWS {
        let named = ours[name].iter().filter(|other| other.starts_with("stepwell-"));
        let forbidden: Vec<_> = named.filter(|other| !allowed.contains(&other.as_str())).collect();
        assert!(forbidden.is_empty(), "{name} names {forbidden:?}");
    }
    let listed: BTreeSet<_> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = ours.keys().filter(|name| !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "say in ARROWS what these may depend on: {missing:?}");
}

#[test]
fn pure_crates_name_no_clock() {
    for name in ["query", "eval", "asl", "convert", "engine", "debug", "graph", "lambda"] {
        for file in rust_files(&root().join("host").join(name).join("src")) {
            let text = read(&file);
            for clock in ["SystemTime", "Instant::now", "Timestamp::now", "Zoned::now"] {
                assert!(!text.contains(clock), "{} names {clock}", file.display());
            }
        }
    }
}

#[test]
fn every_workflow_validates() {
    let folder = root().join("workflows");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("there are workflows") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "json") {
            let loaded = stepwell_asl::load(&read(&path), "workflow");
            assert!(loaded.is_ok(), "{}: {:?}", path.display(), loaded.err());
            count += 1;
        }
    }
    assert!(count > 0, "no workflow was found");
}

#[test]
fn every_finding_has_a_section_in_its_order() {
    let text = read(&root().join("docs/findings.md"));
    let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let expected: Vec<String> =
        CODES.iter().map(|(code, summary)| format!("{code}: {summary}")).collect();
    assert_eq!(sections, expected, "the headings of docs/findings.md are the codes' summaries");
}

#[test]
fn every_exit_code_is_documented() {
    let readme = read(&root().join("README.md"));
    let table = readme.split("| exit code |").nth(1).expect("README.md has a table of exit codes");
    for code in 0..=3 {
        assert!(
            table.contains(&format!("| {code} |")),
            "README.md does not tell of exit code {code}"
        );
    }
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file does not name them.
    let words = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("dbg", "!(")];
    for file in
        ["host", "tests", "xtask"].iter().flat_map(|folder| rust_files(&root().join(folder)))
    {
        for (index, line) in read(&file).lines().enumerate() {
            for word in words {
                assert!(!line.contains(word), "{}:{} has {word}", file.display(), index + 1);
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in
        ["host", "tests", "xtask"].iter().flat_map(|folder| rust_files(&root().join(folder)))
    {
        assert!(read(&file).starts_with("//! "), "{} does not begin with `//!`", file.display());
    }
}

/// Clippy reads only the nearest `clippy.toml`.
#[test]
fn the_clippy_settings_of_a_crate_repeat_those_of_the_root() {
    let settings = read(&root().join("clippy.toml"));
    for name in ["query", "eval", "asl", "convert", "engine", "debug", "graph", "lambda"] {
        let path = root().join("host").join(name).join("clippy.toml");
        let own = read(&path);
        for line in settings.lines().filter(|line| line.contains(" = ")) {
            assert!(own.lines().any(|other| other == line), "{} lacks {line}", path.display());
        }
        assert!(own.contains("disallowed-methods"), "{} forbids nothing", path.display());
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries
        .map(|entry| entry.expect("the folder can be read").path())
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// What the crates of `host/` name under `[dependencies]`, for any target.
fn dependencies_of_ours() -> BTreeMap<String, BTreeSet<String>> {
    let entries = fs::read_dir(root().join("host")).expect("there are crates");
    entries
        .map(|entry| entry.expect("the folder can be read").path().join("Cargo.toml"))
        .filter(|path| path.is_file())
        .map(|path| named_in(&read(&path)))
        .collect()
}

/// A package's name, and what it names as its dependencies.
fn named_in(manifest: &str) -> (String, BTreeSet<String>) {
    let (mut name, mut section, mut dependencies) = ("", "", BTreeSet::new());
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.name]` is the long form of one line.
            dependencies.extend(section.strip_prefix("dependencies.").map(str::to_owned));
        } else if let Some((key, value)) = line.split_once(" = ") {
            if section == "package" && key == "name" {
                name = value.trim_matches('"');
            } else if section == "dependencies" || section.ends_with(".dependencies") {
                dependencies.insert(key.trim_end_matches(".workspace").to_owned());
            }
        }
    }
    (name.to_owned(), dependencies)
}

/// What the lock file lists for each crate, all versions of it together.
fn locked_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in read(&root().join("Cargo.lock")).split("[[package]]").skip(1) {
        let mut lines = package.lines();
        let name =
            lines.find_map(|line| line.strip_prefix("name = ")).expect("a package has a name");
        let dependencies = lines
            .skip_while(|line| *line != "dependencies = [")
            .skip(1)
            .take_while(|line| *line != "]")
            .filter_map(|line| line.trim_matches([' ', '"', ',']).split(' ').next());
        let entry = locked.entry(name.trim_matches('"').to_owned()).or_default();
        entry.extend(dependencies.map(str::to_owned));
    }
    locked
}
