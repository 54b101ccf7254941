//! The nonces that were used, so that a request that was overheard cannot be sent again.

use super::{SKEW, mac::sha256};
use ekiden_domain::Timestamp;
use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How long a nonce is remembered. A request may be dated [`SKEW`] ahead of the server's time, and
/// is then good for twice that.
const MEMORY: Duration = Duration::from_secs(2 * SKEW.as_secs());

/// The nonces that this process has seen, at most `capacity` of them.
///
/// When it is full, the oldest is dropped, and a request with it could be sent again. So ask it
/// only after the signature was verified: strangers cannot fill it then. About 100 bytes a nonce,
/// whatever the length of the nonce.
#[derive(Debug)]
pub struct Nonces {
    capacity: usize,
    seen: Mutex<Seen>,
}

type Digest = [u8; 32];

#[derive(Debug, Default)]
struct Seen {
    digests: HashSet<Digest>,
    oldest_first: VecDeque<(Timestamp, Digest)>,
}

impl Nonces {
    /// Room for `capacity` nonces: as many as there are signed requests in 30 minutes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            seen: Mutex::default(),
        }
    }

    /// Whether the key has not used the nonce before; from now on it has.
    #[must_use]
    pub fn is_fresh(&self, key_id: &str, nonce: &str, now: Timestamp) -> bool {
        // An id has no line feed: it comes from a header.
        let digest = sha256([key_id, "\n", nonce].concat().as_bytes());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_older(now.before(MEMORY));
        if !seen.digests.insert(digest) {
            return false;
        }
        if seen.oldest_first.len() >= self.capacity {
            seen.forget_oldest();
        }
        seen.oldest_first.push_back((now, digest));
        true
    }
}

impl Seen {
    fn forget_older(&mut self, than: Timestamp) {
        while self.oldest_first.front().is_some_and(|(at, _)| *at < than) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.oldest_first.pop_front() {
            self.digests.remove(&digest);
        }
    }
}
