//! Payload templates: the parts of `Parameters`, `ResultSelector` and their like that are compiled once
//! per definition and filled in at each step (`facts/asl.md` 2.4).
//!
//! Knows documents and expressions, nothing of states. Compiling the JSON of a template, which needs the
//! places of its fields, is the business of the language's crate.

use serde_json::{Map, Value};

use crate::{Document, Expression, ExpressionError, Scope};

/// A compiled payload template.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// JSON without any expression in it, copied as it is.
    Constant(Value),
    /// The value of an expression: of a field whose name ended in `.$`, or of a string between JSONata's
    /// delimiters.
    Expression {
        /// JSONPath: the field's name as written, such as `id.$`. JSONata: the way to it from the state, such
        /// as `Output/result`.
        field: String,
        /// What it asks for.
        expression: Expression,
    },
    /// An object with an expression somewhere in it. Names are stripped of `.$`.
    Object(Vec<(String, Self)>),
    /// An array with an expression somewhere in it.
    Array(Vec<Self>),
}

/// An expression in a template that gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the field `{field}`: {source}")]
pub struct TemplateError {
    /// The field's name or the way to it, as in [`Template::Expression`].
    pub field: String,
    /// What the expression says: whether a path found nothing or a function failed.
    pub source: ExpressionError,
}

impl Template {
    /// Fills the template in, from the first field to the last.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Value, TemplateError> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Expression { field, expression } => match expression.evaluate(scope) {
                Ok(value) => Ok(value.into_owned()),
                Err(source) => Err(TemplateError { field: field.clone(), source }),
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

impl Template {
    /// What the template makes as a document that need not be copied, where it is all of one.
    pub fn share(&self, scope: &dyn Scope) -> Option<Document> {
        match self {
            Self::Expression { expression: Expression::Jsonata(expression), .. } => {
                expression.share(scope)
            }
            _ => None,
        }
    }
}

impl TemplateError {
    /// The error's name in the language: [`ExpressionError::name`].
    pub fn name(&self) -> &'static str {
        self.source.name()
    }

    /// The cause as AWS words it: [`ExpressionError::cause`].
    pub fn cause(&self, input: &str) -> String {
        self.source.cause(&self.field, input)
    }
}
