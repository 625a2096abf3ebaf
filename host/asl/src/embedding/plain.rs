//! Plain ASL, and the ways in which AWS's own tools hand a definition out: a JSON string that holds it
//! (`describe-state-machine --query definition`), and a reply with such a string in it.

use super::intrinsics::{self, Intrinsics, Scope};
use super::{
    Embedded, EmbeddedMachine, OWN_KEY, PSEUDO_PARAMETERS, Reading, Strictness, read_type,
    substitutions,
};
use crate::fields::{Field, Fields};
use crate::finding::{
    MISSING_FIELD, NO_WORKFLOW, Place, UNKNOWN_FIELD, UNRESOLVED, UNSUPPORTED_FORM,
};
use crate::machine::MachineType;
use crate::node::{Member, Node, NodeKind};
use crate::source::Text;

/// A definition at the root.
pub(super) fn read(
    root: &Node,
    text: &str,
    place: &Place,
    reading: &mut Reading<'_>,
) -> Option<Embedded> {
    // Given values go into the text, as CloudFormation puts substitutions in. Nothing else does: to AWS
    // `${Name}` is a text like any other.
    let replaced = substitutions::replace_values(text, 0, reading.values);
    let replaced = replaced.filter(|_| reading.sources.place(&root.span).1 == root.span);
    let root = match replaced {
        Some(replaced) => &reading.definition_of(&replaced, Strictness::JsonOrYaml)?,
        None => root,
    };
    let definition = without_other_keys(root, place, reading);
    let definition = machine(&definition, place, reading)?;
    reading.report_placeholders(&definition, place);
    Some(one(reading.stem, definition, place.clone()))
}

/// Fields that hold data: what stands in them is the author's, and AWS keeps it as it is written.
const DATA: [&str; 9] = [
    "Result",
    "Parameters",
    "ResultSelector",
    "ItemSelector",
    "Assign",
    "Arguments",
    "Output",
    "Items",
    "BatchInput",
];

/// Of a Task's data, what names a resource.
const RESOURCES: [&str; 3] = ["FunctionName", "StateMachineArn", "RoleArn"];

