//! Queries: the paths of the language, on the data (`$`), the context object (`$$`) or a variable
//! (`$name`).

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::{Document, JsonPath, PathError, PathSyntaxError};

/// How long a variable's name may be: the limit of AWS.
pub const VARIABLE_NAME_CHARACTERS_MAX: usize = 80;

/// The one name that no variable can have: JSONata's view of the execution.
const RESERVED: &str = "states";

/// A path field's value: where it looks, and what for.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// `$...`: a path on the state's data.
    Data(JsonPath),
    /// `$$...`: a path on the context object. The path is kept without the first `$`.
    Context(JsonPath),
    /// `$name...`: a path on the value of a variable. The path is kept as `$` and what follows the name.
    Variable {
        /// The variable's name, without `$`.
        name: Box<str>,
        /// Where in its value.
        path: JsonPath,
    },
}

/// What a scope may hand over whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedRoot<'n> {
    /// A variable, by its name without `$`.
    Variable(&'n str),
    /// A field of `$states`: `input`, `result` or `errorOutput`.
    States(&'n str),
}

/// What queries and intrinsic functions look at.
pub trait Scope {
    /// The data, `$`.
    fn data(&self) -> &Value;
    /// The context object, `$$`, or as much of it as a path on it can see: by its first two names, where
    /// it begins with names. Called only by queries that need it.
    fn context(&self, names: [Option<&str>; 2]) -> &Value;
    /// `$$.Execution.Input`, which may be large.
    fn execution_input(&self) -> &Value;
    /// The value of a variable, if it has one. The name comes without `$`.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// A field of JSONata's `$states` but for its context: `input`, `result` or `errorOutput`, where there is
    /// one.
    fn states(&self, field: &str) -> Option<&Value>;
    /// The whole of a variable or of a field of `$states` as a document that need not be copied.
    fn shared(&self, root: SharedRoot<'_>) -> Option<Document> {
        let _ = root;
        None
    }
    /// The time, in milliseconds since the epoch.
    fn now_ms(&self) -> i64;
    /// 64 random bits, others at each call. Called only by functions that need them, in the order in
    /// which they stand in the text, so that a scope which draws from a seed gives the same again.
    fn draw(&self) -> u64;
}

impl Query {
    /// `$`: the whole of the data.
    pub fn identity() -> Self {
        Self::Data(JsonPath::root())
    }

    /// Reads a query. It begins with `$`.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        let refuse = |offset, message: String| Err(PathSyntaxError { offset, message });
        let Some(rest) = text.strip_prefix('$') else {
            return refuse(0, "a path begins with `$`".to_owned());
        };
        if rest.starts_with('$') {
            return JsonPath::parse(rest).map(Self::Context).map_err(|error| moved(error, 1));
        }
        if rest.is_empty() || rest.starts_with(['.', '[', ' ']) {
            return JsonPath::parse(text).map(Self::Data);
        }
        let Some(name) = variable_name(rest) else {
            return refuse(1, "expected `.`, `[`, `$` or the name of a variable".to_owned());
        };
        if name == RESERVED {
            return refuse(1, "`$states` belongs to JSONata; use `$` and `$$`".to_owned());
        }
        if name.chars().count() > VARIABLE_NAME_CHARACTERS_MAX {
            let message = format!(
                "the name of a variable has at most {VARIABLE_NAME_CHARACTERS_MAX} characters"
            );
            return refuse(1, message);
        }
        let path = JsonPath::parse(&format!("${}", &rest[name.len()..]))
            .map_err(|error| moved(error, name.len()))?;
        Ok(Self::Variable { name: name.into(), path })
    }

    /// Evaluates the query. A definite path borrows from the scope.
    pub fn evaluate<'v>(&self, scope: &'v dyn Scope) -> Result<Cow<'v, Value>, PathError> {
        match self {
            Self::Data(path) => path.evaluate(scope.data()),
            Self::Context(path) => {
                let names = path.first_names();
                if names == [Some("Execution"), Some("Input")]
                    && let Ok(found) = path.evaluate_after(names.len(), scope.execution_input())
                {
                    return Ok(found);
                }
                // What is not found is told with the whole path.
                path.evaluate(scope.context(names))
            }
            Self::Variable { name, path } => match scope.variable(name) {
                Some(value) => path.evaluate(value),
                None => Err(PathError::NotFound(format!("The variable '{name}' has no value"))),
            },
        }
    }

    /// The path, without what says where it looks.
    pub fn path(&self) -> &JsonPath {
        match self {
            Self::Data(path) | Self::Context(path) | Self::Variable { path, .. } => path,
        }
    }

    /// Whether the query is `$`, the whole of the data.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Data(path) if path.is_root())
    }
}

