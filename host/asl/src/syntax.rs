//! What the parser says about a text that it cannot read, in words and at a place that help a person.

use std::ops::Range;

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use crate::finding::{Findings, Place, SYNTAX};
use crate::node::DEPTH_MAX;

/// Reports the parser's error, in a text whose first byte has the position `start`, with the help that experience suggests.
pub(crate) fn report(source: &str, start: usize, error: &Error, findings: &mut Findings) {
    let error = error.without_snippet();
    let span = error.location().map_or(0..0, |location| place_in(source, &location));
    let line_start =
        source.get(..span.start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let line = source.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let at_key = source.get(span.start..).is_some_and(|rest| rest.starts_with(['[', '{']));
    let span = span.start + start..span.end + start;
    let place = Place { pointer: String::new(), span };
    let finding = findings.error(SYNTAX, &place, message(error, at_key));
    if line.contains(": {%") || line.trim_start().starts_with("{%") {
        finding.help("quote a JSONata expression: \"{% ... %}\"");
    } else if line.contains('\t') && line.trim_start_matches(' ').starts_with('\t') {
        finding.help("indent with blanks: YAML does not allow tabs");
    } else if matches!(error, Error::Budget { breach: BudgetBreach::Documents { .. }, .. }) {
        finding.help("remove everything from `---` on, or put it into a file of its own");
    }
}

fn message(error: &Error, at_key: bool) -> String {
    let text = error.to_string();
    // The place is in the finding already; the parser repeats it in its own words.
    let text = text.split(" at line ").next().unwrap_or(&text).trim_end_matches(['.', ' ']);
    match error {
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "the file holds more than one document".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => too_deep(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. } => too_many(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "the alias stands inside of what it stands for".to_owned()
        }
        _ if text == "recursion limit exceeded" => too_deep(),
        _ if text.starts_with("budget breached") => too_many(),
        _ if at_key && text == "expected string scalar" => "a key must be a string".to_owned(),
        _ => match text
            .strip_prefix("non-finite float ")
            .and_then(|rest| rest.split(" rejected").next())
        {
            Some(number) => format!("{number} is no number in JSON"),
            None => format!("not readable as YAML or JSON: {text}"),
        },
    }
}

fn too_many() -> String {
    "the file holds too many values, those that aliases repeat counted each time".to_owned()
}

fn too_deep() -> String {
    format!("objects and arrays nest more than {DEPTH_MAX} levels deep")
}

/// The parser's place in bytes. Its scanner knows lines and columns only.
fn place_in(source: &str, location: &serde_saphyr::Location) -> Range<usize> {
    let span = location.span();
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let start = span.byte_offset().map_or_else(
        || {
            let mut lines = source.split_inclusive('\n');
            let before = number(location.line()).saturating_sub(1);
            let line_start: usize = lines.by_ref().take(before).map(str::len).sum();
            let line = lines.next().unwrap_or_default();
            let column = number(location.column()).saturating_sub(1);
            line_start + line.chars().take(column).map(char::len_utf8).sum::<usize>()
        },
        number,
    );
    let start = start.min(source.len());
    start..start.saturating_add(span.byte_len().map_or(0, number)).min(source.len())
}
