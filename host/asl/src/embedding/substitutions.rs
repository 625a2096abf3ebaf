//! `${Key}` in the text of a definition: what CloudFormation's `DefinitionSubstitutions` do, and what
//! `--var` does to a plain definition (`facts/embeddings.md` 5). It is the text that changes, before
//! anything is parsed, so a placeholder may stand where only a number can: `"MaxAttempts": ${Attempts}`.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::Text;

/// How long a definition may be on AWS.
const DEFINITION_BYTES_MAX: usize = 1 << 20;

/// How much the values may make of each other, in bytes.
const VALUES_BYTES_MAX: usize = 16 << 20;

/// Values by the keys whose placeholders they replace.
///
/// CloudFormation puts one key's value in after the other, so a value may hold the placeholders of keys
/// that come later. Here each value gets those first, and then a text is gone through once.
pub(super) struct Substitutions {
    values: Vec<String>,
    /// Where each key stands in the order, the first time first.
    keys: BTreeMap<String, Vec<usize>>,
    /// The longest key, in bytes.
    longest: usize,
}

impl Substitutions {
    pub(super) fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let longest = names.iter().map(String::len).max().unwrap_or_default();
        let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, name) in names.into_iter().enumerate() {
            keys.entry(name).or_default().push(index);
        }
        let mut all = Self { values, keys, longest };
        let mut left = VALUES_BYTES_MAX;
        for index in (0..all.values.len()).rev() {
            if !all.values[index].contains("${") {
                continue;
            }
            let value = Text::made(all.values[index].as_str(), &(0..0));
            if let Some(replaced) = all.replace_after(&value, index + 1)
                && let Some(rest) = left.checked_sub(replaced.text.len())
            {
                left = rest;
                all.values[index] = replaced.text;
            }
        }
        all
    }

    /// Puts the value of each key in. Other placeholders stay.
    pub(super) fn replace(&self, text: &Text) -> Text {
        self.replace_after(text, 0).unwrap_or_else(|| text.clone())
    }

    /// With the values from one on in the order; `None` if none of them has a place.
    fn replace_after(&self, text: &Text, first: usize) -> Option<Text> {
        let mut replaced = Text::default();
        let (mut done, mut from) = (0, 0);
        let mut length = text.text.len();
        while let Some(found) = text.text[from..].find("${") {
            let start = from + found;
            from = start + 2;
            let Some((value, end)) = self.value_at(&text.text, from, first) else { continue };
            // What would be too long for AWS keeps its placeholders: values that hold each other could
            // double it as often as they like.
            if length + value.len() > DEFINITION_BYTES_MAX {
                continue;
            }
            length = length + value.len() - (end - start);
            replaced.append(&text.slice(done..start));
            // What is wrong with a value is shown where it goes in.
            replaced.push(value, &text.origin(&(start..end)), false);
            (done, from) = (end, end);
        }
        if done == 0 {
            return None;
        }
        replaced.append(&text.slice(done..text.text.len()));
        Some(replaced)
    }

    /// The value of the key that begins at a byte, and the end of its placeholder.
    fn value_at(&self, text: &str, start: usize, first: usize) -> Option<(&str, usize)> {
        let bytes = text[start..].bytes().take(self.longest + 1);
        let length = bytes.into_iter().position(|byte| byte == b'}')?;
        let places = self.keys.get(&text[start..start + length])?;
        let index = places.iter().find(|index| **index >= first)?;
        Some((&self.values[*index], start + length + 1))
    }
}

/// Puts given values in; `None` if none of them stands there. `start` is the position of the text.
pub(super) fn replace_values(
    text: &str,
    start: usize,
    values: &BTreeMap<String, String>,
) -> Option<Text> {
    let mut whole = Text::default();
    whole.push(text, &(start..start + text.len()), true);
    let values = values.iter().map(|(name, value)| (name.clone(), value.clone()));
    Substitutions::new(values).replace_after(&whole, 0)
}

/// The placeholders of a text: their names, and where they stand in it. `${!Name}` is none.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text.get(from..)?.find("${")?;
            from = start + 2;
            let rest = &text[from..];
            let Some(length) = rest.find(|character| !is_name(character)) else { continue };
            let name = &rest[..length];
            if !name.is_empty() && rest[length..].starts_with('}') {
                from += length + 1;
                return Some((name, start..from));
            }
        }
    })
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || "_.:-".contains(character)
}
