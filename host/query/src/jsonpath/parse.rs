//! Reads the text of a path into steps.
//!
//! It reads as Jayway 2.0.0 does, down to what that makes of odd texts: a bracket is taken by the first
//! character in it that says what it is, and what else is in it is passed over. Filters are read by
//! [`super::parse_filter`].

use super::error::PathSyntaxError;
use super::parse_filter;
use super::step::{Slice, Step};

/// How long a path may be. Longer ones are mistakes, and the time to read one depends on it.
const PATH_BYTES_MAX: usize = 64 * 1024;

/// How many steps a path may have: the evaluation recurses for some, and documents are not this deep.
const STEPS_MAX: usize = 256;

/// How many conditions the filters of a path may have together, each of which may hold a regex.
const CONDITIONS_MAX: usize = 128;

/// Reads a path that starts with `$`.
pub(super) fn path(text: &str) -> Result<Vec<Step>, PathSyntaxError> {
    let mut reader = Reader { text, conditions: 0 };
    if !text.starts_with('$') {
        return Err(reader.error(text, "a path starts with `$`"));
    }
    if text.len() > PATH_BYTES_MAX {
        return Err(reader.error(text, format!("a path has at most {PATH_BYTES_MAX} bytes")));
    }
    reader.steps(text, true)
}

/// What is known while a path is read. Parts of the text are told by their place in memory, so that any
/// of them can say where it is.
pub(super) struct Reader<'t> {
    text: &'t str,
    conditions: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn error(&self, at: &'t str, message: impl Into<String>) -> PathSyntaxError {
        let offset = at.as_ptr().addr() - self.text.as_ptr().addr();
        PathSyntaxError { offset, message: message.into() }
    }

    /// Reads a path from its first character on, which is not looked at.
    pub(super) fn steps(
        &mut self,
        text: &'t str,
        filters_allowed: bool,
    ) -> Result<Vec<Step>, PathSyntaxError> {
        let text = trim(text);
        let mut rest = &text[1..];
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            return Err(self.error(rest, "expected `.` or `[` after the start of a path"));
        }
        if text.ends_with("..") {
            return Err(self.error(&text[text.len() - 2..], "a path cannot end with `..`"));
        }
        let mut steps = Vec::new();
        while let Some(first) = rest.bytes().next() {
            let at = rest;
            let step;
            (step, rest) = match first {
                b' ' => {
                    return Err(self.error(
                        at,
                        "a space is not allowed here; a name with spaces goes into brackets: `['a b']`",
                    ));
                }
                b'$' => return Err(self.error(at, "`$` can only be at the start of a path")),
                b'[' => {
                    let (bracket, rest) = at.split_at(bracket_length(at));
                    (Some(self.bracket(bracket, filters_allowed)?), rest)
                }
                b'*' => (Some(Step::Wildcard), &at[1..]),
                b'.' => self.after_dot(&at[1..])?,
                _ => {
                    let (name, rest) = split_name(at);
                    (Some(dotted_name(name)), rest)
                }
            };
            steps.extend(step);
            if steps.len() > STEPS_MAX {
                return Err(self.error(at, format!("a path has at most {STEPS_MAX} steps")));
            }
        }
        Ok(steps)
    }

    fn after_dot(&self, at: &'t str) -> Result<(Option<Step>, &'t str), PathSyntaxError> {
        if let Some(rest) = at.strip_prefix('.') {
            return Ok((Some(Step::Scan), rest));
        }
        Ok(match split_name(at) {
            ("", "") => return Err(self.error(at, "expected a name after `.`")),
            ("", rest) => (None, rest),
            ("*", rest) => (Some(Step::Wildcard), rest),
            (name, rest) => (Some(dotted_name(name)), rest),
        })
    }

    /// Reads a step in brackets, brackets included.
    fn bracket(
        &mut self,
        bracket: &'t str,
        filters_allowed: bool,
    ) -> Result<Step, PathSyntaxError> {
        if !bracket.contains(']') {
            return Err(self.error(bracket, "this `[` is never closed"));
        }
        if bracket == "[*]" {
            return Ok(Step::Wildcard);
        }
        let says_what = |character: char| {
            character.is_ascii_digit() || matches!(character, '?' | '\'' | ':' | '-' | '@')
        };
        let (start, kind) = bracket
            .char_indices()
            .find(|(_, character)| says_what(*character))
            .ok_or_else(|| self.unknown_bracket(bracket))?;
        match kind {
            '?' if !filters_allowed => {
                Err(self.error(bracket, "a path in a filter cannot have a filter itself"))
            }
            '?' => parse_filter::filter(self, bracket, start).map(Step::Filter),
            '\'' => {
                let names = quoted_names(bracket[start..].chars());
                let names = names.ok_or_else(|| self.error(bracket, "this `[` is never closed"))?;
                Ok(step_of_names(names))
            }
            '@' => self.size_step(bracket, &bracket[start..]),
            _ => self.array_step(bracket, &bracket[start..]),
        }
    }

    fn unknown_bracket(&self, bracket: &'t str) -> PathSyntaxError {
        if bracket.contains('"') {
            return self.error(bracket, "names in brackets go into single quotes: `['a']`");
        }
        self.error(
            bracket,
            "expected an index, a slice, `*`, a filter or a name in single quotes between `[` and `]`",
        )
    }

    /// `[(@.length-1)]`, from the `@` on.
    fn size_step(&self, bracket: &'t str, text: &'t str) -> Result<Step, PathSyntaxError> {
        let expected =
            || self.error(bracket, "expected `[(@.length-1)]`, with any number for the 1");
        let call = text.get(2..).ok_or_else(expected)?;
        let (function, distance) = call.split_at(call.find('-').ok_or_else(expected)?);
        let function: String = function.chars().filter(|c| !matches!(c, ' ' | '(' | ')')).collect();
        if function != "length" && function != "size" {
            return Err(expected());
        }
        let (distance, _) = distance.split_once(')').ok_or_else(expected)?;
        self.number(bracket, &distance.replace(' ', "")).map(Step::FromEnd)
    }

    /// `[0]`, `[0,1]`, `[1:]`, `[:2]` or `[1:2]`, from the first character that says so.
    fn array_step(&self, bracket: &'t str, text: &'t str) -> Result<Step, PathSyntaxError> {
        let mut rest = text;
        let mut numbers = Vec::new();
        let (mut is_list, mut from, mut to, mut between) = (false, false, false, false);
        loop {
            let start = take_digits(&mut rest);
            let Some(separator @ (b',' | b':')) = rest.bytes().next() else {
                if !start.is_empty() {
                    numbers.push(self.number(bracket, &start)?);
                }
                break;
            };
            rest = &rest[1..];
            if separator == b',' {
                is_list = true;
                numbers.push(self.number(bracket, &start)?);
                continue;
            }
            let end = take_digits(&mut rest);
            match (start.is_empty(), end.is_empty()) {
                (true, _) => to = true,
                (false, true) => from = true,
                (false, false) => between = true,
            }
            if !start.is_empty() {
                numbers.push(self.number(bracket, &start)?);
            }
            if start.is_empty() || !end.is_empty() {
                numbers.push(self.number(bracket, &end)?);
            }
            // What follows a slice is passed over, such as the step of `[0:6:2]`.
            rest = rest.strip_prefix([':', ',']).unwrap_or_default();
        }
        match numbers[..] {
            [index] if !from && !to => Ok(Step::Index(index)),
            _ if is_list => Ok(Step::Indexes(numbers.into())),
            [first, ..] if from => Ok(Step::Slice(Slice::From(first))),
            [first, ..] if to => Ok(Step::Slice(Slice::To(first))),
            [first, second, ..] if between => Ok(Step::Slice(Slice::Between(first, second))),
            _ => Err(self.unknown_bracket(bracket)),
        }
    }

    fn number(&self, bracket: &'t str, digits: &str) -> Result<i32, PathSyntaxError> {
        digits.parse().map_err(|_| match digits {
            "" => self.error(bracket, "a number is missing here"),
            _ => self.error(bracket, format!("`{digits}` is no index")),
        })
    }

    /// Counts a condition of a filter.
    pub(super) fn count_condition(&mut self, at: &'t str) -> Result<(), PathSyntaxError> {
        self.conditions += 1;
        match self.conditions {
            ..=CONDITIONS_MAX => Ok(()),
            _ => Err(self.error(at, format!("a path has at most {CONDITIONS_MAX} conditions"))),
        }
    }
}

