//! Reference paths: those of ASL that name one place and can be written to, as `ResultPath` does.
//!
//! A grammar of their own and not a kind of [`crate::JsonPath`]: they know escapes, and they can create
//! what is not there yet.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::kind::kind;

use crate::PathSyntaxError;

/// How many steps a reference path may have. Writing nests values this deep at most.
const STEPS_MAX: usize = 100;

/// A path to one place in a document: `$`, `$.a.b`, `$['a b'][0]`.
///
/// In a name without quotes, a backslash takes the character behind it as it is: `$.a\.b`. In quotes,
/// a backslash does the same, so that a name can hold a quote. The operators of other paths (`@`, `,`,
/// `:`, `?`, `*`, `..`) are refused unless they are escaped or in quotes.
#[derive(Clone, PartialEq, Eq)]
pub struct ReferencePath {
    text: Box<str>,
    steps: Box<[Step]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    Index(usize),
}

/// Why a value cannot be written to the place that a reference path names. For the workflow, all of
/// these are one error: `States.ResultPathMatchFailure` in the specification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferencePathError {
    /// A name is to be written into something that is no object.
    #[error("`{place}` is {kind}, so it cannot have the member `{name}`")]
    NotAnObject {
        /// The path to what is no object.
        place: String,
        /// What is there instead.
        kind: &'static str,
        /// The name that it should have.
        name: String,
    },
    /// An index is to be written into something that is no array.
    #[error("`{place}` is {kind}, so it cannot have the element {index}")]
    NotAnArray {
        /// The path to what is no array.
        place: String,
        /// What is there instead, or `missing`.
        kind: &'static str,
        /// The index that it should have.
        index: usize,
    },
    /// The array has no such element. Elements are overwritten but never added.
    #[error("`{place}` has {length} elements, so it has no element {index}")]
    OutOfBounds {
        /// The path to the array.
        place: String,
        /// How many elements there are.
        length: usize,
        /// The index that is asked for.
        index: usize,
    },
}

impl ReferencePath {
    /// Reads a reference path.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let Some(mut rest) = text.strip_prefix('$') else {
            return Err(PathSyntaxError {
                offset: 0,
                message: "a reference path starts with `$`".to_owned(),
            });
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let offset = text.len() - rest.len();
            if steps.len() == STEPS_MAX {
                let message = format!("a reference path has at most {STEPS_MAX} steps");
                return Err(PathSyntaxError { offset, message });
            }
            let step;
            (step, rest) = match read_step(rest) {
                Ok(read) => read,
                Err((at, message)) => {
                    return Err(PathSyntaxError { offset: text.len() - at.len(), message });
                }
            };
            steps.push(step);
        }
        Ok(Self { text: text.into(), steps: steps.into() })
    }

    /// Whether the path is `$`, the whole.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value at the place, if there is one.
    pub fn read<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Name(name) => value.as_object()?.get(&**name),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// Puts `value` at the place and gives the whole back, without copying any of it.
    ///
    /// Members that are missing on the way are created as objects; a member that is there is overwritten
    /// in its position. An element of an array must exist. What is neither the right kind of container
    /// nor missing is never replaced on the way, null included: that is an error.
    pub fn write(&self, mut root: Value, value: Value) -> Result<Value, ReferencePathError> {
        let mut place = &mut root;
        for (index, step) in self.steps.iter().enumerate() {
            let above = || Places(&self.steps[..index]).to_string();
            place = match (step, place) {
                (Step::Name(name), Value::Object(members)) => {
                    let next = self.steps.get(index + 1);
                    if let Some(Step::Index(wanted)) = next
                        && !members.contains_key(&**name)
                    {
                        return Err(ReferencePathError::NotAnArray {
                            place: Places(&self.steps[..=index]).to_string(),
                            kind: "missing",
                            index: *wanted,
                        });
                    }
                    members.entry(&**name).or_insert_with(|| Value::Object(Map::new()))
                }
                (Step::Index(wanted), Value::Array(items)) => {
                    let length = items.len();
                    items.get_mut(*wanted).ok_or_else(|| ReferencePathError::OutOfBounds {
                        place: above(),
                        length,
                        index: *wanted,
                    })?
                }
                (Step::Name(name), other) => {
                    return Err(ReferencePathError::NotAnObject {
                        place: above(),
                        kind: kind(other),
                        name: name.to_string(),
                    });
                }
                (Step::Index(wanted), other) => {
                    return Err(ReferencePathError::NotAnArray {
                        place: above(),
                        kind: kind(other),
                        index: *wanted,
                    });
                }
            };
        }
        *place = value;
        Ok(root)
    }
}