/// Whether a text, without `$`, can be the name of a variable.
pub fn is_variable_name(text: &str) -> bool {
    text != RESERVED
        && text.chars().count() <= VARIABLE_NAME_CHARACTERS_MAX
        && variable_name(text).is_some_and(|name| name.len() == text.len())
}

/// The identifier that a text begins with.
fn variable_name(text: &str) -> Option<&str> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\p{ID_Start}\p{ID_Continue}*").expect("it is a regular expression")
    });
    NAME.find(text).map(|found| found.as_str())
}

/// An error in a text of which so many bytes were left out before its first character, or after it.
fn moved(error: PathSyntaxError, bytes: usize) -> PathSyntaxError {
    match error.offset {
        0 => error,
        offset => PathSyntaxError { offset: offset + bytes, ..error },
    }
}

/// As it stands in the definition.
impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(path) => write!(formatter, "{path}"),
            Self::Context(path) => write!(formatter, "${path}"),
            Self::Variable { name, path } => write!(formatter, "${name}{}", &path.as_str()[1..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::Fixed;

    #[track_caller]
    fn is_refused(text: &str, offset: usize, message: &str) {
        let error = Query::parse(text).expect_err(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }

    #[track_caller]
    fn gives(text: &str, expected: Result<Value, &str>) {
        let scope = Fixed::new(json!({"a": 1}))
            .with_context(json!({"State": {"Name": "S"}}))
            .with_variable("total", json!({"a": [2, {"b": 3}]}))
            .with_variable("größe_1", json!(null));
        let query = Query::parse(text).unwrap();
        assert_eq!(query.to_string(), text);
        let found = query.evaluate(&scope);
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(&expected), "{text}"),
            Err(message) => assert_eq!(found.unwrap_err().to_string(), message, "{text}"),
        }
    }

    #[test]
    fn a_query_looks_at_the_data_the_context_or_a_variable() {
        gives("$", Ok(json!({"a": 1})));
        gives("$.a", Ok(json!(1)));
        gives("$$.State.Name", Ok(json!("S")));
        gives("$total", Ok(json!({"a": [2, {"b": 3}]})));
        gives("$total.a[1].b", Ok(json!(3)));
        gives("$total['a'][0]", Ok(json!(2)));
        gives("$total..b", Ok(json!([3])));
        gives("$größe_1", Ok(json!(null)));
        gives("$total.b", Err("No results for path: $['b']"));
        gives("$none", Err("The variable 'none' has no value"));
        gives("$none[*]", Err("The variable 'none' has no value"));
    }

    #[test]
    fn a_mistake_has_its_place_in_the_whole_text() {
        is_refused("", 0, "a path begins with `$`");
        is_refused("total", 0, "a path begins with `$`");
        is_refused("$.a[", 3, "this `[` is never closed");
        is_refused("$$.a[", 4, "this `[` is never closed");
        is_refused("$total.a[", 8, "this `[` is never closed");
        is_refused("$größe-1", 8, "expected `.` or `[` after the start of a path");
        is_refused("$1", 1, "expected `.`, `[`, `$` or the name of a variable");
        is_refused("$_x", 1, "expected `.`, `[`, `$` or the name of a variable");
        is_refused("$states.input", 1, "`$states` belongs to JSONata; use `$` and `$$`");
        let long = format!("${}", "x".repeat(81));
        is_refused(&long, 1, "the name of a variable has at most 80 characters");
        assert!(Query::parse(&long[..81]).is_ok());
    }

    #[test]
    fn names_are_identifiers() {
        for name in ["x", "x1", "größe", "日本", "a_b"] {
            assert!(is_variable_name(name), "{name}");
        }
        for name in ["", "1x", "_x", "x.y", "x[2]", "a b", "states", "x-y"] {
            assert!(!is_variable_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            for text in [text.clone(), format!("${text}"), format!("$$.{text}"), format!("$a{text}")] {
                match Query::parse(&text) {
                    Ok(query) => prop_assert_eq!(query.to_string(), text),
                    Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{text} {error:?}"),
                }
            }
        }
    }
}
