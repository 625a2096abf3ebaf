//! The fields of states whose query language is JSONata (`facts/asl.md` 3): expressions stand in strings
//! between delimiters, at any depth of a field that takes them.

use serde_json::{Map, Value};
use stepwell_query::{Expression, JSONATA_DELIMITERS, Jsonata, Template};

use super::optional;
use crate::fields::{Field, Fields};
use crate::finding::{Findings, JSONATA, Place, TEMPLATE};
use crate::machine::Leads;
use crate::node::{Node, NodeKind};
use crate::path::within;

/// An expression that gives the value of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// The way to the field from the state, as AWS tells it: `TimeoutSeconds`, `Choices[0]/Condition`.
    pub location: Box<str>,
    /// The expression.
    pub expression: Jsonata,
}

/// What of `$states` there is where an expression stands, beside its input and its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// Nothing.
    Plain,
    /// `$states.result`: in `Output` and `Assign` of a state that works.
    Result,
    /// `$states.errorOutput`: in `Output` and `Assign` of a catcher.
    ErrorOutput,
}

/// An expression where it stands, for what can be said of it once the whole machine is known.
pub(crate) struct Use {
    pub(crate) expression: Jsonata,
    pub(crate) site: Site,
    /// The field's place, the whole of its text, and where in it the expression begins.
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) offset: usize,
}

/// What a field's value is.
pub(super) enum Written {
    /// No expression.
    Plain,
    /// An expression that cannot be read.
    Broken,
    /// An expression.
    Computed(Computed),
}

/// Reads a field that may hold a template, if it is there.
#[expect(clippy::option_option, reason = "a field can be absent, unreadable or there")]
pub(super) fn template(
    fields: &mut Fields<'_>,
    name: &'static str,
    site: Site,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Option<Template>> {
    optional(fields.take(name).map(|field| {
        let location = format!("{}{name}", leads.within);
        template_at(field.node, &field.place, &location, site, leads, findings)
    }))
}

/// Reads a value in which strings may be expressions. `location` is the way to it from the state.
pub(super) fn template_at(
    node: &Node,
    place: &Place,
    location: &str,
    site: Site,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Option<Template> {
    match &node.kind {
        NodeKind::String(text) => match compile(text, place, site, leads, findings) {
            Compiled::Plain => Some(Template::Constant(node.to_value())),
            Compiled::Broken => None,
            Compiled::Expression(expression) => {
                let expression = Expression::Jsonata(expression);
                Some(Template::Expression { field: location.to_owned(), expression })
            }
        },
        NodeKind::Array(items) => {
            let read = |(index, item): (usize, &Node)| {
                let place = place.below(&index.to_string(), &item.span);
                let location = format!("{location}[{index}]");
                template_at(item, &place, &location, site, leads, findings)
            };
            let items: Vec<_> = items.iter().enumerate().map(read).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(array)
        }
        NodeKind::Object(members) => {
            let mut read = Vec::with_capacity(members.len());
            for member in members {
                let place = place.of_member(member);
                let location = format!("{location}/{}", member.name);
                let value = template_at(&member.node, &place, &location, site, leads, findings);
                read.push(value.map(|value| (member.name.clone(), value)));
            }
            read.into_iter().collect::<Option<Vec<_>>>().map(object)
        }
        NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {
            Some(Template::Constant(node.to_value()))
        }
    }
}

/// An object all of whose members are constant is a constant.
fn object(members: Vec<(String, Template)>) -> Template {
    let constant = |(name, member): &(String, Template)| match member {
        Template::Constant(value) => Some((name.clone(), value.clone())),
        _ => None,
    };
    match members.iter().map(constant).collect::<Option<Map<_, _>>>() {
        Some(members) => Template::Constant(Value::Object(members)),
        None => Template::Object(members),
    }
}

fn array(items: Vec<Template>) -> Template {
    let constant = |item: &Template| match item {
        Template::Constant(value) => Some(value.clone()),
        _ => None,
    };
    match items.iter().map(constant).collect::<Option<Vec<_>>>() {
        Some(items) => Template::Constant(Value::Array(items)),
        None => Template::Array(items),
    }
}

/// Reads the value of a field that is one expression or no expression at all.
pub(super) fn computed(
    field: &Field<'_>,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Written {
    let Some(text) = field.node.as_str() else { return Written::Plain };
    match compile(text, &field.place, Site::Plain, leads, findings) {
        Compiled::Plain => Written::Plain,
        Compiled::Broken => Written::Broken,
        Compiled::Expression(expression) => {
            let location = format!("{}{}", leads.within, field.name).into();
            Written::Computed(Computed { location, expression })
        }
    }
}

enum Compiled {
    Plain,
    Broken,
    Expression(Jsonata),
}

/// Reads a string that may be an expression.
fn compile(
    text: &str,
    place: &Place,
    site: Site,
    leads: &mut Leads<'_>,
    findings: &mut Findings,
) -> Compiled {
    let Some((inner, offset)) = Jsonata::delimited(text) else {
        return misdelimited(text, place, findings);
    };
    match Jsonata::parse(inner) {
        Ok(expression) => {
            let (place, text) = (place.clone(), text.to_owned());
            let used = Use { expression: expression.clone(), site, place, text, offset };
            leads.book.uses.push(used);
            Compiled::Expression(expression)
        }
        Err(error) => {
            let place = within(place, text, offset + error.span.start);
            let message = format!("this is no JSONata expression: {error} ({})", error.code);
            findings.error(JSONATA, &place, message);
            Compiled::Broken
        }
    }
}

/// A string that is no expression. One that only begins or only ends as such is reported.
fn misdelimited(text: &str, place: &Place, findings: &mut Findings) -> Compiled {
    let [opening, closing] = JSONATA_DELIMITERS;
    let (begins, ends) = (text.starts_with(opening), text.ends_with(closing));
    if !begins && !ends {
        return Compiled::Plain;
    }
    let message = format!("`{text}` is not closed as it is opened");
    findings
        .error(TEMPLATE, place, message)
        .help("a JSONata expression begins with `{%` and ends with `%}`, without blanks around");
    Compiled::Broken
}
