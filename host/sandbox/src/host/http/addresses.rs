//! Which addresses a granted host may turn out to be.
//!
//! A name says nothing about where it leads: whoever owns it may let it lead to this machine or to the
//! cloud's metadata service, and may change his mind between two look-ups. So it is the address that is
//! judged, after the name was resolved and before anything is sent:
//!
//! | the address is | and is reached by |
//! |---|---|
//! | public | whatever grant covers the name |
//! | private: RFC 1918, `100.64.0.0/10`, `fc00::/7` | a grant of the exact name or address, no wildcard |
//! | loopback | a grant of the exact address, or of an exact `localhost` or `NAME.localhost` |
//! | link-local, metadata, unspecified, multicast, broadcast, reserved | a grant of the exact address |
//!
//! An IPv6 address that holds an IPv4 one (mapped, compatible, translated, 6to4, NAT64) is what that one
//! is. An address that is granted itself, on that port, may be reached by any granted name: the task could
//! ask for the address as well. How an address is written in the URL does not matter: `127.1` and
//! `2130706433` are names that no grant means, and the resolver says where they lead.
//!
//! Ranges: IANA's special-purpose registries (RFC 6890), multicast (RFC 5771, RFC 4291 2.7).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::grants::HttpLeave;

/// What an address is to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Public,
    Private,
    Loopback,
    LinkLocal,
    /// Where a cloud tells a machine its secrets, outside the link-local range.
    Metadata,
    Unspecified,
    Multicast,
    Broadcast,
    /// For documentation, benchmarks, or a future that has not come.
    Reserved,
}

impl Class {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0, 0, 0, 0] => Self::Unspecified,
            [127, ..] => Self::Loopback,
            [169, 254, ..] => Self::LinkLocal,
            // Alibaba's metadata service, and Azure's (WireServer).
            [100, 100, 100, 200] | [168, 63, 129, 16] => Self::Metadata,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [224..=239, ..] => Self::Multicast,
            [255, 255, 255, 255] => Self::Broadcast,
            [0 | 240..=255, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Unspecified,
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // In this order: compatible or mapped, translated, NAT64, 6to4.
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
            | [0, 0, 0, 0, 0xffff, 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            | [0x2002, high, low, ..] => {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                Self::of_v4(Ipv4Addr::new(a, b, c, d))
            }
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            // Amazon's services for an instance, and Google's metadata service.
            [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254] => Self::Metadata,
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xff00..=0xffff, ..] => Self::Multicast,
            // Protocols of the IETF (Teredo among them); documentation.
            [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Self::Reserved,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "a public address",
            Self::Private => "a private address",
            Self::Loopback => "this machine",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Where a request goes, and how far its grants let it.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    /// In lower case, without a dot at its end; an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) leave: HttpLeave,
}

impl Destination {
    /// The address that the host is, where it is no name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let unwrapped = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match unwrapped {
            Some(address) => address.parse().ok().map(IpAddr::V6),
            None => self.host.parse().ok().map(IpAddr::V4),
        }
    }

    /// Those of the host's addresses that may be reached.
    ///
    /// # Errors
    ///
    /// There are addresses, and none of them may be.
    pub(super) fn reachable(&self, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
        let first = addresses.first().copied();
        let reachable: Vec<_> =
            addresses.into_iter().filter(|&address| self.may_be(address)).collect();
        match first {
            Some(address) if reachable.is_empty() => Err(self.refused(address)),
            _ => Ok(reachable),
        }
    }

    fn may_be(&self, address: IpAddr) -> bool {
        if self.leave.addresses.contains(&address.to_canonical()) {
            return true;
        }
        match Class::of(address) {
            Class::Public => true,
            Class::Private => self.leave.exact,
            Class::Loopback => self.leave.exact && self.is_localhost(),
            Class::LinkLocal
            | Class::Metadata
            | Class::Unspecified
            | Class::Multicast
            | Class::Broadcast
            | Class::Reserved => false,
        }
    }

    /// The names of this machine (RFC 6761, 6.3).
    fn is_localhost(&self) -> bool {
        self.host == "localhost" || self.host.ends_with(".localhost")
    }

    fn refused(&self, address: IpAddr) -> Refused {
        let class = Class::of(address);
        let by_name = class == Class::Private || (class == Class::Loopback && self.is_localhost());
        let grant = if by_name {
            format!("{}:{}", self.host, self.port)
        } else {
            SocketAddr::new(address, self.port).to_string()
        };
        Refused { address, class, grant }
    }
}

/// Why a host may not be reached although a grant covers its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// The first of its addresses.
    pub(super) address: IpAddr,
    class: Class,
    /// What would have to be granted.
    pub(super) grant: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, class, grant } = self;
        write!(
            formatter,
            "it leads to {address}, {class}, which takes a grant of its own (`grants: {{ http: [\"{grant}\"] }}`)"
        )
    }
}

#[cfg(test)]
mod tests;
