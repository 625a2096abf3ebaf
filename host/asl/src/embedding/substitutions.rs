//! `${Key}` in the text of a definition: what CloudFormation's `DefinitionSubstitutions` do, and what
//! `--var` does to a plain definition (`facts/embeddings.md` 5). It is the text that changes, before
//! anything is parsed, so a placeholder may stand where only a number can: `"MaxAttempts": ${Attempts}`.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::Text;

/// How long a definition may be on AWS.
const DEFINITION_BYTES_MAX: usize = 1 << 20;

/// Puts the value of each key in, one key after the other. Other placeholders stay.
pub(super) fn replace(text: &Text, values: &[(String, Text)]) -> Text {
    let mut text = text.clone();
    for (key, value) in values {
        let placeholder = format!("${{{key}}}");
        let count = text.text.matches(&placeholder).count();
        // What would be too long for AWS keeps its placeholders: values that hold each other could
        // double it as often as they like.
        if count > 0 && text.text.len() + count * value.text.len() <= DEFINITION_BYTES_MAX {
            text = replace_one(&text, &placeholder, value);
        }
    }
    text
}

/// Puts given values in; `None` if none of them stands there. `start` is the position of the text.
pub(super) fn replace_values(
    text: &str,
    start: usize,
    values: &BTreeMap<String, String>,
) -> Option<Text> {
    let used: Vec<(String, Text)> = values
        .iter()
        .filter(|(name, _)| text.contains(&format!("${{{name}}}")))
        .map(|(name, value)| (name.clone(), Text::made(value, &(start..start))))
        .collect();
    let mut whole = Text::default();
    whole.push(text, &(start..start + text.len()), true);
    (!used.is_empty()).then(|| replace(&whole, &used))
}

fn replace_one(text: &Text, placeholder: &str, value: &Text) -> Text {
    let mut replaced = Text::default();
    let mut done = 0;
    for (at, _) in text.text.match_indices(placeholder) {
        replaced.append(&text.slice(done..at));
        done = at + placeholder.len();
        // What is wrong with a value is shown where it goes in.
        replaced.push(&value.text, &text.origin(&(at..done)), false);
    }
    replaced.append(&text.slice(done..text.text.len()));
    replaced
}

/// The placeholders of a text: their names, and where they stand in it. `${!Name}` is none.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text.get(from..)?.find("${")?;
            from = start + 2;
            let Some(length) = text[from..].find('}') else { continue };
            let name = &text[from..from + length];
            if !name.is_empty() && name.chars().all(is_name) {
                from += length + 1;
                return Some((name, start..from));
            }
        }
    })
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || "_.:-".contains(character)
}
