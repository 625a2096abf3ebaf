//! Reference paths: those of ASL that name one place and can be written to, as `ResultPath` does.
//!
//! A grammar of their own and not a kind of [`crate::JsonPath`]: they know escapes, and they can create
//! what is not there yet.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

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

/// Why a value cannot be written to the place that a reference path names. For the workflow, each of
/// these is a `States.ResultPathMatchFailure`.
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

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
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
