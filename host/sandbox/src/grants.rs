//! Grants: what a function may do. Nothing by default.

use std::net::IpAddr;

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

/// How far the grants of a function let a request go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpLeave {
    /// Whether the host was granted as it is, not by a wildcard.
    pub(crate) exact: bool,
    /// The addresses that are granted themselves on this port, in their canonical form.
    pub(crate) addresses: Vec<IpAddr>,
}

/// A host as grants have it, of one as a URL has it: a name with a dot at its end is the same name.
pub(crate) fn host_name(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix('.').map_or(host.clone(), str::to_owned)
}

impl Grants {
    /// What the grants that cover a host allow; `None` if none does. `host` as [`host_name`] gives it.
    pub(crate) fn http_leave(&self, host: &str, port: u16, https: bool) -> Option<HttpLeave> {
        let standard = if https { 443 } else { 80 };
        let on_port = || self.http.iter().filter(move |grant| grant.covers_port(port, standard));
        let covering: Vec<_> = on_port().filter(|grant| grant.covers_host(host)).collect();
        (!covering.is_empty()).then(|| HttpLeave {
            exact: covering.iter().any(|grant| !grant.host.starts_with('*')),
            addresses: on_port().filter_map(HttpGrant::address).collect(),
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

impl HttpGrant {
    fn covers_host(&self, host: &str) -> bool {
        match self.host.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => self.host == host,
        }
    }

    fn covers_port(&self, port: u16, standard: u16) -> bool {
        match self.port {
            None => port == standard,
            Some(None) => true,
            Some(Some(granted)) => port == granted,
        }
    }

    /// The address that is granted, where it is one and no name.
    fn address(&self) -> Option<IpAddr> {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address: IpAddr = bare.unwrap_or(&self.host).parse().ok()?;
        Some(address.to_canonical())
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

    fn allows(grants: &Grants, host: &str, port: u16, https: bool) -> bool {
        grants.http_leave(&host_name(host), port, https).is_some()
    }

    #[test]
    fn a_host_is_granted_with_its_port() {
        let grants = http("api.example.com", None);
        assert!(allows(&grants, "API.example.com", 443, true));
        assert!(allows(&grants, "api.example.com.", 443, true));
        assert!(!allows(&grants, "api.example.com", 8443, true));
        assert!(!allows(&grants, "api.example.com", 443, false));
        assert!(!allows(&grants, "xapi.example.com", 443, true));
        assert!(!allows(&grants, "api.example.com.evil.org", 443, true));
        assert!(allows(&http("localhost", Some(None)), "localhost", 1234, false));
    }

    #[test]
    fn a_star_stands_for_names_below() {
        let grants = http("*.example.com", None);
        assert!(allows(&grants, "a.b.example.com", 443, true));
        for host in ["example.com", "badexample.com", ".example.com.evil.org"] {
            assert!(!allows(&grants, host, 443, true), "{host}");
        }
    }

    #[test]
    fn a_wildcard_is_no_exact_grant() {
        let leave = |hosts: &[&str], host: &str| {
            let grant = |host: &&str| HttpGrant { host: (*host).to_owned(), port: None };
            let grants = Grants { http: hosts.iter().map(grant).collect(), ..Grants::default() };
            grants.http_leave(host, 80, false).unwrap()
        };
        assert!(!leave(&["*"], "db.local").exact && !leave(&["*.local"], "db.local").exact);
        assert!(!leave(&["*", "other.local"], "db.local").exact);
        assert!(leave(&["*", "db.local"], "db.local").exact);
    }

    #[test]
    fn an_address_is_granted_on_its_port() {
        let addresses = |host: &str, port: Option<u16>| {
            let address = HttpGrant { host: host.to_owned(), port: Some(port) };
            let all = HttpGrant { host: "*".to_owned(), port: Some(None) };
            let grants = Grants { http: vec![all, address], ..Grants::default() };
            grants.http_leave("any", 8080, false).unwrap().addresses
        };
        let localhost: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(addresses("127.0.0.1", Some(8080)), [localhost]);
        assert_eq!(addresses("127.0.0.1", None), [localhost]);
        assert_eq!(addresses("[::ffff:127.0.0.1]", None), [localhost]);
        assert_eq!(addresses("[::1]", None), ["::1".parse::<IpAddr>().unwrap()]);
        for (host, port) in
            [("127.0.0.1", Some(80)), ("127.1", None), ("2130706433", None), ("localhost", None)]
        {
            assert!(addresses(host, port).is_empty(), "{host}");
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
