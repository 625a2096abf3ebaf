//! What we ask of a JSONata engine. One library does the work (`facts/engines.md` 1 says why this one); another
//! checks it in tests, through the same trait.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::Scope;

/// A library that evaluates JSONata.
pub trait JsonataEngine {
    /// Compiles an expression.
    fn compile(
        &self,
        text: &str,
        dialect: Dialect,
    ) -> Result<Box<dyn JsonataProgram>, JsonataSyntaxError>;
}

/// A compiled expression.
pub trait JsonataProgram: fmt::Debug + Send + Sync {
    /// Evaluates it on an input document, if there is one. Variables, `$states`, the time and random numbers
    /// come from the scope.
    fn evaluate(
        &self,
        input: Option<&Value>,
        scope: &dyn Scope,
        limits: &JsonataLimits,
    ) -> Result<Outcome, JsonataError>;
}

/// Whose JSONata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The language as it is.
    Plain,
    /// With what AWS Step Functions adds and takes away (`facts/asl.md` 3), and `$states` bound.
    StepFunctions,
}

/// What an expression came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A value.
    Value(Value),
    /// Nothing.
    Undefined,
    /// A function, which is no JSON.
    Function,
}

/// What one evaluation may take.
#[derive(Debug, Clone, Copy)]
pub struct JsonataLimits {
    /// How deeply expressions and calls may nest.
    pub depth: usize,
    /// Parts of expressions that are evaluated, and functions that are called.
    pub steps: u64,
    /// One string, in bytes of UTF-8.
    pub string_bytes: usize,
    /// One array.
    pub array_items: usize,
    /// The result, in bytes of JSON text.
    pub result_bytes: usize,
    /// All values at a time, in bytes. Counted only where the process counts (`stepwell_allowance`).
    pub memory_bytes: usize,
    /// Processor time. Counted as the memory is. The other limits come first but for what takes much time in
    /// few steps, so that a replay comes to the same end.
    pub time: Duration,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonataSyntaxError {
    /// JSONata's code, such as `S0203`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Where in the text, in bytes.
    pub span: std::ops::Range<usize>,
}

/// Why an expression gave no value. `Display` is what AWS says after the expression and its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonataError {
    /// It came to nothing.
    #[error("returned nothing (undefined).")]
    Undefined,
    /// It came to a function.
    #[error("returned an unsupported result type.")]
    Function,
    /// It failed.
    #[error("threw an error during evaluation. {code}: {message}")]
    Thrown {
        /// JSONata's code, such as `T1006`.
        code: String,
        /// What happened.
        message: String,
    },
    /// It took more than it may.
    #[error("threw an error during evaluation. {0}")]
    Limit(JsonataLimit),
}

/// What an expression took too much of. `Display` is as AWS says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonataLimit {
    /// Time, or steps.
    #[error("Expression evaluation timeout")]
    Time,
    /// Memory: a string, an array or a result too large, or all together.
    #[error("Expression evaluation memory limit exceeded")]
    Memory,
    /// Depth.
    #[error("Stack overflow error")]
    Depth,
}
