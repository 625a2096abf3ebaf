//! Reads a map of functions, in our own files and in those of a deployment.

use std::ops::RangeInclusive;

use super::environment::read_environment;
use super::layer::{Layer, Layers};
use super::{
    Architecture, Component, FUNCTION_MEMORY_MB, FUNCTION_STORAGE_MB, FUNCTION_TIMEOUT_SECONDS,
    Limits, RegistryReferenceError, Reuse, grants, stub,
};
use crate::fields::{Field, Fields};
use crate::finding::{Findings, IDLE_SETTING, OUT_OF_RANGE, Place};
use crate::node::{Node, NodeKind};
use crate::source::Sources;

/// The most fuel that can be counted: what a signed number of 64 bits holds.
const FUEL_MAX: u64 = u64::MAX / 2;

/// Means something to Serverless or on AWS and nothing to a run here.
const OTHERS: [&str; 30] = [
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
    let storage_mb = limit("ephemeralStorageSize", FUNCTION_STORAGE_MB);
    let reserved_concurrency = limit("reservedConcurrency", 0..=u32::MAX);
    let reserved_concurrency = reserved_concurrency.zip(fields.place_of("reservedConcurrency"));
    let mut fuel = |name| fields.take(name).and_then(|field| field.integer(1, FUEL_MAX, findings));
    let (fuel, max_fuel) = (fuel("fuel"), fuel("maxFuel"));
    let environment_place = fields.place_of("environment").unwrap_or_default();
    let (environment, warm) = read_environment(&mut fields, manner, findings);
    let reuse = fields.take("reuse").and_then(|field| read_reuse(&field, findings)).or(warm);
    let limits = fields.take("limits").and_then(|field| read_limits(&field, findings));
    let architecture =
        fields.take("architecture").and_then(|field| read_architecture(&field, manner, findings));
    let grants = fields.take("grants").and_then(|field| grants::read(&field, findings));
    let deployed_name = fields.take("name").and_then(|field| field.string(findings));
    fields.pass_over(&OTHERS);
    if let Some(field) = fields.take("provisionedConcurrency") {
        report_provisioned(&field.place, findings);
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
        max_fuel,
        environment,
        environment_place,
        storage_mb,
        reserved_concurrency,
        limits,
        architecture,
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
        if has_placeholder(field) {
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

fn report_provisioned(place: &Place, findings: &mut Findings) {
    let message = "`provisionedConcurrency` has no effect here: on AWS that many instances would be started \
                   before they are called, and here cold starts stay as they are";
    findings
        .warning(IDLE_SETTING, place, message)
        .help("`reuse: warm` keeps an instance for the next invocation");
}

fn read_code(
    fields: &mut Fields<'_>,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<(Component, Place)> {
    fields.at_most_one(&["component", "source", "stub"], findings);
    let component = fields.take("component").and_then(|field| {
        let code = read_component(&field, sources, findings)?;
        Some((code, field.place))
    });
    let source = fields.take("source").and_then(|field| {
        let path = field.string(findings)?.to_owned();
        let folder = sources.folder_at(field.place.span.start);
        let handler = fields.take("handler").and_then(|field| read_handler(&field, findings));
        Some((Component::Source { path, folder, handler }, field.place))
    });
    let stub = fields.take("stub").and_then(|field| {
        let stub = stub::read(&field, findings)?;
        Some((Component::Stub(stub), field.place))
    });
    component.or(source).or(stub)
}

/// A path, or a reference into a registry.
fn read_component(
    field: &Field<'_>,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<Component> {
    let text = field.string(findings)?;
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    match scheme {
        Some("oci") => match text.parse() {
            Ok(reference) => return Some(Component::Registry(reference)),
            Err(RegistryReferenceError { message, help }) => {
                findings.error(OUT_OF_RANGE, &field.place, message).help(help);
            }
        },
        Some(scheme) => {
            let message = format!("`{scheme}://` is no place that components are taken from");
            findings
                .error(OUT_OF_RANGE, &field.place, message)
                .help("give the path of a file, or `oci://HOST/NAME:TAG` for one in a registry");
        }
        None => {
            let folder = sources.folder_at(field.place.span.start);
            return Some(Component::File { path: text.to_owned(), folder });
        }
    }
    None
}

/// `module.function`, as Lambda takes it (`facts/limits.md` 4, `Runtime.MalformedHandlerName`).
fn read_handler(field: &Field<'_>, findings: &mut Findings) -> Option<String> {
    let handler = field.string(findings)?;
    match handler.rsplit_once('.') {
        Some((module, function)) if !module.is_empty() && !function.is_empty() => {
            Some(handler.to_owned())
        }
        _ => {
            let message =
                format!("`{handler}` is no handler: a module and a function, with a dot between");
            findings.error(OUT_OF_RANGE, &field.place, message).help("such as `fetch.handler`");
            None
        }
    }
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

fn read_limits(field: &Field<'_>, findings: &mut Findings) -> Option<Limits> {
    const WORDS: [(&str, Limits); 3] =
        [("enforce", Limits::Enforce), ("warn", Limits::Warn), ("off", Limits::Off)];
    const HELP: &str = "`enforce` fails what Lambda would fail, `warn` goes on and tells of it, `off` does \
                        neither";
    read_word(field, &WORDS, HELP, findings)
}

/// In a deployment's file, one that has no value here is left to the layer below.
fn read_architecture(
    field: &Field<'_>,
    manner: Manner,
    findings: &mut Findings,
) -> Option<Architecture> {
    const WORDS: [(&str, Architecture); 2] =
        [("x86_64", Architecture::X86_64), ("arm64", Architecture::Arm64)];
    const HELP: &str = "here it decides only which prices count";
    if manner == Manner::Deployed && has_placeholder(field) {
        return None;
    }
    read_word(field, &WORDS, HELP, findings)
}

/// `Architectures` of a template: a list of one.
pub(crate) fn read_architectures(
    field: &Field<'_>,
    findings: &mut Findings,
) -> Option<Architecture> {
    if has_placeholder(field) {
        return None;
    }
    let items = field.array(findings)?;
    let [item] = items.as_slice() else {
        let message = format!("`{}` must have exactly one item, not {}", field.name, items.len());
        findings.error(OUT_OF_RANGE, &field.place, message);
        return None;
    };
    read_architecture(item, Manner::Deployed, findings)
}

/// Whether it is a text that only a deployment could complete. The resolver has told of it.
fn has_placeholder(field: &Field<'_>) -> bool {
    field.node.as_str().is_some_and(|text| text.contains("${"))
}

/// One of a few words, and what it stands for.
fn read_word<T: Copy>(
    field: &Field<'_>,
    words: &[(&str, T)],
    help: &str,
    findings: &mut Findings,
) -> Option<T> {
    let Some(text) = field.node.as_str() else {
        field.wrong_type("a string", findings).help(help);
        return None;
    };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let message =
            format!("`{}` is `{text}`; it must be one of {}", field.name, words.join(", "));
        findings.error(OUT_OF_RANGE, &field.place, message).help(help);
    }
    found
}
