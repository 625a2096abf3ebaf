//! A workflow file as a whole: its machines, and its functions as all that is said about them together
//! gives them.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::Definition;
use crate::embedding::{self, ACCOUNT_KEY, EmbeddedMachine, OWN_KEY, Reading};
use crate::fields::{Field, Fields};
use crate::finding::{
    COMPONENT, FUNCTION_MISSING, Finding, Findings, NO_EFFECT, NO_WORKFLOW, Place, Severity,
    closest,
};
use crate::functions::{self, ACCOUNT_CONCURRENCY, FunctionSettings, Layers, Manner};
use crate::machine;
use crate::node::Node;
use crate::source::{Files, NoFiles, Source, Sources};
use crate::state::StateKind;

/// A workflow file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// The functions by the keys or logical ids that they have in the file.
    pub functions: BTreeMap<String, FunctionSettings>,
    /// `accountConcurrency`: how many invocations of all functions may be under way at the same time;
    /// [`ACCOUNT_CONCURRENCY`] where no file says it.
    pub account_concurrency: u32,
    /// The state machines in the order of the file; at least one.
    pub machines: Vec<NamedMachine>,
    /// What is worth saying about it all the same.
    pub warnings: Vec<Finding>,
    sources: Sources,
}

/// A state machine under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedMachine {
    /// Its key or logical id in the file.
    pub key: String,
    /// Its name: the one it is given on AWS, if the file says it, or its key.
    pub name: String,
    /// The machine.
    pub definition: Definition,
}

/// What a file is loaded with.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// The name of a machine, or stack, whose file does not name it.
    pub stem: &'o str,
    /// Values of parameters, variables and placeholders, by their names: `Stage`, `opt:stage`,
    /// `Table.Arn`.
    pub values: &'o BTreeMap<String, String>,
    /// A file with `functions:`, which say more about the workflow's functions, or other things.
    pub functions: Option<Source<'o>>,
    /// The key or name of the machine that is wanted: what is wrong with others is no matter. `None`: all
    /// are.
    pub machine: Option<&'o str>,
}

impl Workflow {
    /// The function that a resource calls: by its key in the file, the name it has on AWS, or the
    /// placeholder that stands for it, `${Key}` or `${Key.Arn}`.
    pub fn function(&self, name: &str) -> Option<(&str, &FunctionSettings)> {
        let find = |name: &str| {
            self.functions.get_key_value(name).or_else(|| {
                self.functions.iter().find(|(_, settings)| {
                    settings.deployed_name.as_deref() == Some(name)
                        || settings.other_names.iter().any(|other| other == name)
                })
            })
        };
        let placeholder = name.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let found = find(name).or_else(|| {
            let inner = placeholder?;
            find(inner).or_else(|| find(inner.strip_suffix(".Arn")?))
        });
        found.map(|(name, settings)| (name.as_str(), settings))
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
                    finding.help(
                        "add it under `functions:`, with a `component:`, a `source:` or a `stub:`",
                    );
                    finding.suggest(function.as_str(), self.functions.keys().map(String::as_str));
                }
                Some((name, settings)) if settings.code.is_none() => {
                    findings
                        .error(
                            FUNCTION_MISSING,
                            place,
                            format!("the function `{name}` has no code"),
                        )
                        .related(settings.place.0.span.clone(), "it stands here")
                        .help(
                            "add `component: FILE.wasm`, `source: FILE` to build it from, or `stub:` to try the \
                             workflow without it, here or in a file for `--functions`",
                        );
                }
                Some(_) => {}
            }
        }
        self.sources.tell(findings)
    }

    /// What could keep a machine from ending well: functions without code, where a Task says only as it
    /// runs which function it calls.
    fn perhaps_missing(&self, definition: &Definition) -> Vec<Finding> {
        let mut findings = Findings::default();
        let without_code = self.functions.iter().filter(|(_, settings)| settings.code.is_none());
        let names: Vec<_> = without_code.map(|(name, _)| format!("`{name}`")).collect();
        if names.is_empty() {
            return Vec::new();
        }
        for state in definition.states() {
            let StateKind::Task(task) = &state.kind else { continue };
            if task.resource.function().is_some() {
                continue;
            }
            let message = match names.as_slice() {
                [name] => format!("this may call the function {name}, which has no code"),
                _ => {
                    format!("this may call one of the functions without code: {}", names.join(", "))
                }
            };
            findings.warning(FUNCTION_MISSING, &task.resource.place.0, message).help(
                "add a `component:`, a `source:` or a `stub:`; a call without one fails the Task",
            );
        }
        self.sources.tell(findings)
    }

    /// Functions beside the file that nothing calls, and whose names are nearly those of others without
    /// code. One file of functions may serve many workflows, so that others are no matter.
    fn perhaps_misspelt(&self, loose: &[String]) -> Vec<Finding> {
        let mut findings = Findings::default();
        let states = || self.machines.iter().flat_map(|machine| machine.definition.states());
        let called = states().filter_map(|state| match &state.kind {
            StateKind::Task(task) => self.function(task.resource.function()?.as_str()),
            _ => None,
        });
        let called: BTreeSet<&str> = called.map(|(name, _)| name).collect();
        let waiting = self.functions.iter().filter(|(_, settings)| settings.code.is_none());
        let waiting: Vec<&str> = waiting.map(|(name, _)| name.as_str()).collect();
        for name in loose.iter().filter(|name| !called.contains(name.as_str())) {
            if closest(name, waiting.iter().copied()).is_some() {
                let place = &self.functions[name].place.0;
                findings
                    .warning(NO_EFFECT, place, format!("nothing calls the function `{name}`"))
                    .suggest(name, waiting.iter().copied());
            }
        }
        self.sources.tell(findings)
    }

    /// The finding for a component that cannot be used, which only its loader can know.
    pub fn unusable_component(&self, function: &str, message: String) -> Finding {
        let mut findings = Findings::default();
        let place = self.functions.get(function).map(|settings| settings.code_place.0.clone());
        let place = place.unwrap_or_default();
        findings.error(COMPONENT, &place, message);
        self.sources.tell(findings).remove(0)
    }
}