/// A machine of a file that a template or a Serverless project refers to: what its intrinsics refer to
/// stands elsewhere. They are resolved where no definition could have an object; in data one may be meant.
fn machine(node: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Node> {
    each_member(node, place, reading, |member, here, reading| match member.name.as_str() {
        "States" => each_member(&member.node, here, reading, |member, here, reading| {
            state(&member.node, here, reading)
        }),
        _ => resolve(&member.node, here, reading),
    })
}

/// A state, a choice rule or a catcher.
fn state(node: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Node> {
    let is_task = node.at(&["Type"]).and_then(Node::as_str) == Some("Task");
    each_member(node, place, reading, |member, here, reading| {
        let node = &member.node;
        match member.name.as_str() {
            "Resource" => resource(node, here, reading),
            "Parameters" | "Arguments" | "Credentials" if is_task => {
                each_member(node, here, reading, |member, here, reading| {
                    if RESOURCES.contains(&member.name.as_str()) {
                        resource(&member.node, here, reading)
                    } else {
                        data(&member.node, here, reading)
                    }
                })
            }
            name if DATA.contains(&name) => data(node, here, reading),
            "ItemProcessor" | "Iterator" => machine(node, here, reading),
            "Branches" => each_item(node, here, reading, machine),
            "Choices" | "Catch" => each_item(node, here, reading, state),
            _ => resolve(node, here, reading),
        }
    })
}

fn each_member(
    node: &Node,
    place: &Place,
    reading: &mut Reading<'_>,
    mut read: impl FnMut(&Member, &Place, &mut Reading<'_>) -> Option<Node>,
) -> Option<Node> {
    let members = match node.as_object() {
        Some(members) if intrinsics::called(node).is_none() => members,
        _ => return resolve(node, place, reading),
    };
    let members = members.iter().filter_map(|member| {
        let node = read(member, &place.of_member(member), reading)?;
        Some(Member { node, ..member.clone() })
    });
    let kind = NodeKind::Object(members.collect());
    Some(Node { kind, tag: None, span: node.span.clone() })
}

fn each_item(
    node: &Node,
    place: &Place,
    reading: &mut Reading<'_>,
    read: fn(&Node, &Place, &mut Reading<'_>) -> Option<Node>,
) -> Option<Node> {
    let Some(items) = node.as_array().filter(|_| node.tag.is_none()) else {
        return resolve(node, place, reading);
    };
    let items = items.iter().enumerate().filter_map(|(index, item)| {
        read(item, &place.below(&index.to_string(), &item.span), reading)
    });
    let kind = NodeKind::Array(items.collect());
    Some(Node { kind, tag: None, span: node.span.clone() })
}

fn resolve(node: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Node> {
    Intrinsics::new(Scope::default(), reading).resolve(node, place)
}

/// What names a resource. No ARN of AWS has a placeholder, so those that every deployment knows go in.
fn resource(node: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Node> {
    let mut node = resolve(node, place, reading)?;
    if let NodeKind::String(text) = &mut node.kind {
        for (name, value) in PSEUDO_PARAMETERS {
            *text = text.replace(&format!("${{{name}}}"), value);
        }
    }
    Some(node)
}

/// Data stays as it is written. Only a YAML tag, which JSON cannot say, is sure to be an intrinsic.
fn data(node: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Node> {
    if node.tag.is_some() {
        return resolve(node, place, reading);
    }
    if let Some(function) = intrinsics::called(node) {
        let message = format!("`{function}` stays as it is written: to AWS it is data");
        reading
            .findings
            .warning(UNRESOLVED, place, message)
            .help("in a template, or a Serverless file, it would be resolved");
    }
    match &node.kind {
        NodeKind::Object(members) => {
            let members = members.iter().filter_map(|member| {
                let node = data(&member.node, &place.of_member(member), reading)?;
                Some(Member { node, ..member.clone() })
            });
            Some(Node { kind: NodeKind::Object(members.collect()), ..node.clone() })
        }
        NodeKind::Array(_) => each_item(node, place, reading, data),
        _ => Some(node.clone()),
    }
}

/// A definition in a string.
pub(super) fn read_string(
    root: &Node,
    place: &Place,
    reading: &mut Reading<'_>,
) -> Option<Embedded> {
    let looks_like_one = root.as_str().is_some_and(|text| text.trim_start().starts_with('{'));
    let definition = looks_like_one.then(|| parse_string(root, Strictness::Json, reading));
    let Some(definition) = definition else {
        let message = format!("a workflow is an object, not {}", root.kind_name());
        reading.findings.error(NO_WORKFLOW, place, message).help(super::HELP);
        return None;
    };
    let definition = definition?;
    reading.report_placeholders(&definition, place);
    Some(one(reading.stem, definition, place.clone()))
}

/// A reply of `DescribeStateMachine`, or the input of `CreateStateMachine`.
pub(super) fn read_reply(
    root: &Node,
    place: &Place,
    reading: &mut Reading<'_>,
) -> Option<Embedded> {
    let mut fields = Fields::of(root, place, &mut reading.findings)?;
    let definition = fields.require("definition", &mut reading.findings)?;
    let name = fields.take("name").and_then(|field| field.node.scalar_text());
    let machine_type = fields.take("type");
    let machine_type = machine_type.map(|field| read_type(&field, &mut reading.findings));
    let node = definition_value(&definition, Strictness::Json, reading)?;
    let place = reading.definition_place(&node, &definition.place);
    reading.report_placeholders(&node, &place);
    let name = name.unwrap_or_else(|| reading.stem.to_owned());
    let mut embedded = one(&name, node, place);
    embedded.machines[0].machine_type = machine_type.unwrap_or_default();
    Some(embedded)
}

/// A definition that is an object, or a string that holds one.
pub(super) fn definition_value(
    field: &Field<'_>,
    strict: Strictness,
    reading: &mut Reading<'_>,
) -> Option<Node> {
    match &field.node.kind {
        NodeKind::String(_) => parse_string(field.node, strict, reading),
        NodeKind::Object(_) => Some(field.node.clone()),
        NodeKind::Null => {
            let message = format!("`{}` is empty", field.name);
            reading.findings.error(MISSING_FIELD, &field.place, message);
            None
        }
        _ => {
            field.wrong_type("an object, or a string that holds one", &mut reading.findings);
            None
        }
    }
}

fn parse_string(node: &Node, strict: Strictness, reading: &mut Reading<'_>) -> Option<Node> {
    let text = Text::of_scalar(node.as_str()?, &node.span, &reading.sources);
    reading.definition_of(&text, strict)
}

fn one(name: &str, definition: Node, place: Place) -> Embedded {
    let machine = EmbeddedMachine {
        key: name.to_owned(),
        name: name.to_owned(),
        machine_type: MachineType::Standard,
        definition,
        place,
    };
    Embedded { machines: vec![machine], ..Embedded::default() }
}

/// Keys that begin with `x-` are the author's, and AWS would refuse them.
fn without_other_keys(root: &Node, place: &Place, reading: &mut Reading<'_>) -> Node {
    let mut root = root.clone();
    let NodeKind::Object(members) = &mut root.kind else { return root };
    members.retain(|member| {
        let here = place.below(&member.name, &member.name_span);
        if member.name == "functions" {
            let message = "`functions` cannot stand beside a bare definition";
            reading
                .findings
                .error(UNSUPPORTED_FORM, &here, message)
                .help(format!("put them under `{OWN_KEY}: {{ functions: ... }}`"));
            return false;
        }
        if member.name.starts_with("x-") && member.name != OWN_KEY {
            let message = format!("`{}` has no meaning here, and AWS would refuse it", member.name);
            reading.findings.warning(UNKNOWN_FIELD, &here, message);
        }
        !member.name.starts_with("x-")
    });
    root
}
