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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{NOW, invocation, start};
    use ekiden_domain::Outcome;

    const NONE: [Uuid; 0] = [];

    /// Two claims under the note 1, and the ends of what they claimed.
    fn two_claimed(taken: &Taken) -> [Transition; 2] {
        let claims = [(); 2].map(|()| start(&invocation().0, 1));
        taken.follow(&claims.each_ref(), Uuid::from_u128(1));
        claims.map(|claim| claim.after.finish(Outcome::Succeeded, NOW).unwrap())
    }

    fn ended(taken: &Taken, ends: &[Transition]) -> Vec<Uuid> {
        taken.follow(&ends.iter().collect::<Vec<_>>(), Uuid::from_u128(2));
        taken.spent()
    }

    #[test]
    fn a_note_is_spent_once_when_all_that_it_names_have_moved_on() {
        let taken = Taken::default();
        let [first, second] = two_claimed(&taken);
        assert_eq!(taken.spent(), NONE);
        assert_eq!(ended(&taken, &[first]), NONE);
        assert_eq!(
            ended(&taken, std::slice::from_ref(&second)),
            [Uuid::from_u128(1)]
        );
        assert_eq!(ended(&taken, &[second]), NONE);
    }

    #[test]
    fn a_note_that_was_removed_is_forgotten_and_no_other() {
        let taken = Taken::default();
        let ends = two_claimed(&taken);
        taken.forget(&[]);
        taken.forget(&[Uuid::from_u128(3)]);
        assert_eq!(ended(&taken, &ends), [Uuid::from_u128(1)]);
        let ends = two_claimed(&taken);
        taken.forget(&[Uuid::from_u128(1)]);
        assert_eq!(ended(&taken, &ends), NONE);
    }

    #[test]
    fn who_was_declared_dead_forgets_all() {
        let taken = Taken::default();
        let ends = two_claimed(&taken);
        taken.forget_all();
        assert_eq!(ended(&taken, &ends), NONE);
    }
}
