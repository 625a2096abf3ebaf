//! CloudFormation's intrinsic functions, in their long form (`{ "Fn::GetAtt": [F, Arn] }`) and as YAML
//! tags (`!GetAtt F.Arn`): a tree with them in, a tree of plain values out (`facts/embeddings.md` 9).
//!
//! Knows what a template says and no deployment: a value that only a deployment has becomes a
//! placeholder, with a warning.

mod references;

use std::collections::BTreeMap;

use super::substitutions::placeholders;
use super::{REFERENCES_MAX, Reading};
use crate::finding::{Place, UNRESOLVED};
use crate::node::{Member, Node, NodeKind};
use crate::source::Text;

/// The sections of a template that its intrinsics refer to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Scope<'t> {
    pub(super) parameters: Option<&'t Node>,
    pub(super) mappings: Option<&'t Node>,
    pub(super) conditions: Option<&'t Node>,
    pub(super) resources: Option<&'t Node>,
    /// Functions that stand elsewhere: what they are called on AWS, by every name that leads to them.
    pub(super) functions: Option<&'t BTreeMap<String, String>>,
}

impl<'t> Scope<'t> {
    pub(super) fn of_template(root: &'t Node) -> Self {
        let section = |name| root.get(name).map(|member| &member.node);
        Self {
            parameters: section("Parameters"),
            mappings: section("Mappings"),
            conditions: section("Conditions"),
            resources: section("Resources"),
            functions: None,
        }
    }
}

/// Resolves the intrinsics of one template.
pub(super) struct Intrinsics<'r, 'f, 't> {
    pub(super) scope: Scope<'t>,
    pub(super) reading: &'r mut Reading<'f>,
    /// How many references are being followed.
    depth: usize,
}

/// An intrinsic function and what it is called with.
struct Call<'n> {
    function: &'n str,
    argument: &'n Node,
    place: Place,
}

/// The function that a node calls, if it calls one.
fn call_of<'n>(node: &'n Node, place: &Place) -> Option<Call<'n>> {
    if let Some(tag) = node.tag.as_deref() {
        return Some(Call { function: tag, argument: node, place: place.clone() });
    }
    let [member] = node.as_object()? else { return None };
    let function = match member.name.as_str() {
        "Ref" => "Ref",
        name => name.strip_prefix("Fn::").filter(|name| !name.starts_with("ForEach"))?,
    };
    Some(Call { function, argument: &member.node, place: place.of_member(member) })
}

/// The intrinsic that a node itself calls, by its full name.
pub(super) fn called(node: &Node) -> Option<String> {
    call_of(node, &Place::default()).map(|call| full_name(call.function))
}

fn full_name(function: &str) -> String {
    match function {
        "Ref" => "Ref".to_owned(),
        name => format!("Fn::{name}"),
    }
}

/// Whether there is an intrinsic anywhere in a tree.
pub(super) fn has_intrinsics(node: &Node) -> bool {
    call_of(node, &Place::default()).is_some()
        || match &node.kind {
            NodeKind::Array(items) => items.iter().any(has_intrinsics),
            NodeKind::Object(members) => members.iter().any(|member| has_intrinsics(&member.node)),
            _ => false,
        }
}

impl<'r, 'f, 't> Intrinsics<'r, 'f, 't> {
    pub(super) fn new(scope: Scope<'t>, reading: &'r mut Reading<'f>) -> Self {
        Self { scope, reading, depth: 0 }
    }

