//! JSON documents that are shared, not copied: what travels between states, tasks and the history.
//!
//! Knows nothing of states or limits. A document is made from text (checked once, parsed only when
//! somebody looks inside) or from a value (written only when somebody needs the text).

mod kept;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::kept::{Keeper, with_keeper};

/// How deeply arrays and objects may nest: `serde_json`'s own limit, beyond which a parser's stack
/// would depend on the input.
pub const DEPTH_MAX: usize = 127;

/// Digits in a row after which a number might not fit any number type and is parsed at once.
const DIGITS_SAFE_MAX: usize = 300;

/// A JSON document. Cloning it shares it.
#[derive(Clone)]
pub struct Document(Arc<Inner>);

/// At least one of the two is always set; the other follows from it on demand.
struct Inner {
    text: OnceLock<Box<str>>,
    value: OnceLock<Value>,
}

/// Why a text is no JSON document. `Display` says what is wrong and where, for a person.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The text is not one JSON value.
    #[error("{0}")]
    Syntax(#[from] serde_json::Error),
    /// Arrays and objects nest deeper than [`DEPTH_MAX`].
    #[error("nested more than {DEPTH_MAX} levels deep")]
    TooDeep,
}

impl Document {
    /// Takes a JSON text, whose exact bytes are kept.
    ///
    /// The text is checked whole here, so that every later use succeeds; it is parsed into a value only
    /// when [`Document::value`] is first called.
    pub fn parse(text: impl Into<Box<str>>) -> Result<Self, DocumentError> {
        let text = text.into();
        let value = OnceLock::new();
        match survey(&text) {
            Survey::TooDeep => return Err(DocumentError::TooDeep),
            // Rare spellings that only a full parse can judge (lone surrogates, numbers out of range).
            Survey::Doubtful => _ = value.set(serde_json::from_str(&text)?),
            Survey::Plain => _ = serde_json::from_str::<&RawValue>(&text)?,
        }
        Ok(Self(Arc::new(Inner { text: OnceLock::from(text), value })))
    }

    /// Takes a value that was put together from others, which may have made it too deep.
    pub fn from_made(value: Value) -> Result<Self, DocumentError> {
        if nests_deeper(&value, DEPTH_MAX) {
            // Dropping it would recurse as deeply as it nests, which its parts' limits bound.
            return Err(DocumentError::TooDeep);
        }
        Ok(Self::from(value))
    }

    /// The document as a value, parsed at the first call.
    pub fn value(&self) -> &Value {
        self.0.value.get_or_init(|| {
            let text = self.0.text.get().expect("a document has a text or a value");
            serde_json::from_str(text).expect("a document's text was checked when it was made")
        })
    }

    /// The document as JSON text: as it came, or compact when it was made from a value.
    pub fn text(&self) -> &str {
        self.0.text.get_or_init(|| {
            self.0.value.get().expect("a document has a text or a value").to_string().into()
        })
    }

    /// The text's length in bytes, which is what the limits of AWS count.
    pub fn size_bytes(&self) -> usize {
        self.text().len()
    }

    /// Whether both are one document in memory. Equal ones need not be.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The value by itself, without a copy where nobody else holds the document.
    pub fn into_value(self) -> Value {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => {
                let document = Self(Arc::new(inner));
                document.value();
                Arc::into_inner(document.0)
                    .and_then(|inner| inner.value.into_inner())
                    .expect("the value was set just now and is held by nobody else")
            }
            Err(shared) => Self(shared).value().clone(),
        }
    }
}

/// Takes a value that is known not to be too deep: a part of another document, or one from a file.
impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(Arc::new(Inner { text: OnceLock::new(), value: OnceLock::from(value) }))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.value() == other.value()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// As a string that holds the JSON text, as AWS does, so that the bytes survive any format; as a number
/// where a [`Keeper`] in scope keeps it.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match kept::keep(self) {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.serialize_str(self.text()),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber)
    }
}

struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string of JSON text or the number of a document")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        Document::parse(text).map_err(E::custom)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Document, E> {
        Document::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Document, E> {
        let missing = || E::custom(format_args!("document {number} is kept where none is found"));
        kept::find(number).ok_or_else(missing)
    }
}

/// Whether arrays and objects nest more than so many levels deep. Looks no further than that.
fn nests_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => true,
        Value::Array(items) => items.iter().any(|item| nests_deeper(item, levels - 1)),
        Value::Object(members) => members.values().any(|member| nests_deeper(member, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

enum Survey {
    Plain,
    Doubtful,
    TooDeep,
}

/// Looks over a text without judging its syntax: how deep it nests, and whether it holds anything that
/// a syntax check lets pass and a full parse may refuse.
fn survey(text: &str) -> Survey {
    let (mut depth, mut digits, mut in_string, mut doubtful) = (0_usize, 0_usize, false, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if in_string {
            match byte {
                b'"' => in_string = false,
                // `\u` may begin a surrogate that has no partner.
                b'\\' => doubtful |= bytes.next() == Some(b'u'),
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Survey::TooDeep;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'e' | b'E' if digits > 0 => doubtful = true,
            _ => {}
        }
        digits = if byte.is_ascii_digit() || (byte == b'.' && digits > 0) { digits + 1 } else { 0 };
        doubtful |= digits > DIGITS_SAFE_MAX;
    }
    if doubtful { Survey::Doubtful } else { Survey::Plain }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_keeps_its_bytes() {
        let document = Document::parse("{ \"a\" : 1.10 }").unwrap();
        assert_eq!(document.text(), "{ \"a\" : 1.10 }");
        assert_eq!(document.value(), &json!({"a": 1.1}));
    }

    #[test]
    fn what_a_parse_would_refuse_is_refused_at_once() {
        for text in ["", "{", "nul", "[1,]", "1 2", "1e999", "-1e400", r#""\ud800""#, "\u{feff}1"] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
        let long = "9".repeat(400);
        assert!(Document::parse(long).is_err());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Document::parse(nested(DEPTH_MAX)).unwrap().value().is_array());
        assert!(matches!(Document::parse(nested(DEPTH_MAX + 1)), Err(DocumentError::TooDeep)));
        assert!(Document::parse("[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_value_made_of_others_has_the_same_limit() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "x": [inner] }));
        assert!(Document::from_made(nested(DEPTH_MAX / 2)).is_ok());
        assert!(matches!(Document::from_made(nested(DEPTH_MAX)), Err(DocumentError::TooDeep)));
    }

    #[test]
    fn a_value_is_taken_out_of_a_shared_document_by_copy() {
        let document = Document::from(json!([1]));
        let shared = document.clone();
        assert_eq!(document.into_value(), json!([1]));
        assert_eq!(shared.into_value(), json!([1]));
    }

    proptest! {
        #[test]
        fn an_accepted_text_always_has_a_value(text in r#"[\[\]{}",:0-9eE.+\-\\udD8c a-c]{0,40}"#) {
            if let Ok(document) = Document::parse(text.as_str()) {
                document.value();
            }
        }
    }
}
