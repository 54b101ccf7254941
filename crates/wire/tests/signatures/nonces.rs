//! Nonces that were used before.

use crate::support::NEW_YEAR;
use ekiden_wire::signature::{Nonces, SKEW};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

#[test]
fn a_nonce_is_fresh_once_for_each_key() {
    let nonces = Nonces::new(100);
    assert!(nonces.is_fresh("a", "1", NEW_YEAR));
    assert!(!nonces.is_fresh("a", "1", NEW_YEAR));
    assert!(nonces.is_fresh("b", "1", NEW_YEAR));
    assert!(nonces.is_fresh("a", "2", NEW_YEAR));
    assert!(!nonces.is_fresh("a", "1", NEW_YEAR.before(SKEW)));
}

#[test]
fn a_nonce_is_remembered_for_as_long_as_its_request_can_be_in_the_window() {
    let nonces = Nonces::new(100);
    // Dated 15 minutes ahead, a request is accepted for 30 minutes.
    let last = NEW_YEAR.after(2 * SKEW);
    assert!(nonces.is_fresh("a", "1", NEW_YEAR));
    assert!(!nonces.is_fresh("a", "1", last));
    assert!(nonces.is_fresh("a", "1", last.after(Duration::from_millis(1))));
}

#[test]
fn when_full_the_oldest_makes_room_for_a_new_one_but_not_for_itself() {
    let nonces = Nonces::new(2);
    for nonce in ["1", "2"] {
        assert!(nonces.is_fresh("a", nonce, NEW_YEAR));
    }
    assert!(!nonces.is_fresh("a", "1", NEW_YEAR));
    assert!(nonces.is_fresh("a", "3", NEW_YEAR));
    assert!(!nonces.is_fresh("a", "2", NEW_YEAR));
    assert!(!nonces.is_fresh("a", "3", NEW_YEAR));
    assert!(nonces.is_fresh("a", "1", NEW_YEAR));
}

#[test]
fn of_many_threads_one_is_first() {
    let nonces = Nonces::new(10_000);
    let fresh = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for nonce in 0..1_000 {
                    let first = nonces.is_fresh("a", &nonce.to_string(), NEW_YEAR);
                    fresh.fetch_add(usize::from(first), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(fresh.into_inner(), 1_000);
}
