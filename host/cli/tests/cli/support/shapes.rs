//! Texts and documents with what differs from run to run replaced, for snapshots.

use regex::Regex;
use serde_json::Value;

/// A text without times, ids, measured figures.
pub(crate) fn filtered(text: &str) -> String {
    let filters = [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\d+(\.\d+)? ms", "N ms"),
        (r"fuel \d[\d.]*( [kMG])?", "fuel N"),
        (r"Fuel: \d+ of", "Fuel: N of"),
        (r"most \d[\d.]*( [kMG])? of", "most N of"),
        (r"\d+ of (\d+) MB", "N of $1 MB"),
        (r"Max Memory Used: \d+ MB", "Max Memory Used: N MB"),
    ];
    filters.iter().fold(text.to_owned(), |text, (pattern, replacement)| {
        Regex::new(pattern).unwrap().replace_all(&text, *replacement).into_owned()
    })
}

/// A document as indented JSON, filtered; `timestamp`, `startDate` and `stopDate` become `TIME`.
pub(crate) fn shown(document: &Value) -> String {
    let mut document = document.clone();
    replace_times(&mut document);
    filtered(&serde_json::to_string_pretty(&document).unwrap())
}

fn replace_times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(replace_times),
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    "timestamp" | "startDate" | "stopDate" => {
                        assert!(value.is_f64(), "`{name}` is epoch seconds with milliseconds");
                        *value = "TIME".into();
                    }
                    _ => replace_times(value),
                }
            }
        }
        _ => {}
    }
}
