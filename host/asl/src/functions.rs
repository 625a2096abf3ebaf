//! `functions:` of a workflow file: what each function is, its limits and its grants, in the shape that
//! Serverless users know (`facts/embeddings.md` 3).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::fields::{Field, Fields};
use crate::finding::{Findings, NOT_ENFORCED, OUT_OF_RANGE, Place};
use crate::node::{Node, NodeKind};
use crate::source::Sources;
use crate::state::task::PlaceEq;

mod grants;
pub(crate) mod reference;
mod stub;

pub use grants::{Grants, HttpGrant, ObjectGrant};
pub use reference::function_name;
pub use stub::{Stub, StubAnswer};

/// What Lambda takes for `memorySize`, in MB (`facts/limits.md` 3).
pub const FUNCTION_MEMORY_MB: RangeInclusive<u32> = 128..=10_240;
/// What Lambda takes for `timeout`, in seconds (`facts/limits.md` 3).
pub const FUNCTION_TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=900;
/// What Lambda takes for `ephemeralStorageSize`, in MB.
pub(crate) const FUNCTION_STORAGE_MB: RangeInclusive<u32> = 512..=10_240;

/// Lambda's own defaults.
const MEMORY_MB_DEFAULT: u32 = 128;
const TIMEOUT_SECONDS_DEFAULT: u32 = 3;

/// All environment variables of a function as JSON, in bytes (`facts/limits.md` 3).
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// A function, as its workflow file, the mapping and Lambda's defaults together have it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSettings {
    /// Its code, or what stands for it.
    pub code: Option<Component>,
    /// `name`: what it is called on AWS, where ARNs end in it.
    pub deployed_name: Option<String>,
    /// Other names that lead to it: the logical id that a tool gives it, its name in a CDK app.
    pub other_names: Vec<String>,
    /// `memorySize`, in MB (2^20 bytes).
    pub memory_mb: u32,
    /// `timeout`, in seconds.
    pub timeout_seconds: u32,
    /// `fuel`: the budget of one invocation, instead of the one that memory and timeout give.
    pub fuel: Option<u64>,
    /// `environment`: variables that the task sees.
    pub environment: BTreeMap<String, String>,
    /// `ephemeralStorageSize`: the space below `/tmp`, in MB.
    pub ephemeral_storage_mb: Option<u32>,
    /// `reservedConcurrency`: how many invocations may be under way at the same time.
    pub reserved_concurrency: Option<u32>,
    /// `reuse`: whether an instance serves more than one invocation.
    pub reuse: Reuse,
    /// `grants`: what the task may do.
    pub grants: Grants,
    /// Where it stands.
    pub(crate) place: PlaceEq,
    /// Where its code does.
    pub(crate) code_place: PlaceEq,
}

/// What answers for a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Component {
    /// `component`: a path to a WebAssembly file.
    File {
        /// The path as written.
        path: String,
        /// The folder of the file in which it is written; empty: where that file's own path begins.
        folder: String,
    },
    /// `stub`: answers without a component.
    Stub(Stub),
}

/// Whether an instance serves more than one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// A fresh instance for each invocation: nothing leaks from one to the next.
    Fresh,
    /// An instance is kept for the next invocation, as Lambda does.
    Warm,
}

/// Means something to Serverless or on AWS and nothing to a run here.
const OTHERS: [&str; 31] = [
    "handler",
    "runtime",
    "description",
    "events",
    "package",
    "layers",
    "role",
    "tags",
    "vpc",
    "url",
    "image",
    "architecture",
    "tracing",
    "versionFunction",
    "logRetentionInDays",
    "destinations",
    "kmsKeyArn",
    "condition",
    "dependsOn",
    "awsKmsKeyArn",
    "fileSystemConfig",
    "onError",
    "snapStart",
    "runtimeManagement",
    "iamRoleStatements",
    "iamRoleStatementsName",
    "iamRoleStatementsInherit",
    "tenant",
    "disableLogs",
    "maximumRetryAttempts",
    "maximumEventAge",
];

/// Limits of Lambda that are not enforced yet.
const NOT_ENFORCED_YET: [&str; 2] = ["reservedConcurrency", "provisionedConcurrency"];

