//! Files: a definition's changes put into its text, with all else left byte for byte.
//!
//! The tree of the file tells where its machines are; each is converted as JSON, and what differs between
//! the two ([`edit`]) becomes edits of the text. At the end the new text is read again: it must say what was meant.

mod edit;
mod write;

use std::ops::Range;

use serde_json::{Map, Value};
use stepwell_asl::{Finding, Node, NodeKind};

use crate::machine::convert_at;
use crate::remark::{Remark, RemarkKind, below};
use crate::template::TAGGED;

/// A file as it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertedText {
    /// The new text; the old one where nothing changes.
    pub text: String,
    /// What is to be said, in the order of the text. Places are those of the old text.
    pub remarks: Vec<Remark>,
    /// How many machines the file holds.
    pub machines: usize,
    /// How many states are converted, or need no change.
    pub converted: usize,
    /// How many states stay in JSONPath.
    pub kept: usize,
}

/// Converts the machines of a workflow file, YAML or JSON, that stand in it as objects: a bare definition,
/// those of Serverless and of our own short form, and `Definition` of a SAM template.
///
/// The error is that of a text that is neither YAML nor JSON, or holds no machine.
pub fn convert_text(path: &str, text: &str) -> Result<ConvertedText, Vec<Finding>> {
    let ends = text.matches('\n').count();
    if ends == 0 || text.matches("\r\n").count() != ends {
        return convert_lines(path, text);
    }
    // All lines end as on Windows: they do so again afterwards.
    let lines = text.replace("\r\n", "\n");
    // A finding has the places of the text as it is.
    let converted = convert_lines(path, &lines);
    let mut converted = converted
        .map_err(|findings| stepwell_asl::read_node(path, text).err().unwrap_or(findings))?;
    for remark in &mut converted.remarks {
        let moved = |at: usize| at + lines[..at].matches('\n').count();
        remark.span = moved(remark.span.start)..moved(remark.span.end);
    }
    converted.text = converted.text.replace('\n', "\r\n");
    Ok(converted)
}

fn convert_lines(path: &str, text: &str) -> Result<ConvertedText, Vec<Finding>> {
    let root = stepwell_asl::read_node(path, text)?;
    let mut found = Vec::new();
    let mut remarks = Vec::new();
    find(&root, &mut found, &mut remarks);
    let mut edits = edit::Edits::new(text);
    let (mut converted, mut kept) = (0, 0);
    let mut wanted = Vec::new();
    for (pointer, node) in &found {
        let old = value_of(node);
        let new = convert_at(&old, pointer);
        converted += new.converted;
        kept += new.kept;
        let (before, lost) = (edits.len(), edits.comments_lost.len());
        if edits.value(node, &new.definition).is_err() {
            edits.truncate(before);
            edits.comments_lost.truncate(lost);
            remarks.push(unwritable(pointer));
            wanted.push(old);
            kept += new.converted;
            converted -= new.converted;
            continue;
        }
        remarks.extend(new.remarks);
        wanted.push(new.definition);
    }
    let comments_lost = edits.comments_lost.clone();
    let mut new_text = edits.applied();
    if !says(path, &new_text, &wanted) {
        // Nothing is better than something else.
        text.clone_into(&mut new_text);
        remarks = found.iter().map(|(pointer, _)| unwritable(pointer)).collect();
        kept += std::mem::take(&mut converted);
    }
    for span in comments_lost {
        let message = "this comment stands within what is replaced, and is lost";
        let remark = Remark::new(RemarkKind::CommentLost, "", message);
        remarks.push(Remark { span, ..remark });
    }
    for remark in &mut remarks {
        if remark.span.is_empty() {
            remark.span = place(&root, &remark.pointer);
        }
    }
    remarks.sort_by_key(|remark| (remark.span.start, remark.kind));
    let machines = found.len();
    Ok(ConvertedText { text: new_text, remarks, machines, converted, kept })
}

fn unwritable(pointer: &str) -> Remark {
    let message = "the machine cannot be changed where it stands: its text is an unusual one";
    Remark::new(RemarkKind::Kept, pointer, message)
        .help("anchors, merges and keys of several lines are not followed; write them out")
}

