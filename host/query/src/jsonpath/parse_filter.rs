//! Reads the filter of a path: a flat list of conditions.

use regex::{Regex, RegexBuilder};

use super::error::PathSyntaxError;
use super::filter::{Comparison, Condition, Filter, Operand};
use super::parse::{Reader, trim};
use super::step::Step;

/// In the order in which they are looked for. The first that occurs anywhere in a condition, even in
/// quotes, splits it.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Compare(Comparison::Equal)),
    (">=", Operator::Compare(Comparison::GreaterOrEqual)),
    ("<=", Operator::Compare(Comparison::LessOrEqual)),
    ("!=", Operator::Compare(Comparison::NotEqual)),
    ("<", Operator::Compare(Comparison::Less)),
    (">", Operator::Compare(Comparison::Greater)),
    ("=~", Operator::Match),
];

#[derive(Clone, Copy)]
enum Operator {
    Compare(Comparison),
    Match,
}

/// How large a compiled regex may be.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Reads the filter in a bracket whose question mark is at `question`.
pub(super) fn filter<'t>(
    reader: &mut Reader<'t>,
    bracket: &'t str,
    question: usize,
) -> Result<Filter, PathSyntaxError> {
    let unbalanced = || reader.error(bracket, "the brackets of this filter are not balanced");
    let start = bracket[..question].rfind('[').ok_or_else(unbalanced)?;
    let inside = enclosed(&bracket[start..]).ok_or_else(unbalanced)?;
    let conditions = trim(inside)
        .strip_prefix('?')
        .map(trim)
        .and_then(|text| text.strip_prefix('(')?.strip_suffix(')'))
        .ok_or_else(|| reader.error(bracket, "a filter is written `[?(...)]`"))?;
    let mut groups = vec![Vec::new()];
    for part in Parts(Some(trim(conditions))) {
        let (text, operator) = part;
        let condition = condition(reader, text)?;
        if let Some(group) = groups.last_mut() {
            group.insert(0, condition);
        }
        if operator == Some("||") {
            groups.push(Vec::new());
        }
    }
    groups.reverse();
    Ok(Filter { groups })
}

/// What is between the bracket that `text` starts with and the one that closes it.
fn enclosed(text: &str) -> Option<&str> {
    let (mut parentheses, mut brackets, mut in_quotes) = (0_i64, 0_i64, false);
    let mut before = ' ';
    for (index, character) in text.char_indices() {
        match character {
            '\'' if before != '\\' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '(' => parentheses += 1,
            ')' => parentheses -= 1,
            '[' => brackets += 1,
            ']' => {
                brackets -= 1;
                if parentheses == 0 {
                    return if brackets == 0 { text.get(1..index) } else { None };
                }
            }
            _ => {}
        }
        before = character;
    }
    None
}

/// The conditions of a filter, each with the operator behind it.
struct Parts<'t>(Option<&'t str>);

impl<'t> Iterator for Parts<'t> {
    type Item = (&'t str, Option<&'t str>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.take()?;
        let Some(end) = [text.find("&&"), text.find("||")].into_iter().flatten().min() else {
            return Some((text, None));
        };
        let (part, rest) = text.split_at(end);
        let (operator, rest) = rest.split_at(2);
        self.0 = Some(rest);
        Some((part, Some(operator)))
    }
}

