//! `functions:` of a workflow file: what each function is, its limits and its grants, in the shape that
//! Serverless users know (`facts/embeddings.md` 3).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

use crate::fields::{Field, Fields};
use crate::finding::{EXCLUSIVE_FIELDS, Findings, GRANT, NOT_ENFORCED, OUT_OF_RANGE, Place};
use crate::node::NodeKind;

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

/// Answers of a function without a component: one per attempt, the last one repeating.
#[derive(Debug, Clone, PartialEq)]
pub struct Stub {
    /// At least one.
    pub answers: Vec<(Option<f64>, StubAnswer)>,
}

/// What a stub does, after the seconds that it sleeps.
#[derive(Debug, Clone, PartialEq)]
pub enum StubAnswer {
    /// `returns`: this value.
    Returns(Value),
    /// `echo`, or nothing but `sleeps`: its event.
    Echo,
    /// `fails`: this error.
    Fails {
        /// The error's name.
        error: String,
        /// What happened.
        cause: String,
    },
}

/// What a function may do. Nothing by default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grants {
    /// Hosts that it may send HTTP requests to.
    pub http: Vec<HttpGrant>,
    /// Objects that it may read or write.
    pub objects: Vec<ObjectGrant>,
}

/// `api.example.com`, `*.example.com`, `localhost:8080`, `localhost:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    /// The host, in lower case; `*.` before it: all hosts below it; `*`: every host.
    pub host: String,
    /// The port. `None`: that of the scheme, 80 or 443. `Some(None)`: any.
    pub port: Option<Option<u16>>,
}

/// `bucket/prefix*` or `bucket/key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectGrant {
    /// The bucket.
    pub bucket: String,
    /// A key, or the beginning of keys.
    pub key: String,
    /// Whether `key` is the beginning of keys.
    pub prefix: bool,
    /// Whether get, head, list and copying from are allowed.
    pub read: bool,
    /// Whether put, create, delete and copying to are allowed.
    pub write: bool,
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
        .map_or_else(|| Some(Grants::default()), |field| read_grants(&field, findings));
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
    let stub = fields.take("stub").and_then(|field| read_stub(&field, findings));
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

fn read_stub(field: &Field<'_>, findings: &mut Findings) -> Option<Stub> {
    let answers = match field.node.kind {
        NodeKind::Array(_) => field.items(findings)?,
        _ => vec![field.clone()],
    };
    let answers: Vec<_> = answers.iter().map(|answer| read_answer(answer, findings)).collect();
    Some(Stub { answers: answers.into_iter().collect::<Option<_>>()? })
}

fn read_answer(field: &Field<'_>, findings: &mut Findings) -> Option<(Option<f64>, StubAnswer)> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    if fields.at_most_one(&["returns", "echo", "fails"], findings) || fields.has("sleeps") {
        let sleeps = fields.take("sleeps").map(|field| {
            let seconds =
                field.node.to_value().as_f64().filter(|seconds| (0.0..=1e8).contains(seconds));
            if seconds.is_none() {
                findings.error(
                    OUT_OF_RANGE,
                    &field.place,
                    "`sleeps` must be a number of seconds, not below 0",
                );
            }
            seconds
        });
        let returns =
            fields.take("returns").map(|field| StubAnswer::Returns(field.node.to_value()));
        let echo = fields.take("echo").map(|field| {
            if field.boolean(findings) == Some(false) {
                findings
                    .error(OUT_OF_RANGE, &field.place, "`echo` can only be true")
                    .help("use `returns:` for another answer");
            }
            StubAnswer::Echo
        });
        let fails = match fields.take("fails") {
            Some(field) => Some(read_failure(&field, findings)?),
            None => None,
        };
        fields.finish("a stub", findings);
        return Some((sleeps.flatten(), returns.or(fails).or(echo).unwrap_or(StubAnswer::Echo)));
    }
    if fields.has_leftovers() {
        fields.pass_over(&["returns", "echo", "fails", "sleeps"]);
        fields.finish("a stub", findings);
        return None;
    }
    findings.error(EXCLUSIVE_FIELDS, &field.place, "a stub must say how it answers").help(
        "add one of `returns: JSON`, `echo: true`, `fails: {error, cause}`, `sleeps: SECONDS`",
    );
    None
}

