//! Path fields and payload templates: compiled when the file is read, so that a run parses nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use stepwell_query::{
    Expression, ExpressionSyntaxError, PathSyntaxError, Query, ReferencePath, Template,
};

use crate::fields::Field;
use crate::finding::{
    Finding, Findings, INTRINSIC, ODD_PATH, PATH, REFERENCE_PATH, Severity, TEMPLATE,
};
use crate::node::{Node, NodeKind};

/// What the text of a call begins with.
const CALL: &str = "States.";

/// A path on the data, the context object or a variable.
pub(crate) fn query(field: &Field<'_>, findings: &mut Findings) -> Option<Query> {
    let text = field.string(findings)?;
    if text.starts_with(CALL) {
        let message =
            format!("`{}` takes a path; intrinsic functions are not allowed here", field.name);
        findings.error(PATH, &field.place, message);
        return None;
    }
    match Query::parse(text) {
        Ok(query) => {
            report_odd(text, field, findings);
            Some(query)
        }
        Err(error) => {
            let finding = broken_path(text, &error, field, findings);
            if !text.starts_with('$') {
                finding.help(if text.is_empty() {
                    "write `$` for the whole".to_owned()
                } else {
                    format!("write `$.{text}`")
                });
            }
            None
        }
    }
}

/// A path, or null: `Some(None)`.
#[expect(clippy::option_option, reason = "the outer option says whether the field could be read")]
pub(crate) fn nullable_query(field: &Field<'_>, findings: &mut Findings) -> Option<Option<Query>> {
    match field.node.kind {
        NodeKind::Null => Some(None),
        _ => query(field, findings).map(Some),
    }
}

/// A reference path for writing, as `ResultPath` takes it.
pub(crate) fn reference_path(field: &Field<'_>, findings: &mut Findings) -> Option<ReferencePath> {
    let text = field.string(findings)?;
    if text.starts_with("$$") {
        findings
            .error(
                REFERENCE_PATH,
                &field.place,
                format!("`{}` cannot write to the context object", field.name),
            )
            .help("begin the path with a single `$`");
        return None;
    }
    if text.starts_with('$') && Query::parse(text).is_ok_and(|query| is_variable(&query)) {
        let message = format!("`{}` cannot write to a variable", field.name);
        findings
            .error(REFERENCE_PATH, &field.place, message)
            .help("begin the path with `$.`, or give the variable its value in `Assign`");
        return None;
    }
    match ReferencePath::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            let message = format!("`{text}` is no reference path: {error}");
            findings
                .error(REFERENCE_PATH, &field.place, message)
                .help("a reference path names one place, such as `$.order.total`");
            None
        }
    }
}

/// A path for reading that must name one place, as `SecondsPath` takes it.
pub(crate) fn reference_query(field: &Field<'_>, findings: &mut Findings) -> Option<Query> {
    let query = query(field, findings)?;
    if !query.path().is_definite() {
        findings
            .error(REFERENCE_PATH, &field.place, format!("`{query}` can name more than one place"))
            .help(format!(
                "`{}` takes a path that names one place, such as `$.order.total`",
                field.name
            ));
        return None;
    }
    Some(query)
}

/// A path that names one place, or a call of an intrinsic function, as `ErrorPath` takes them.
pub(crate) fn expression(field: &Field<'_>, findings: &mut Findings) -> Option<Expression> {
    let text = field.string(findings)?;
    if !text.starts_with(CALL) {
        return reference_query(field, findings).map(Expression::Query);
    }
    match Expression::parse(text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            let valid = format!(
                "`{}` must be a reference path or a valid intrinsic function call",
                field.name
            );
            broken_call(&valid, text, &error, field, findings);
            None
        }
    }
}

/// A payload template. Every mistake in it is reported.
pub(crate) fn template(field: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    let first = findings.count();
    let template = match &field.node.kind {
        // AWS documents objects and accepts any JSON; only an object can hold paths.
        NodeKind::Object(_) | NodeKind::Array(_) => template_node(field.node, field, findings),
        _ => Some(Template::Constant(field.node.to_value())),
    };
    // AWS tells the template's place, not that of the field in it.
    for diagnostic in findings.since(first).iter_mut().filter_map(|found| found.aws.as_mut()) {
        diagnostic.location = Some(field.place.pointer.clone());
    }
    template
}

fn template_node(node: &Node, at: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    match &node.kind {
        NodeKind::Object(members) => {
            let mut filled = Vec::with_capacity(members.len());
            let mut names = BTreeSet::new();
            let mut sound = true;
            for member in members {
                let span =
                    if member.node.span.is_empty() { &member.name_span } else { &member.node.span };
                let here = Field {
                    name: &member.name,
                    node: &member.node,
                    place: at.place.below(&member.name, span),
                };
                let (name, value) = match member.name.strip_suffix(".$") {
                    Some(name) => (name, template_expression(&here, findings)),
                    None => (member.name.as_str(), template_node(&member.node, &here, findings)),
                };
                if !names.insert(name) {
                    let message = format!("`{name}` and `{name}.$` stand in one object");
                    findings.error(TEMPLATE, &here.place, message).help("remove one of the two");
                    sound = false;
                }
                match value {
                    Some(value) => filled.push((name.to_owned(), value)),
                    None => sound = false,
                }
            }
            sound.then(|| object(filled))
        }
        NodeKind::Array(items) => {
            let mut filled = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let place = at.place.below(&index.to_string(), &item.span);
                let here = Field { name: at.name, node: item, place };
                filled.push(template_node(item, &here, findings));
            }
            filled.into_iter().collect::<Option<Vec<_>>>().map(array)
        }
        _ => Some(Template::Constant(node.to_value())),
    }
}

