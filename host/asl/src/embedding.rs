//! Definitions and functions where other tools keep them (`facts/embeddings.md`): each form has a reader
//! below, which gives plain definitions and what the file says about its functions.
//!
//! | sign | form | reader |
//! |---|---|---|
//! | `StartAt` or `States` at the root | plain ASL | `plain` |
//! | a string, or `definition` at the root | a definition as a string, a reply of `DescribeStateMachine` | `plain` |
//! | `stepFunctions` or `stateMachines` at the root | Serverless, our own short form | `serverless` |
//! | `Resources` at the root | CloudFormation, SAM, what CDK makes | `template` |
//!
//! A deployment has values that a file has not: what cannot be resolved becomes `${Name}`, or
//! `${Name.Attribute}`, with a warning that names it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use crate::fields::{Field, Fields};
use crate::finding::{
    Findings, NO_WORKFLOW, OUT_OF_RANGE, Place, REFERENCE, SYNTAX, UNRESOLVED, UNSUPPORTED,
};
use crate::functions::Layers;
use crate::machine::MachineType;
use crate::node::{Node, NodeKind};
use crate::source::{Files, Sources, Text};

mod intrinsics;
mod plain;
mod resources;
mod serverless;
mod substitutions;
mod template;
mod variables;

/// Where things are deployed, for the ARNs that are made here (`facts/embeddings.md` 9).
const REGION: &str = "us-east-1";
const ACCOUNT_ID: &str = "123456789012";

