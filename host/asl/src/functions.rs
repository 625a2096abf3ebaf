//! `functions:` of a workflow file: what each function is, its limits and its grants, in the shape that
//! Serverless users know (`facts/embeddings.md` 3).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::fields::{Field, Fields};
use crate::finding::{Findings, NOT_ENFORCED, OUT_OF_RANGE};
use crate::node::NodeKind;

mod grants;
mod stub;

pub use grants::{Grants, HttpGrant, ObjectGrant};
pub use stub::{Stub, StubAnswer};

/// What Lambda takes for `memorySize`, in MB (`facts/limits.md` 3).
pub const FUNCTION_MEMORY_MB: RangeInclusive<u32> = 128..=10_240;
/// What Lambda takes for `timeout`, in seconds (`facts/limits.md` 3).
pub const FUNCTION_TIMEOUT_SECONDS: RangeInclusive<u32> = 1..=900;

/// Lambda's own defaults.
const MEMORY_MB_DEFAULT: u32 = 128;
const TIMEOUT_SECONDS_DEFAULT: u32 = 3;

/// All environment variables of a function as JSON, in bytes (`facts/limits.md` 3).
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// A function of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSettings {
    /// Its code, or what stands for it.
    pub code: Option<Component>,
    /// `name`: what it is called on AWS, where ARNs end in it.
    pub deployed_name: Option<String>,
    /// `memorySize`, in MB (2^20 bytes).
    pub memory_mb: u32,
    /// `timeout`, in seconds.
    pub timeout_seconds: u32,
    /// `fuel`: the budget of one invocation, instead of the one that memory and timeout give.
    pub fuel: Option<u64>,
    /// `environment`: variables that the task sees.
    pub environment: BTreeMap<String, String>,
    /// `reuse`: whether an instance serves more than one invocation.
    pub reuse: Reuse,
    /// `grants`: what the task may do.
    pub grants: Grants,
    /// Where its name stands in the text, in bytes.
    pub span: std::ops::Range<usize>,
}

/// What answers for a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Component {
    /// `component`: a path to a WebAssembly file, relative to the workflow file.
    File {
        /// The path as written.
        path: String,
        /// Where it stands in the text, in bytes.
        span: std::ops::Range<usize>,
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
const OTHERS: [&str; 24] = [
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
];

/// Limits of Lambda that are not enforced yet.
const NOT_ENFORCED_YET: [&str; 5] = [
    "ephemeralStorageSize",
    "reservedConcurrency",
    "provisionedConcurrency",
    "maximumRetryAttempts",
    "maximumEventAge",
];

pub(crate) fn read(
    field: &Field<'_>,
    findings: &mut Findings,
) -> BTreeMap<String, FunctionSettings> {
    let Some(mut fields) = Fields::of(field.node, &field.place, findings) else {
        return BTreeMap::new();
    };
    let functions = fields.take_all();
    functions
        .iter()
        .filter_map(|field| Some((field.name.to_owned(), read_function(field, findings)?)))
        .collect()
}

fn read_function(field: &Field<'_>, findings: &mut Findings) -> Option<FunctionSettings> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let code = read_code(&mut fields, findings);
    let mut limit = |name, range: RangeInclusive<u32>, default| match fields.take(name) {
        Some(field) => field
            .integer(u64::from(*range.start()), u64::from(*range.end()), findings)
            .and_then(|value| u32::try_from(value).ok()),
        None => Some(default),
    };
    let memory_mb = limit("memorySize", FUNCTION_MEMORY_MB, MEMORY_MB_DEFAULT);
    let timeout_seconds = limit("timeout", FUNCTION_TIMEOUT_SECONDS, TIMEOUT_SECONDS_DEFAULT);
    let fuel = fields.take("fuel").map(|field| field.integer(1, u64::MAX / 2, findings));
    let (environment, warm) = read_environment(&mut fields, findings);
    let reuse = fields.take("reuse").and_then(|field| read_reuse(&field, findings)).or(warm);
    let grants = fields
        .take("grants")
        .map_or_else(|| Some(Grants::default()), |field| grants::read(&field, findings));
    let deployed_name = fields.take("name").and_then(|field| field.string(findings));
    fields.pass_over(&OTHERS);
    for name in NOT_ENFORCED_YET {
        if let Some(field) = fields.take(name) {
            findings.warning(NOT_ENFORCED, &field.place, format!("`{name}` is not enforced yet"));
        }
    }
    fields.finish("a function", findings);
    Some(FunctionSettings {
        code,
        deployed_name: deployed_name.map(str::to_owned),
        memory_mb: memory_mb?,
        timeout_seconds: timeout_seconds?,
        fuel: fuel.map_or(Some(None), |fuel| fuel.map(Some))?,
        environment,
        reuse: reuse.unwrap_or(Reuse::Fresh),
        grants: grants?,
        span: field.place.span.clone(),
    })
}

fn read_code(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<Component> {
    fields.at_most_one(&["component", "stub"], findings);
    let component = fields.take("component").and_then(|field| {
        let path = field.string(findings)?.to_owned();
        Some(Component::File { path, span: field.place.span.clone() })
    });
    let stub = fields.take("stub").and_then(|field| stub::read(&field, findings));
    component.or(stub.map(Component::Stub))
}

/// A map of variables, or `warm`, which is a short form of `reuse: warm`.
fn read_environment(
    fields: &mut Fields<'_>,
    findings: &mut Findings,
) -> (BTreeMap<String, String>, Option<Reuse>) {
    let Some(field) = fields.take("environment") else { return Default::default() };
    if field.node.as_str().is_some() {
        return (BTreeMap::new(), read_reuse(&field, findings));
    }
    let Some(mut variables) = Fields::of(field.node, &field.place, findings) else {
        return Default::default();
    };
    let mut environment = BTreeMap::new();
    for variable in variables.take_all() {
        let text = match &variable.node.kind {
            NodeKind::String(text) => text.clone(),
            NodeKind::Bool(value) => value.to_string(),
            NodeKind::Number(number) => number.to_string(),
            _ => {
                variable.wrong_type("a string", findings);
                continue;
            }
        };
        environment.insert(variable.name.to_owned(), text);
    }
    let measured = serde_json::json!(environment).to_string();
    if measured.len() > ENVIRONMENT_BYTES_MAX {
        // Lambda's wording: `facts/limits.md` 3.
        let message = format!(
            "Lambda was unable to configure your environment variables because the environment variables \
             you have provided exceeded the 4KB limit. String measured: {measured}"
        );
        findings.error(OUT_OF_RANGE, &field.place, message);
    }
    (environment, None)
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
