//! Intrinsic functions: the 18 `States.*` calls that templates may hold (`facts/asl.md` 12).
//!
//! A call is compiled once ([`parse`]; [`function`] has the names) and evaluated many times. Here is how
//! arguments are found; the functions themselves lie in [`arrays`], [`texts`], [`encodings`] and
//! [`numbers`]. Everything is bounded: how deep calls nest, and how much one evaluation may make.

mod arrays;
mod encodings;
mod function;
mod numbers;
mod parse;
mod random;
#[cfg(test)]
mod tests;
mod texts;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::{PathError, Query, Scope};
pub(crate) use encodings::digest;
use function::Function;
pub(crate) use random::JavaRandom;

/// How much all calls of one evaluation may make together, in bytes of text: sixteen times what a state
/// may hold, so that a large step on the way to a small result is no failure.
pub const INTRINSIC_BYTES_MAX: usize = 16 * 262_144;

/// A compiled call such as `States.Format('{} of {}', $.part, $$.Execution.Name)`. Cloning it shares it.
///
/// What surprises about the functions, as AWS shows it:
///
/// - Numbers that should be whole are rounded, halves up: -1.5 is -1.
/// - `States.Format` writes an object as Java does: `{a=1, b=[]}`.
/// - `States.StringToJson` makes null of a blank text.
/// - The second argument of `States.StringSplit` is a set of characters, and empty pieces are dropped.
/// - 1 and 1.0 are different elements of an array.
#[derive(Clone)]
pub struct Intrinsic(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    call: Call,
}

/// A function and what it is applied to. The number of arguments is one that the function takes.
#[derive(Debug)]
struct Call {
    function: Function,
    arguments: Box<[Argument]>,
}

#[derive(Debug)]
enum Argument {
    Constant(Value),
    /// The first argument of `States.Format`, when it is a literal: the texts around each `{}`.
    Pattern(Box<[String]>),
    Query(Query),
    Call(Call),
}

/// Why a text is no call of an intrinsic function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct IntrinsicSyntaxError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it, if there is a guess.
    pub help: Option<String>,
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IntrinsicError {
    /// A path among the arguments found nothing, or cannot be applied.
    #[error("the argument `{query}` found nothing: {source}")]
    Path {
        /// The path.
        query: Query,
        /// What it says.
        source: PathError,
    },
    /// A function can do nothing with its arguments.
    #[error("Invalid arguments in {function}: {message}")]
    Arguments {
        /// The function's name, such as `States.Format`.
        function: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The calls together make more than [`INTRINSIC_BYTES_MAX`].
    #[error("the function makes more than {INTRINSIC_BYTES_MAX} bytes")]
    TooMuch,
}

impl Intrinsic {
    /// Reads a call. Spaces may stand between its parts.
    pub fn parse(text: &str) -> Result<Self, IntrinsicSyntaxError> {
        let call = parse::call(text)?;
        Ok(Self(Arc::new(Compiled { text: text.into(), call })))
    }

    /// The functions' names, such as `States.Format`, in the order of the alphabet.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Function::ALL.iter().map(|function| function.name())
    }

    /// The call as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The queries among its arguments and those of calls within it, in order.
    pub fn queries(&self) -> Vec<&Query> {
        fn gather<'c>(call: &'c Call, queries: &mut Vec<&'c Query>) {
            for argument in &call.arguments {
                match argument {
                    Argument::Query(query) => queries.push(query),
                    Argument::Call(call) => gather(call, queries),
                    Argument::Constant(_) | Argument::Pattern(_) => {}
                }
            }
        }
        let mut queries = Vec::new();
        gather(&self.0.call, &mut queries);
        queries
    }

    /// Calls the functions: arguments from left to right, each once.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, IntrinsicError> {
        let mut evaluation = Evaluation { scope, budget: Budget(INTRINSIC_BYTES_MAX) };
        let value = evaluation.call(&self.0.call)?;
        match json_bytes(&value, INTRINSIC_BYTES_MAX) {
            Some(_) => Ok(value),
            None => Err(IntrinsicError::TooMuch),
        }
    }
}

struct Evaluation<'s> {
    scope: &'s dyn Scope,
    budget: Budget,
}

impl<'s> Evaluation<'s> {
    fn call(&mut self, call: &'s Call) -> Result<Value, IntrinsicError> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.argument(argument)?);
        }
        let draw = || self.scope.draw();
        function::apply(call.function, arguments, &mut self.budget, &draw).map_err(|trouble| {
            match trouble {
                Trouble::Arguments(message) => {
                    IntrinsicError::Arguments { function: call.function.name(), message }
                }
                Trouble::TooMuch => IntrinsicError::TooMuch,
            }
        })
    }

    fn argument(&mut self, argument: &'s Argument) -> Result<Given<'s>, IntrinsicError> {
        match argument {
            Argument::Constant(value) => Ok(Given::Value(Cow::Borrowed(value))),
            Argument::Pattern(pattern) => Ok(Given::Pattern(pattern)),
            Argument::Call(call) => Ok(Given::Value(Cow::Owned(self.call(call)?))),
            Argument::Query(query) => {
                let value = query
                    .evaluate(self.scope)
                    .map_err(|source| IntrinsicError::Path { query: query.clone(), source })?;
                if let Cow::Owned(made) = &value {
                    self.budget.take_json(made).map_err(|_| IntrinsicError::TooMuch)?;
                }
                Ok(Given::Value(value))
            }
        }
    }
}

/// What a function is given.
enum Given<'s> {
    Value(Cow<'s, Value>),
    Pattern(&'s [String]),
}

/// Why a function gives nothing.
enum Trouble {
    Arguments(String),
    TooMuch,
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self::Arguments(message)
    }
}

impl From<&str> for Trouble {
    fn from(message: &str) -> Self {
        Self::Arguments(message.to_owned())
    }
}

/// The bytes that may still be made.
struct Budget(usize);

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.0 = self.0.checked_sub(bytes).ok_or(Trouble::TooMuch)?;
        Ok(())
    }

    fn take_json(&mut self, value: &Value) -> Result<(), Trouble> {
        let bytes = json_bytes(value, self.0).ok_or(Trouble::TooMuch)?;
        self.take(bytes)
    }

    /// The value by itself. What was made on the way is paid for already.
    fn own(&mut self, value: Cow<'_, Value>) -> Result<Value, Trouble> {
        match value {
            Cow::Owned(value) => Ok(value),
            Cow::Borrowed(value) => {
                self.take_json(value)?;
                Ok(value.clone())
            }
        }
    }

    fn text(&mut self, text: String) -> Result<Value, Trouble> {
        self.take(text.len())?;
        Ok(Value::String(text))
    }
}

/// How long a value's JSON text is, unless it is longer than so many bytes.
fn json_bytes(value: &Value, max: usize) -> Option<usize> {
    struct Counter {
        bytes: usize,
        max: usize,
    }
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes += bytes.len();
            if self.bytes > self.max {
                Err(io::ErrorKind::WriteZero.into())
            } else {
                Ok(bytes.len())
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter { bytes: 0, max };
    serde_json::to_writer(&mut counter, value).ok()?;
    Some(counter.bytes)
}

impl PartialEq for Intrinsic {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Intrinsic {}

impl fmt::Debug for Intrinsic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Intrinsic").field(&self.as_str()).finish()
    }
}

/// As it was written.
impl fmt::Display for Intrinsic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