/// What one place says about a function. What it leaves out, the layer below it says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    pub(crate) code: Option<(Component, Place)>,
    pub(crate) deployed_name: Option<String>,
    pub(crate) other_names: Vec<String>,
    pub(crate) memory_mb: Option<u32>,
    pub(crate) timeout_seconds: Option<u32>,
    pub(crate) fuel: Option<u64>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) environment_place: Place,
    pub(crate) ephemeral_storage_mb: Option<u32>,
    pub(crate) reserved_concurrency: Option<u32>,
    pub(crate) reuse: Option<Reuse>,
    pub(crate) grants: Option<Grants>,
    pub(crate) place: Place,
}

/// Layers by the name of their function, in the order of the file.
pub(crate) type Layers = Vec<(String, Layer)>;

impl Layer {
    /// Both together; environment variables are merged, of all else this one's counts.
    pub(crate) fn over(self, below: Self) -> Self {
        let environment_place = if self.environment.is_empty() {
            below.environment_place
        } else {
            self.environment_place
        };
        let mut environment = below.environment;
        environment.extend(self.environment);
        Self {
            code: self.code.or(below.code),
            deployed_name: self.deployed_name.or(below.deployed_name),
            other_names: [below.other_names, self.other_names].concat(),
            memory_mb: self.memory_mb.or(below.memory_mb),
            timeout_seconds: self.timeout_seconds.or(below.timeout_seconds),
            fuel: self.fuel.or(below.fuel),
            environment,
            environment_place,
            ephemeral_storage_mb: self.ephemeral_storage_mb.or(below.ephemeral_storage_mb),
            reserved_concurrency: self.reserved_concurrency.or(below.reserved_concurrency),
            reuse: self.reuse.or(below.reuse),
            grants: self.grants.or(below.grants),
            place: self.place,
        }
    }

    /// Whether a name is one of the function's, whose key in its file is `key`.
    pub(crate) fn is_called(&self, key: &str, name: &str) -> bool {
        key == name
            || self.deployed_name.as_deref() == Some(name)
            || self.other_names.iter().any(|other| other == name)
    }

    /// With Lambda's defaults for what nobody has said.
    pub(crate) fn settle(self, findings: &mut Findings) -> FunctionSettings {
        check_environment(&self, findings);
        let (code, code_place) = self.code.unzip();
        FunctionSettings {
            code,
            deployed_name: self.deployed_name,
            other_names: self.other_names,
            memory_mb: self.memory_mb.unwrap_or(MEMORY_MB_DEFAULT),
            timeout_seconds: self.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT),
            fuel: self.fuel,
            environment: self.environment,
            ephemeral_storage_mb: self.ephemeral_storage_mb,
            reserved_concurrency: self.reserved_concurrency,
            reuse: self.reuse.unwrap_or(Reuse::Fresh),
            grants: self.grants.unwrap_or_default(),
            place: PlaceEq(self.place),
            code_place: PlaceEq(code_place.unwrap_or_default()),
        }
    }
}

/// Whose rules hold for fields that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Our own files: a field that is not known is a mistake.
    Own,
    /// A deployment's file: its tool knows more fields than we do.
    Deployed,
}

/// Reads a map of functions.
pub(crate) fn read(
    field: &Field<'_>,
    manner: Manner,
    sources: &Sources,
    findings: &mut Findings,
) -> Layers {
    let Some(mut fields) = Fields::of(field.node, &field.place, findings) else {
        return Vec::new();
    };
    let functions = fields.take_all();
    functions
        .iter()
        .filter_map(|field| {
            Some((field.name.to_owned(), read_function(field, manner, sources, findings)?))
        })
        .collect()
}

fn read_function(
    field: &Field<'_>,
    manner: Manner,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<Layer> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let code = read_code(&mut fields, sources, findings);
    let mut limit = |name, range: RangeInclusive<u32>| {
        fields.take(name).and_then(|field| read_limit(&field, &range, manner, findings))
    };
    let memory_mb = limit("memorySize", FUNCTION_MEMORY_MB);
    let timeout_seconds = limit("timeout", FUNCTION_TIMEOUT_SECONDS);
    let ephemeral_storage_mb = limit("ephemeralStorageSize", FUNCTION_STORAGE_MB);
    let reserved_concurrency = limit("reservedConcurrency", 0..=u32::MAX);
    let fuel = fields.take("fuel").and_then(|field| field.integer(1, u64::MAX / 2, findings));
    let environment_place = fields.place_of("environment").unwrap_or_default();
    let (environment, warm) = read_environment(&mut fields, manner, findings);
    let reuse = fields.take("reuse").and_then(|field| read_reuse(&field, findings)).or(warm);
    let grants = fields.take("grants").and_then(|field| grants::read(&field, findings));
    let deployed_name = fields.take("name").and_then(|field| field.string(findings));
    fields.pass_over(&OTHERS);
    for name in NOT_ENFORCED_YET {
        if let Some(place) = fields.place_of(name) {
            _ = fields.take(name);
            not_enforced(name, &place, findings);
        }
    }
    match manner {
        Manner::Own => fields.finish("a function", findings),
        Manner::Deployed => fields.finish_in_doubt("a function", findings),
    }
    Some(Layer {
        code,
        deployed_name: deployed_name.map(str::to_owned),
        other_names: Vec::new(),
        memory_mb,
        timeout_seconds,
        fuel,
        environment,
        environment_place,
        ephemeral_storage_mb,
        reserved_concurrency,
        reuse,
        grants,
        place: field.place.clone(),
    })
}

