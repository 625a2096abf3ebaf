//! Grants: what a function may do. Nothing by default.

/// Everything that a function may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Hosts that it may send HTTP requests to.
    pub http: Vec<HttpGrant>,
    /// Objects that it may touch.
    pub objects: Vec<ObjectGrant>,
}

/// Leave to send HTTP requests to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    /// A name or address in lower case; `*.example.com`: all names below; `*`: every host.
    pub host: String,
    /// `None`: the port of the scheme, 80 or 443; `Some(None)`: any port.
    pub port: Option<Option<u16>>,
}

/// Leave to touch objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectGrant {
    /// The bucket.
    pub bucket: String,
    /// A key, or the beginning of keys.
    pub key: String,
    /// Whether `key` is the beginning of keys.
    pub prefix: bool,
    /// Whether they may be read and listed.
    pub read: bool,
    /// Whether they may be written and deleted.
    pub write: bool,
}

impl Grants {
    /// `host` as it stands in a URL, without the port.
    pub(crate) fn allows_http(&self, host: &str, port: Option<u16>, https: bool) -> bool {
        // A name with a dot at its end is the same name.
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let standard = if https { 443 } else { 80 };
        let port = port.unwrap_or(standard);
        self.http.iter().any(|grant| {
            let host_fits = match grant.host.strip_prefix('*') {
                Some("") => true,
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => grant.host == host,
            };
            let port_fits = match grant.port {
                None => port == standard,
                Some(None) => true,
                Some(Some(granted)) => port == granted,
            };
            host_fits && port_fits
        })
    }

    pub(crate) fn allows_read(&self, bucket: &str, key: &str) -> bool {
        self.objects.iter().any(|grant| grant.read && grant.covers(bucket, key))
    }

    pub(crate) fn allows_write(&self, bucket: &str, key: &str) -> bool {
        self.objects.iter().any(|grant| grant.write && grant.covers(bucket, key))
    }

    /// A listing shows only what lies under one grant: its prefix must begin with the grant's.
    pub(crate) fn allows_list(&self, bucket: &str, prefix: &str) -> bool {
        self.objects.iter().any(|grant| {
            grant.read && grant.prefix && grant.bucket == bucket && prefix.starts_with(&grant.key)
        })
    }
}

impl ObjectGrant {
    fn covers(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket
            && if self.prefix { key.starts_with(&self.key) } else { key == self.key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::option_option, reason = "as the grant has it")]
    fn http(host: &str, port: Option<Option<u16>>) -> Grants {
        Grants { http: vec![HttpGrant { host: host.to_owned(), port }], ..Grants::default() }
    }

    #[test]
    fn a_host_is_granted_with_its_port() {
        let grants = http("api.example.com", None);
        assert!(grants.allows_http("API.example.com", None, true));
        assert!(grants.allows_http("api.example.com.", Some(443), true));
        assert!(!grants.allows_http("api.example.com", Some(8443), true));
        assert!(!grants.allows_http("api.example.com", Some(443), false));
        assert!(!grants.allows_http("xapi.example.com", None, true));
        assert!(!grants.allows_http("api.example.com.evil.org", None, true));
        assert!(http("localhost", Some(None)).allows_http("localhost", Some(1234), false));
    }

    #[test]
    fn a_star_stands_for_names_below() {
        let grants = http("*.example.com", None);
        assert!(grants.allows_http("a.b.example.com", None, true));
        for host in ["example.com", "badexample.com", ".example.com.evil.org"] {
            assert!(!grants.allows_http(host, None, true), "{host}");
        }
    }

    #[test]
    fn a_prefix_is_granted_and_nothing_beside_it() {
        let grant = |key: &str, prefix| ObjectGrant {
            bucket: "b".to_owned(),
            key: key.to_owned(),
            prefix,
            read: true,
            write: false,
        };
        let grants = Grants {
            objects: vec![grant("cache/", true), grant("one", false)],
            ..Grants::default()
        };
        assert!(grants.allows_read("b", "cache/x") && grants.allows_read("b", "one"));
        assert!(grants.allows_list("b", "cache/") && grants.allows_list("b", "cache/sub"));
        assert!(!grants.allows_list("b", "cache") && !grants.allows_list("b", ""));
        assert!(!grants.allows_read("b", "cach") && !grants.allows_read("b", "one/more"));
        assert!(!grants.allows_read("c", "cache/x") && !grants.allows_write("b", "cache/x"));
    }
}