/// An object all of whose members are constant is a constant.
fn object(members: Vec<(String, Template)>) -> Template {
    let constant: Option<Map<String, Value>> = members
        .iter()
        .map(|(name, member)| match member {
            Template::Constant(value) => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect();
    constant.map_or(Template::Object(members), |members| Template::Constant(Value::Object(members)))
}

fn array(items: Vec<Template>) -> Template {
    let constant: Option<Vec<Value>> = items
        .iter()
        .map(|item| match item {
            Template::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    constant.map_or(Template::Array(items), |items| Template::Constant(Value::Array(items)))
}

/// The value of a field whose name ends in `.$`.
fn template_expression(field: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    // AWS's wording: `facts/asl.md` 2.4.
    let valid = format!(
        "the value for the field `{}` must be a valid JSONPath or a valid intrinsic function call",
        field.name
    );
    let first = findings.count();
    let template = read_expression(field, &valid, findings);
    let errors = findings.since(first).iter_mut();
    for finding in errors.filter(|finding| finding.severity == Severity::Error) {
        finding.aws(format!(
            "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call",
            field.name
        ));
    }
    template
}

fn read_expression(field: &Field<'_>, valid: &str, findings: &mut Findings) -> Option<Template> {
    let Some(text) = field.node.as_str() else {
        findings
            .error(TEMPLATE, &field.place, format!("{valid}, not {}", field.node.kind_name()))
            .help("leave `.$` out of the name to pass the value as it is");
        return None;
    };
    match Expression::parse(text) {
        Ok(expression) => {
            if matches!(expression, Expression::Query(_)) {
                report_odd(text, field, findings);
            }
            return Some(Template::Expression { field: field.name.to_owned(), expression });
        }
        Err(ExpressionSyntaxError::Path { error, .. }) => {
            broken_path(text, &error, field, findings);
        }
        Err(error @ ExpressionSyntaxError::Intrinsic(_)) => {
            broken_call(valid, text, &error, field, findings);
        }
        Err(error @ ExpressionSyntaxError::Neither { .. }) => {
            let finding = findings.error(TEMPLATE, &field.place, format!("{valid}; {error}"));
            finding.help(if text.trim_start().starts_with(CALL) {
                "leave out the blanks before `States.`"
            } else {
                "begin a path with `$`, or leave `.$` out of the name to pass the text as it is"
            });
        }
    }
    None
}

/// Warns of what other dialects of JSONPath take for something else. AWS runs it as we do, and finds nothing.
fn report_odd(text: &str, field: &Field<'_>, findings: &mut Findings) {
    if text.contains("()") {
        findings
            .warning(
                ODD_PATH,
                &field.place,
                format!("`{text}` calls no function: `()` is part of a name"),
            )
            .help("count with `States.ArrayLength`; there is nothing for sums");
    }
    let filter = text.find("[?").map(|start| &text[start..]).unwrap_or_default();
    // What stands between single quotes is every second part.
    if filter.split('\'').step_by(2).any(|part| part.contains('"')) {
        let message =
            format!("in `{text}` the double quotes are part of the text that is compared");
        findings
            .warning(ODD_PATH, &field.place, message)
            .help("put texts into single quotes: `[?(@.state == 'open')]`");
    }
}

fn is_variable(query: &Query) -> bool {
    matches!(query, Query::Variable { .. })
}

fn broken_path<'f>(
    text: &str,
    error: &PathSyntaxError,
    field: &Field<'_>,
    findings: &'f mut Findings,
) -> &'f mut Finding {
    findings
        .error(PATH, &field.place, format!("`{text}` is no path: {error}"))
        .part(text, rest_from(text, error.offset))
}

/// `valid` says what the field takes.
fn broken_call(
    valid: &str,
    text: &str,
    error: &ExpressionSyntaxError,
    field: &Field<'_>,
    findings: &mut Findings,
) {
    let finding = findings.error(INTRINSIC, &field.place, format!("{valid}; {error}"));
    finding.part(text, rest_from(text, error.offset()));
    if let Some(help) = error.help() {
        finding.help(help);
    }
}

/// What stands from a byte of a text on; all of it where that is no byte within.
fn rest_from(text: &str, offset: usize) -> std::ops::Range<usize> {
    if (1..text.len()).contains(&offset) { offset..text.len() } else { 0..text.len() }
}