/// Values that every deployment has.
const PSEUDO_PARAMETERS: [(&str, &str); 4] = [
    ("AWS::Region", REGION),
    ("AWS::AccountId", ACCOUNT_ID),
    ("AWS::Partition", "aws"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// The key of our own settings at the root of any file.
pub(crate) const OWN_KEY: &str = "x-stepwell";

/// The key for the account's concurrency, wherever our own `functions:` may stand.
pub(crate) const ACCOUNT_KEY: &str = "accountConcurrency";

/// How long a text may become that is put together from references, in bytes: what AWS takes for a whole
/// definition.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// How much references may make in all, in values and [`BYTES_PER_VALUE`] of text: a few short lines could
/// otherwise double a value as often as they like.
const VALUES_MAX: usize = 100_000;
pub(crate) const BYTES_PER_VALUE: usize = 32;

/// How deeply references may lead to each other, in files, variables and templates.
const REFERENCES_MAX: usize = 64;

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Embedded {
    pub(crate) functions: Layers,
    /// What it says of the account, beside its functions.
    pub(crate) account_concurrency: Option<u32>,
    pub(crate) machines: Vec<EmbeddedMachine>,
}

/// A definition without any variable or intrinsic that can be resolved.
#[derive(Debug)]
pub(crate) struct EmbeddedMachine {
    /// Its key, or its logical id.
    pub(crate) key: String,
    /// What it is called on AWS, as far as that is known.
    pub(crate) name: String,
    pub(crate) machine_type: MachineType,
    pub(crate) definition: Node,
    pub(crate) place: Place,
}

/// What is at hand while a file is read.
pub(crate) struct Reading<'f> {
    files: &'f dyn Files,
    /// What the user has given: parameters, variables, placeholders by their names.
    values: &'f BTreeMap<String, String>,
    /// The name of a machine or stack whose file does not name it.
    stem: &'f str,
    pub(crate) sources: Sources,
    pub(crate) findings: Findings,
    parsed: BTreeMap<String, Option<Rc<Node>>>,
    /// How much of [`VALUES_MAX`] is left; `None`: nothing, and a finding says so.
    values_left: Option<usize>,
    /// Names of placeholders that a warning tells of already.
    unresolved: BTreeSet<String>,
    /// Functions that the user has added: what they are called, by their key.
    pub(crate) added: BTreeMap<String, String>,
}

const HELP: &str = "a workflow file has `StartAt` and `States`, `stepFunctions: { stateMachines: ... }`, \
                    or `Resources` with a state machine among them";

/// Reads a file of any form. `None`: a finding says why not.
pub(crate) fn read(root: &Node, text: &str, reading: &mut Reading<'_>) -> Option<Embedded> {
    let place = Place { pointer: String::new(), span: root.span.start..root.span.start };
    match &root.kind {
        NodeKind::String(_) => plain::read_string(root, &place, reading),
        NodeKind::Object(_) if root.get("StartAt").is_some() || root.get("States").is_some() => {
            plain::read(root, text, &place, reading)
        }
        NodeKind::Object(_) if root.get("Resources").is_some() => {
            template::read(root, &place, reading)
        }
        NodeKind::Object(_)
            if root.get("stepFunctions").is_some() || root.get("stateMachines").is_some() =>
        {
            serverless::read(root, &place, reading)
        }
        NodeKind::Object(_) if root.get("definition").is_some() => {
            plain::read_reply(root, &place, reading)
        }
        kind => {
            let message = match kind {
                NodeKind::Object(_) => "the file holds no state machine".to_owned(),
                NodeKind::Null => "the file is empty".to_owned(),
                _ => format!("a workflow is an object, not {}", root.kind_name()),
            };
            let finding = reading.findings.error(NO_WORKFLOW, &place, message);
            finding.help(HELP);
            // AWS would take it for a definition.
            if let NodeKind::Object(_) = kind {
                finding.aws("These fields are required: [States, StartAt]");
                if let Some(aws) = &mut finding.aws {
                    aws.location = Some("/".to_owned());
                }
            } else {
                finding.aws_at(
                    "SCHEMA_VALIDATION_FAILED",
                    "Definition must be a valid JSON object",
                    None,
                );
            }
            None
        }
    }
}

/// Reads a text that may have placeholders where only a value can stand, which no parser takes:
/// `"MaxAttempts": ${Attempts}`.
pub(crate) fn parse_entry(text: &str, reading: &mut Reading<'_>) -> Option<Node> {
    let mut findings = Findings::default();
    if let Some(mut node) = Node::parse_as_written(text, 0, &mut findings) {
        if node.get("Resources").is_some() {
            node.keep_last_duplicates(&mut reading.findings);
            return Some(node);
        }
        node.report_duplicates(&Place::default(), &mut reading.findings);
        return (!reading.findings.has_errors()).then_some(node);
    }
    let replaced = substitutions::replace_values(text, 0, reading.values);
    if let Some(replaced) = replaced {
        let start = reading.sources.add_text(&replaced);
        return Node::parse(&replaced.text, start, &mut reading.findings);
    }
    if substitutions::placeholders(text).next().is_some() {
        findings.help("a placeholder where only a value can stand needs one: `--var NAME=VALUE`");
    }
    reading.findings.append(findings);
    None
}

impl<'f> Reading<'f> {
    pub(crate) fn new(
        files: &'f dyn Files,
        values: &'f BTreeMap<String, String>,
        stem: &'f str,
    ) -> Self {
        Self {
            files,
            values,
            stem,
            sources: Sources::default(),
            findings: Findings::default(),
            parsed: BTreeMap::new(),
            values_left: Some(VALUES_MAX),
            unresolved: BTreeSet::new(),
            added: BTreeMap::new(),
        }
    }

    /// Accounts for a value that a reference has made. False: it is one too many.
    fn afford(&mut self, value: &Node, place: &Place) -> bool {
        let left = self.values_left.and_then(|left| left.checked_sub(value.weight()));
        if left.is_none() && self.values_left.is_some() {
            let message = format!("the file's references make more than {VALUES_MAX} values");
            self.findings.error(UNRESOLVED, place, message);
        }
        self.values_left = left;
        left.is_some()
    }

    /// Whether a text that is being put together may go on; if not, nothing more is resolved.
    fn afford_text(&mut self, text: &Text, place: &Place) -> bool {
        if text.text.len() <= TEXT_BYTES_MAX {
            return true;
        }
        if self.values_left.take().is_some() {
            let message =
                format!("the file's references make a text of more than {TEXT_BYTES_MAX} bytes");
            self.findings.error(UNRESOLVED, place, message);
        }
        false
    }

    /// What a function is called that the user has added under a name, or the placeholder of that name.
    fn added_function(&self, name: &str) -> Option<&str> {
        let found = self.added.get(name).or_else(|| self.added.get(&format!("${{{name}}}")));
        found.map(String::as_str)
    }

    /// Reads another file, which is written as `reference` at a place, and lies beside the file at the
    /// position `from`. Its text comes with the position
    /// of its first byte.
    fn text_of(&mut self, reference: &str, from: usize, place: &Place) -> Option<Text> {
        if reference.contains("${") {
            let message = format!("the file `{reference}` cannot be known");
            self.findings.error(REFERENCE, place, message);
            return None;
        }
        if Path::new(reference).is_absolute() || reference.starts_with('~') {
            let message = format!("`{reference}` does not lie beside this file");
            self.findings
                .error(REFERENCE, place, message)
                .help("write a path that is relative to this file");
            return None;
        }
        let path = self.sources.path_beside(from, reference);
        match self.files.read(&path) {
            Ok(text) => {
                let start = self.sources.add_file(&path, &text);
                let span = start..start + text.len();
                let mut whole = Text::default();
                whole.push(&text, &span, true);
                Some(whole)
            }
            Err(why) => {
                let message = format!("cannot read `{path}`: {why}");
                self.findings.error(REFERENCE, place, message);
                None
            }
        }
    }

    /// Reads another file as YAML or JSON, each file once.
    fn node_of(&mut self, reference: &str, from: usize, place: &Place) -> Option<Rc<Node>> {
        let path = self.sources.path_beside(from, reference);
        if let Some(parsed) = self.parsed.get(&path) {
            return parsed.clone();
        }
        let node = self.text_of(reference, from, place).and_then(|text| {
            let start = text.origin(&(0..0)).start;
            Node::parse(&text.text, start, &mut self.findings).map(Rc::new)
        });
        self.parsed.insert(path, node.clone());
        node
    }

    /// The tree of a definition that is written as a text.
    fn definition_of(&mut self, text: &Text, strict: Strictness) -> Option<Node> {
        if strict == Strictness::Json
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text.text)
        {
            let before: usize =
                text.text.split_inclusive('\n').take(error.line() - 1).map(str::len).sum();
            let at = (before + error.column().saturating_sub(1)).min(text.text.len());
            let span = text.origin(&(at..at));
            let place = Place { pointer: String::new(), span };
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            let message = format!("the definition is no JSON: {reason}");
            self.findings.error(SYNTAX, &place, message);
            return None;
        }
        let start = self.sources.add_text(text);
        Node::parse(&text.text, start, &mut self.findings)
    }

    /// Says that a name has no value here, once for each place; gives the placeholder that stands for it.
    fn unresolved(&mut self, name: &str, what: &str, place: &Place) -> String {
        let message = format!("`{name}` has no value here: {what}");
        self.findings
            .warning(UNRESOLVED, place, message)
            .help(format!("give it one with `--var {name}=VALUE`"));
        self.unresolved.insert(name.to_owned());
        format!("${{{name}}}")
    }

    /// Warns of placeholders that nobody has resolved, of each name where it stands first.
    fn report_placeholders(&mut self, node: &Node, place: &Place) {
        match &node.kind {
            NodeKind::String(text) => {
                for (name, _) in substitutions::placeholders(text) {
                    let function = self
                        .added_function(name)
                        .or_else(|| self.added_function(name.strip_suffix(".Arn")?));
                    if function.is_none() && !self.unresolved.contains(name) {
                        self.unresolved(name, "a deployment would put it in", place);
                    }
                }
            }
            NodeKind::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.report_placeholders(item, &place.below(&index.to_string(), &item.span));
                }
            }
            NodeKind::Object(members) => {
                for member in members {
                    self.report_placeholders(&member.node, &place.of_member(member));
                }
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
        }
    }

    /// Where a definition begins, if it may lie in another file than `place`.
    fn definition_place(&self, definition: &Node, place: &Place) -> Place {
        let start = definition.span.start;
        if self.sources.place(&(start..start)).0 == self.sources.place(&place.span).0 {
            return place.clone();
        }
        Place { pointer: String::new(), span: start..start }
    }
}

