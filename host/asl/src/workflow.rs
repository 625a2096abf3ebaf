//! The forms that a workflow file can have (`facts/embeddings.md` 1), and the file as a whole.

use std::collections::BTreeMap;

use crate::fields::{Field, Fields};
use crate::finding::{
    FUNCTION_MISSING, Finding, Findings, NO_WORKFLOW, OUT_OF_RANGE, Place, Severity, UNKNOWN_FIELD,
    UNRESOLVED, UNSUPPORTED, UNSUPPORTED_FORM,
};
use crate::functions::{self, FunctionSettings};
use crate::machine::{self, Definition, MachineType};
use crate::node::{Node, NodeKind};
use crate::state::StateKind;

/// A workflow file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// The functions by name.
    pub functions: BTreeMap<String, FunctionSettings>,
    /// The state machines in the order of the file; at least one.
    pub machines: Vec<NamedMachine>,
    /// What is worth saying about it all the same.
    pub warnings: Vec<Finding>,
}

/// A state machine under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedMachine {
    /// Its name: the key in the file, or `name` beside the definition.
    pub name: String,
    /// The machine.
    pub definition: Definition,
}

impl Workflow {
    /// The function that a resource calls: by its name in the file, or the one it has on AWS.
    pub fn function(&self, name: &str) -> Option<(&str, &FunctionSettings)> {
        self.functions
            .get_key_value(name)
            .or_else(|| {
                self.functions
                    .iter()
                    .find(|(_, settings)| settings.deployed_name.as_deref() == Some(name))
            })
            .map(|(name, settings)| (name.as_str(), settings))
    }

    /// What keeps a machine from being run: resources that name no function, and functions without code.
    pub fn missing(&self, definition: &Definition) -> Vec<Finding> {
        let mut findings = Findings::default();
        for state in definition.states() {
            let StateKind::Task(task) = &state.kind else { continue };
            // A function that each call names is looked for when it is called.
            let Some(function) = task.resource.function() else { continue };
            let place = &task.resource.place.0;
            match self.function(function.as_str()) {
                None => {
                    let message = format!("no function is called `{function}`");
                    let finding = findings.error(FUNCTION_MISSING, place, message);
                    finding.help("add it under `functions:`, with a `component:` or a `stub:`");
                    finding.suggest(function.as_str(), self.functions.keys().map(String::as_str));
                }
                Some((name, settings)) if settings.code.is_none() => {
                    findings
                        .error(
                            FUNCTION_MISSING,
                            place,
                            format!("the function `{name}` has no code"),
                        )
                        .related(settings.span.clone(), "it stands here")
                        .help(
                            "add `component: FILE.wasm`, or `stub:` to try the workflow without it",
                        );
                }
                Some(_) => {}
            }
        }
        findings.into_sorted()
    }
}

/// Reads a workflow file.
///
/// `stem` names the machine of a file that holds nothing but a definition. The findings of a file that
/// cannot be used hold its warnings as well, all in the order of the text.
pub fn load(source: &str, stem: &str) -> Result<Workflow, Vec<Finding>> {
    let root = Node::parse(source)?;
    let mut findings = Findings::default();
    let workflow = read(&root, stem, &mut findings);
    let mut findings = findings.into_sorted();
    let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    match workflow {
        Some((functions, machines)) if !refused => {
            let mut workflow = Workflow { functions, machines, warnings: Vec::new() };
            for machine in &workflow.machines {
                findings.extend(
                    workflow
                        .missing(&machine.definition)
                        .into_iter()
                        .map(|finding| Finding { severity: Severity::Warning, ..finding }),
                );
            }
            findings.sort_by_key(|finding| finding.span.start);
            workflow.warnings = findings;
            Ok(workflow)
        }
        _ => Err(findings),
    }
}

type Parts = (BTreeMap<String, FunctionSettings>, Vec<NamedMachine>);

fn read(root: &Node, stem: &str, findings: &mut Findings) -> Option<Parts> {
    let place = Place { pointer: String::new(), span: root.span.start..root.span.start };
    let NodeKind::Object(_) = &root.kind else {
        let message = match root.kind {
            NodeKind::Null => "the file is empty".to_owned(),
            _ => format!("a workflow is an object, not {}", root.kind_name()),
        };
        findings.error(NO_WORKFLOW, &place, message).help(HELP).aws_at(
            "SCHEMA_VALIDATION_FAILED",
            "Definition must be a valid JSON object",
            None,
        );
        return None;
    };
    if root.get("StartAt").is_some() || root.get("States").is_some() {
        let field = Field { name: stem, node: root, place };
        let definition = machine::read(&field, MachineType::Standard, findings);
        if let Some(functions) = root.get("functions") {
            let place = field.place.below("functions", &functions.name_span);
            findings
                .error(
                    UNSUPPORTED_FORM,
                    &place,
                    "`functions` cannot stand beside a bare definition",
                )
                .help("put the definition under `stateMachines: { NAME: { definition: ... } }`");
        }
        let definition = definition?;
        return Some((BTreeMap::new(), vec![NamedMachine { name: stem.to_owned(), definition }]));
    }
    if root.get("Resources").is_some() || root.get("Transform").is_some() {
        let message = "CloudFormation and SAM templates are not supported yet";
        findings
            .error(UNSUPPORTED_FORM, &place, message)
            .help("take the state machine's definition out into a file of its own");
        return None;
    }
    read_serverless(root, &place, findings)
}

