//! Which addresses a webhook may reach.
//!
//! A destination may be registered over HTTP, by somebody who can reach the API but not what runs
//! beside the worker. So what is only meant for this machine (loopback, link-local, a cloud's
//! metadata) is out of reach unless the owner says otherwise. Names are judged by the addresses they
//! resolve to, at each connection.

use ekiden_domain::Invalid;
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};
use url::{Host, Url};

/// What the owner allows although it is local: an address, a network in CIDR notation, or a host by
/// its name as URLs spell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Addresses(IpNet),
    Host(String),
}

/// Which addresses webhooks may reach: all but those of this machine and its link, and what the owner
/// allows of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Vec<Allowed>);

impl Reach {
    /// The reach that these allowances give.
    #[must_use]
    pub fn allowing(allowed: impl IntoIterator<Item = Allowed>) -> Self {
        Self(allowed.into_iter().collect())
    }

    /// Whether the owner allows this host, whatever its addresses are.
    pub(super) fn allows_host(&self, host: &str) -> bool {
        let is_it = |allowed: &Allowed| matches!(&allowed.0, Kind::Host(it) if it == host);
        self.0.iter().any(is_it)
    }

    /// Whether this address may be reached.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_in = |allowed: &Allowed| matches!(&allowed.0, Kind::Addresses(net) if net.contains(&address));
        !is_local(address) || self.0.iter().any(is_in)
    }
}

impl Allowed {
    /// The host of this URL.
    #[must_use]
    pub fn host_of(url: &Url) -> Option<Self> {
        Some(Self(match url.host()? {
            Host::Ipv4(address) => Kind::Addresses(IpAddr::from(address).into()),
            Host::Ipv6(address) => Kind::Addresses(IpAddr::from(address).into()),
            Host::Domain(name) => Kind::Host(name.to_owned()),
        }))
    }
}

impl FromStr for Allowed {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(net) = text.parse() {
            return Ok(Self(Kind::Addresses(net)));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(Kind::Addresses(address.into())));
        }
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !text.is_empty() && text.bytes().all(is_part) {
            return Ok(Self(Kind::Host(text.to_ascii_lowercase())));
        }
        let allowed = "an IP address, a network such as 10.0.0.0/8, or a host's name";
        Err(Invalid::new("webhooks.allow", text, allowed))
    }
}

/// Whether an address means this machine or its link, or is where a cloud keeps its metadata.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // Alibaba Cloud's metadata; others have theirs in 169.254/16.
            const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
            let is_this_host = address.octets()[0] == 0;
            address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_multicast()
                || is_this_host
                || address == METADATA
        }
        IpAddr::V6(address) => {
            // Amazon's metadata.
            const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address == METADATA
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_local_is_out_of_reach() {
        let reach = Reach::default();
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "100.100.100.200",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
        ] {
            assert!(!reach.allows(address(local)), "{local}");
        }
        for far in [
            "10.0.0.1",
            "192.168.1.1",
            "93.184.216.34",
            "2606:2800::1",
            "fd12::1",
        ] {
            assert!(reach.allows(address(far)), "{far}");
        }
    }

    fn reach(entries: &[&str]) -> Reach {
        Reach::allowing(entries.iter().map(|entry| entry.parse().unwrap()))
    }

    #[test]
    fn the_owner_may_allow_it() {
        let reach = reach(&["127.0.0.0/8", "::1", "Hooks.internal"]);
        assert!(reach.allows(address("127.0.0.1")));
        assert!(reach.allows(address("::1")));
        assert!(!reach.allows(address("169.254.169.254")));
        assert!(reach.allows_host("hooks.internal") && !reach.allows_host("other.internal"));
        let host_of = |url: &str| Allowed::host_of(&url.parse().unwrap()).unwrap();
        let named = Reach::allowing(["http://[fe80::1]:9/a", "http://Localhost/"].map(host_of));
        assert!(named.allows(address("fe80::1")) && named.allows_host("localhost"));
    }

    #[test]
    fn an_entry_that_is_neither_is_refused() {
        for bad in ["", "http://host", "10.0.0.0/33", "a b", "host:80"] {
            assert!(bad.parse::<Allowed>().is_err(), "{bad}");
        }
    }
}
