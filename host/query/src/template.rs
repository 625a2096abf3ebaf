//! Payload templates and the paths in them: the parts of `Parameters`, `ResultSelector` and the path
//! fields that are compiled once per definition and filled in at each step (`facts/asl.md` 2.3, 2.4).
//!
//! Knows documents and paths, nothing of states. Compiling the JSON of a template, which needs the
//! places of its fields, is the business of the language's crate.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{JsonPath, PathError};

/// A path field's value: where it looks, and what for.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// `$...`: a path on the state's data.
    Data(JsonPath),
    /// `$$...`: a path on the context object. The path is kept without the first `$`.
    Context(JsonPath),
}

/// What queries look at.
pub trait Scope {
    /// The data, `$`.
    fn data(&self) -> &Value;
    /// The context object, `$$`. Called only by queries that need it.
    fn context(&self) -> &Value;
    /// A workflow variable.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// A random number.
    fn draw(&self) -> u64;
}

impl Query {
    /// `$`: the whole of the data.
    pub fn identity() -> Self {
        Self::Data(JsonPath::parse("$").expect("`$` is a path"))
    }

    /// Evaluates the query. A definite path borrows from the scope.
    pub fn evaluate<'v>(&self, scope: &'v dyn Scope) -> Result<Cow<'v, Value>, PathError> {
        match self {
            Self::Data(path) => path.evaluate(scope.data()),
            Self::Context(path) => path.evaluate(scope.context()),
        }
    }

    /// Whether the query is `$`, the whole of the data.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Data(path) if path.is_root())
    }
}

/// As it stands in the definition.
impl std::fmt::Display for Query {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(path) => write!(formatter, "{path}"),
            Self::Context(path) => write!(formatter, "${path}"),
        }
    }
}

/// A compiled payload template.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// JSON without any path in it, copied as it is.
    Constant(Value),
    /// The value of a field whose name ended in `.$`. `field` is that name, ending included.
    Query {
        /// The field's name as written, such as `id.$`.
        field: String,
        /// What it asks for.
        query: Query,
    },
    /// An object with a path somewhere in it. Names are stripped of `.$`.
    Object(Vec<(String, Self)>),
    /// An array with a path somewhere in it.
    Array(Vec<Self>),
}

/// A path in a template that found nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the JSONPath `{query}` of the field `{field}` found nothing: {source}")]
pub struct TemplateError {
    /// The field's name as written, such as `id.$`.
    pub field: String,
    /// The path as written.
    pub query: String,
    /// What the path says.
    pub source: PathError,
}

impl Template {
    /// Fills the template in.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Value, TemplateError> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Query { field, query } => match query.evaluate(scope) {
                Ok(value) => Ok(value.into_owned()),
                Err(source) => {
                    Err(TemplateError { field: field.clone(), query: query.to_string(), source })
                }
            },
            Self::Object(members) => members
                .iter()
                .map(|(name, member)| Ok((name.clone(), member.fill(scope)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Self::Array(items) => items
                .iter()
                .map(|item| item.fill(scope))
                .collect::<Result<_, _>>()
                .map(Value::Array),
        }
    }
}