/// Whether a text holds these machines.
fn says(path: &str, text: &str, wanted: &[Value]) -> bool {
    let Ok(root) = stepwell_asl::read_node(path, text) else { return false };
    let mut found = Vec::new();
    find(&root, &mut found, &mut Vec::new());
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|((_, node), wanted)| value_of(node) == *wanted)
}

/// The machines of a file that stand in it as objects.
fn find<'n>(root: &'n Node, found: &mut Vec<(String, &'n Node)>, remarks: &mut Vec<Remark>) {
    if member(root, "StartAt").is_some() || member(root, "States").is_some() {
        found.push((String::new(), root));
        return;
    }
    let mut definition = |node: &'n Node, name: &str, at: &str| {
        let Some(inner) = member(node, name) else { return };
        let at = below(at, name);
        if let NodeKind::Object(_) = inner.kind
            && member(inner, "States").is_some()
        {
            found.push((at, inner));
            return;
        }
        let message =
            "the definition stands in a string or in another file, which is not converted";
        let help = "write the definition as an object, or convert the other file";
        remarks.push(Remark::new(RemarkKind::Kept, at, message).help(help));
    };
    definition(root, "definition", "");
    let (functions, at) = match member(root, "stepFunctions") {
        Some(section) => (member(section, "stateMachines"), "/stepFunctions/stateMachines"),
        None => (member(root, "stateMachines"), "/stateMachines"),
    };
    for (name, machine) in members(functions) {
        definition(machine, "definition", &below(at, name));
    }
    for (name, resource) in members(member(root, "Resources")) {
        let kind = member(resource, "Type").and_then(text_of).unwrap_or_default();
        if kind.ends_with("::StateMachine")
            && let Some(properties) = member(resource, "Properties")
        {
            let at = format!("{}/Properties", below("/Resources", name));
            for name in ["Definition", "DefinitionString", "DefinitionUri", "DefinitionS3Location"]
            {
                definition(properties, name, &at);
            }
        }
    }
}

fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    members(Some(node)).find(|(other, _)| *other == name).map(|(_, node)| node)
}

fn members(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let members = match node.map(|node| &node.kind) {
        Some(NodeKind::Object(members)) => members.as_slice(),
        _ => &[],
    };
    members.iter().map(|member| (member.name.as_str(), &member.node))
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::String(text) => Some(text),
        _ => None,
    }
}

/// A node as JSON. One with a tag becomes a string that only itself is equal to.
fn value_of(node: &Node) -> Value {
    let value = match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => Value::Bool(*value),
        NodeKind::Number(number) => Value::Number(number.clone()),
        NodeKind::String(text) => Value::String(text.clone()),
        NodeKind::Array(items) => items.iter().map(value_of).collect(),
        NodeKind::Object(members) => {
            let members =
                members.iter().map(|member| (member.name.clone(), value_of(&member.node)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    };
    match &node.tag {
        Some(tag) => Value::String(format!("{TAGGED}!{tag} {value}")),
        None => value,
    }
}

/// Where a pointer leads, or as much of it as there is.
fn place(root: &Node, pointer: &str) -> Range<usize> {
    let mut node = root;
    let mut span = root.span.clone();
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let next = match &node.kind {
            NodeKind::Object(members) => {
                let Some(member) = members.iter().find(|member| member.name == name) else { break };
                let value = &member.node.span;
                let scalar = !matches!(member.node.kind, NodeKind::Object(_) | NodeKind::Array(_));
                span = if scalar && !value.is_empty() { value } else { &member.name_span }.clone();
                &member.node
            }
            NodeKind::Array(items) => {
                let Some(item) = name.parse::<usize>().ok().and_then(|index| items.get(index))
                else {
                    break;
                };
                span = match &item.kind {
                    NodeKind::Object(members) if !members.is_empty() => {
                        members[0].name_span.clone()
                    }
                    _ => item.span.clone(),
                };
                item
            }
            _ => break,
        };
        node = next;
    }
    span
}
