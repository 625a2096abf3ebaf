//! Expressions: what a template's `.$` field and fields such as `ErrorPath` hold, a query or a call of an
//! intrinsic function; and the words for one that fails.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::{
    Intrinsic, IntrinsicError, IntrinsicSyntaxError, Jsonata, JsonataError, PathError,
    PathSyntaxError, Query, Scope,
};

/// The error's name in the language when a JSONata expression fails.
pub const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";

/// A query or a call of an intrinsic function.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// `$...`.
    Query(Query),
    /// `States.Name(...)`.
    Intrinsic(Intrinsic),
    /// `{% ... %}`.
    Jsonata(Jsonata),
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionSyntaxError {
    /// It begins as a path.
    #[error("`{text}` is no path: {error}")]
    Path {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: PathSyntaxError,
    },
    /// It begins as a call.
    #[error(transparent)]
    Intrinsic(#[from] IntrinsicSyntaxError),
    /// It begins as neither.
    #[error("`{text}` is neither")]
    Neither {
        /// The text.
        text: String,
    },
}

/// Why an expression gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// A query found nothing.
    #[error("`{query}`: {source}")]
    Query {
        /// The query.
        query: Query,
        /// What its path says.
        source: PathError,
    },
    /// A call failed, or a query among its arguments.
    #[error("`{intrinsic}`: {source}")]
    Intrinsic {
        /// The whole call.
        intrinsic: Intrinsic,
        /// What it says.
        source: IntrinsicError,
    },
    /// A JSONata expression failed, or came to nothing.
    #[error("`{expression}` {source}")]
    Jsonata {
        /// The expression.
        expression: Jsonata,
        /// What it says.
        source: JsonataError,
    },
}

impl Expression {
    /// Reads an expression: `$` begins a query, `States.` a call.
    pub fn parse(text: &str) -> Result<Self, ExpressionSyntaxError> {
        if text.starts_with('$') {
            return Query::parse(text)
                .map(Self::Query)
                .map_err(|error| ExpressionSyntaxError::Path { text: text.to_owned(), error });
        }
        if text.starts_with("States.") {
            return Ok(Self::Intrinsic(Intrinsic::parse(text)?));
        }
        Err(ExpressionSyntaxError::Neither { text: text.to_owned() })
    }

    /// The queries in it, in order; none in JSONata.
    pub fn queries(&self) -> Vec<&Query> {
        match self {
            Self::Query(query) => vec![query],
            Self::Intrinsic(intrinsic) => intrinsic.queries(),
            Self::Jsonata(_) => Vec::new(),
        }
    }

    /// Evaluates the expression. A definite path borrows from the scope.
    pub fn evaluate<'v>(&self, scope: &'v dyn Scope) -> Result<Cow<'v, Value>, ExpressionError> {
        match self {
            Self::Query(query) => query
                .evaluate(scope)
                .map_err(|source| ExpressionError::Query { query: query.clone(), source }),
            Self::Intrinsic(intrinsic) => {
                intrinsic.evaluate(scope).map(Cow::Owned).map_err(|source| {
                    ExpressionError::Intrinsic { intrinsic: intrinsic.clone(), source }
                })
            }
            Self::Jsonata(expression) => expression.evaluate(scope).map_err(|source| {
                ExpressionError::Jsonata { expression: expression.clone(), source }
            }),
        }
    }
}

/// As it stands in the definition.
impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(query) => write!(formatter, "{query}"),
            Self::Intrinsic(intrinsic) => write!(formatter, "{intrinsic}"),
            Self::Jsonata(expression) => write!(formatter, "{expression}"),
        }
    }
}

impl ExpressionSyntaxError {
    /// Where in the text, in bytes.
    pub fn offset(&self) -> usize {
        match self {
            Self::Path { error, .. } => error.offset,
            Self::Intrinsic(error) => error.offset,
            Self::Neither { .. } => 0,
        }
    }

    /// How to mend it, if there is a guess.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Intrinsic(error) => error.help.as_deref(),
            Self::Path { .. } | Self::Neither { .. } => None,
        }
    }
}