/// Steps as messages spell them.
struct Places<'a>(&'a [Step]);

impl fmt::Display for Places<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("$")?;
        self.0.iter().try_for_each(|step| match step {
            Step::Name(name) => write!(formatter, "['{name}']"),
            Step::Index(index) => write!(formatter, "[{index}]"),
        })
    }
}

/// A part of a text that was read, and the rest; or where the text is wrong, and how.
type Read<'t, T> = Result<(T, &'t str), (&'t str, String)>;

fn read_step(text: &str) -> Read<'_, Step> {
    if text.starts_with("..") {
        return Err((text, "a reference path cannot have `..`".to_owned()));
    }
    if let Some(rest) = text.strip_prefix('.') {
        // `$.['a']` is usual enough.
        if rest.starts_with('[') { read_bracket(rest) } else { read_name(rest) }
    } else if text.starts_with('[') {
        read_bracket(text)
    } else {
        Err((text, "expected `.` or `[`".to_owned()))
    }
}

fn read_name(text: &str) -> Read<'_, Step> {
    let mut name = String::new();
    let mut characters = text.chars();
    loop {
        let rest = characters.as_str();
        match characters.next() {
            Some('\\') => match characters.next() {
                Some(escaped) => name.push(escaped),
                None => return Err((rest, "a character is missing after this `\\`".to_owned())),
            },
            Some(operator @ ('@' | ',' | ':' | '?' | '*')) => {
                return Err((rest, format!("a reference path cannot have `{operator}`")));
            }
            Some(' ') => {
                let message = "a name with spaces goes into brackets: `['a b']`";
                return Err((rest, message.to_owned()));
            }
            None | Some('.' | '[') if name.is_empty() => {
                return Err((text, "expected a name after `.`".to_owned()));
            }
            None | Some('.' | '[') => return Ok((Step::Name(name.into()), rest)),
            Some(plain) => name.push(plain),
        }
    }
}

fn read_bracket(text: &str) -> Read<'_, Step> {
    let inside = text[1..].trim_start_matches(' ');
    let (step, rest) = match inside.chars().next() {
        Some(quote @ ('\'' | '"')) => read_quoted(inside, quote)?,
        Some('0'..='9') => {
            let end = inside.find(|c: char| !c.is_ascii_digit()).unwrap_or(inside.len());
            let (digits, rest) = inside.split_at(end);
            let index = digits.parse().map_err(|_| (inside, format!("`{digits}` is no index")))?;
            (Step::Index(index), rest)
        }
        Some('-') => {
            return Err((inside, "an index of a reference path cannot be negative".to_owned()));
        }
        Some(operator @ ('@' | ',' | ':' | '?' | '*')) => {
            return Err((inside, format!("a reference path cannot have `{operator}`")));
        }
        _ => return Err((inside, "expected an index or a name in quotes after `[`".to_owned())),
    };
    let rest = rest.trim_start_matches(' ');
    match rest.chars().next() {
        Some(']') => Ok((step, &rest[1..])),
        Some(operator @ ('@' | ',' | ':' | '?' | '*')) => {
            Err((rest, format!("a reference path cannot have `{operator}`")))
        }
        _ => Err((rest, "expected `]`".to_owned())),
    }
}

fn read_quoted(text: &str, quote: char) -> Read<'_, Step> {
    let mut name = String::new();
    let mut characters = text.chars();
    characters.next();
    loop {
        match characters.next() {
            Some('\\') => match characters.next() {
                Some(escaped) => name.push(escaped),
                None => return Err((text, "this quote is never closed".to_owned())),
            },
            Some(end) if end == quote => {
                return Ok((Step::Name(name.into()), characters.as_str()));
            }
            Some(plain) => name.push(plain),
            None => return Err((text, "this quote is never closed".to_owned())),
        }
    }
}