/// A number that Lambda bounds. In a deployment's file it may be written as a string, and one that has
/// no value here is left to the layer below: the resolver has told of it.
pub(crate) fn read_limit(
    field: &Field<'_>,
    range: &RangeInclusive<u32>,
    manner: Manner,
    findings: &mut Findings,
) -> Option<u32> {
    let mut number = None;
    if let (Manner::Deployed, Some(text)) = (manner, field.node.as_str()) {
        if text.contains("${") {
            return None;
        }
        number = text.trim().parse().ok().map(|number: serde_json::Number| Node {
            kind: NodeKind::Number(number),
            tag: None,
            span: field.node.span.clone(),
        });
    }
    let node = number.as_ref().unwrap_or(field.node);
    let field = Field { name: field.name, node, place: field.place.clone() };
    field
        .integer(u64::from(*range.start()), u64::from(*range.end()), findings)
        .and_then(|value| u32::try_from(value).ok())
}

pub(crate) fn not_enforced(name: &str, place: &Place, findings: &mut Findings) {
    findings.warning(NOT_ENFORCED, place, format!("`{name}` is not enforced yet"));
}

fn read_code(
    fields: &mut Fields<'_>,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<(Component, Place)> {
    fields.at_most_one(&["component", "stub"], findings);
    let component = fields.take("component").and_then(|field| {
        let path = field.string(findings)?.to_owned();
        let folder = sources.folder_at(field.place.span.start);
        Some((Component::File { path, folder }, field.place))
    });
    let stub = fields.take("stub").and_then(|field| {
        let stub = stub::read(&field, findings)?;
        Some((Component::Stub(stub), field.place))
    });
    component.or(stub)
}

/// A map of variables, or `warm`, which is a short form of `reuse: warm`.
fn read_environment(
    fields: &mut Fields<'_>,
    manner: Manner,
    findings: &mut Findings,
) -> (BTreeMap<String, String>, Option<Reuse>) {
    let Some(field) = fields.take("environment") else { return Default::default() };
    if field.node.as_str().is_some() {
        return (BTreeMap::new(), read_reuse(&field, findings));
    }
    let Some(mut variables) = Fields::of(field.node, &field.place, findings) else {
        return Default::default();
    };
    (read_variables(variables.take_all(), manner, findings), None)
}

/// Environment variables: anything that is a text or can be written as one. For other tools, null leaves
/// one out.
pub(crate) fn read_variables(
    variables: Vec<Field<'_>>,
    manner: Manner,
    findings: &mut Findings,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for variable in variables {
        match variable.node.scalar_text() {
            Some(text) => _ = environment.insert(variable.name.to_owned(), text),
            None if variable.node.is_null() && manner == Manner::Deployed => {}
            None => _ = variable.wrong_type("a string", findings),
        }
    }
    environment
}

fn check_environment(layer: &Layer, findings: &mut Findings) {
    let measured = serde_json::json!(layer.environment).to_string();
    if measured.len() > ENVIRONMENT_BYTES_MAX {
        // Lambda's wording: `facts/limits.md` 3.
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment variables \
             you have provided exceeded the 4KB limit. String measured: {measured}"
        );
        findings.error(OUT_OF_RANGE, &layer.environment_place, message);
    }
}

fn read_reuse(field: &Field<'_>, findings: &mut Findings) -> Option<Reuse> {
    match field.string(findings)? {
        "warm" => Some(Reuse::Warm),
        "fresh" => Some(Reuse::Fresh),
        other => {
            findings
                .error(
                    OUT_OF_RANGE,
                    &field.place,
                    format!("`{other}` is neither `warm` nor `fresh`"),
                )
                .help("`warm` keeps an instance for the next invocation, `fresh` does not");
            None
        }
    }
}
