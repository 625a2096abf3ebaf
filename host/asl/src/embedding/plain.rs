//! Plain ASL, and the ways in which AWS's own tools hand a definition out: a JSON string that holds it
//! (`describe-state-machine --query definition`), and a reply with such a string in it.

use std::collections::BTreeMap;

use super::intrinsics::{self, Intrinsics, Scope};
use super::{
    Embedded, EmbeddedMachine, OWN_KEY, PSEUDO_PARAMETERS, Reading, Strictness, read_type,
    substitutions,
};
use crate::fields::{Field, Fields};
use crate::finding::{MISSING_FIELD, NO_WORKFLOW, Place, UNKNOWN_FIELD, UNSUPPORTED_FORM};
use crate::machine::MachineType;
use crate::node::{Node, NodeKind};
use crate::source::Text;

/// A definition at the root.
pub(super) fn read(
    root: &Node,
    text: &str,
    place: &Place,
    reading: &mut Reading<'_>,
) -> Option<Embedded> {
    // Given values go into the text, as CloudFormation puts substitutions in.
    let mut values: BTreeMap<String, String> = PSEUDO_PARAMETERS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    values.extend(reading.values.clone());
    let replaced = substitutions::replace_values(text, 0, &values);
    let replaced = replaced.filter(|_| reading.sources.place(&root.span).1 == root.span);
    let root = match replaced {
        Some(replaced) => &reading.definition_of(&replaced, Strictness::JsonOrYaml)?,
        None => root,
    };
    let definition = without_other_keys(root, place, reading);
    // A file that a Serverless project refers to: what its intrinsics refer to stands elsewhere.
    let definition = if intrinsics::has_intrinsics(&definition) {
        Intrinsics::new(Scope::default(), reading).resolve(&definition, place)?
    } else {
        definition
    };
    reading.report_placeholders(&definition, place);
    Some(one(reading.stem, definition, place.clone()))
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
    Embedded { functions: Vec::new(), machines: vec![machine] }
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