impl fmt::Debug for ReferencePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ReferencePath").field(&self.as_str()).finish()
    }
}

/// As it was written.
impl fmt::Display for ReferencePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for ReferencePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ReferencePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn write(path: &str, root: Value, value: Value) -> Result<Value, ReferencePathError> {
        ReferencePath::parse(path).unwrap().write(root, value)
    }

    #[track_caller]
    fn is_refused(text: &str, offset: usize, message: &str) {
        let error = ReferencePath::parse(text).expect_err(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }

    #[test]
    fn the_root_is_replaced_as_a_whole() {
        assert_eq!(write("$", json!("foo"), json!({"a": 1})), Ok(json!({"a": 1})));
        assert!(ReferencePath::parse("$").unwrap().is_root());
        assert!(!ReferencePath::parse("$.a").unwrap().is_root());
    }

    #[test]
    fn a_member_is_overwritten_in_its_position_or_added_last() {
        let root = json!({"a": 1, "b": 2});
        let text = |value: Result<Value, _>| value.unwrap().to_string();
        assert_eq!(text(write("$.a", root.clone(), json!([]))), r#"{"a":[],"b":2}"#);
        assert_eq!(text(write("$.c", root, json!(null))), r#"{"a":1,"b":2,"c":null}"#);
    }

    #[test]
    fn objects_are_created_on_the_way() {
        let written = write("$.a['b c'].d", json!({"a": {"x": 1}}), json!(2));
        assert_eq!(written, Ok(json!({"a": {"x": 1, "b c": {"d": 2}}})));
    }

    #[test]
    fn an_element_is_overwritten_but_never_added() {
        let root = json!({"l": [1, {"a": 2}]});
        let written = write("$.l[1].a", root.clone(), json!(3));
        assert_eq!(written, Ok(json!({"l": [1, {"a": 3}]})));
        let error = write("$.l[2]", root, json!(3)).unwrap_err();
        assert_eq!(error.to_string(), "`$['l']` has 2 elements, so it has no element 2");
        let error = write("$.l[0]", json!({}), json!(3)).unwrap_err();
        assert_eq!(error.to_string(), "`$['l']` is missing, so it cannot have the element 0");
        let error = write("$[0]", json!({}), json!(3)).unwrap_err();
        assert_eq!(error.to_string(), "`$` is an object, so it cannot have the element 0");
    }

    #[test]
    fn what_is_no_object_is_not_made_one() {
        let error = write("$.x", json!("foo"), json!(1)).unwrap_err();
        assert_eq!(error.to_string(), "`$` is a string, so it cannot have the member `x`");
        let error = write("$.a.b.c", json!({"a": {"b": null}}), json!(1)).unwrap_err();
        assert_eq!(error.to_string(), "`$['a']['b']` is null, so it cannot have the member `c`");
        let error = write("$.l.a", json!({"l": []}), json!(1)).unwrap_err();
        assert_eq!(error.to_string(), "`$['l']` is an array, so it cannot have the member `a`");
    }

    #[test]
    fn escapes_and_quotes_make_operators_part_of_a_name() {
        let root = json!({"a.b": 1, "store": 2, "@x": 3, "[?": 4, "it's": 5, "a:b,*": 6, "\\": 7});
        for (text, expected) in [
            (r"$.a\.b", 1),
            (r"$.\stor\e", 2),
            (r"$.\@x", 3),
            (r"$.\[\?", 4),
            ("$.it's", 5),
            (r"$['it\'s']", 5),
            (r#"$["it's"]"#, 5),
            ("$['a:b,*']", 6),
            (r"$.\\", 7),
            ("$.['store']", 2),
            ("$[ 'store' ]", 2),
        ] {
            let path = ReferencePath::parse(text).unwrap();
            assert_eq!(path.read(&root), Some(&json!(expected)), "{text}");
        }
    }

    #[test]
    fn reading_finds_what_is_there_and_nothing_else() {
        let root = json!({"a": [{"b": null}]});
        let read = |text: &str| ReferencePath::parse(text).unwrap().read(&root).cloned();
        assert_eq!(read("$.a[0].b"), Some(json!(null)));
        assert_eq!(read("$"), Some(root.clone()));
        assert_eq!(read("$.a[1]"), None);
        assert_eq!(read("$.a.b"), None);
        assert_eq!(read("$[0]"), None);
    }

    #[test]
    fn what_can_mean_more_than_one_place_is_refused() {
        is_refused("$.a[*]", 4, "a reference path cannot have `*`");
        is_refused("$.*", 2, "a reference path cannot have `*`");
        is_refused("$..a", 1, "a reference path cannot have `..`");
        is_refused("$.a..b", 3, "a reference path cannot have `..`");
        is_refused("$.a[0:2]", 5, "a reference path cannot have `:`");
        is_refused("$.a[0,2]", 5, "a reference path cannot have `,`");
        is_refused("$['a','b']", 5, "a reference path cannot have `,`");
        is_refused("$.a[?(@.b)]", 4, "a reference path cannot have `?`");
        is_refused("$.@", 2, "a reference path cannot have `@`");
        is_refused("$.a[-1]", 4, "an index of a reference path cannot be negative");
    }

    #[test]
    fn broken_texts_are_refused_with_a_place() {
        is_refused("", 0, "a reference path starts with `$`");
        is_refused("a.b", 0, "a reference path starts with `$`");
        is_refused("$a", 1, "expected `.` or `[`");
        is_refused("$$.a", 1, "expected `.` or `[`");
        is_refused("$.", 2, "expected a name after `.`");
        is_refused("$.ü.", 5, "expected a name after `.`");
        is_refused("$.a b", 3, "a name with spaces goes into brackets: `['a b']`");
        is_refused("$.a\\", 3, "a character is missing after this `\\`");
        is_refused("$['a", 2, "this quote is never closed");
        is_refused("$['a'", 5, "expected `]`");
        is_refused("$[0", 3, "expected `]`");
        is_refused("$[]", 2, "expected an index or a name in quotes after `[`");
        let digits = "9".repeat(30);
        is_refused(&format!("$[{digits}]"), 2, &format!("`{digits}` is no index"));
        let deep = ".a".repeat(100_000);
        is_refused(&format!("${deep}"), 201, "a reference path has at most 100 steps");
    }

    #[test]
    fn a_path_is_shown_and_stored_as_it_was_written() {
        let path = ReferencePath::parse("$.a['b']").unwrap();
        assert_eq!(path.to_string(), "$.a['b']");
        assert_eq!(serde_json::to_string(&path).unwrap(), r#""$.a['b']""#);
        assert_eq!(serde_json::from_str::<ReferencePath>(r#""$.a['b']""#).unwrap(), path);
        assert!(serde_json::from_str::<ReferencePath>(r#""$.*""#).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from)];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-c]", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            for text in [text.clone(), format!("$.{text}"), format!("$[{text}]"), format!("$['{text}")] {
                if let Err(error) = ReferencePath::parse(&text) {
                    prop_assert!(text.is_char_boundary(error.offset), "{text} {error:?}");
                }
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            steps in prop::collection::vec("\\.[a-c]|\\['[a-c]'\\]|\\[[0-2]\\]", 0..5),
            root in any_value(),
            value in any_value(),
        ) {
            let path = ReferencePath::parse(&format!("${}", steps.concat())).unwrap();
            let was_there = path.read(&root).is_some();
            match path.write(root, value.clone()) {
                Ok(written) => prop_assert_eq!(path.read(&written), Some(&value)),
                Err(error) => prop_assert!(!was_there, "{}", error),
            }
        }

        #[test]
        fn any_name_can_be_escaped(name in "\\PC{1,20}", value in any::<i64>()) {
            let escaped: String = name.chars().flat_map(|character| ['\\', character]).collect();
            for text in [format!("$.{escaped}.x"), format!("$['{escaped}'].x")] {
                let path = ReferencePath::parse(&text).unwrap();
                let written = path.write(json!({}), json!(value)).unwrap();
                prop_assert_eq!(&written[&name]["x"], &json!(value));
            }
        }
    }
}
