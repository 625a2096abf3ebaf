//! What a component was made with, as its toolchains say in the `producers` sections.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{KnownCustom, Parser, Payload};

/// Names with versions by field (`language`, `processed-by`, `sdk`), of a component and all modules in it. What is
/// said there is anybody's word; what cannot be read is left out.
pub fn producers(bytes: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let mut producers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields.into_iter().map_while(Result::ok) {
            let values = producers.entry(field.name.to_owned()).or_default();
            for value in field.values.into_iter().map_while(Result::ok) {
                let said = format!("{} {}", value.name, value.version);
                values.insert(said.trim_end().to_owned());
            }
        }
    }
    producers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_all_modules_are_read_and_damaged_ones_left_out() {
        // One field, `sdk`, with one value, `x` of version `1`.
        let section = r#"(@custom "producers" "\01\03sdk\01\01x\011")"#;
        let text = format!("(component (core module {section}) {section})");
        let bytes = wat::parse_str(text).unwrap();
        let expected = BTreeMap::from([("sdk".to_owned(), BTreeSet::from(["x 1".to_owned()]))]);
        assert_eq!(producers(&bytes), expected);
        let damaged =
            wat::parse_str(r#"(module (@custom "producers" "\ff\ff\ff\ff\0f"))"#).unwrap();
        assert_eq!(producers(&damaged), BTreeMap::new());
        assert_eq!(producers(&bytes[..bytes.len() - 3]).len(), 1, "what was before the end");
        assert_eq!(producers(b"no component"), BTreeMap::new());
    }
}
