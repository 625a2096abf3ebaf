//! Files of the Serverless Framework with the plugin serverless-step-functions, and our own short form,
//! which looks like them (`facts/embeddings.md` 3).

mod definition;

use std::collections::BTreeMap;

use super::intrinsics::{Intrinsics, Scope};
use super::plain::definition_value;
use super::variables::Variables;
use super::{
    ACCOUNT_KEY, Embedded, EmbeddedMachine, HELP, OWN_KEY, Reading, Strictness, merged, read_type,
};
use crate::fields::{Field, Fields};
use crate::finding::{NO_EFFECT, NO_WORKFLOW, Place, UNKNOWN_FIELD, UNRESOLVED};
use crate::functions::{self, Layer, Layers, Manner};
use crate::node::{Member, Node, NodeKind};

/// The framework's own defaults.
const MEMORY_MB_DEFAULT: u32 = 1024;
const TIMEOUT_SECONDS_DEFAULT: u32 = 6;

/// What `provider:` may say for all functions.
const PROVIDER: [&str; 4] = ["memorySize", "timeout", "environment", "architecture"];

/// Keys of a Serverless file that play no part here, or are read where something refers to them.
const SERVERLESS: [&str; 20] = [
    "service",
    "provider",
    "plugins",
    "custom",
    "resources",
    "package",
    "frameworkVersion",
    "useDotenv",
    "org",
    "app",
    "configValidationMode",
    "variablesResolutionMode",
    "params",
    "stages",
    "build",
    "layers",
    "functions",
    "stepFunctions",
    "stateMachines",
    ACCOUNT_KEY,
];

/// Keys of a machine that matter on AWS and not here.
const MACHINE_OTHERS: [&str; 15] = [
    "id",
    "events",
    "role",
    "iamRoleStatements",
    "dependsOn",
    "tags",
    "alarms",
    "notifications",
    "retain",
    "loggingConfig",
    "tracingConfig",
    "encryptionConfig",
    "inheritGlobalTags",
    "kmsKeyArns",
    "comment",
];

/// Reads a file with `stepFunctions`, or with `stateMachines` alone.
pub(super) fn read(root: &Node, place: &Place, reading: &mut Reading<'_>) -> Option<Embedded> {
    report_other_keys(root, place, reading);
    let section = |name: &str, reading: &mut Reading<'_>| {
        let member = root.get(name)?;
        let here = place.of_member(member);
        let node = Variables::new(root, reading).resolve(&member.node, &here);
        Some((here, node))
    };
    let manner = match root.get("service").or_else(|| root.get("provider")) {
        Some(_) => Manner::Deployed,
        None => Manner::Own,
    };
    let account_concurrency = section(ACCOUNT_KEY, reading).and_then(|(place, node)| {
        let field = Field { name: ACCOUNT_KEY, node: &node, place };
        functions::account::read(&field, &mut reading.findings)
    });
    let mut functions = Layers::new();
    let provider = provider(root, place, reading);
    if let Some((place, node)) = section("functions", reading) {
        let field = Field { name: "functions", node: &node, place };
        if let Some(node) = merged(&field, &mut reading.findings) {
            functions =
                read_functions(&Field { node: &node, ..field }, root, manner, &provider, reading);
        }
    }
    let names = names_of(&functions);
    let template = resources(root, reading);
    let scope = Scope {
        functions: Some(&names),
        ..template.as_ref().map(Scope::of_template).unwrap_or_default()
    };
    let (place, node) = if let Some((place, node)) = section("stepFunctions", reading) {
        state_machines(&node, &place, manner, reading)?
    } else {
        section("stateMachines", reading)?
    };
    let field = Field { name: "stateMachines", node: &node, place };
    let machines = read_machines(&field, scope, &functions, reading)?;
    Some(Embedded { functions, account_concurrency, machines })
}

/// `stateMachines` of `stepFunctions`.
fn state_machines(
    node: &Node,
    place: &Place,
    manner: Manner,
    reading: &mut Reading<'_>,
) -> Option<(Place, Node)> {
    let mut fields = Fields::of(node, place, &mut reading.findings)?;
    fields.pass_over(&["validate", "noOutput", "activities"]);
    let machines = fields.require("stateMachines", &mut reading.findings);
    match manner {
        Manner::Own => fields.finish("`stepFunctions`", &mut reading.findings),
        Manner::Deployed => fields.finish_in_doubt("`stepFunctions`", &mut reading.findings),
    }
    let machines = machines?;
    Some((machines.place, machines.node.clone()))
}

