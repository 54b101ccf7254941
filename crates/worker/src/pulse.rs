//! Whether the heart of this worker reaches the store, for those who must act before others take this
//! worker for dead: while it does not, nothing that is delivered here can be claimed.

use crate::WorkerConfig;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// When the heart last reached the store.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    last: watch::Sender<Instant>,
    /// For how long it may be silent: one interval less than others wait.
    silence: Duration,
}

impl Pulse {
    /// The pulse of a worker that was announced just now.
    pub(crate) fn new(config: &WorkerConfig) -> Self {
        Self {
            last: watch::Sender::new(Instant::now()),
            silence: config
                .worker_timeout
                .saturating_sub(config.heartbeat_interval),
        }
    }

    /// Says that a beat that began then has reached the store: others count from when it got there, which
    /// may have been long before its answer.
    pub(crate) fn beat(&self, began_at: Instant) {
        self.last.send_replace(began_at);
    }

    /// Returns once the heart has not reached the store for too long.
    pub(crate) async fn lost(&self) {
        loop {
            let lost_at = *self.last.borrow() + self.silence;
            if lost_at <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(lost_at).await;
        }
    }

    /// Returns once the heart reaches the store.
    pub(crate) async fn felt(&self) {
        let is_felt = |last: &Instant| last.elapsed() < self.silence;
        // Its sender is here: there is no other end to the wait.
        drop(self.last.subscribe().wait_for(is_felt).await);
    }
}
