//! The sweeper: ends what no worker will, and forgets what ended long ago.

use crate::Parts;
use ekiden_domain::{Invocation, Refused, Transition, WorkerId};
use ekiden_store::{Commit, StoreError, Watermark};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// The most invocations swept in one go.
const BATCH: u32 = 500;
/// How many invocations to forget are looked for at once.
const PURGE_LOOK: u32 = 10_000;
/// The most invocations forgotten in one transaction.
const PURGE_BATCH: usize = 1000;
/// The same on SQLite, which writes nothing else meanwhile.
const PURGE_BATCH_ALONE: usize = 100;
/// How often old invocations are forgotten.
const PURGE_INTERVAL: Duration = Duration::from_secs(10);
/// Each how many purges one looks at all that ended, and not only at what grew old since the last:
/// that finds what was kept until its result was handed on, and what was not forgotten for an error.
const WHOLE_PURGE: u32 = 6;

/// To forget is one process's at a time; for so many purges it is left to it.
const DUTY: &str = "retention";
const DUTY_PURGES: u32 = 3;

/// Sweeps the whole database. Runs in each worker process; one more does no harm.
#[derive(Debug)]
pub(crate) struct Sweeper {
    parts: Parts,
}

impl Sweeper {
    pub(crate) const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// Sweeps until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::join!(self.sweep_until(&stop), self.purge_until(&stop));
    }

    async fn sweep_until(&self, stop: &CancellationToken) {
        let mut sweeps = tokio::time::interval(self.parts.config.keep_interval);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(sweeps.tick()).await.is_some() {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the sweeper cannot sweep");
            }
        }
    }

    async fn purge_until(&self, stop: &CancellationToken) {
        let holder = WorkerId::generate(self.parts.clock.now());
        let first = Instant::now() + PURGE_INTERVAL;
        let mut purges = tokio::time::interval_at(first, PURGE_INTERVAL);
        purges.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut purged = Watermark::new(WHOLE_PURGE);
        while stop.run_until_cancelled(purges.tick()).await.is_some() {
            let purge = async {
                let span = PURGE_INTERVAL * DUTY_PURGES;
                if self.parts.store.take_duty(DUTY, holder, span).await? {
                    self.purge(&mut purged, stop).await?;
                }
                Ok::<_, StoreError>(())
            };
            if let Err(error) = purge.await {
                tracing::warn!(%error, "old invocations cannot be forgotten");
            }
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let aged = self.parts.store.aged(now, BATCH).await?;
        self.end(aged, |invocation| invocation.expire(now)).await?;
        let unregistered = self.parts.store.unregistered(BATCH).await?;
        self.end(unregistered, |invocation| {
            let message = format!("the function '{}' does not exist", invocation.function);
            invocation.invalidate(&message, now)
        })
        .await
    }

    async fn end(
        &self,
        invocations: Vec<Invocation>,
        step: impl Fn(&Invocation) -> Result<Transition, Refused>,
    ) -> Result<(), StoreError> {
        let steps = invocations
            .into_iter()
            .filter_map(|invocation| step(&invocation).ok());
        let commits = steps.map(|transition| async move {
            let (id, status) = (transition.after.request_id, transition.after.status());
            // A conflict means that somebody else moved it first.
            if self.parts.store.commit(transition).await? == Commit::Written {
                metrics::counter!("ekiden_swept_total", "status" => status.as_str()).increment(1);
                tracing::info!(request_id = %id, %status, "an invocation was swept");
            }
            Ok(())
        });
        futures::future::join_all(commits)
            .await
            .into_iter()
            .collect()
    }

    /// Forgets old invocations, a small transaction at a time, the oldest end first.
    async fn purge(
        &self,
        purged: &mut Watermark,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let store = &self.parts.store;
        let ended_before = self.parts.clock.now().before(self.parts.config.retention);
        let batch = if store.is_sqlite() {
            PURGE_BATCH_ALONE
        } else {
            PURGE_BATCH
        };
        let mut from = purged.begin();
        loop {
            let (outlived, walked_to) = store.outlived(from..ended_before, PURGE_LOOK).await?;
            for ids in outlived.chunks(batch) {
                if stop.is_cancelled() {
                    return Ok(());
                }
                store.forget(ids).await?;
                tokio::task::yield_now().await;
            }
            from = walked_to.unwrap_or(from);
            purged.reach(from);
            if outlived.len() < PURGE_LOOK as usize {
                return Ok(());
            }
        }
    }
}