/// Reads the text of a workflow file that refers to no other file.
///
/// `stem` names the machine of a file that holds nothing but a definition. The findings of a file that
/// cannot be used hold its warnings as well, all in the order of the text.
pub fn load(source: &str, stem: &str) -> Result<Workflow, Vec<Finding>> {
    let options = Options { stem, values: &BTreeMap::new(), functions: None, machine: None };
    load_with(&Source { path: "", text: source }, &NoFiles, &options)
}

/// Reads a workflow file with the files that it refers to.
pub fn load_with(
    source: &Source<'_>,
    files: &dyn Files,
    options: &Options<'_>,
) -> Result<Workflow, Vec<Finding>> {
    let mut reading = Reading::new(files, options.values, options.stem);
    reading.sources.add_file(source.path, source.text);
    let parts = read(source.text, options, &mut reading);
    let Reading { sources, findings, .. } = reading;
    let refused = findings.has_errors();
    let mut findings = sources.tell(findings);
    match parts {
        Some(Parts { functions, account_concurrency, machines, loose }) if !refused => {
            let warnings = Vec::new();
            let mut workflow =
                Workflow { functions, account_concurrency, machines, warnings, sources };
            for machine in &workflow.machines {
                findings.extend(
                    workflow
                        .missing(&machine.definition)
                        .into_iter()
                        .map(|finding| Finding { severity: Severity::Warning, ..finding }),
                );
                findings.extend(workflow.perhaps_missing(&machine.definition));
            }
            if options.machine.is_none() {
                findings.extend(workflow.perhaps_misspelt(&loose));
            }
            findings.sort_by(|left, right| place_of(left).cmp(&place_of(right)));
            workflow.warnings = findings;
            Ok(workflow)
        }
        _ => Err(findings),
    }
}

/// The workflow file's findings first.
fn place_of(finding: &Finding) -> (Option<&str>, usize) {
    (finding.file.as_ref().map(|file| file.path.as_str()), finding.span.start)
}

struct Parts {
    functions: BTreeMap<String, FunctionSettings>,
    account_concurrency: u32,
    machines: Vec<NamedMachine>,
    /// Functions that stand only beside the file, and say nothing more about one of its own.
    loose: Vec<String>,
}

