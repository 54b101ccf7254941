//! What this process holds: which invocations, and how to cancel each.

use ekiden_domain::{Invocation, RequestId};
use std::{
    collections::HashMap,
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
pub(crate) struct Runs {
    by_id: Arc<Mutex<HashMap<RequestId, Cancel>>>,
}

impl Runs {
    /// Makes room for an invocation before it is claimed; `None` if this process has it already, so
    /// that a message delivered twice is not mistaken for a second claim.
    pub(crate) fn reserve(&self, id: RequestId) -> Option<Run> {
        let mut by_id = self.lock();
        if by_id.contains_key(&id) {
            return None;
        }
        let cancel = Cancel::default();
        by_id.insert(id, cancel.clone());
        Some(Run {
            runs: self.clone(),
            id,
            cancel,
        })
    }

    pub(crate) fn has(&self, id: RequestId) -> bool {
        self.lock().contains_key(&id)
    }

    pub(crate) fn cancel(&self, id: RequestId, cause: Cause) {
        if let Some(cancel) = self.lock().get(&id) {
            cancel.cancel(cause);
        }
    }

    pub(crate) fn cancel_all(&self, cause: &Cause) {
        for cancel in self.lock().values() {
            cancel.cancel(cause.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Cancel>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.runs.lock().remove(&self.id);
    }
}
