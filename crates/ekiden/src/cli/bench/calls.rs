//! How often the function was called, by this process and by others.

use ekiden_domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts calls. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<Mutex<Called>>);

/// Some calls.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Called {
    /// How many there were.
    pub(super) count: usize,
    /// When the first was made, if there was one.
    pub(super) first_at: Option<Timestamp>,
}

impl Calls {
    pub(super) fn add(&self, called: Called) {
        self.change(|so_far| {
            so_far.count += called.count;
            so_far.first_at = so_far.first_at.or(called.first_at);
        });
    }

    /// Those so far.
    pub(super) fn seen(&self) -> Called {
        self.change(|so_far| *so_far)
    }

    /// Those so far, and counts anew.
    pub(super) fn take(&self) -> Called {
        self.change(std::mem::take)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Called) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
