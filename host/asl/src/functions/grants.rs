//! `grants:` of a function: which hosts and objects its task may reach.

use crate::fields::{Field, Fields};
use crate::finding::{Findings, GRANT, Place};

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

pub(super) fn read(field: &Field<'_>, findings: &mut Findings) -> Option<Grants> {
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
            host == "*"
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