    /// A tree without intrinsics. `None`: `AWS::NoValue`, so the field is not there.
    pub(super) fn resolve(&mut self, node: &Node, place: &Place) -> Option<Node> {
        if let Some(call) = call_of(node, place) {
            return self.call(&call, node);
        }
        let kind = match &node.kind {
            NodeKind::Object(members) => {
                let mut resolved = Vec::with_capacity(members.len());
                for member in members {
                    if let Some(node) = self.resolve(&member.node, &place.of_member(member)) {
                        resolved.push(Member { node, ..member.clone() });
                    }
                }
                NodeKind::Object(resolved)
            }
            NodeKind::Array(items) => {
                let items = items.iter().enumerate();
                NodeKind::Array(
                    items
                        .filter_map(|(index, item)| {
                            self.resolve(item, &place.below(&index.to_string(), &item.span))
                        })
                        .collect(),
                )
            }
            NodeKind::String(text) => {
                self.report_dynamic_references(text, place);
                node.kind.clone()
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => node.kind.clone(),
        };
        Some(Node { kind, tag: None, span: node.span.clone() })
    }

    /// A value as a text that knows where its parts were written, if it is one.
    pub(super) fn text(&mut self, node: &Node, place: &Place) -> Option<Text> {
        match call_of(node, place) {
            Some(Call { function: "Sub", argument, place }) => self.substitute(argument, &place),
            Some(Call { function: "Join", argument, place }) => self.join(argument, &place),
            None if node.as_str().is_some() => {
                let text = node.as_str().unwrap_or_default();
                self.report_dynamic_references(text, place);
                Some(Text::of_scalar(text, &node.span, &self.reading.sources))
            }
            _ => {
                let resolved = self.resolve(node, place)?;
                Some(Text::made(resolved.scalar_text()?, &span_of(node, place)))
            }
        }
    }

    /// All of `Fn::Sub` on a text.
    pub(super) fn substitute_text(
        &mut self,
        text: &Text,
        given: &BTreeMap<String, Text>,
        place: &Place,
    ) -> Text {
        let mut substituted = Text::default();
        let mut from = 0;
        while let Some(found) = text.text[from..].find("${") {
            let start = from + found;
            let Some(length) = text.text[start..].find('}') else { break };
            let end = start + length + 1;
            substituted.append(&text.slice(from..start));
            let origin = text.origin(&(start..end));
            let name = text.text[start + 2..end - 1].trim();
            if let Some(literal) = name.strip_prefix('!') {
                substituted.push(&format!("${{{literal}}}"), &origin, false);
            } else if let Some(value) = given.get(name) {
                substituted.push(&value.text, &origin, false);
            } else {
                let place = Place { pointer: place.pointer.clone(), span: origin.clone() };
                let value = match name.split_once('.') {
                    Some((resource, attribute)) => self.attribute(resource, attribute, &place),
                    None => self.reference(name, &place).and_then(|node| node.scalar_text()),
                };
                substituted.push(&value.unwrap_or_default(), &origin, false);
            }
            if !self.reading.afford_text(&substituted, place) {
                return Text::default();
            }
            from = end;
        }
        substituted.append(&text.slice(from..text.text.len()));
        substituted
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&mut self, name: &str, place: &Place) -> Option<bool> {
        let conditions = self.scope.conditions?;
        let member = conditions.get(name)?;
        // Each condition that another one refers to counts as a value.
        let value = Node::string("", &place.span);
        if self.depth > REFERENCES_MAX || !self.reading.afford(&value, place) {
            return None;
        }
        self.depth += 1;
        let holds = self.holds(&member.node, place);
        self.depth -= 1;
        holds
    }

    fn holds(&mut self, node: &Node, place: &Place) -> Option<bool> {
        let (function, argument) = match (node.tag.as_deref(), node.as_object()) {
            (Some(tag), _) => (tag, node),
            (None, Some([member])) => {
                (member.name.strip_prefix("Fn::").unwrap_or(&member.name), &member.node)
            }
            _ => return self.resolve(node, place)?.scalar_text().map(|text| text == "true"),
        };
        let items = argument.as_array().unwrap_or_default();
        match function {
            "Condition" => self.condition(argument.as_str()?, place),
            "Equals" => {
                let [left, right] = items else { return None };
                let left = self.resolve(left, place).map(|node| node.scalar_text());
                let right = self.resolve(right, place).map(|node| node.scalar_text());
                Some(left == right)
            }
            "Not" => Some(!self.holds(items.first()?, place)?),
            "And" => items.iter().try_fold(true, |all, item| Some(all & self.holds(item, place)?)),
            "Or" => items.iter().try_fold(false, |any, item| Some(any | self.holds(item, place)?)),
            _ => self.resolve(node, place)?.scalar_text().map(|text| text == "true"),
        }
    }

    fn call(&mut self, call: &Call<'_>, node: &Node) -> Option<Node> {
        if self.depth > REFERENCES_MAX {
            let text =
                self.reading.unresolved(call.function, "references go in a circle", &call.place);
            return Some(Node::string(text, &node.span));
        }
        self.reading.values_left?;
        self.depth += 1;
        let value = self.value_of(call, node);
        self.depth -= 1;
        value.filter(|value| self.reading.afford(value, &call.place))
    }

    fn value_of(&mut self, call: &Call<'_>, node: &Node) -> Option<Node> {
        let Call { function, argument, place } = call;
        let span = span_of(node, place);
        let text = |text: String| Some(Node::string(text, &span));
        match *function {
            "Ref" => match argument.as_str() {
                Some(name) => self.reference(name, &Place { span, ..place.clone() }),
                None => text(self.ill_formed(call)),
            },
            "GetAtt" => match self.attribute_names(argument, place) {
                Some((resource, attribute)) => {
                    let place = Place { span: span.clone(), ..place.clone() };
                    text(self.attribute(&resource, &attribute, &place)?)
                }
                None => text(self.ill_formed(call)),
            },
            "Sub" | "Join" => match self.text(node, place) {
                Some(made) => text(made.text),
                None => text(self.ill_formed(call)),
            },
            "If" => {
                let Some([condition, yes, no]) = argument.as_array() else {
                    return text(self.ill_formed(call));
                };
                let name = condition.as_str().unwrap_or_default();
                match self.condition(name, place) {
                    Some(true) => self.resolve(yes, place),
                    Some(false) => self.resolve(no, place),
                    None => text(self.reading.unresolved(name, "no such condition", place)),
                }
            }
            "Select" => match self.select(argument, place) {
                Some(node) => Some(node),
                None => text(self.ill_formed(call)),
            },
            "Split" => match self.split(argument, place) {
                Some(items) => {
                    let items = items.into_iter().map(|item| Node::string(item, &span)).collect();
                    Some(Node { kind: NodeKind::Array(items), tag: None, span })
                }
                None => text(self.ill_formed(call)),
            },
            "FindInMap" => self.find_in_map(call, node),
            "ImportValue" => {
                let name = self.text(&untagged(argument), place).map(|name| name.text);
                text(self.given_or_placeholder(
                    &name.unwrap_or_default(),
                    "it is exported by another stack",
                    place,
                ))
            }
            "Transform" => self.transform(call, node),
            "Length" => {
                let list = self.resolve(&untagged(argument), place)?;
                let length = list.as_array()?.len();
                Some(Node { kind: NodeKind::Number(length.into()), tag: None, span })
            }
            "ToJsonString" => {
                let value = self.resolve(&untagged(argument), place)?;
                text(value.to_value().to_string())
            }
            "Equals" | "And" | "Or" | "Not" | "Condition" => {
                let holds = self.holds(node, place)?;
                Some(Node { kind: NodeKind::Bool(holds), tag: None, span })
            }
            _ => text(self.ill_formed(call)),
        }
    }

    /// A function that is not known, or is not called as it should be.
    fn ill_formed(&mut self, call: &Call<'_>) -> String {
        let name = full_name(call.function);
        let message = format!("`{name}` cannot be resolved here");
        self.reading.findings.warning(UNRESOLVED, &call.place, message);
        let text = format!("${{{name}}}");
        self.reading.unresolved.insert(name);
        text
    }

    fn given_or_placeholder(&mut self, name: &str, why: &str, place: &Place) -> String {
        match self.reading.values.get(name) {
            Some(value) => value.clone(),
            None => self.reading.unresolved(name, why, place),
        }
    }

    /// `Fn::Sub`: a text, or a list of a text and values of its own.
    fn substitute(&mut self, argument: &Node, place: &Place) -> Option<Text> {
        let mut given = BTreeMap::new();
        let (text, place) = match &argument.kind {
            NodeKind::Array(items) => {
                let [text, values] = items.as_slice() else { return None };
                for member in values.as_object()? {
                    let value = self.text(&member.node, &place.of_member(member));
                    given.insert(member.name.clone(), value.unwrap_or_default());
                }
                (text, place.below("0", &text.span))
            }
            _ => (argument, place.clone()),
        };
        let text = Text::of_scalar(text.as_str()?, &text.span, &self.reading.sources);
        Some(self.substitute_text(&text, &given, &place))
    }

    /// `Fn::Join`.
    fn join(&mut self, argument: &Node, place: &Place) -> Option<Text> {
        let [delimiter, items] = argument.as_array()? else { return None };
        let delimiter = delimiter.as_str()?;
        let mut joined = Text::default();
        let resolved;
        let items = if let (None, Some(items)) = (&items.tag, items.as_array()) {
            items
        } else {
            resolved = self.resolve(items, place)?;
            resolved.as_array()?
        };
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                joined.push(delimiter, &(item.span.start..item.span.start), false);
            }
            let place = place.below(&index.to_string(), &item.span);
            joined.append(&self.text(item, &place).unwrap_or_default());
            if !self.reading.afford_text(&joined, &place) {
                return None;
            }
        }
        Some(joined)
    }

    fn select(&mut self, argument: &Node, place: &Place) -> Option<Node> {
        let [index, items] = argument.as_array()? else { return None };
        let index: usize = self.resolve(index, place)?.scalar_text()?.trim().parse().ok()?;
        let items = self.resolve(items, place)?;
        items.as_array()?.get(index).cloned()
    }

    fn split(&mut self, argument: &Node, place: &Place) -> Option<Vec<String>> {
        let [delimiter, text] = argument.as_array()? else { return None };
        let delimiter = delimiter.as_str().filter(|delimiter| !delimiter.is_empty())?;
        let text = self.text(text, place)?.text;
        Some(text.split(delimiter).map(str::to_owned).collect())
    }

    fn find_in_map(&mut self, call: &Call<'_>, node: &Node) -> Option<Node> {
        let span = span_of(node, &call.place);
        let items = call.argument.as_array().unwrap_or_default();
        let names: Vec<String> = items
            .iter()
            .take(3)
            .filter_map(|item| self.resolve(item, &call.place)?.scalar_text())
            .collect();
        let path: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = (path.len() == 3)
            .then(|| self.scope.mappings.and_then(|mappings| mappings.at(&path)))
            .flatten();
        if let Some(found) = found {
            return self.resolve(found, &call.place).map(|value| Node { span, ..value });
        }
        if let Some(default) = items.get(3).and_then(|item| item.get("DefaultValue")) {
            return self.resolve(&default.node, &call.place);
        }
        let name = path.join(".");
        let text = self.reading.unresolved(&name, "no mapping has it", &call.place);
        Some(Node::string(text, &span))
    }

    /// `Fn::Transform`: `AWS::Include` puts a file in, whose intrinsics are resolved as well.
    fn transform(&mut self, call: &Call<'_>, node: &Node) -> Option<Node> {
        let argument = call.argument;
        let location = argument.at(&["Parameters", "Location"]);
        if argument.at(&["Name"]).and_then(Node::as_str) == Some("AWS::Include")
            && let Some(location) = location
        {
            let location = self.text(location, &call.place)?.text;
            if !location.starts_with("s3://") {
                let from = node.span.start;
                let included = self.reading.node_of(&location, from, &call.place)?;
                return self.resolve(&included, &call.place);
            }
        }
        let text = self.ill_formed(call);
        Some(Node::string(text, &span_of(node, &call.place)))
    }

    /// `{{resolve:ssm:NAME}}` stays as it is.
    fn report_dynamic_references(&mut self, text: &str, place: &Place) {
        if text.contains("{{resolve:") && placeholders(text).next().is_none() {
            let message = format!("`{text}` is resolved only where it is deployed");
            self.reading.findings.warning(UNRESOLVED, place, message);
        }
    }
}

/// A node without its tag, which has been seen to.
fn untagged(node: &Node) -> Node {
    match node.tag.as_deref() {
        // Only the outermost tag of an argument is the call itself.
        Some("ImportValue" | "Length" | "ToJsonString") => Node { tag: None, ..node.clone() },
        _ => node.clone(),
    }
}

/// Where a node stands, also when it has no extent of its own.
fn span_of(node: &Node, place: &Place) -> std::ops::Range<usize> {
    if node.span.is_empty() { place.span.clone() } else { node.span.clone() }
}
