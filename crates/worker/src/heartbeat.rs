//! The heart: says that this worker lives, and hears what is asked of what it holds.

use crate::{OnDatabaseLoss, attempt::Holder, runs::Cause};
use ekiden_broker::StopNotices;
use ekiden_domain::{Fault, Outcome, RequestId, Status};
use ekiden_store::{Commit, Held, StoreError};
use futures::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How many of the rows that it holds a worker sees to at once.
const AT_ONCE: usize = 64;
/// The pause before stop notices are listened for again.
const NOTICES_PAUSE: Duration = Duration::from_secs(1);

/// A worker's heart.
#[derive(Debug)]
pub(crate) struct Heart {
    holder: Arc<Holder>,
}

impl Heart {
    pub(crate) const fn new(holder: Arc<Holder>) -> Self {
        Self { holder }
    }

    /// Beats until `stop`, and returns where the counter stands then; `None` if the worker was
    /// declared dead, which ends all that it holds.
    pub(crate) async fn beat_until(self, stop: CancellationToken) -> Option<i64> {
        let config = &self.holder.parts.config;
        let mut beats = tokio::time::interval(config.heartbeat_interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut counter = 0;
        while stop.run_until_cancelled(beats.tick()).await.is_some() {
            let (began_at, now) = (Instant::now(), self.holder.parts.clock.now());
            let beat = self.holder.parts.store.beat(self.holder.worker, now);
            match tokio::time::timeout(config.worker_timeout, beat).await {
                Ok(Ok(Some(held))) => {
                    counter += 1;
                    self.holder.pulse.beat(began_at);
                    metrics::gauge!("ekiden_worker_held").set(held.len() as f64);
                    self.attend(held).await;
                }
                Ok(Ok(None)) => {
                    self.holder.dead.cancel();
                    return None;
                }
                Ok(Err(error)) => tracing::warn!(%error, "a heartbeat did not reach the store"),
                Err(_) => tracing::warn!("a heartbeat timed out"),
            }
        }
        Some(counter)
    }

    /// Says that the store is out of reach, and cancels all runs where that is asked for, each time
    /// that the heart is lost, until `stop`.
    pub(crate) async fn mind_its_loss(self, stop: CancellationToken) {
        let Holder {
            parts, runs, pulse, ..
        } = &*self.holder;
        while stop.run_until_cancelled(pulse.lost()).await.is_some() {
            let cancels = parts.config.on_database_loss == OnDatabaseLoss::Cancel;
            tracing::warn!(
                cancels,
                "the store is out of reach: nothing is taken until it is back"
            );
            if cancels {
                runs.cancel_all(&Cause::Dead);
            }
            stop.run_until_cancelled(pulse.felt()).await;
        }
    }

    /// Does what the rows held under this worker's name ask for.
    async fn attend(&self, held: Vec<Held>) {
        // Many at once: the next beat waits for it.
        let attend = async |held: Held| {
            if !self.holder.runs.has(held.request_id) {
                self.give_up(held).await;
            } else if held.status == Status::Stopping {
                self.obey_stop(held.request_id).await;
            }
        };
        stream::iter(held)
            .for_each_concurrent(AT_ONCE, attend)
            .await;
    }

    /// Obeys stop notices until `stop`. One that is lost costs a heartbeat.
    pub(crate) async fn obey_notices(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let broker = &self.holder.parts.broker;
            match stop.run_until_cancelled(broker.stop_notices()).await {
                Some(Ok(notices)) => self.hear(notices, &stop).await,
                Some(Err(error)) => {
                    tracing::warn!(%error, "no stop notices are heard: stops take a heartbeat");
                }
                None => return,
            }
            stop.run_until_cancelled(tokio::time::sleep(NOTICES_PAUSE))
                .await;
        }
    }

    async fn hear(&self, mut notices: StopNotices, stop: &CancellationToken) {
        while let Some(Some(id)) = stop.run_until_cancelled(notices.next()).await {
            if self.holder.runs.has(id) {
                self.obey_stop(id).await;
            }
        }
    }

    /// Cancels a run, if its row says that it is to be stopped.
    async fn obey_stop(&self, id: RequestId) {
        match self.holder.parts.store.load(&[id]).await {
            Ok(records) => {
                let invocation = records
                    .into_iter()
                    .map(|record| record.invocation)
                    .find(|now| {
                        now.status() == Status::Stopping && now.worker == Some(self.holder.worker)
                    });
                if let Some(stopping) = invocation {
                    self.holder.runs.cancel(id, Cause::Stop(Box::new(stopping)));
                }
            }
            Err(error) => tracing::warn!(request_id = %id, %error, "a stop waits for the store"),
        }
    }

    /// Gives up a claim that this process knows nothing of: the answer to its commit was lost, and
    /// so was the dispatch.
    async fn give_up(&self, held: Held) {
        let id = held.request_id;
        match self.lose(held).await {
            Ok(true) => tracing::warn!(request_id = %id, "a claim without a run was given up"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(request_id = %id, %error, "a claim without a run waits for the store");
            }
        }
    }

    async fn lose(&self, held: Held) -> Result<bool, StoreError> {
        let store = &self.holder.parts.store;
        let record = store.load(&[held.request_id]).await?.into_iter().next();
        let Some(invocation) = record.map(|record| record.invocation) else {
            return Ok(false);
        };
        // It may have ended, or begun to run here, since the heartbeat read it; or what is dead, or
        // has no time left to drain, has left its result to the reaper.
        let is_same = invocation.lease == held.lease
            && invocation.status() == held.status
            && !self.holder.runs.has(held.request_id)
            && !self.holder.dead.is_cancelled();
        if !is_same {
            return Ok(false);
        }
        let now = self.holder.parts.clock.now();
        let step = if invocation.status() == Status::Running {
            // A run is known here until its end is durable: this one never called the function.
            invocation.finish(Outcome::Failed(claim_lost()), now)
        } else {
            invocation.lose(Fault::worker_lost(), now)
        };
        match step {
            Ok(transition) => Ok(store.commit(transition).await? == Commit::Written),
            Err(_) => Ok(false),
        }
    }
}

fn claim_lost() -> Fault {
    let message = "the answer to the claim was lost before the function was called";
    Fault::system("ClaimLost", message)
}
