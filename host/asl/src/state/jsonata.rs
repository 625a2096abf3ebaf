//! The fields of states whose query language is JSONata (`facts/asl.md` 3): expressions stand in strings
//! between delimiters, at any depth of a field that takes them.

use std::ops::Range;

use crate::definition::StateId;
use serde_json::{Map, Value};
use stepwell_query::{Expression, JSONATA_DELIMITERS, Jsonata, Template};

use super::optional;
use crate::fields::{Field, Fields};
use crate::finding::{Findings, JSONATA, ODD_PATH, ON_AWS, Place, STATES, TEMPLATE, closest};
use crate::machine::Leads;
use crate::node::{Node, NodeKind};

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
    /// The state that it belongs to.
    pub(crate) state: StateId,
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
            let (place, text, state) = (place.clone(), text.to_owned(), leads.state);
            let used = Use { expression: expression.clone(), state, place, text, offset };
            check(&used, site, findings);
            leads.book.uses.push(used);
            Compiled::Expression(expression)
        }
        Err(error) => {
            let message = format!("this is no JSONata expression: {error} ({})", error.code);
            let range = offset + error.span.start..offset + error.span.end;
            findings.error(JSONATA, place, message).part(text, range);
            Compiled::Broken
        }
    }
}

/// A text that was perhaps meant to be more.
fn mistaken(text: &str, place: &Place, findings: &mut Findings) {
    let [opening, closing] = JSONATA_DELIMITERS;
    let is_call = text.starts_with("States.") && text.ends_with(')');
    if text.split_once(opening).is_some_and(|(_, rest)| rest.contains(closing)) {
        let message = "this is a text: an expression is all that stands between the quotes";
        findings
            .warning(TEMPLATE, place, message)
            .help("make one expression of it, without blanks around: `{% 'a text' & $value %}`");
    } else if text.starts_with("$.") || text.starts_with("$$.") || is_call {
        let message = format!("`{text}` is a text here: the state's query language is JSONata");
        findings
            .warning(ODD_PATH, place, message)
            .help("write an expression: `{% $states.input.name %}`");
    }
}

/// What can be said of an expression by itself.
fn check(used: &Use, site: Site, findings: &mut Findings) {
    let survey = used.expression.survey();
    let text = |range: &Range<usize>| used.expression.text()[range.clone()].to_owned();
    for mention in &survey.states {
        check_states(used, site, &mention.names, &mention.span, findings);
    }
    for bound in survey.bound.iter().filter(|bound| bound.name == "states") {
        let message = "`$states` cannot be given another value";
        findings.error(STATES, &used.place, message).part(&used.text, used.range(&bound.span));
    }
    for range in &survey.inputs {
        let what = text(range);
        let message = format!("`{what}` is nothing here: an expression has no input document");
        findings.warning(ON_AWS, &used.place, message).part(&used.text, used.range(range)).help(
            if what.starts_with('$') {
                "the state's input is `$states.input`".to_owned()
            } else {
                format!("the state's input is `$states.input`: write `$states.input.{what}`")
            },
        );
    }
    for newer in &survey.newer {
        let message = format!("AWS evaluates JSONata 2.0.6, which has no `{}`", newer.name);
        findings
            .warning(ON_AWS, &used.place, message)
            .part(&used.text, used.range(&newer.span))
            .help(match newer.name.as_str() {
                "??" => "write `$exists(a) ? a : b` instead of `a ?? b`",
                _ => "write `a ? a : b` instead of `a ?: b`",
            });
    }
    for (limit, range) in &survey.broken_limits {
        let message = format!("this breaks a limit whenever it is evaluated: {limit}");
        findings.warning(ON_AWS, &used.place, message).part(&used.text, used.range(range));
    }
}

/// The names after `$states`.
fn check_states(
    used: &Use,
    site: Site,
    names: &[String],
    range: &Range<usize>,
    findings: &mut Findings,
) {
    const FIELDS: [&str; 4] = ["input", "result", "errorOutput", "context"];
    let Some((field, below)) = names.split_first() else { return };
    let (message, help) = match field.as_str() {
        "input" => return,
        "context" => {
            if let Some(message) = unknown_in_context(below) {
                findings
                    .warning(STATES, &used.place, message)
                    .part(&used.text, used.range(range))
                    .help("`$states.context` has `Execution`, `State`, `StateMachine`, `Task` and `Map`");
            }
            return;
        }
        "result" if site == Site::Result => return,
        "errorOutput" if site == Site::ErrorOutput => return,
        "result" => (
            "there is no `$states.result` here".to_owned(),
            "it stands in `Output` and `Assign` of a Task, Parallel or Map".to_owned(),
        ),
        "errorOutput" => (
            "there is no `$states.errorOutput` here".to_owned(),
            "it stands in `Output` and `Assign` of a catcher".to_owned(),
        ),
        other => (
            format!("`$states` has no `{other}`"),
            closest(other, FIELDS).map_or_else(
                || "its fields are `input`, `result`, `errorOutput` and `context`".to_owned(),
                |close| format!("did you mean `$states.{close}`?"),
            ),
        ),
    };
    findings.error(STATES, &used.place, message).part(&used.text, used.range(range)).help(help);
}

/// What the context object does not have of the names (`facts/asl.md` 2.6).
fn unknown_in_context(names: &[String]) -> Option<String> {
    let fields: &[&str] = match names.first()?.as_str() {
        "Execution" => {
            &["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"]
        }
        "State" => &["EnteredTime", "Name", "RetryCount"],
        "StateMachine" => &["Id", "Name"],
        "Task" => &["Token"],
        "Map" => &["Item"],
        other => return Some(format!("the context object has no `{other}`")),
    };
    let field = names.get(1)?;
    if !fields.contains(&field.as_str()) {
        return Some(format!("`{}` of the context object has no `{field}`", names[0]));
    }
    let item = names.get(2).filter(|_| names[0] == "Map")?;
    let known = ["Index", "Value", "Key", "Source"].contains(&item.as_str());
    (!known).then(|| format!("`Map.Item` of the context object has no `{item}`"))
}

impl Use {
    /// A range of the expression as one of the field's text.
    pub(crate) fn range(&self, range: &Range<usize>) -> Range<usize> {
        self.offset + range.start..self.offset + range.end
    }
}

/// A string that is no expression. One that only begins or only ends as such is reported.
fn misdelimited(text: &str, place: &Place, findings: &mut Findings) -> Compiled {
    let [opening, closing] = JSONATA_DELIMITERS;
    let (begins, ends) = (text.starts_with(opening), text.ends_with(closing));
    if !begins && !ends {
        mistaken(text, place, findings);
        return Compiled::Plain;
    }
    let message = format!("`{text}` is not closed as it is opened");
    findings
        .error(TEMPLATE, place, message)
        .help("a JSONata expression begins with `{%` and ends with `%}`, without blanks around");
    Compiled::Broken
}
