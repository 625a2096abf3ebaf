//! Lists of cases that may differ from what was recorded, each with its reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A list beside the tests: `name: reason` in each line; lines that begin with `#` are for the reader.
pub fn read(file: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the list of exceptions can be read");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, reason) = line.split_once(": ").expect("a line is `name: reason`");
            (name.to_owned(), reason.to_owned())
        })
        .collect()
}
