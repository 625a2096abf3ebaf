//! Ranges of addresses against the classes and the grants that reach them.

use proptest::prelude::*;

use super::*;
use crate::grants::{Grants, HttpGrant, host_name};

/// What addresses are, range by range: written as the registries have it, and apart from the code.
const RANGES: &[(&str, u32, Class)] = &[
    ("0.0.0.0", 32, Class::Unspecified),
    ("0.0.0.0", 8, Class::Reserved),
    ("127.0.0.0", 8, Class::Loopback),
    ("169.254.0.0", 16, Class::LinkLocal),
    ("100.100.100.200", 32, Class::Metadata),
    ("168.63.129.16", 32, Class::Metadata),
    ("10.0.0.0", 8, Class::Private),
    ("172.16.0.0", 12, Class::Private),
    ("192.168.0.0", 16, Class::Private),
    ("100.64.0.0", 10, Class::Private),
    ("224.0.0.0", 4, Class::Multicast),
    ("255.255.255.255", 32, Class::Broadcast),
    ("240.0.0.0", 4, Class::Reserved),
    ("192.0.0.0", 24, Class::Reserved),
    ("192.0.2.0", 24, Class::Reserved),
    ("192.88.99.0", 24, Class::Reserved),
    ("198.18.0.0", 15, Class::Reserved),
    ("198.51.100.0", 24, Class::Reserved),
    ("203.0.113.0", 24, Class::Reserved),
    ("::", 128, Class::Unspecified),
    ("::1", 128, Class::Loopback),
    ("fe80::", 10, Class::LinkLocal),
    ("fd00:ec2::", 32, Class::Metadata),
    ("fd20:ce::254", 128, Class::Metadata),
    ("fc00::", 7, Class::Private),
    ("ff00::", 8, Class::Multicast),
    ("100::", 64, Class::Reserved),
    ("64:ff9b:1::", 48, Class::Reserved),
    ("2001::", 23, Class::Reserved),
    ("2001:db8::", 32, Class::Reserved),
    ("3fff::", 20, Class::Reserved),
    ("5f00::", 16, Class::Reserved),
    ("fec0::", 10, Class::Reserved),
];

/// Prefixes before an IPv4 address in an IPv6 one.
const EMBEDDING: &[(&str, u32)] =
    &[("::", 96), ("::ffff:0:0", 96), ("::ffff:0:0:0", 96), ("64:ff9b::", 96), ("2002::", 16)];

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// The first or last address of a range, or one between them.
fn within(network: &str, prefix: u32, random: u128) -> IpAddr {
    match ip(network) {
        IpAddr::V4(base) => {
            let mask = u32::MAX.checked_shr(prefix).unwrap_or(0);
            let random = u32::try_from(random & u128::from(u32::MAX)).expect("it was masked");
            IpAddr::V4((u32::from(base) | (random & mask)).into())
        }
        IpAddr::V6(base) => {
            let mask = u128::MAX.checked_shr(prefix).unwrap_or(0);
            IpAddr::V6((u128::from(base) | (random & mask)).into())
        }
    }
}

fn embedded(prefix: &str, bits: u32, inner: Ipv4Addr) -> IpAddr {
    let IpAddr::V6(base) = ip(prefix) else { panic!("{prefix} is none") };
    let inner = u128::from(u32::from(inner)) << (128 - 32 - bits);
    IpAddr::V6((u128::from(base) | inner).into())
}

/// A host granted by these, on port 80.
fn destination(host: &str, granted: &[&str]) -> Destination {
    let http = granted
        .iter()
        .map(|host| HttpGrant { host: (*host).to_owned(), port: Some(Some(80)) })
        .collect();
    let grants = Grants { http, ..Grants::default() };
    let host = host_name(host);
    let leave = grants.http_leave(&host, 80, false).expect("a grant covers the name");
    Destination { host, port: 80, leave }
}

fn reaches(host: &str, granted: &[&str], address: &str) -> bool {
    destination(host, granted).reachable(vec![ip(address)]).is_ok()
}

#[test]
fn every_range_begins_and_ends_where_the_registries_say() {
    for &(network, prefix, class) in RANGES {
        // What stands above in the table is an exception within what stands below.
        let exception = |address: IpAddr| {
            RANGES.iter().find(|(other, bits, _)| within(other, *bits, 0) == address)
        };
        let first = within(network, prefix, 0);
        assert_eq!(Class::of(first), exception(first).map_or(class, |range| range.2), "{network}");
        let last = within(network, prefix, u128::MAX);
        let class = if last == ip("255.255.255.255") { Class::Broadcast } else { class };
        assert_eq!(Class::of(last), class, "{last} in {network}/{prefix}");
    }
}

#[test]
fn what_lies_between_the_ranges_is_public() {
    for address in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2606:4700::1111",
        "3ffe:ffff::",
        "3fff:1000::",
    ] {
        assert_eq!(Class::of(ip(address)), Class::Public, "{address}");
    }
}