/// Cuts off what Java counts as white space.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character <= ' ')
}

/// How long the bracket is that `text` starts with. All brackets inside count, also those in quotes; one
/// that is never closed takes all.
fn bracket_length(text: &str) -> usize {
    let mut open = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => open += 1,
            b']' if open == 1 => return index + 1,
            b']' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Splits off a name that stands without quotes.
fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[', ' ']).unwrap_or(text.len()))
}

/// A name without quotes is read as if it stood in `['` and `']`, with all that follows from quotes and
/// brackets in it.
fn dotted_name(name: &str) -> Step {
    let names = quoted_names("'".chars().chain(name.chars()).chain("']".chars()));
    step_of_names(names.unwrap_or_default())
}

/// Reads names in single quotes up to `]`, wherever that is. What is not in quotes, and a name whose
/// quotes are not closed by then, are passed over.
fn quoted_names(characters: impl Iterator<Item = char>) -> Option<Vec<Box<str>>> {
    let mut names = Vec::new();
    let mut open: Option<String> = None;
    for character in characters {
        match (character, &mut open) {
            (']', _) => return Some(names),
            ('\'', Some(name)) => {
                names.push(std::mem::take(name).into_boxed_str());
                open = None;
            }
            ('\'', None) => open = Some(String::new()),
            (_, Some(name)) => name.push(character),
            (_, None) => {}
        }
    }
    None
}

fn step_of_names(mut names: Vec<Box<str>>) -> Step {
    match names.len() {
        1 => Step::Name(names.remove(0)),
        _ => Step::Names(names.into()),
    }
}

/// Takes digits and minus signs, and drops the spaces among them.
fn take_digits(text: &mut &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, ' ' | '-'));
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    digits.replace(' ', "")
}
