//! Calls over HTTP, to nothing but what may be reached.
//!
//! A URL may come from somebody who can reach the API, but not what runs beside the process that calls
//! it. So what is only meant for this machine (loopback, link-local, a cloud's metadata) is out of
//! reach unless the owner says otherwise. A name is judged by the addresses that it resolves to, at
//! each connection; redirects are not followed, and no proxy is asked.

mod allowed;
mod client;

pub use allowed::Allowed;
pub use client::{Client, Unsent, innermost, is_out_of_reach, sources};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;
use url::{Host, Url};

/// Which addresses may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach(Bounds);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bounds {
    None,
    Beyond {
        /// By which setting the owner allows more.
        setting: &'static str,
        allowed: Vec<Allowed>,
    },
}

/// That something is at an address which must not be reached.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{what} is out of reach: an address of this machine or its link; the setting {setting} may allow it"
)]
pub struct OutOfReach {
    what: String,
    setting: &'static str,
}

impl Reach {
    /// Every address: for what the owner has named.
    #[must_use]
    pub const fn anywhere() -> Self {
        Self(Bounds::None)
    }

    /// Every address but those of this machine and its link, and of these what the owner has allowed
    /// by `setting`.
    #[must_use]
    pub fn beyond_this_machine(
        setting: &'static str,
        allowed: impl IntoIterator<Item = Allowed>,
    ) -> Self {
        let allowed = allowed.into_iter().collect();
        Self(Bounds::Beyond { setting, allowed })
    }

    /// Checks a URL whose host is an address. One whose host is a name is judged when that is resolved.
    ///
    /// # Errors
    /// If the address is out of reach.
    fn check(&self, url: &Url) -> Result<(), OutOfReach> {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        self.within(&address.to_string(), [address], |address| *address)
            .map(drop)
    }

    /// Those of the addresses of `host` that may be reached.
    ///
    /// # Errors
    /// If there are some, and none of them may be reached.
    fn within<T>(
        &self,
        host: &str,
        found: impl IntoIterator<Item = T>,
        address: impl Fn(&T) -> IpAddr,
    ) -> Result<Vec<T>, OutOfReach> {
        let (setting, allowed) = match &self.0 {
            Bounds::None => return Ok(found.into_iter().collect()),
            Bounds::Beyond { setting, allowed } => (*setting, allowed),
        };
        let may = |it: &T| {
            let address = address(it).to_canonical();
            !is_local(address) || allowed.iter().any(|allowed| allowed.is(host, address))
        };
        let (within, beyond): (Vec<T>, Vec<T>) = found.into_iter().partition(may);
        if within.is_empty() && !beyond.is_empty() {
            let what = format!("'{host}'");
            return Err(OutOfReach { what, setting });
        }
        Ok(within)
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
            address.is_unicast_link_local()
                || address.is_multicast()
                || address == METADATA
                || embedded(address).is_some_and(|inner| is_local(inner.into()))
        }
    }
}

/// The IPv4 address that a translator or a tunnel would find in an IPv6 one: NAT64 (RFC 6052), 6to4
/// (RFC 3056), or IPv4-compatible (RFC 4291), as which loopback and the unspecified address count too.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, _, _, _, _, _]
        | [0, 0, 0, 0, 0, 0, high, low] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests;
