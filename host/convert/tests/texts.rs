//! Texts: what is converted as JSON is converted in a file as well, in any of its forms.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test panics, and reads its own files"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stepwell_convert::{RemarkKind, convert_definition, convert_text};

/// The definition of a text that is nothing else.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_recorded_definition_is_converted_in_its_text() {
    let mut count = 0;
    for path in files(&shared("conformance")) {
        let Ok(case) = serde_json::from_str::<Value>(&fs::read_to_string(&path).unwrap()) else {
            continue;
        };
        let Some(definition) = case.get("definition") else { continue };
        if definition.get("States").is_none_or(|states| !states.is_object()) {
            continue;
        }
        let wanted = convert_definition(definition).definition;
        for text in [definition.to_string(), format!("{definition:#}")] {
            let Ok(converted) = convert_text("definition.json", &text) else { continue };
            assert_eq!(
                value(&converted.text),
                wanted,
                "{}: {text}\n{}",
                path.display(),
                converted.text
            );
        }
        count += 1;
    }
    assert!(count > 300, "the recordings were not found: {count}");
}

#[test]
fn other_peoples_files_are_converted_where_they_stand() {
    let (mut machines, mut unwritable, mut lost, mut states, mut kept) = (0, Vec::new(), 0, 0, 0);
    for path in files(&shared("realworld")) {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(converted) = convert_text("file.yaml", &text) else { continue };
        machines += converted.machines;
        states += converted.converted;
        kept += converted.kept;
        for remark in &converted.remarks {
            if remark.message.contains("where it stands") {
                unwritable.push(path.display().to_string());
            }
            lost += usize::from(remark.kind == RemarkKind::CommentLost);
        }
    }
    println!(
        "{machines} machines, {states} states converted, {kept} kept, {lost} comments lost; cannot be written: {unwritable:#?}"
    );
    assert!(machines > 0, "the files were not found");
    assert!(unwritable.is_empty(), "{unwritable:#?}");
}

fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| {
            path.extension().is_some_and(|extension| {
                ["json", "yaml", "yml"].iter().any(|known| extension == *known)
            })
        })
        .collect()
}
