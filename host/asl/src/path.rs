//! Path fields and payload templates: compiled when the file is read, so that a run parses nothing.

use serde_json::{Map, Value};
use stepwell_query::{JsonPath, Query, ReferencePath, Template};

use crate::fields::Field;
use crate::finding::{Findings, PATH, REFERENCE_PATH, TEMPLATE, UNSUPPORTED};
use crate::node::{Node, NodeKind};

/// A path on the data or the context object.
pub(crate) fn query(field: &Field<'_>, findings: &mut Findings) -> Option<Query> {
    let text = field.string(findings)?;
    if text.starts_with("States.") {
        let message =
            format!("`{}` takes a path; intrinsic functions are not allowed here", field.name);
        findings.error(PATH, &field.place, message);
        return None;
    }
    parse(text, field, findings)
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
    let (Query::Data(path) | Query::Context(path)) = &query;
    if !path.is_definite() {
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

/// A payload template. Every mistake in it is reported.
pub(crate) fn template(field: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    match &field.node.kind {
        // AWS documents objects and accepts any JSON; only an object can hold paths.
        NodeKind::Object(_) | NodeKind::Array(_) => template_node(field.node, field, findings),
        _ => Some(Template::Constant(field.node.to_value())),
    }
}

fn template_node(node: &Node, at: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    match &node.kind {
        NodeKind::Object(members) => {
            let mut filled = Vec::with_capacity(members.len());
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
                    Some(name) => (name, template_query(&here, findings)),
                    None => (member.name.as_str(), template_node(&member.node, &here, findings)),
                };
                if filled.iter().any(|(other, _)| other == name) {
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
fn template_query(field: &Field<'_>, findings: &mut Findings) -> Option<Template> {
    // AWS's wording: `facts/asl.md` 2.4.
    let invalid = format!(
        "the value for the field `{}` must be a valid JSONPath or a valid intrinsic function call",
        field.name
    );
    let Some(text) = field.node.as_str() else {
        findings
            .error(TEMPLATE, &field.place, format!("{invalid}, not {}", field.node.kind_name()))
            .help("leave `.$` out of the name to pass the value as it is");
        return None;
    };
    if text.starts_with("States.") {
        findings.error(UNSUPPORTED, &field.place, "intrinsic functions are not supported yet");
        return None;
    }
    if !text.starts_with('$') {
        findings
            .error(TEMPLATE, &field.place, format!("{invalid}; `{text}` is neither"))
            .help("begin a path with `$`, or leave `.$` out of the name to pass the text as it is");
        return None;
    }
    let query = parse(text, field, findings)?;
    Some(Template::Query { field: field.name.to_owned(), query })
}

fn parse(text: &str, field: &Field<'_>, findings: &mut Findings) -> Option<Query> {
    let (path, offset) = match text.strip_prefix('$') {
        Some(rest) if rest.starts_with('$') => (rest, 1),
        Some(rest) if rest.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            let message = format!("workflow variables such as `{text}` are not supported yet");
            findings.error(UNSUPPORTED, &field.place, message);
            return None;
        }
        Some(_) => (text, 0),
        None => {
            findings
                .error(PATH, &field.place, format!("`{text}` is no path: a path begins with `$`"))
                .help(if text.is_empty() {
                    "write `$` for the whole".to_owned()
                } else {
                    format!("write `$.{text}`")
                });
            return None;
        }
    };
    match JsonPath::parse(path) {
        Ok(path) if offset == 1 => Some(Query::Context(path)),
        Ok(path) => Some(Query::Data(path)),
        Err(error) => {
            findings.error(PATH, &field.place, format!("`{text}` is no path: {error}"));
            None
        }
    }
}
