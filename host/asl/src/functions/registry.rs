//! `component: oci://HOST[:PORT]/NAME[:TAG][@DIGEST]`: a component in a registry.
//!
//! The grammar is the one of image references (OCI distribution specification 1.1, "Pulling manifests"),
//! with two differences: the registry is always named, for there is no default one, and so is a tag or a
//! digest, for `latest` is nobody's intention.

use std::fmt;
use std::str::FromStr;

/// How a reference begins.
pub(crate) const SCHEME: &str = "oci://";
/// How many characters a name and its registry may have together (OCI distribution specification 1.1).
const NAME_MAX: usize = 255;
/// How many characters a tag may have (the same).
const TAG_MAX: usize = 128;
/// How many hexadecimal digits SHA-256 has.
const SHA256_DIGITS: usize = 64;

/// Where a component lies in a registry. `Display` gives it as it is written, with `oci://`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryReference {
    /// The registry: a host, and a port if it is not the usual one.
    pub registry: String,
    /// The name in it: parts in lower case with `/` between.
    pub name: String,
    /// Which version, by a word that the registry may give to another one tomorrow.
    pub tag: Option<String>,
    /// Which version, by the digest of its manifest: `sha256:` and 64 hexadecimal digits. It counts if
    /// both are there.
    pub digest: Option<String>,
}

/// What is wrong with a reference, and what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryReferenceError {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl FromStr for RegistryReference {
    type Err = RegistryReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |what: String, help: &str| {
            let message = format!("`{text}` is no reference to a component in a registry: {what}");
            RegistryReferenceError { message, help: help.to_owned() }
        };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| {
            wrong(
                format!("it does not begin with `{SCHEME}`"),
                "such as `oci://ghcr.io/acme/fetch:1.2.0`",
            )
        })?;
        let (registry, path) = rest.split_once('/').ok_or_else(|| {
            wrong(
                "it has no name after the registry".to_owned(),
                "such as `oci://ghcr.io/acme/fetch:1.2.0`",
            )
        })?;
        if !is_registry(registry) {
            return Err(wrong(
                format!("`{registry}` is no host"),
                "a host, and a port if it is not the usual one: `ghcr.io`, `localhost:5000`",
            ));
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        let (name, tag) = match path.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (path, None),
        };
        if !is_name(name) || registry.len() + name.len() >= NAME_MAX {
            return Err(wrong(
                format!("`{name}` is no name"),
                "names have lower-case letters and digits, with `.`, `_` or `-` between them and `/` \
                 between their parts",
            ));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(wrong(
                format!("`{tag}` is no tag"),
                "tags have at most 128 letters, digits, `.`, `_` and `-`, and do not begin with `.` or `-`",
            ));
        }
        if let Some(digest) = digest.filter(|digest| !is_sha256_digest(digest)) {
            return Err(wrong(
                format!("`{digest}` is no digest"),
                "`sha256:` and 64 hexadecimal digits in lower case; no other digest is taken",
            ));
        }
        if tag.or(digest).is_none() {
            return Err(wrong(
                "it does not say which version".to_owned(),
                "add a tag, such as `:1.2.0`, or the digest of the manifest, `@sha256:...`",
            ));
        }
        let owned = |part: Option<&str>| part.map(str::to_owned);
        Ok(Self {
            registry: registry.to_owned(),
            name: name.to_owned(),
            tag: owned(tag),
            digest: owned(digest),
        })
    }
}

impl fmt::Display for RegistryReferenceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for RegistryReferenceError {}

impl fmt::Display for RegistryReference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}{}/{}", self.registry, self.name)?;
        if let Some(tag) = &self.tag {
            write!(out, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(out, "@{digest}")?;
        }
        Ok(())
    }
}

/// A host name, an IPv4 address or an IPv6 one in brackets; a port after it.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            label.bytes().all(inner)
                && !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
        }),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Parts in lower case, in which `.`, `_`, `__` and any number of `-` stand only between letters and digits.
fn is_name(text: &str) -> bool {
    text.split('/').all(|part| {
        let mut separator = String::new();
        let mut begun = false;
        for letter in part.chars() {
            match letter {
                'a'..='z' | '0'..='9' => {
                    let hyphens = separator.bytes().all(|byte| byte == b'-');
                    let separates = hyphens || matches!(separator.as_str(), "." | "_" | "__");
                    if !separates || (!begun && !separator.is_empty()) {
                        return false;
                    }
                    separator.clear();
                    begun = true;
                }
                '.' | '_' | '-' => separator.push(letter),
                _ => return false,
            }
        }
        begun && separator.is_empty()
    })
}

fn is_tag(text: &str) -> bool {
    text.len() <= TAG_MAX
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether a text is a digest by SHA-256, as OCI writes it: `sha256:` and 64 hexadecimal digits in lower case.
pub fn is_sha256_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == SHA256_DIGITS
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_reference_is_written_as_it_was_read() {
        for text in [
            "oci://ghcr.io/acme/fetch:1.2.0",
            "oci://localhost:5000/a:_x",
            "oci://127.0.0.1:5000/a/b__c/d.e/f---g:latest",
            "oci://[::1]:5000/a:1",
            "oci://[::1]/a:1",
            &format!("oci://ghcr.io/acme/fetch@{DIGEST}"),
            &format!("oci://ghcr.io/acme/fetch:1@{DIGEST}"),
        ] {
            let reference: RegistryReference = text.parse().expect(text);
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let long_name = format!("oci://h/{}:1", "a".repeat(255));
        let long_tag = format!("oci://h/a:{}", "a".repeat(129));
        for (text, what) in [
            ("ghcr.io/acme/fetch:1", "does not begin with"),
            ("oci://ghcr.io", "no name after the registry"),
            ("oci:///acme:1", "is no host"),
            ("oci://a b/acme:1", "is no host"),
            ("oci://user@host/acme:1", "is no host"),
            ("oci://-host/acme:1", "is no host"),
            ("oci://host:0/acme:1", "is no host"),
            ("oci://host:65536/acme:1", "is no host"),
            ("oci://[::1/acme:1", "is no host"),
            ("oci://host/:1", "is no name"),
            ("oci://host/Acme:1", "is no name"),
            ("oci://host/a//b:1", "is no name"),
            ("oci://host/../b:1", "is no name"),
            ("oci://host/a_-b:1", "is no name"),
            ("oci://host/a___b:1", "is no name"),
            ("oci://host/-a:1", "is no name"),
            ("oci://host/a-:1", "is no name"),
            (&long_name, "is no name"),
            ("oci://host/a:", "is no tag"),
            ("oci://host/a:.1", "is no tag"),
            ("oci://host/a:1:2", "is no tag"),
            (&long_tag, "is no tag"),
            ("oci://host/a@sha256:12", "is no digest"),
            ("oci://host/a@sha512:12", "is no digest"),
            ("oci://host/a:1@", "is no digest"),
            ("oci://host/a", "does not say which version"),
        ] {
            let error = text.parse::<RegistryReference>().expect_err(text);
            assert!(error.message.contains(what), "{text}: {error}");
        }
    }
}
