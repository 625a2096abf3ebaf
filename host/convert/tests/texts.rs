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

#[test]
fn lines_end_as_they_did() {
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")) {
        let text = fs::read_to_string(&path).unwrap();
        let converted = convert_text("file.yaml", &text).unwrap();
        let windows = text.replace('\n', "\r\n");
        let again = convert_text("file.yaml", &windows).unwrap();
        assert_eq!(again.text, converted.text.replace('\n', "\r\n"), "{}", path.display());
        for (one, other) in converted.remarks.iter().zip(&again.remarks) {
            let (one, other) = (&text[one.span.clone()], &windows[other.span.clone()]);
            assert_eq!(one, other.replace("\r\n", "\n"));
        }
    }
}

#[test]
fn a_damaged_text_is_no_reason_to_panic() {
    let mut read = 0;
    for path in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for missing in 0..lines.len() {
            let mut damaged = lines.clone();
            let taken = damaged.remove(missing);
            let cut = format!("{}{}", damaged[..missing].concat(), &taken[..taken.len() / 2]);
            let odd = text.replacen(taken, &taken.replace(' ', "\u{a0}é "), 1);
            let twice = text.replacen(taken, &taken.repeat(2), 1);
            for damaged in [damaged.concat(), cut, odd, twice] {
                read += usize::from(convert_text("file.yaml", &damaged).is_ok());
            }
        }
    }
    assert!(read > 500, "too little could be read: {read}");
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