fn condition<'t>(reader: &mut Reader<'t>, text: &'t str) -> Result<Condition, PathSyntaxError> {
    reader.count_condition(text)?;
    // Parentheses mean nothing.
    let bare = trim(text).trim_start_matches(['[', '?', '(', ' ']).trim_end_matches([')', ' ']);
    if bare.is_empty() {
        return Err(reader.error(text, "a condition is missing here"));
    }
    // The third character of `&&&`.
    if text.starts_with(['&', '|']) {
        return Err(reader.error(text, "conditions are joined by `&&` or `||`"));
    }
    let split = OPERATORS.iter().find_map(|(operator, meaning)| {
        bare.split_once(operator).map(|(left, right)| (trim(left), *meaning, trim(right)))
    });
    match split {
        None => existence(reader, bare),
        Some((left, Operator::Compare(comparison), right)) => Ok(Condition::Compare {
            // In front of a comparison, `!` means nothing.
            left: operand(
                reader,
                left.strip_prefix('!').filter(|left| left.starts_with('@')).unwrap_or(left),
            )?,
            comparison,
            right: operand(reader, right)?,
        }),
        Some((left, Operator::Match, right)) => {
            let regex = pattern(left).map(|regex| (regex, right));
            let (regex, subject) =
                regex.or_else(|| pattern(right).map(|regex| (regex, left))).ok_or_else(|| {
                    reader.error(bare, "`=~` needs a regex such as `/a.*/` or `/a.*/i`")
                })?;
            let regex = compile(&regex).map_err(|message| reader.error(bare, message))?;
            Ok(Condition::Matches { subject: operand(reader, subject)?, regex })
        }
    }
}

/// `@.a` or `!@.a`.
fn existence<'t>(reader: &mut Reader<'t>, text: &'t str) -> Result<Condition, PathSyntaxError> {
    let (path, wanted) = match text.strip_prefix('!') {
        Some(path) if path.starts_with('@') => (path, false),
        _ => (text, true),
    };
    if !is_path(path) {
        return Err(reader.error(text, "expected a path that starts with `@`, or a comparison"));
    }
    Ok(Condition::Exists { path: definite(reader, path)?, wanted })
}

fn operand<'t>(reader: &mut Reader<'t>, text: &'t str) -> Result<Operand, PathSyntaxError> {
    if text.starts_with("!@") {
        return Err(
            reader.error(text, "`!` only asks whether something is missing, as in `[?(!@.a)]`")
        );
    }
    if is_path(text) {
        let path = definite(reader, text)?;
        return Ok(if text.starts_with('$') { Operand::Root(path) } else { Operand::Item(path) });
    }
    if let Some(pattern) = pattern(text) {
        return Ok(Operand::Pattern(pattern.source.into()));
    }
    match text.strip_prefix('\'') {
        Some("") => Err(reader.error(text, "this quote is never closed")),
        Some(quoted) => Ok(Operand::Text(quoted.strip_suffix('\'').unwrap_or(text).into())),
        None => Ok(Operand::Text(text.into())),
    }
}

fn is_path(text: &str) -> bool {
    text.starts_with(['@', '$'])
}

fn definite<'t>(reader: &mut Reader<'t>, text: &'t str) -> Result<Box<[Step]>, PathSyntaxError> {
    let steps = reader.steps(text, false)?;
    if !steps.iter().all(Step::is_definite) {
        return Err(reader.error(text, "a path in a filter can only mean one value"));
    }
    Ok(steps.into())
}

/// `/source/` or `/source/i`.
struct Pattern<'t> {
    source: &'t str,
    ignores_case: bool,
}

fn pattern(text: &str) -> Option<Pattern<'_>> {
    let text = text.strip_prefix('/')?;
    match text.strip_suffix('/') {
        Some(source) => Some(Pattern { source, ignores_case: false }),
        None => text.strip_suffix("/i").map(|source| Pattern { source, ignores_case: true }),
    }
}

/// Compiles a regex that matches whole texts.
fn compile(pattern: &Pattern<'_>) -> Result<Regex, String> {
    let build = |source: &str| {
        RegexBuilder::new(source)
            .case_insensitive(pattern.ignores_case)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|error| explain(pattern.source, &error))
    };
    // By itself first: `a)(b` is no regex, though it would be one in parentheses.
    build(pattern.source)?;
    build(&format!(r"\A(?:{})\z", pattern.source))
}

fn explain(source: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("the regex `{source}` is too large"),
        other => {
            // The reason is the last line of a drawing.
            let reason = other.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{source}` is no regex: {reason}")
        }
    }
}