/// In which languages a definition's text may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Json,
    JsonOrYaml,
}

/// `type` of a state machine.
fn read_type(field: &Field<'_>, findings: &mut Findings) -> MachineType {
    match field.string(findings) {
        Some("EXPRESS") => {
            findings.warning(
                UNSUPPORTED,
                &field.place,
                "Express workflows are not supported yet: this one runs as a Standard workflow",
            );
            return MachineType::Express;
        }
        None | Some("STANDARD") => {}
        Some(text) if text.contains("${") => {}
        Some(other) => {
            findings
                .error(OUT_OF_RANGE, &field.place, format!("`{other}` is no type of state machine"))
                .help("write `STANDARD`");
        }
    }
    MachineType::Standard
}

/// Maps that are written as a list are one map.
fn merged(field: &Field<'_>, findings: &mut Findings) -> Option<Node> {
    let Some(items) = field.node.as_array() else {
        return Fields::of(field.node, &field.place, findings).map(|_| field.node.clone());
    };
    let mut members = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = field.place.below(&index.to_string(), &item.span);
        Fields::of(item, &place, findings)?;
        for member in item.as_object().unwrap_or_default() {
            members.retain(|other: &crate::node::Member| other.name != member.name);
            members.push(member.clone());
        }
    }
    let span = field.node.span.clone();
    Some(Node { kind: NodeKind::Object(members), tag: None, span })
}
