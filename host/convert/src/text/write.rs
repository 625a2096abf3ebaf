//! Values as YAML and JSON write them.

use serde_json::Value;

/// A string as a YAML scalar: plain where nobody could take it for something else.
pub(super) fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    if is_plain(text) {
        return text.clone();
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}'))
    {
        return value.to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a text is safe without quotes, anywhere.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '$' | '/'))
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '$' | '.' | '_' | '/' | '-'))
        && !WORDS.contains(&text.to_lowercase().as_str())
}

/// A value on lines of its own or behind its key, in YAML's block style: begins with a blank or an end of
/// a line, and ends without one.
pub(super) fn block(value: &Value, indent: usize) -> String {
    let blanks = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().fold(String::new(), |lines, (name, member)| {
                lines + "\n" + &blanks + &key(name) + ":" + &block(member, indent + 2)
            })
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().fold(String::new(), |lines, item| {
                // A mapping's first key stands behind the dash.
                lines + "\n" + &blanks + "- " + block(item, indent + 2).trim_start()
            })
        }
        Value::Object(_) => " {}".to_owned(),
        Value::Array(_) => " []".to_owned(),
        other => format!(" {}", scalar(other)),
    }
}

pub(super) fn key(name: &str) -> String {
    scalar(&Value::from(name))
}

/// A value in braces: JSON, over several lines where `unit` says how far they are indented.
pub(super) fn flow(value: &Value, json: bool, indent: usize, unit: Option<usize>) -> String {
    let leaf = |value: &Value| if json { value.to_string() } else { scalar(value) };
    let inner = unit.map(|unit| indent + unit).unwrap_or_default();
    let (open, separator, close) = match unit {
        Some(_) => {
            let (inner, outer) = (" ".repeat(inner), " ".repeat(indent));
            (format!("\n{inner}"), format!(",\n{inner}"), format!("\n{outer}"))
        }
        None => (String::new(), ", ".to_owned(), String::new()),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(name, member)| {
                format!(
                    "{}: {}",
                    leaf(&Value::from(name.as_str())),
                    flow(member, json, inner, unit)
                )
            });
            let members: Vec<_> = members.collect();
            format!("{{{open}{}{close}}}", members.join(&separator))
        }
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| flow(item, json, inner, unit)).collect();
            format!("[{open}{}{close}]", items.join(&separator))
        }
        other => leaf(other),
    }
}