fn read_failure(field: &Field<'_>, findings: &mut Findings) -> Option<StubAnswer> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let error = fields.require("error", findings).and_then(|field| field.string(findings));
    let cause = fields.take("cause").map_or(Some(""), |field| field.string(findings));
    fields.finish("a stub's failure", findings);
    Some(StubAnswer::Fails { error: error?.to_owned(), cause: cause?.to_owned() })
}

fn read_grants(field: &Field<'_>, findings: &mut Findings) -> Option<Grants> {
    let mut fields = Fields::of(field.node, &field.place, findings)?;
    let mut grants = Grants::default();
    for item in fields.take("http").and_then(|field| field.array(findings)).unwrap_or_default() {
        grants.http.extend(read_http_grant(&item, findings));
    }
    for item in fields.take("objects").and_then(|field| field.array(findings)).unwrap_or_default() {
        grants.objects.extend(read_object_grants(&item, findings));
    }
    fields.finish("`grants`", findings);
    Some(grants)
}

fn read_http_grant(field: &Field<'_>, findings: &mut Findings) -> Option<HttpGrant> {
    let text = field.string(findings)?;
    let grant = parse_http_grant(text);
    if grant.is_none() {
        findings
            .error(GRANT, &field.place, format!("`{text}` names no host"))
            .help("write `api.example.com`, `*.example.com`, `localhost:8080` or `localhost:*`");
    }
    grant
}

fn parse_http_grant(text: &str) -> Option<HttpGrant> {
    // An IPv6 address stands in brackets, as in a URL.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let sound = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            name == "*"
                || (!name.is_empty()
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)))
        }
    };
    let port = match port {
        None => None,
        Some("*") => Some(None),
        Some(port) => Some(Some(port.parse().ok()?)),
    };
    sound.then(|| HttpGrant { host: host.to_ascii_lowercase(), port })
}

/// `bucket/key`, `bucket/prefix*`, or one of them under `read:` or `write:`.
fn read_object_grants(field: &Field<'_>, findings: &mut Findings) -> Vec<ObjectGrant> {
    if field.node.as_object().is_none() {
        return read_object_grant(field, true, true, findings).into_iter().collect();
    }
    let Some(mut fields) = Fields::of(field.node, &field.place, findings) else {
        return Vec::new();
    };
    let read = fields.take("read").and_then(|f| read_object_grant(&f, true, false, findings));
    let write = fields.take("write").and_then(|f| read_object_grant(&f, false, true, findings));
    if !fields.has("read") && !fields.has("write") {
        report_grant(&field.place, "the grant says neither `read` nor `write`", findings);
    }
    fields.finish("an object grant", findings);
    read.into_iter().chain(write).collect()
}

fn read_object_grant(
    field: &Field<'_>,
    read: bool,
    write: bool,
    findings: &mut Findings,
) -> Option<ObjectGrant> {
    let text = field.string(findings)?;
    let Some((bucket, key)) = text
        .split_once('/')
        .filter(|(bucket, key)| !bucket.is_empty() && !bucket.contains('*') && !key.is_empty())
    else {
        report_grant(&field.place, &format!("`{text}` names no objects of a bucket"), findings);
        return None;
    };
    let (key, prefix) = match key.strip_suffix('*') {
        Some(prefix) => (prefix, true),
        None => (key, false),
    };
    Some(ObjectGrant { bucket: bucket.to_owned(), key: key.to_owned(), prefix, read, write })
}

fn report_grant(place: &Place, message: &str, findings: &mut Findings) {
    findings.error(GRANT, place, message).help(
        "write `bucket/key`, `bucket/prefix*` or `bucket/*`, alone or as `{ read: ... }`, `{ write: ... }`",
    );
}
