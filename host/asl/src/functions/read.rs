//! Reads a map of functions, in our own files and in those of a deployment.

use std::ops::RangeInclusive;

use super::environment::read_environment;
use super::layer::{Layer, Layers};
use super::{
    Component, FUNCTION_MEMORY_MB, FUNCTION_STORAGE_MB, FUNCTION_TIMEOUT_SECONDS, Reuse, grants,
    stub,
};
use crate::fields::{Field, Fields};
use crate::finding::{Findings, NOT_ENFORCED, OUT_OF_RANGE, Place};
use crate::node::{Node, NodeKind};
use crate::source::Sources;

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
const NOT_ENFORCED_YET: [&str; 3] =
    ["ephemeralStorageSize", "reservedConcurrency", "provisionedConcurrency"];

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

pub(super) fn read_reuse(field: &Field<'_>, findings: &mut Findings) -> Option<Reuse> {
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