const HELP: &str =
    "a workflow file has `StartAt` and `States`, or `stepFunctions: { stateMachines: ... }`";

/// Other people's keys at the root of a Serverless file.
const SERVERLESS: [&str; 16] = [
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
];

fn read_serverless(root: &Node, place: &Place, findings: &mut Findings) -> Option<Parts> {
    let mut fields = Fields::of(root, place, findings)?;
    let functions = fields.take("functions");
    let step_functions = fields.take("stepFunctions");
    let own = fields.take("stateMachines");
    fields.pass_over(&SERVERLESS);
    for field in leftovers(root, &["functions", "stepFunctions", "stateMachines"]) {
        if !field.starts_with("x-") {
            let member = root.get(field)?;
            findings
                .warning(
                    UNKNOWN_FIELD,
                    &place.below(field, &member.name_span),
                    format!("`{field}` has no meaning here"),
                )
                .suggest(field, ["functions", "stepFunctions", "stateMachines"]);
        }
    }
    let machines = match (step_functions, own) {
        (Some(field), _) => {
            let mut fields = Fields::of(field.node, &field.place, findings)?;
            fields.pass_over(&["validate", "noOutput", "activities"]);
            let machines = fields.require("stateMachines", findings);
            fields.finish("`stepFunctions`", findings);
            machines
        }
        (None, Some(field)) => Some(field),
        (None, None) => {
            let finding = findings.error(NO_WORKFLOW, place, "the file holds no state machine");
            finding.help(HELP).aws("These fields are required: [States, StartAt]");
            if let Some(aws) = &mut finding.aws {
                aws.location = Some("/".to_owned());
            }
            None
        }
    };
    let functions = functions.map(|field| functions::read(&field, findings)).unwrap_or_default();
    let machines = read_machines(&machines?, findings)?;
    Some((functions, machines))
}

fn leftovers<'n>(root: &'n Node, known: &[&str]) -> Vec<&'n str> {
    let members = root.as_object().unwrap_or_default();
    let names = members.iter().map(|member| member.name.as_str());
    names.filter(|name| !known.contains(name) && !SERVERLESS.contains(name)).collect()
}

/// Keys of a machine that matter on AWS and not here.
const MACHINE_OTHERS: [&str; 17] = [
    "id",
    "events",
    "role",
    "iamRoleStatements",
    "useExactVersion",
    "configureTaskTimeouts",
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

fn read_machines(field: &Field<'_>, findings: &mut Findings) -> Option<Vec<NamedMachine>> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let machines = fields.take_all();
    if machines.is_empty() {
        findings.error(NO_WORKFLOW, &field.place, "`stateMachines` must not be empty").help(HELP);
    }
    let machines: Vec<_> = machines.iter().map(|machine| read_machine(machine, findings)).collect();
    machines.into_iter().collect()
}

fn read_machine(field: &Field<'_>, findings: &mut Findings) -> Option<NamedMachine> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let definition = fields.require("definition", findings);
    let name = fields.take("name").and_then(|field| field.string(findings));
    let mut machine_type = MachineType::Standard;
    if let Some(kind) = fields.take("type") {
        match kind.string(findings) {
            Some("EXPRESS") => {
                machine_type = MachineType::Express;
                findings.warning(
                    UNSUPPORTED,
                    &kind.place,
                    "Express workflows are not supported yet: this one runs as a Standard workflow",
                );
            }
            None | Some("STANDARD") => {}
            Some(other) => {
                findings
                    .error(
                        OUT_OF_RANGE,
                        &kind.place,
                        format!("`{other}` is no type of state machine"),
                    )
                    .help("write `STANDARD`");
            }
        }
    }
    fields.pass_over(&MACHINE_OTHERS);
    fields.finish("a state machine of this form", findings);
    let definition = definition?;
    if let Some(text) = definition.node.as_str() {
        if text.contains("${") {
            let message =
                format!("`{text}` is a variable of Serverless, which is not resolved yet");
            findings
                .error(UNRESOLVED, &definition.place, message)
                .help("write the definition here");
        } else {
            let message = "a definition inside a string is not supported yet";
            findings.error(UNSUPPORTED, &definition.place, message).help("write it as an object");
        }
        return None;
    }
    // A name with a variable in it is the deployment's business; the key names the machine here.
    let name = name.filter(|name| !name.contains('$')).unwrap_or(field.name).to_owned();
    Some(NamedMachine { name, definition: machine::read(&definition, machine_type, findings)? })
}
