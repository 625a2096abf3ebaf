//! CloudFormation and SAM templates, and what CDK synthesizes (`facts/embeddings.md` 4 to 7): the
//! resources that are state machines, and what the template says about its functions.

use std::collections::BTreeMap;

use super::intrinsics::{Intrinsics, Scope};
use super::resources::Kind;
use super::substitutions::Substitutions;
use super::{Embedded, EmbeddedMachine, HELP, Reading, Strictness, read_type};
use crate::fields::{Field, Fields};
use crate::finding::{MISSING_FIELD, NO_WORKFLOW, Place, UNRESOLVED, UNSUPPORTED_FORM};
use crate::functions::{
    FUNCTION_MEMORY_MB, FUNCTION_STORAGE_MB, FUNCTION_TIMEOUT_SECONDS, Layer, Manner, not_enforced,
    read_limit, read_variables,
};
use crate::machine::MachineType;
use crate::node::{Node, NodeKind};
use crate::source::Text;

/// Where a machine's definition can be, in the order of the documentation.
const DEFINITIONS: [&str; 4] =
    ["Definition", "DefinitionString", "DefinitionUri", "DefinitionS3Location"];

/// Reads a template.
pub(super) fn read(root: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Embedded> {
    let scope = Scope::of_template(root);
    let resources = root.get("Resources")?;
    let place_of_resources = place.of_member(resources);
    let mut fields = Fields::of(&resources.node, &place_of_resources, &mut reading.findings)?;
    let mut embedded = Embedded::default();
    let mut machines = 0;
    for resource in fields.take_all() {
        if resource.name.starts_with("Fn::") {
            let message = format!("`{}` is not expanded: what it makes is not here", resource.name);
            reading.findings.warning(UNSUPPORTED_FORM, &resource.place, message);
            continue;
        }
        let resource_type = resource.node.at(&["Type"]).and_then(Node::as_str);
        let Some(kind) = resource_type.and_then(Kind::of) else { continue };
        if !is_made(&resource, scope, reading) {
            continue;
        }
        if kind.is_function() {
            let layer = Properties::of(&resource, scope, reading).function();
            let layer = layer.over(global_function(root, kind, scope, place, reading));
            embedded.functions.push((resource.name.to_owned(), layer));
        } else if kind.is_machine() {
            machines += 1;
            let machine = read_machine(&resource, scope, reading);
            embedded.machines.extend(machine);
        }
    }
    if embedded.machines.is_empty() {
        if machines > 0 && reading.findings.has_errors() {
            return None;
        }
        let message = match machines {
            0 => "no resource of the template is a state machine",
            _ => "no state machine of the template has a definition that can be read here",
        };
        reading.findings.error(NO_WORKFLOW, &place_of_resources, message).help(HELP);
        return None;
    }
    Some(embedded)
}

/// Whether the resource's condition holds, as far as that is known.
fn is_made(resource: &Field<'_>, scope: Scope<'_>, reading: &mut Reading<'_>) -> bool {
    let condition = resource.node.at(&["Condition"]).and_then(Node::as_str);
    condition.is_none_or(|name| {
        Intrinsics::new(scope, reading).condition(name, &resource.place) != Some(false)
    })
}

/// The properties of a resource, resolved one by one: those that nobody asks for need no value.
struct Properties<'n, 'r, 'f, 't> {
    resource: &'n Field<'n>,
    node: Option<&'n Node>,
    place: Place,
    intrinsics: Intrinsics<'r, 'f, 't>,
}

impl<'n, 'r, 'f, 't> Properties<'n, 'r, 'f, 't> {
    fn of(resource: &'n Field<'n>, scope: Scope<'t>, reading: &'r mut Reading<'f>) -> Self {
        let properties = resource.node.get("Properties");
        let place = properties.map_or_else(
            || resource.place.clone(),
            |properties| resource.place.of_member(properties),
        );
        Self {
            resource,
            node: properties.map(|properties| &properties.node),
            place,
            intrinsics: Intrinsics::new(scope, reading),
        }
    }

    /// A property without intrinsics, and its place.
    fn get(&mut self, names: &[&'static str]) -> Option<(&'static str, Node, Place)> {
        let (last, outer) = names.split_last()?;
        let mut node = self.node?;
        let mut place = self.place.clone();
        for name in outer {
            let member = node.get(name)?;
            place = place.of_member(member);
            node = &member.node;
        }
        let member = node.get(last)?;
        place = place.of_member(member);
        let resolved = self.intrinsics.resolve(&member.node, &place)?;
        Some((last, resolved, place))
    }

    /// What a function's properties say.
    fn function(mut self) -> Layer {
        let name = self.get(&["FunctionName"]).and_then(|(_, node, _)| node.scalar_text());
        let variables = self.get(&["Environment", "Variables"]);
        let mut limit = |names: &[&'static str], range| {
            let (name, node, place) = self.get(names)?;
            let field = Field { name, node: &node, place };
            read_limit(&field, &range, Manner::Deployed, &mut self.intrinsics.reading.findings)
        };
        let memory_mb = limit(&["MemorySize"], FUNCTION_MEMORY_MB);
        let timeout_seconds = limit(&["Timeout"], FUNCTION_TIMEOUT_SECONDS);
        let ephemeral_storage_mb = limit(&["EphemeralStorage", "Size"], FUNCTION_STORAGE_MB);
        let reserved_concurrency = limit(&["ReservedConcurrentExecutions"], 0..=u32::MAX);
        let place = self.place.clone();
        let findings = &mut self.intrinsics.reading.findings;
        if reserved_concurrency.is_some() {
            not_enforced("ReservedConcurrentExecutions", &place, findings);
        }
        let mut environment = BTreeMap::new();
        let mut environment_place = Place::default();
        if let Some((name, node, place)) = variables {
            environment_place = place.clone();
            let field = Field { name, node: &node, place };
            if let Some(mut fields) = Fields::of(field.node, &field.place, findings) {
                environment = read_variables(fields.take_all(), Manner::Deployed, findings);
            }
        }
        Layer {
            deployed_name: name.filter(|name| !name.contains("${")),
            other_names: name_in_cdk(self.resource.node).into_iter().collect(),
            memory_mb,
            timeout_seconds,
            environment,
            environment_place,
            ephemeral_storage_mb,
            reserved_concurrency,
            place: self.resource.place.clone(),
            ..Layer::default()
        }
    }

    fn text(&mut self, name: &'static str) -> Option<Text> {
        let member = self.node?.get(name)?;
        let place = self.place.of_member(member);
        self.intrinsics.text(&member.node, &place)
    }
}

/// `Globals` of a SAM template.
fn global_function(
    root: &Node,
    kind: &Kind,
    scope: Scope<'_>,
    place: &Place,
    reading: &mut Reading<'_>,
) -> Layer {
    let section = root.get("Globals").filter(|_| kind.name == "AWS::Serverless::Function");
    let Some((section, globals)) =
        section.and_then(|section| Some((section, section.node.get("Function")?)))
    else {
        return Layer::default();
    };
    let place = place.of_member(section).of_member(globals);
    let resource = Field { name: "Globals", node: &globals.node, place: place.clone() };
    Properties {
        resource: &resource,
        node: Some(&globals.node),
        place,
        intrinsics: Intrinsics::new(scope, reading),
    }
    .function()
}

/// What a function is called in its CDK app: `Stack/Fetch/Resource` is `Fetch`.
fn name_in_cdk(resource: &Node) -> Option<String> {
    let path = resource.at(&["Metadata", "aws:cdk:path"])?.as_str()?;
    let (_, name) = path.strip_suffix("/Resource")?.split_once('/')?;
    Some(name.to_owned())
}

fn read_machine(
    resource: &Field<'_>,
    scope: Scope<'_>,
    reading: &mut Reading<'_>,
) -> Option<EmbeddedMachine> {
    let mut properties = Properties::of(resource, scope, reading);
    let node = properties.node;
    let mut machine_type = MachineType::Standard;
    for name in ["Type", "StateMachineType"] {
        if let Some((name, node, place)) = properties.get(&[name]) {
            let field = Field { name, node: &node, place };
            machine_type = read_type(&field, &mut properties.intrinsics.reading.findings);
        }
    }
    let name = properties.text("Name").or_else(|| properties.text("StateMachineName"));
    let place = properties.place.clone();
    let findings = &mut properties.intrinsics.reading.findings;
    let mut fields = Fields::of(node?, &place, findings)?;
    if !fields.at_most_one(&DEFINITIONS, findings) {
        findings
            .error(MISSING_FIELD, &resource.place, "the state machine has no definition")
            .help(format!("add one of `{}`", DEFINITIONS.join("`, `")));
        return None;
    }
    let field = DEFINITIONS.iter().find_map(|name| fields.take(name))?;
    let mut substitutions = read_substitutions(&mut properties);
    let reading = properties.intrinsics.reading;
    // What is given goes in where the template leaves a placeholder.
    for (name, value) in reading.values {
        substitutions.push((name.clone(), value.clone()));
    }
    let substitutions = Substitutions::new(substitutions);
    let (definition, place) = match field.name {
        "Definition" => {
            let resolved =
                Intrinsics::new(scope, reading).resolve(&field.node.clone(), &field.place)?;
            let field = Field { node: &resolved, ..field.clone() };
            Fields::of(field.node, &field.place, &mut reading.findings)?;
            (substitute_in_tree(&resolved, &substitutions), field.place)
        }
        "DefinitionString" => {
            let text = Intrinsics::new(scope, reading).text(field.node, &field.place);
            let Some(text) = text else {
                field.wrong_type("a string", &mut reading.findings);
                return None;
            };
            let text = substitutions.replace(&text);
            (reading.definition_of(&text, Strictness::Json)?, field.place)
        }
        _ => {
            let text = read_location(&field, scope, reading)?;
            let text = substitutions.replace(&text);
            (reading.definition_of(&text, Strictness::JsonOrYaml)?, field.place)
        }
    };
    let place = reading.definition_place(&definition, &place);
    reading.report_placeholders(&definition, &place);
    let name = name.map(|name| name.text).filter(|name| !name.contains("${") && !name.is_empty());
    let key = resource.name.to_owned();
    let name = name.unwrap_or_else(|| key.clone());
    Some(EmbeddedMachine { key, name, machine_type, definition, place })
}

/// `DefinitionSubstitutions`: the values by their keys.
fn read_substitutions(properties: &mut Properties<'_, '_, '_, '_>) -> Vec<(String, String)> {
    let Some((_, node, _)) = properties.get(&["DefinitionSubstitutions"]) else {
        return Vec::new();
    };
    let members = node.as_object().unwrap_or_default();
    let values =
        members.iter().filter_map(|member| Some((member.name.clone(), member.node.scalar_text()?)));
    values.collect()
}

/// In a definition that is an object the keys stand within strings. One that is a string of its own has
/// the value's place, where a finding about it belongs.
pub(super) fn substitute_in_tree(node: &Node, values: &Substitutions) -> Node {
    let kind = match &node.kind {
        NodeKind::String(text) => {
            let text = Text::made(text.as_str(), &node.span);
            NodeKind::String(values.replace(&text).text)
        }
        NodeKind::Array(items) => {
            NodeKind::Array(items.iter().map(|item| substitute_in_tree(item, values)).collect())
        }
        NodeKind::Object(members) => NodeKind::Object(
            members
                .iter()
                .map(|member| crate::node::Member {
                    node: substitute_in_tree(&member.node, values),
                    ..member.clone()
                })
                .collect(),
        ),
        kind => kind.clone(),
    };
    Node { kind, tag: None, span: node.span.clone() }
}

/// The text of a definition in another file: a local path, or the local file of a CDK asset.
fn read_location(field: &Field<'_>, scope: Scope<'_>, reading: &mut Reading<'_>) -> Option<Text> {
    let location = Intrinsics::new(scope, reading).resolve(field.node, &field.place)?;
    let from = field.node.span.start;
    if let Some(path) = location.as_str().filter(|path| !path.starts_with("s3://")) {
        return reading.text_of(path, from, &field.place);
    }
    if let Some(key) = location.at(&["Key"]).and_then(Node::as_str)
        && let Some(path) = asset(key, field, reading)
    {
        return reading.text_of(&path, from, &field.place);
    }
    reading
        .findings
        .warning(UNRESOLVED, &field.place, "the definition lies in S3, which is not asked for it")
        .help(format!("write `{}` with the path of a local file", field.name));
    None
}

/// The local file of a CDK asset, which `STACK.assets.json` beside `STACK.template.json` lists by the
/// key that it gets in S3.
fn asset(key: &str, field: &Field<'_>, reading: &mut Reading<'_>) -> Option<String> {
    let from = field.node.span.start;
    let template = reading.sources.path_at(from);
    let stack =
        std::path::Path::new(&template).file_name()?.to_str()?.strip_suffix(".template.json")?;
    let path = reading.sources.path_beside(from, &format!("{stack}.assets.json"));
    let listed = reading.files.read(&path).ok()?;
    let listed: serde_json::Value = serde_json::from_str(&listed).ok()?;
    let assets = listed.get("files")?.as_object()?;
    let found = assets.values().find(|asset| {
        let destinations =
            asset["destinations"].as_object().into_iter().flat_map(|all| all.values());
        destinations.into_iter().any(|destination| destination["objectKey"] == key)
    })?;
    Some(found["source"]["path"].as_str()?.to_owned())
}
