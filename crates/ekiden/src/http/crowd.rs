//! How many connections each client has open, so that none takes the room of all others.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The open connections by where they come from.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    /// The most from one address; 0 for any number.
    most: u32,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl Crowd {
    /// Nobody yet, and never more than `most` from one address; 0 for any number.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// Lets one more from this address in, unless there are too many of them.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Guest> {
        let address = client(address);
        let mut open = self.lock();
        let count = open.entry(address).or_default();
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest {
            crowd: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Guest {
    crowd: Crowd,
    address: IpAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.crowd.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Whom the address stands for: in IPv6 a whole network of 64 bits, whose addresses are one client's to
/// choose from.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn each_address_has_room_of_its_own_and_again_when_one_leaves() {
        let crowd = Crowd::new(2);
        let first = crowd.admit(at("192.0.2.1")).unwrap();
        let _second = crowd.admit(at("::ffff:192.0.2.1")).unwrap();
        assert!(crowd.admit(at("192.0.2.1")).is_none());
        assert!(crowd.admit(at("192.0.2.2")).is_some());
        drop(first);
        assert!(crowd.admit(at("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let crowd = Crowd::new(1);
        let _guest = crowd.admit(at("2001:db8::1")).unwrap();
        assert!(crowd.admit(at("2001:db8::ffff:2")).is_none());
        assert!(crowd.admit(at("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn nothing_is_kept_of_who_has_left_and_zero_bounds_nobody() {
        let crowd = Crowd::new(0);
        let guests: Vec<_> = (0..100).filter_map(|_| crowd.admit(at("::1"))).collect();
        assert_eq!(guests.len(), 100);
        drop(guests);
        assert!(crowd.lock().is_empty());
    }
}