fn read(text: &str, options: &Options<'_>, reading: &mut Reading<'_>) -> Option<Parts> {
    let root = embedding::parse_entry(text, reading)?;
    let own = own_settings(&root, reading);
    let mapped = options.functions.map(|source| mapping(&source, reading)).unwrap_or_default();
    let added: Layers = own.functions.into_iter().chain(mapped.functions).collect();
    for (key, layer) in &added {
        let name = layer.deployed_name.as_ref().unwrap_or(key);
        reading.added.insert(key.clone(), name.clone());
    }
    let embedded = embedding::read(&root, text, reading)?;
    let account_concurrency = mapped
        .account_concurrency
        .or(own.account_concurrency)
        .or(embedded.account_concurrency)
        .unwrap_or(ACCOUNT_CONCURRENCY);
    let (layers, loose) = together(embedded.functions, added);
    let findings = &mut reading.findings;
    functions::account::check_reserved(&layers, account_concurrency, findings);
    let functions = layers.into_iter().map(|(key, layer)| (key, layer.settle(findings))).collect();
    let wanted = |machine: &&EmbeddedMachine| {
        options.machine.is_none_or(|wanted| wanted == machine.key || wanted == machine.name)
    };
    // A name that no machine has is the caller's to report, beside those that there are.
    let any = embedded.machines.iter().any(|machine| wanted(&machine));
    let machines = embedded.machines.iter().filter(|machine| !any || wanted(machine));
    let machines: Vec<_> = machines.map(|machine| read_machine(machine, findings)).collect();
    let machines = machines.into_iter().collect::<Option<_>>()?;
    Some(Parts { functions, account_concurrency, machines, loose })
}

/// A file's functions with what stands beside it, and the keys of those that stand only there.
fn together(mut layers: Layers, added: Layers) -> (Layers, Vec<String>) {
    let mut loose = Vec::new();
    for (key, layer) in added {
        let known = layers.iter_mut().find(|(other, below)| below.is_called(other, &key));
        if let Some((_, below)) = known {
            *below = layer.over(std::mem::take(below));
        } else {
            loose.push(key.clone());
            layers.push((key, layer));
        }
    }
    (layers, loose)
}

/// What our own settings beside a definition say.
#[derive(Default)]
struct Settings {
    functions: Layers,
    account_concurrency: Option<u32>,
}

fn read_machine(machine: &EmbeddedMachine, findings: &mut Findings) -> Option<NamedMachine> {
    let field =
        Field { name: &machine.key, node: &machine.definition, place: machine.place.clone() };
    let definition = machine::read(&field, machine.machine_type, findings)?;
    Some(NamedMachine { key: machine.key.clone(), name: machine.name.clone(), definition })
}

/// `x-stepwell:` at the root of a file of any form.
fn own_settings(root: &Node, reading: &mut Reading<'_>) -> Settings {
    let Some(member) = root.get(OWN_KEY) else { return Settings::default() };
    let place = Place::default().of_member(member);
    read_settings(&member.node, &place, &format!("`{OWN_KEY}`"), reading)
}

/// A file of its own with `functions:`.
fn mapping(source: &Source<'_>, reading: &mut Reading<'_>) -> Settings {
    let start = reading.sources.add_file(source.path, source.text);
    let Some(root) = Node::parse(source.text, start, &mut reading.findings) else {
        return Settings::default();
    };
    let place = Place { pointer: String::new(), span: start..start };
    if root.get("functions").is_none() {
        reading
            .findings
            .error(NO_WORKFLOW, &place, "the file holds no functions")
            .help("write them under `functions:`");
        return Settings::default();
    }
    read_settings(&root, &place, "a file of functions", reading)
}

fn read_settings(node: &Node, place: &Place, what: &str, reading: &mut Reading<'_>) -> Settings {
    let Reading { sources, findings, .. } = reading;
    let Some(mut fields) = Fields::of(node, place, findings) else { return Settings::default() };
    let functions = fields.take("functions");
    let account = fields.take(ACCOUNT_KEY);
    fields.finish(what, findings);
    let account_concurrency = account.and_then(|field| functions::account::read(&field, findings));
    let functions = functions
        .map(|field| functions::read(&field, Manner::Own, sources, findings))
        .unwrap_or_default();
    Settings { functions, account_concurrency }
}

/// The value of a YAML or JSON text that is no workflow, such as a budget.
pub fn read_value(path: &str, text: &str) -> Result<serde_json::Value, Vec<Finding>> {
    read_node(path, text).map(|node| node.to_value())
}

/// A YAML or JSON text as a tree with places, nothing in it resolved.
pub fn read_node(path: &str, text: &str) -> Result<Node, Vec<Finding>> {
    let mut findings = Findings::default();
    let mut sources = Sources::default();
    sources.add_file(path, text);
    match Node::parse(text, 0, &mut findings) {
        Some(node) if !findings.has_errors() => Ok(node),
        _ => Err(sources.tell(findings)),
    }
}
