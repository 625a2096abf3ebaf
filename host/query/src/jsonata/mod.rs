//! JSONata as AWS Step Functions evaluates it (`facts/asl.md` 3): no input document, `$states` and the
//! workflow's variables bound as values, functions of AWS beside the language's own, and limits on all that
//! an expression can take.
//!
//! Reading order: [`Jsonata`], an expression of a definition; `engine`, what we ask of the library that
//! evaluates; `jlens`, the one we use; `functions`, what AWS adds; `guards`, where the library's own functions
//! would take too long; `shortcut`, plain paths, which need no library; `survey`, what can be said of an
//! expression before it runs.

mod catalog;
mod engine;
mod functions;
mod guards;
mod jlens;
mod shortcut;
mod survey;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

pub use self::catalog::{JsonataFunction, jsonata_functions};
pub use self::engine::{
    Dialect, JsonataEngine, JsonataError, JsonataLimit, JsonataLimits, JsonataProgram,
    JsonataSyntaxError, Outcome,
};
pub use self::jlens::Jlens;
use self::shortcut::Shortcut;
pub use self::survey::{Mention, StatesMention, Survey};
use crate::{Document, Scope};

/// What an expression in a workflow file begins and ends with.
pub const JSONATA_DELIMITERS: [&str; 2] = ["{%", "%}"];

/// A compiled JSONata expression of a workflow. Cloning it shares it.
#[derive(Clone)]
pub struct Jsonata(Arc<Inner>);

struct Inner {
    text: Box<str>,
    program: Box<dyn JsonataProgram>,
    shortcut: Option<Shortcut>,
    survey: Survey,
}

/// What one evaluation may take, as measured on AWS (`facts/asl.md` 3) where that is known.
const LIMITS: JsonataLimits = JsonataLimits {
    // A sum of 200 terms fails, one of a few fewer does not.
    depth: 199,
    // About what a second of AWS's processors does.
    steps: 10_000_000,
    // 2^22 characters are accepted, 2^23 are not.
    string_bytes: 5 << 20,
    // `[1..873782]` is accepted, one more is not.
    array_items: 873_782,
    result_bytes: 10 << 20,
    memory_bytes: 32 << 20,
    time: std::time::Duration::from_secs(1),
};

impl Jsonata {
    /// Compiles the text between the delimiters, without blanks around it.
    pub fn parse(text: &str) -> Result<Self, JsonataSyntaxError> {
        let compiled = Jlens.compile(text, Dialect::StepFunctions)?;
        let survey = Survey::of(text);
        let shortcut = Shortcut::of(text);
        Ok(Self(Arc::new(Inner { text: text.into(), program: compiled, shortcut, survey })))
    }

    /// The expression that a text of a workflow file is, if it has the delimiters, and where it begins in
    /// the text, in bytes. Without blanks around it.
    pub fn delimited(text: &str) -> Option<(&str, usize)> {
        let [opening, closing] = JSONATA_DELIMITERS;
        let inner = text.strip_prefix(opening)?.strip_suffix(closing)?;
        let trimmed = inner.trim();
        let before = inner.len() - inner.trim_start().len();
        Some((trimmed, opening.len() + before))
    }

    /// Evaluates the expression. A plain path borrows from the scope.
    pub fn evaluate<'v>(&self, scope: &'v dyn Scope) -> Result<Cow<'v, Value>, JsonataError> {
        if let Some(found) = self.0.shortcut.as_ref().and_then(|shortcut| shortcut.find(scope)) {
            return found.map(Cow::Borrowed).ok_or(JsonataError::Undefined);
        }
        match self.0.program.evaluate(None, scope, &LIMITS)? {
            Outcome::Value(value) => Ok(Cow::Owned(value)),
            Outcome::Undefined => Err(JsonataError::Undefined),
            Outcome::Function => Err(JsonataError::Function),
        }
    }

    /// The value as a document that need not be copied, where the expression is all of one.
    pub fn share(&self, scope: &dyn Scope) -> Option<Document> {
        self.0.shortcut.as_ref()?.share(scope)
    }

    /// The text between the delimiters.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What can be said of the expression without evaluating it.
    pub fn survey(&self) -> &Survey {
        &self.0.survey
    }
}

/// By their texts.
impl PartialEq for Jsonata {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl fmt::Debug for Jsonata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Jsonata").field(&self.0.text).finish()
    }
}

/// As it stands in the definition, without the delimiters.
impl fmt::Display for Jsonata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

#[cfg(test)]
mod tests;