#[test]
fn each_class_is_reached_by_its_grants_only() {
    // The address, then whether it is reached by `*`, `*.local`, the exact name, the address itself.
    for (address, reached) in [
        ("93.184.216.34", [true, true, true, true]),
        ("2606:4700::1111", [true, true, true, true]),
        ("10.1.2.3", [false, false, true, true]),
        ("100.64.0.1", [false, false, true, true]),
        ("fd12::1", [false, false, true, true]),
        ("127.0.0.1", [false, false, false, true]),
        ("::1", [false, false, false, true]),
        ("169.254.169.254", [false, false, false, true]),
        ("fd00:ec2::254", [false, false, false, true]),
        ("0.0.0.0", [false, false, false, true]),
        ("224.0.0.1", [false, false, false, true]),
        ("255.255.255.255", [false, false, false, true]),
        ("192.0.2.1", [false, false, false, true]),
    ] {
        let literal = if address.contains(':') { format!("[{address}]") } else { address.into() };
        let by = |granted: &[&str]| reaches("db.local", granted, address);
        assert_eq!(
            [
                by(&["*"]),
                by(&["*.local"]),
                by(&["db.local"]),
                reaches(&literal, &[&literal], address)
            ],
            reached,
            "{address}"
        );
        // The address may be reached, so it may be reached by another granted name.
        assert!(by(&["*", &literal]), "{address}");
    }
}

#[test]
fn only_names_of_this_machine_lead_to_it() {
    for host in ["localhost", "LOCALHOST.", "api.localhost"] {
        let granted = host_name(host);
        for address in ["127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1"] {
            assert!(reaches(host, &[&granted], address), "{host} {address}");
            assert!(!reaches(host, &["*"], address), "{host} {address}");
        }
        assert!(!reaches(host, &[&granted], "169.254.169.254"), "{host}");
    }
    assert!(!reaches("api.localhost", &["*.localhost"], "127.0.0.1"));
    for host in ["notlocalhost", "localhost.example.com", "localhost4"] {
        assert!(!reaches(host, &[host], "127.0.0.1"), "{host}");
    }
}

#[test]
fn a_number_that_is_granted_is_a_name_and_not_the_address() {
    for host in ["2130706433", "127.1", "0x7f.1", "0177.0.0.1"] {
        assert_eq!(destination(host, &[host]).address(), None, "{host}");
        assert!(!reaches(host, &[host], "127.0.0.1"), "{host}");
    }
}

#[test]
fn only_the_addresses_that_may_be_reached_are_left() {
    let addresses = ["127.0.0.1", "93.184.216.34", "10.0.0.1", "::1", "2606:4700::1111"].map(ip);
    let left = |granted: &[&str]| destination("db.local", granted).reachable(addresses.to_vec());
    assert_eq!(left(&["*"]), Ok(vec![addresses[1], addresses[4]]));
    assert_eq!(left(&["db.local"]), Ok(vec![addresses[1], addresses[2], addresses[4]]));
    assert_eq!(left(&["*", "[::1]"]), Ok(vec![addresses[1], addresses[3], addresses[4]]));
    assert_eq!(destination("db.local", &["*"]).reachable(Vec::new()), Ok(Vec::new()));
}

#[test]
fn a_refusal_says_what_to_grant_and_that_helps() {
    for (host, address, grant) in [
        ("db.local", "10.0.0.1", "db.local:80"),
        ("db.local", "127.0.0.1", "127.0.0.1:80"),
        ("localhost", "127.0.0.1", "localhost:80"),
        ("db.local", "::1", "[::1]:80"),
        ("db.local", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:80"),
        ("db.local", "169.254.169.254", "169.254.169.254:80"),
    ] {
        let refused = destination(host, &["*"]).reachable(vec![ip(address)]).unwrap_err();
        assert_eq!(refused.grant, grant);
        let granted = grant.strip_suffix(":80").expect("it ends so");
        assert!(reaches(host, &["*", granted], address), "{grant}");
    }
    let refused = destination("db.local", &["*"]).reachable(vec![ip("10.0.0.1")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it leads to 10.0.0.1, a private address, which takes a grant of its own \
         (`grants: { http: [\"db.local:80\"] }`)",
    );
}

#[test]
fn a_host_is_an_address_only_as_one_is_written() {
    let address = |host: &str| destination(host, &["*"]).address();
    assert_eq!(address("127.0.0.1"), Some(ip("127.0.0.1")));
    assert_eq!(address("[::1]"), Some(ip("::1")));
    for host in ["::1", "[127.0.0.1]", "[::1", "[fe80::1%25lo]", "localhost", "1", "127.0.0.1.nip"]
    {
        assert_eq!(address(host), None, "{host}");
    }
}

fn any_closed() -> impl Strategy<Value = IpAddr> {
    let inner = (0..RANGES.len(), any::<u128>()).prop_map(|(range, random)| {
        let (network, prefix, _) = RANGES[range];
        within(network, prefix, random)
    });
    (inner, 0..=EMBEDDING.len()).prop_map(|(address, how)| match (address, EMBEDDING.get(how)) {
        (IpAddr::V4(inner), Some((prefix, bits))) => embedded(prefix, *bits, inner),
        _ => address,
    })
}

proptest! {
    #[test]
    fn no_wildcard_reaches_a_closed_address(address in any_closed(), name in "[a-z0-9.]{1,12}") {
        let destination = destination(&name, &["*"]);
        prop_assert!(destination.reachable(vec![address]).is_err(), "{}", address);
    }

    #[test]
    fn an_address_within_another_is_what_that_one_is(inner: u32) {
        let inner = Ipv4Addr::from(inner);
        for &(prefix, bits) in EMBEDDING {
            let outer = embedded(prefix, bits, inner);
            // `::` and `::1` are IPv6's own.
            if !matches!(outer, IpAddr::V6(Ipv6Addr::UNSPECIFIED | Ipv6Addr::LOCALHOST)) {
                prop_assert_eq!(Class::of(outer), Class::of(IpAddr::V4(inner)), "{}", outer);
            }
        }
    }
}
