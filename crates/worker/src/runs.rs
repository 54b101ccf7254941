//! What this process holds: which invocations, and how to cancel each.

use ekiden_domain::{Invocation, RequestId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Why a run is cancelled.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// A stop was asked for: the invocation as it was then found, Stopping.
    Stop(Box<Invocation>),
    /// The worker shuts down and the grace is over.
    Drain,
    /// The worker was declared dead, or may have been: the result will not be wanted.
    Dead,
}

/// One run's cancellation. The first cause stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel {
    cause: Arc<OnceLock<Cause>>,
    pub(crate) token: CancellationToken,
}

impl Cancel {
    pub(crate) fn cancel(&self, cause: Cause) {
        if self.cause.set(cause).is_ok() {
            self.token.cancel();
        }
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.get().cloned()
    }
}

/// Every invocation that this process is claiming or running.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Reserved>>);

#[derive(Debug, Default)]
struct Reserved {
    by_id: BTreeMap<RequestId, Cancel>,
    is_closed: bool,
}

impl Runs {
    /// Makes room for an invocation before it is claimed; `None` if this process has it already, so
    /// that a message delivered twice is not mistaken for a second claim, or takes no more.
    pub(crate) fn reserve(&self, id: RequestId) -> Option<Run> {
        let mut reserved = self.lock();
        if reserved.is_closed || reserved.by_id.contains_key(&id) {
            return None;
        }
        let cancel = Cancel::default();
        reserved.by_id.insert(id, cancel.clone());
        Some(Run {
            runs: self.clone(),
            id,
            cancel,
        })
    }

    pub(crate) fn has(&self, id: RequestId) -> bool {
        self.lock().by_id.contains_key(&id)
    }

    pub(crate) fn cancel(&self, id: RequestId, cause: Cause) {
        if let Some(cancel) = self.lock().by_id.get(&id) {
            cancel.cancel(cause);
        }
    }

    pub(crate) fn cancel_all(&self, cause: &Cause) {
        for cancel in self.lock().by_id.values() {
            cancel.cancel(cause.clone());
        }
    }

    /// Cancels every run, and takes no more: whoever is about to claim finds no room.
    pub(crate) fn close(&self, cause: &Cause) {
        self.lock().is_closed = true;
        self.cancel_all(cause);
    }

    fn lock(&self) -> MutexGuard<'_, Reserved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One invocation's place among the runs; given up when dropped.
#[derive(Debug)]
pub(crate) struct Run {
    runs: Runs,
    id: RequestId,
    pub(crate) cancel: Cancel,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.runs.lock().by_id.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekiden_domain::Timestamp;

    #[test]
    fn what_is_reserved_is_cancelled_by_the_close_and_nothing_is_reserved_after_it() {
        let runs = Runs::default();
        let [first, second] = [1, 2].map(|at| RequestId::generate(Timestamp::from_millis(at)));
        let run = runs.reserve(first).unwrap();
        assert!(runs.reserve(first).is_none());
        runs.close(&Cause::Drain);
        assert!(run.cancel.token.is_cancelled());
        assert!(runs.reserve(second).is_none());
        drop(run);
        assert!(!runs.has(first));
    }
}
