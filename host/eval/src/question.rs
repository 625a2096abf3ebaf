//! A text, and which language it is in.
//!
//! JSONata unless it says otherwise. JSONata in a workflow has no input document, so a text that begins with
//! `$` alone, `$$` or `States.` could mean nothing there: it is JSONPath or a call. `$name` is a variable in
//! both, and JSONata here.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde_json::Value;
use stepwell_query::{
    Expression, ExpressionError, ExpressionSyntaxError, JSONATA_DELIMITERS, Jsonata,
    JsonataSyntaxError,
};

use crate::Values;
use crate::notices;

/// The longest expression that is told in a message.
const TOLD_CHARACTERS_MAX: usize = 80;

/// An expression that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    text: String,
    /// Where the expression begins in the text, in bytes.
    start: usize,
    expression: Expression,
}

/// What is said about a place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// JSONata's code, such as `S0201`, if it has one.
    pub code: Option<String>,
    /// What is to be said.
    pub message: String,
    /// The text.
    pub text: String,
    /// Where in the text, in bytes. May be empty, and at the end.
    pub span: Range<usize>,
    /// What could be done about it.
    pub help: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The text is no expression.
    Syntax(Notice),
    /// The expression failed.
    Evaluation {
        /// The error's name in the language, such as `States.QueryEvaluationError`.
        name: &'static str,
        /// What AWS says, or what we say of it.
        message: String,
    },
    /// What was said is no command, or its argument is wrong.
    Command {
        /// What is wrong.
        message: String,
        /// What could be done about it.
        help: Option<String>,
    },
}

impl Trouble {
    /// Whether the text was an expression, which failed.
    pub fn is_of_evaluation(&self) -> bool {
        matches!(self, Self::Evaluation { .. })
    }
}

/// What is wrong, without the place and without help.
impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(Notice { message, .. })
            | Self::Evaluation { message, .. }
            | Self::Command { message, .. } => formatter.write_str(message),
        }
    }
}

impl std::error::Error for Trouble {}

impl Question {
    /// Reads a text. Blanks around it do not count. With `jsonpath` it is JSONPath or a call whatever it
    /// begins with; between `{%` and `%}` it is JSONata.
    pub fn read(text: &str, jsonpath: bool) -> Result<Self, Trouble> {
        let trimmed = text.trim();
        let start = text.len() - text.trim_start().len();
        if trimmed.is_empty() {
            let message = "there is no expression".to_owned();
            return Err(Trouble::Command { message, help: None });
        }
        let [opening, closing] = JSONATA_DELIMITERS;
        if trimmed.starts_with(opening) {
            return delimited(text, trimmed, start, jsonpath);
        }
        if trimmed.ends_with(closing) {
            let span = text.trim_end().len() - closing.len()..text.trim_end().len();
            let help = format!("write `{opening} ... {closing}`, or the expression alone");
            return Err(syntax(text, span, format!("no `{opening}` stands before it"), Some(help)));
        }
        if jsonpath || looks_like_path(trimmed) {
            return path(text, trimmed, start, jsonpath);
        }
        jsonata(text, trimmed, start).map_err(|error| {
            let help = Expression::parse(trimmed).is_ok().then(|| {
                "as JSONPath it can be read: `--jsonpath`, or `:jsonpath on` at the prompt"
                    .to_owned()
            });
            refused(text, start, error, help)
        })
    }

    /// Evaluates the expression. A plain path borrows from the values.
    pub fn evaluate<'v>(&self, values: &'v Values) -> Result<Cow<'v, Value>, Trouble> {
        self.expression
            .evaluate(values)
            .map_err(|error| Trouble::Evaluation { name: error.name(), message: told(&error) })
    }

    /// What is worth a warning before it is evaluated.
    pub fn notices(&self, values: &Values) -> Vec<Notice> {
        match &self.expression {
            Expression::Jsonata(expression) => {
                notices::of(expression.survey(), &self.text, self.start, values)
            }
            Expression::Query(_) | Expression::Intrinsic(_) => Vec::new(),
        }
    }

    /// Whether it is JSONata.
    pub fn is_jsonata(&self) -> bool {
        matches!(self.expression, Expression::Jsonata(_))
    }
}

