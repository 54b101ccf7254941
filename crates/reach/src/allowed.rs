//! What the owner allows although it is local.

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

impl Allowed {
    /// The host of this URL.
    #[must_use]
    pub fn host_of(url: &Url) -> Option<Self> {
        Some(match url.host()? {
            Host::Ipv4(address) => IpAddr::from(address).into(),
            Host::Ipv6(address) => IpAddr::from(address).into(),
            Host::Domain(name) => Self(Kind::Host(name.to_owned())),
        })
    }

    /// This machine's loopback networks.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        let all_of_127 = IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8);
        [
            Self(Kind::Addresses(all_of_127)),
            IpAddr::from(Ipv6Addr::LOCALHOST).into(),
        ]
    }

    /// Whether this allows the host of this name, or at this address.
    pub(crate) fn is(&self, host: &str, address: IpAddr) -> bool {
        match &self.0 {
            Kind::Addresses(net) => net.contains(&address),
            Kind::Host(name) => name == host,
        }
    }
}

impl From<IpAddr> for Allowed {
    fn from(address: IpAddr) -> Self {
        Self(Kind::Addresses(address.into()))
    }
}

impl FromStr for Allowed {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(net) = text.parse() {
            return Ok(Self(Kind::Addresses(net)));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !text.is_empty() && text.bytes().all(is_part) {
            return Ok(Self(Kind::Host(text.to_ascii_lowercase())));
        }
        let allowed = "an IP address, a network such as 10.0.0.0/8, or a host's name";
        Err(Invalid::new("allow", text, allowed))
    }
}
