//! Who is being tried: no destination may take up all tries of a process.

use ekiden_domain::Destination;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many tries one process has under way at once.
pub(super) const AT_ONCE: usize = 128;
/// How many of these may be to one destination: its receiver may hang.
pub(super) const TO_ONE: usize = 32;

/// How many tries are under way, by destination. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Destination, usize>>>);

/// A try that is under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    destination: Destination,
}

impl Turns {
    pub(super) fn begin(&self, destination: &Destination) -> Turn {
        *self.lock().entry(destination.clone()).or_default() += 1;
        Turn {
            turns: self.clone(),
            destination: destination.clone(),
        }
    }

    /// How many more may begin without regard to where they go, but to `full` destinations.
    pub(super) fn room(&self) -> Room {
        let under_way = self.lock();
        let (full, free): (Vec<_>, Vec<_>) =
            under_way.iter().partition(|(_, count)| **count >= TO_ONE);
        let most = free.iter().map(|(_, count)| **count).max().unwrap_or(0);
        let all: usize = under_way.values().sum();
        Room {
            tries: (TO_ONE - most).min(AT_ONCE.saturating_sub(all)),
            full: full
                .into_iter()
                .map(|(destination, _)| destination.clone())
                .collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Destination, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// How many tries, wherever they go to.
    pub(super) tries: usize,
    /// But for these destinations.
    pub(super) full: Vec<Destination>,
}

impl Room {
    /// Whether no destination is out of room.
    pub(super) fn is_everywhere(&self) -> bool {
        self.tries > 0 && self.full.is_empty()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.turns.lock();
        if let Some(count) = under_way.get_mut(&self.destination) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.destination);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(destination: &str) -> Destination {
        destination.parse().unwrap()
    }

    fn begin(turns: &Turns, destination: &str, count: usize) -> Vec<Turn> {
        let destination = to(destination);
        (0..count).map(|_| turns.begin(&destination)).collect()
    }

    #[test]
    fn one_destination_leaves_room_for_others() {
        let turns = Turns::default();
        let room = |tries, full: &[&str]| Room {
            tries,
            full: full.iter().map(|text| to(text)).collect(),
        };
        assert_eq!(turns.room(), room(TO_ONE, &[]));
        let some = begin(&turns, "https://a/", 5);
        assert_eq!(turns.room(), room(TO_ONE - 5, &[]));
        assert!(turns.room().is_everywhere());
        let rest = begin(&turns, "https://a/", TO_ONE - 5);
        assert_eq!(turns.room(), room(TO_ONE, &["https://a/"]));
        assert!(!turns.room().is_everywhere());
        let other = begin(&turns, "https://b/", TO_ONE - 1);
        assert_eq!(turns.room(), room(1, &["https://a/"]));
        drop((some, rest));
        assert_eq!(turns.room(), room(1, &[]));
        drop(other);
        assert_eq!(turns.room(), room(TO_ONE, &[]));
    }

    #[test]
    fn all_of_them_are_bounded_too() {
        let turns = Turns::default();
        let places = (0..AT_ONCE / TO_ONE).map(|at| format!("https://{at}/"));
        let held: Vec<_> = places.map(|it| begin(&turns, &it, TO_ONE)).collect();
        assert_eq!(turns.room().tries, 0);
        assert!(!turns.room().is_everywhere());
        drop(held);
        assert!(turns.lock().is_empty());
    }
}
