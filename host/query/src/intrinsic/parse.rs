//! Reads the text of a call.

use serde_json::{Number, Value};

use super::function::{Function, PREFIX};
use super::texts::{Pattern, is_escaped};
use super::{Argument, Call, IntrinsicSyntaxError};
use crate::Query;

/// How many calls may be nested within one, each in the other: the limit of AWS.
const NESTING_MAX: usize = 10;

/// Below this a suggestion is a guess. Jaro-Winkler similarity, 0 to 1.
const SIMILARITY_MIN: f64 = 0.85;

/// Reads a call, which must be all of the text.
pub(super) fn call(text: &str) -> Result<Call, IntrinsicSyntaxError> {
    let mut reader = Reader { text, rest: text };
    let call = reader.call(0)?;
    reader.skip_spaces();
    match reader.rest {
        "" => Ok(call),
        rest => Err(reader.error(rest, "expected nothing after the call")),
    }
}

/// A text and what is still to be read of it.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn error(&self, at: &'t str, message: impl Into<String>) -> IntrinsicSyntaxError {
        let offset = at.as_ptr().addr() - self.text.as_ptr().addr();
        IntrinsicSyntaxError { offset, message: message.into(), help: None }
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Reads a call that stands within so many others. This recurses as deep as calls nest.
    fn call(&mut self, outer: usize) -> Result<Call, IntrinsicSyntaxError> {
        let start = self.rest;
        let function = self.function()?;
        if outer > NESTING_MAX {
            return Err(self.error(start, format!("at most {NESTING_MAX} calls can be nested")));
        }
        self.skip_spaces();
        if !self.rest.starts_with('(') {
            return Err(self.error(self.rest, format!("expected `(` after `{}`", function.name())));
        }
        let open = self.rest;
        self.take(1);
        self.skip_spaces();
        let mut arguments = Vec::new();
        if !self.rest.starts_with(')') {
            loop {
                self.skip_spaces();
                if self.rest.is_empty() {
                    break;
                }
                let is_template = function == Function::Format && arguments.is_empty();
                arguments.push(self.argument(outer, is_template)?);
                self.skip_spaces();
                if !self.rest.starts_with(',') {
                    break;
                }
                self.take(1);
            }
        }
        if self.rest.is_empty() {
            return Err(self.error(open, "this `(` is never closed"));
        }
        if !self.rest.starts_with(')') {
            return Err(self.error(self.rest, "expected `,` or `)` after an argument"));
        }
        self.take(1);
        if !function.arity().contains(&arguments.len()) {
            return Err(self.error(start, wrong_arity(function, arguments.len())));
        }
        Ok(Call { function, arguments: arguments.into() })
    }

    fn function(&mut self) -> Result<Function, IntrinsicSyntaxError> {
        let start = self.rest;
        let end = start.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_'));
        let name = self.take(end.unwrap_or(start.len()));
        if !name.starts_with(PREFIX) {
            return Err(self.error(start, "a call begins with `States.`"));
        }
        let known = Function::ALL.iter().find(|function| function.name() == name);
        known.copied().ok_or_else(|| IntrinsicSyntaxError {
            help: closest(name).map(|close| format!("did you mean `{close}`?")),
            ..self.error(start, format!("there is no function `{name}`"))
        })
    }

    fn argument(
        &mut self,
        outer: usize,
        is_template: bool,
    ) -> Result<Argument, IntrinsicSyntaxError> {
        let start = self.rest;
        match start.bytes().next() {
            Some(b'\'') => {
                let literal = self.literal()?;
                Ok(if is_template {
                    Argument::Pattern(Pattern::of(literal))
                } else {
                    Argument::Constant(Value::String(unescaped(literal)))
                })
            }
            Some(b'$') => self.query().map(Argument::Query),
            _ if start.starts_with(PREFIX) => self.call(outer + 1).map(Argument::Call),
            Some(b'"') => Err(self.error(start, "a string goes into single quotes")),
            _ => {
                let end = start.find([',', ')', ' ', '\t', '\n', '\r']).unwrap_or(start.len());
                let word = self.take(end);
                self.word(start, word).map(Argument::Constant)
            }
        }
    }

    /// `null`, a boolean or a number.
    fn word(&self, at: &'t str, word: &str) -> Result<Value, IntrinsicSyntaxError> {
        match word {
            "" => Err(self.error(at, "an argument is missing here")),
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => word.parse::<Number>().map(Value::Number).map_err(|_| {
                let what = "a string in single quotes, a number, a path or a call";
                self.error(at, format!("`{word}` is no argument; expected {what}"))
            }),
        }
    }

    /// A string in single quotes: what stands between them, escapes and all.
    fn literal(&mut self) -> Result<&'t str, IntrinsicSyntaxError> {
        let start = self.rest;
        let mut characters = start.char_indices().skip(1);
        while let Some((index, character)) = characters.next() {
            match character {
                '\'' => {
                    self.take(index + 1);
                    return Ok(&start[1..index]);
                }
                '\\' => match characters.next() {
                    Some((_, next)) if is_escaped(next) => {}
                    // AWS refuses these as well.
                    _ => {
                        let message = r"a backslash stands only before `'`, `{`, `}` and `\`";
                        return Err(self.error(&start[index..], message));
                    }
                },
                _ => {}
            }
        }
        Err(self.error(start, "this quote is never closed"))
    }

    fn query(&mut self) -> Result<Query, IntrinsicSyntaxError> {
        let start = self.rest;
        let text = self.take(path_bytes(start)).trim_end_matches([' ', '\t', '\n', '\r']);
        Query::parse(text).map_err(|error| {
            self.error(&start[error.offset..], format!("`{text}` is no path: {error}"))
        })
    }
}

/// How long the path is that a text begins with: up to a comma or a parenthesis that is not its own.
fn path_bytes(text: &str) -> usize {
    let (mut brackets, mut parentheses, mut quoted) = (0_usize, 0_usize, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' if brackets > 0 => quoted = !quoted,
            _ if quoted => {}
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b'(' => parentheses += 1,
            b')' if parentheses > 0 => parentheses -= 1,
            b')' | b',' if brackets == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

fn unescaped(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            plain => text.push(plain),
        }
    }
    text
}

fn wrong_arity(function: Function, count: usize) -> String {
    let (least, most) = (*function.arity().start(), *function.arity().end());
    let arguments =
        if most == 1 || (least == 1 && most == usize::MAX) { "argument" } else { "arguments" };
    let expected = match (least, most) {
        (0, 0) => "no".to_owned(),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    format!("`{}` takes {expected} {arguments}, not {count}", function.name())
}

fn closest(name: &str) -> Option<&'static str> {
    let similar = |known: &str| {
        let bare = |name: &str| name[PREFIX.len()..].to_lowercase();
        strsim::jaro_winkler(&bare(name), &bare(known))
    };
    Function::ALL
        .iter()
        .map(|function| (similar(function.name()), function.name()))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}