fn report_other_keys(root: &Node, place: &Place, reading: &mut Reading<'_>) {
    for member in root.as_object().unwrap_or_default() {
        let name = member.name.as_str();
        if !SERVERLESS.contains(&name) && !name.starts_with("x-") {
            let place = place.below(name, &member.name_span);
            let known = ["functions", "stepFunctions", "stateMachines", ACCOUNT_KEY, OWN_KEY];
            let message = format!("`{name}` has no meaning here");
            reading.findings.warning(UNKNOWN_FIELD, &place, message).suggest(name, known);
        }
    }
}

/// What `provider:` says for all functions, with the framework's defaults.
fn provider(root: &Node, place: &Place, reading: &mut Reading<'_>) -> Layer {
    let Some(member) = root.get("provider") else { return Layer::default() };
    let here = place.of_member(member);
    // Only what matters here: the rest may hold variables that nobody needs.
    let members = member.node.as_object().unwrap_or_default();
    let members: Vec<Member> =
        members.iter().filter(|member| PROVIDER.contains(&member.name.as_str())).cloned().collect();
    let node = Node { kind: NodeKind::Object(members), tag: None, span: member.node.span.clone() };
    let node = Variables::new(root, reading).resolve(&node, &here);
    let template = resources(root, reading);
    let scope = template.as_ref().map(Scope::of_template).unwrap_or_default();
    let node = Intrinsics::new(scope, reading).resolve(&node, &here);
    let one = Node {
        kind: NodeKind::Object(
            node.map(|node| Member {
                name: "provider".to_owned(),
                name_span: member.name_span.clone(),
                node,
            })
            .into_iter()
            .collect(),
        ),
        tag: None,
        span: member.node.span.clone(),
    };
    let field = Field { name: "provider", node: &one, place: place.clone() };
    let layers = functions::read(&field, Manner::Deployed, &reading.sources, &mut reading.findings);
    let said = layers.into_iter().next().map(|(_, layer)| layer).unwrap_or_default();
    said.over(Layer {
        memory_mb: Some(MEMORY_MB_DEFAULT),
        timeout_seconds: Some(TIMEOUT_SECONDS_DEFAULT),
        ..Layer::default()
    })
}

fn read_functions(
    field: &Field<'_>,
    root: &Node,
    manner: Manner,
    provider: &Layer,
    reading: &mut Reading<'_>,
) -> Layers {
    let template = resources(root, reading);
    let scope = template.as_ref().map(Scope::of_template).unwrap_or_default();
    let Some(node) = Intrinsics::new(scope, reading).resolve(field.node, &field.place) else {
        return Layers::new();
    };
    let field = Field { node: &node, ..field.clone() };
    let layers = functions::read(&field, manner, &reading.sources, &mut reading.findings);
    let prefix = (manner == Manner::Deployed).then(|| {
        let stage = Variables::new(root, reading).stage();
        format!("{}-{stage}", service(root, reading))
    });
    let layers = layers.into_iter().map(|(key, mut layer)| {
        if let Some(prefix) = &prefix {
            let deployed = layer.deployed_name.filter(|name| !name.contains("${"));
            layer.deployed_name = deployed.or_else(|| Some(format!("{prefix}-{key}")));
            layer.other_names.push(logical_id(&key));
        }
        (key, layer.over(provider.clone()))
    });
    layers.collect()
}

/// The service's name, which functions without a name of their own begin with.
fn service(root: &Node, reading: &mut Reading<'_>) -> String {
    let service = root.at(&["service"]).cloned();
    let service =
        service.map(|node| Variables::new(root, reading).resolve(&node, &Place::default()));
    service
        .and_then(|node| node.at(&["name"]).unwrap_or(&node).scalar_text())
        .unwrap_or_else(|| reading.stem.to_owned())
}

/// What the framework calls a function in the template that it makes.
fn logical_id(key: &str) -> String {
    let name = key.replace('-', "Dash").replace('_', "Underscore");
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain("LambdaFunction".chars()).collect()
}