impl ExpressionError {
    /// The error's name in the language. A path that finds nothing is `States.Runtime` on AWS, also as an
    /// argument, whatever the specification says; for a function that can do nothing with its arguments
    /// there is only the specification's `States.IntrinsicFailure` to go by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Query { .. } | Self::Intrinsic { source: IntrinsicError::Path { .. }, .. } => {
                "States.Runtime"
            }
            Self::Intrinsic { .. } => "States.IntrinsicFailure",
            Self::Jsonata { .. } => QUERY_EVALUATION_ERROR,
        }
    }

    /// The cause as AWS words it, without what it says first about every state's failure. `field` is the
    /// field's name as written, such as `id.$`, and `input` the JSON text of the data, `$`.
    pub fn cause(&self, field: &str, input: &str) -> String {
        match self {
            Self::Query { query, source: PathError::TooMuch { max, what } } => format!(
                "The JSONPath '{query}' specified for the field '{field}' needs more than {max} {what}"
            ),
            Self::Query { query, .. } => format!(
                "The JSONPath '{query}' specified for the field '{field}' could not be found in the \
                 input '{input}'"
            ),
            Self::Intrinsic { intrinsic, source } => {
                let what = match source {
                    // AWS tells the path in the context object, and nevertheless the state's input.
                    IntrinsicError::Path { query, source: PathError::NotFound(_) } => {
                        let path = match query {
                            Query::Context(path) => path.to_string(),
                            Query::Data(_) | Query::Variable { .. } => query.to_string(),
                        };
                        format!(
                            "The JsonPath argument for the field '{path}' could not be found in the \
                             input '{input}'"
                        )
                    }
                    IntrinsicError::Path { source, .. } => source.to_string(),
                    other => other.to_string(),
                };
                format!("The function '{intrinsic}' had the following error: {what}")
            }
            Self::Jsonata { expression, source } => format!(
                "The JSONata expression '{expression}' specified for the field '{field}' {source}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Fixed;

    #[track_caller]
    fn fails(text: &str, name: &str, cause: &str) {
        let scope = Fixed::new(json!({"other": 1})).with_context(json!({"State": {}}));
        let error = Expression::parse(text).unwrap().evaluate(&scope).unwrap_err();
        assert_eq!((error.name(), error.cause("v.$", r#"{"other":1}"#).as_str()), (name, cause));
    }

    #[test]
    fn a_failure_has_the_words_of_aws() {
        fails(
            "$.nope",
            "States.Runtime",
            r#"The JSONPath '$.nope' specified for the field 'v.$' could not be found in the input '{"other":1}'"#,
        );
        fails(
            "States.Format('{}',  $.nope)",
            "States.Runtime",
            r#"The function 'States.Format('{}',  $.nope)' had the following error: The JsonPath argument for the field '$.nope' could not be found in the input '{"other":1}'"#,
        );
        fails(
            "States.Array(States.Array($$.State.Name))",
            "States.Runtime",
            r#"The function 'States.Array(States.Array($$.State.Name))' had the following error: The JsonPath argument for the field '$.State.Name' could not be found in the input '{"other":1}'"#,
        );
        fails(
            "States.Array($.other[0])",
            "States.Runtime",
            "The function 'States.Array($.other[0])' had the following error: Filter: [0] can only be applied to arrays. Current context is: 1",
        );
        fails(
            "States.Format('{}')",
            "States.IntrinsicFailure",
            "The function 'States.Format('{}')' had the following error: Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.",
        );
    }

    #[test]
    fn a_text_that_is_no_expression_says_where() {
        let refused = |text: &str| {
            let error = Expression::parse(text).unwrap_err();
            (error.offset(), error.to_string(), error.help().map(str::to_owned))
        };
        assert_eq!(refused("x"), (0, "`x` is neither".to_owned(), None));
        assert_eq!(refused(" States.UUID()").1, "` States.UUID()` is neither");
        assert_eq!(refused("$.a[").0, 3);
        let suggested = Some("did you mean `States.UUID`?".to_owned());
        assert_eq!(
            refused("States.Uuid()"),
            (0, "there is no function `States.Uuid`".to_owned(), suggested)
        );
    }
}
