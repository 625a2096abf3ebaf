//! The definitions that AWS's recordings were made with: converting never panics, and what comes out is
//! said in a table.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed test panics, and reads its own files"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stepwell_convert::{RemarkKind, convert_definition};

#[test]
fn every_recorded_definition_converts_to_expressions_that_parse() {
    let mut rows = Vec::new();
    for path in files(&root()) {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(case) = serde_json::from_str::<Value>(&text) else { continue };
        let Some(definition) = case.get("definition").filter(|value| value.is_object()) else {
            continue;
        };
        let converted = convert_definition(definition);
        let mut wrong = Vec::new();
        each_expression(&converted.definition, &mut |expression| {
            if let Err(error) = jlens_core::parse(expression) {
                wrong.push(format!("{expression}: {error}"));
            }
        });
        // What an author wrote in JSONata need not parse.
        let was_jsonata = text.contains("JSONata");
        assert!(wrong.is_empty() || was_jsonata, "{}: {wrong:?}", path.display());
        if case["kind"] == "execution" && definition["QueryLanguage"] != "JSONata" {
            rows.push((case["group"].as_str().unwrap_or_default().to_owned(), converted));
        }
    }
    assert!(rows.len() > 200, "the recordings were not found: {}", rows.len());
    println!("{}", table(&rows));
}

fn table(rows: &[(String, stepwell_convert::Converted)]) -> String {
    let mut groups: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (group, converted) in rows {
        for group in [group.as_str(), "~all"] {
            let row = groups.entry(group).or_default();
            row[0] += 1;
            row[1] += usize::from(converted.kept == 0);
            row[2] += usize::from(converted.kept > 0);
            row[3] += converted.converted;
            row[4] += converted.kept;
        }
        for remark in &converted.remarks {
            let message = match remark.message.split_once("JSONPath: ") {
                Some((_, why)) if remark.kind == RemarkKind::Kept => why,
                _ => &remark.message,
            };
            *reasons.entry(format!("{} {message}", remark.kind.code())).or_default() += 1;
        }
    }
    let mut text = "group: definitions, whole, mixed; states converted, kept\n".to_owned();
    for (group, [all, whole, mixed, converted, kept]) in groups {
        writeln!(text, "{group}: {all}, {whole}, {mixed}; {converted}, {kept}").unwrap();
    }
    for (reason, count) in reasons {
        writeln!(text, "{count:4} {reason}").unwrap();
    }
    text
}

fn each_expression(value: &Value, see: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => {
            if let Some(inner) = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}")) {
                see(inner.trim());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_expression(item, see)),
        Value::Object(members) => members.values().for_each(|item| each_expression(item, see)),
        _ => {}
    }
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    if root.exists() { root } else { PathBuf::from("/nowhere") }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect()
}