/// Whether a text begins as nothing does that means something in the JSONata of a workflow.
fn looks_like_path(text: &str) -> bool {
    if text.starts_with("States.") {
        return true;
    }
    let Some(rest) = text.strip_prefix("$$").or_else(|| text.strip_prefix('$')) else {
        return false;
    };
    rest.is_empty() || rest.starts_with(['.', '['])
}

fn delimited(text: &str, trimmed: &str, start: usize, jsonpath: bool) -> Result<Question, Trouble> {
    let [opening, closing] = JSONATA_DELIMITERS;
    if jsonpath {
        let message = "this is JSONata, and JSONPath was asked for".to_owned();
        let help = "leave `--jsonpath` away, or say `:jsonpath off` at the prompt".to_owned();
        return Err(syntax(text, start..start + opening.len(), message, Some(help)));
    }
    let Some((inner, offset)) = Jsonata::delimited(trimmed) else {
        let message = format!("this `{opening}` is never closed");
        let help = format!("the last characters of an expression are `{closing}`");
        return Err(syntax(text, start..start + opening.len(), message, Some(help)));
    };
    jsonata(text, inner, start + offset).map_err(|error| refused(text, start + offset, error, None))
}

fn jsonata(text: &str, expression: &str, start: usize) -> Result<Question, JsonataSyntaxError> {
    let expression = Expression::Jsonata(Jsonata::parse(expression)?);
    Ok(Question { text: text.to_owned(), start, expression })
}

fn path(text: &str, trimmed: &str, start: usize, asked: bool) -> Result<Question, Trouble> {
    let error = match Expression::parse(trimmed) {
        Ok(expression) => return Ok(Question { text: text.to_owned(), start, expression }),
        Err(error) => error,
    };
    let offset = start + error.offset();
    let is_jsonata = !trimmed.starts_with("States.") && Jsonata::parse(trimmed).is_ok();
    let help = match &error {
        ExpressionSyntaxError::Neither { .. } => {
            Some("a path begins with `$`, a call with `States.`".to_owned())
        }
        _ if is_jsonata && asked => Some(
            "as JSONata it can be read: without `--jsonpath`, or after `:jsonpath off` at the prompt"
                .to_owned(),
        ),
        _ if is_jsonata => Some(
            "in JSONata the state's input is `$states.input`: `$` and `$$` have no value there"
                .to_owned(),
        ),
        other => other.help().map(str::to_owned),
    };
    let message = match &error {
        ExpressionSyntaxError::Path { error, .. } => format!("this is no path: {error}"),
        ExpressionSyntaxError::Neither { .. } => {
            "this is neither a path nor a call of an intrinsic function".to_owned()
        }
        ExpressionSyntaxError::Intrinsic(error) => error.to_string(),
    };
    Err(syntax(text, one_character(text, offset), message, help))
}

fn refused(text: &str, start: usize, error: JsonataSyntaxError, help: Option<String>) -> Trouble {
    let span = match error.span.start + start {
        place if error.span.is_empty() => one_character(text, place),
        place => place..error.span.end + start,
    };
    let trouble = syntax(text, span, error.message, help);
    match trouble {
        Trouble::Syntax(notice) => Trouble::Syntax(Notice { code: Some(error.code), ..notice }),
        other => other,
    }
}

fn syntax(text: &str, span: Range<usize>, message: String, help: Option<String>) -> Trouble {
    Trouble::Syntax(Notice { code: None, message, text: text.to_owned(), span, help })
}

/// The character at a place; nothing at the end.
fn one_character(text: &str, offset: usize) -> Range<usize> {
    let start = text.floor_char_boundary(offset.min(text.len()));
    start..text.ceil_char_boundary((start + 1).min(text.len()))
}

/// An error in words, which name the expression unless it fills a page.
fn told(error: &ExpressionError) -> String {
    let brief = |text: &str| {
        let is_brief = text.chars().count() <= TOLD_CHARACTERS_MAX && !text.contains('\n');
        if is_brief { format!("`{text}`") } else { "the expression".to_owned() }
    };
    match error {
        ExpressionError::Jsonata { expression, source } => {
            format!("{} {source}", brief(expression.text()))
        }
        ExpressionError::Intrinsic { intrinsic, source } => {
            format!("{}: {source}", brief(intrinsic.as_str()))
        }
        ExpressionError::Query { .. } => error.to_string(),
    }
}
