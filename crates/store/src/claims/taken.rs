//! Which notes of claims this process may remove: those of which it has seen every invocation move
//! on. What it does not see, because another moved it or an answer was lost, a heartbeat finds.

use ekiden_domain::{RequestId, Transition};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};
use uuid::Uuid;

/// A row of `claims`, and how many of its invocations are still held.
#[derive(Debug)]
struct Note {
    id: Uuid,
    held: AtomicUsize,
}

/// What this process claimed and holds, by its notes.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    notes: Mutex<HashMap<RequestId, Arc<Note>>>,
    spent: Mutex<Vec<Uuid>>,
}

impl Taken {
    /// Follows steps that were written, the claims among them under the note `id`.
    pub(crate) fn follow(&self, written: &[&Transition], id: Uuid) {
        let claimed = || written.iter().filter(|step| step.is_claim());
        let note = Arc::new(Note {
            id,
            held: AtomicUsize::new(claimed().count()),
        });
        let mut notes = lock(&self.notes);
        notes.extend(claimed().map(|step| (step.after.request_id, Arc::clone(&note))));
        let left = written.iter().filter(|step| !step.after.status().is_held());
        let spent = left.filter_map(|step| {
            let note = notes.remove(&step.after.request_id)?;
            (note.held.fetch_sub(1, Ordering::Relaxed) == 1).then_some(note.id)
        });
        lock(&self.spent).extend(spent);
    }

    /// The notes that can be removed; each is told once.
    pub(crate) fn spent(&self) -> Vec<Uuid> {
        std::mem::take(&mut lock(&self.spent))
    }

    /// Forgets everything, for a worker that was declared dead: others remove its notes.
    pub(crate) fn forget_all(&self) {
        lock(&self.notes).clear();
    }

    /// Forgets notes that were removed.
    pub(crate) fn forget(&self, removed: &[Uuid]) {
        if !removed.is_empty() {
            lock(&self.notes).retain(|_, note| !removed.contains(&note.id));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