/// What each function is called on AWS, by every name that leads to it.
fn names_of(functions: &Layers) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (key, layer) in functions {
        let deployed = layer.deployed_name.clone().unwrap_or_else(|| key.clone());
        for name in layer.other_names.iter().chain([key]) {
            names.insert(name.clone(), deployed.clone());
        }
    }
    names
}

/// The template below `resources:`, one or a list of them. Nothing in it is said to be unresolved, for
/// most of it plays no part.
fn resources(root: &Node, reading: &mut Reading<'_>) -> Option<Node> {
    let member = root.get("resources")?;
    let quiet = std::mem::take(&mut reading.findings);
    let unresolved = reading.unresolved.clone();
    let node = Variables::new(root, reading).resolve(&member.node, &Place::default());
    reading.findings = quiet;
    reading.unresolved = unresolved;
    let Some(parts) = node.as_array() else { return Some(node) };
    let mut sections: Vec<Member> = Vec::new();
    for member in parts.iter().flat_map(|part| part.as_object().unwrap_or_default()) {
        let known = sections.iter_mut().find(|section| section.name == member.name);
        match (known, member.node.as_object()) {
            (Some(Member { node: Node { kind: NodeKind::Object(all), .. }, .. }), Some(more)) => {
                all.extend(more.iter().cloned());
            }
            _ => sections.push(member.clone()),
        }
    }
    Some(Node { kind: NodeKind::Object(sections), tag: None, span: member.node.span.clone() })
}

fn read_machines(
    field: &Field<'_>,
    scope: Scope<'_>,
    functions: &Layers,
    reading: &mut Reading<'_>,
) -> Option<Vec<EmbeddedMachine>> {
    let node = merged(field, &mut reading.findings)?;
    let mut fields = Fields::of(&node, &field.place, &mut reading.findings)?;
    let machines = fields.take_all();
    if machines.is_empty() {
        let finding = "`stateMachines` must not be empty";
        reading.findings.error(NO_WORKFLOW, &field.place, finding).help(HELP);
    }
    let machines: Vec<_> =
        machines.iter().map(|machine| read_machine(machine, scope, functions, reading)).collect();
    machines.into_iter().collect()
}

fn read_machine(
    field: &Field<'_>,
    scope: Scope<'_>,
    functions: &Layers,
    reading: &mut Reading<'_>,
) -> Option<EmbeddedMachine> {
    let findings = &mut reading.findings;
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let definition = fields.require("definition", findings);
    let name = fields.take("name");
    let kind = fields.take("type");
    let task_timeouts = switched_on(&mut fields, "configureTaskTimeouts");
    if let Some(field) = switched_on(&mut fields, "useExactVersion") {
        let message = "`useExactVersion` has no effect here: a function has no versions";
        findings.warning(NO_EFFECT, &field.place, message);
    }
    fields.pass_over(&MACHINE_OTHERS);
    fields.finish("a state machine of this form", findings);
    let machine_type = kind.map(|kind| read_type(&kind, findings)).unwrap_or_default();
    let name = name.and_then(|name| {
        Intrinsics::new(scope, reading).resolve(name.node, &name.place)?.scalar_text()
    });
    let definition = definition?;
    let node = match definition.node.as_str() {
        Some(text) if text.starts_with("${") && text.ends_with('}') => {
            if !reading.findings.has_error_at(&definition.place.span) {
                let message = format!("the definition `{text}` has no value here");
                reading
                    .findings
                    .error(UNRESOLVED, &definition.place, message)
                    .help("write the definition here, or in a file of YAML or JSON");
            }
            return None;
        }
        _ => definition_value(&definition, Strictness::Json, reading)?,
    };
    let place = reading.definition_place(&node, &definition.place);
    let mut node = definition::resolve(&node, &place, scope, reading)?;
    if task_timeouts.is_some() {
        definition::for_each_state(&mut node, &mut |state| {
            definition::set_timeout(state, functions);
        });
    }
    reading.report_placeholders(&node, &place);
    // A name that only a deployment knows does not help anybody; the key does.
    let name = name.filter(|name| !name.contains("${")).unwrap_or_else(|| field.name.to_owned());
    let key = field.name.to_owned();
    Some(EmbeddedMachine { key, name, machine_type, definition: node, place })
}

/// A field that is true.
fn switched_on<'n>(fields: &mut Fields<'n>, name: &'static str) -> Option<Field<'n>> {
    fields.take(name).filter(|field| field.node.scalar_text().as_deref() == Some("true"))
}
