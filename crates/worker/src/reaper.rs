//! The reaper: finds workers whose heart stands still, and rescues what they held.

use crate::Parts;
use ekiden_domain::{Fault, Invocation, State, WorkerId, transition};
use ekiden_store::{Commit, StoreError};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// The most invocations rescued in one go.
const BATCH: u32 = 500;

/// How far this machine's clock may be from the database's before it is no measure for the time of others:
/// less than the grace that they have.
const TOLERANCE: Duration = Duration::from_secs(5);

/// Looks after every worker on the database. Runs in each worker process; one more does no harm.
#[derive(Debug)]
pub(crate) struct Reaper {
    parts: Parts,
    hearts: HashMap<WorkerId, Heart>,
    last_look: Option<Instant>,
    /// Whether the clock was found wrong at the last look.
    is_clock_wrong: bool,
}

/// Where a worker's counter stood, and since when on this process's monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Heart {
    counter: i64,
    since: Instant,
}

impl Reaper {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            hearts: HashMap::new(),
            last_look: None,
            is_clock_wrong: false,
        }
    }

    /// Looks until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(self.parts.config.keep_interval);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            if let Err(error) = self.look().await {
                // While the store does not answer, nobody can beat: nothing is learnt from silence.
                self.last_look = None;
                tracing::warn!(%error, "the reaper cannot look");
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        for (worker, counter) in self.silent().await? {
            if self.parts.store.remove_worker(worker, counter).await? {
                metrics::counter!("ekiden_workers_lost_total").increment(1);
                tracing::warn!(%worker, "a worker is dead: its heart stood still");
            }
        }
        let orphans = self.parts.store.orphans(BATCH).await?;
        self.lose(orphans, |_| Fault::worker_lost()).await?;
        if self.is_clock_wrong().await? {
            return Ok(());
        }
        let now = self.parts.clock.now();
        let claimed_before = now.before(transition::TRIGGER_LIMIT);
        let overdue = self.parts.store.overdue(now, claimed_before, BATCH).await?;
        self.lose(overdue, timed_out).await
    }

    /// Whether this machine's clock differs from the database's: then it may be the only one to find that
    /// everybody's time is over.
    async fn is_clock_wrong(&mut self) -> Result<bool, StoreError> {
        let before = self.parts.clock.now();
        let theirs = self.parts.store.clock(before).await?;
        let after = self.parts.clock.now();
        let is_right = (before.before(TOLERANCE)..=after.after(TOLERANCE)).contains(&theirs);
        if !is_right && !self.is_clock_wrong {
            tracing::warn!(
                ?before,
                ?theirs,
                "the clock is not the database's: whose time is over is left to other workers"
            );
        }
        self.is_clock_wrong = !is_right;
        Ok(self.is_clock_wrong)
    }

    /// The workers whose counter stood still for the timeout, all the while that the store answered
    /// this process.
    async fn silent(&mut self) -> Result<Vec<(WorkerId, i64)>, StoreError> {
        let workers = self.parts.store.workers().await?;
        let now = Instant::now();
        let timeout = self.parts.config.worker_timeout;
        // After a gap in its own looking, this process cannot say who was silent meanwhile.
        let has_watched = self.last_look.is_some_and(|last| now - last < timeout / 2);
        self.last_look = Some(now);
        let mut hearts = HashMap::with_capacity(workers.len());
        let mut silent = Vec::new();
        for worker in workers {
            let fresh = Heart {
                counter: worker.counter,
                since: now,
            };
            let heart = match self.hearts.get(&worker.id) {
                Some(heart) if has_watched && heart.counter == worker.counter => *heart,
                _ => fresh,
            };
            if now - heart.since >= timeout {
                silent.push((worker.id, worker.counter));
            }
            hearts.insert(worker.id, heart);
        }
        self.hearts = hearts;
        Ok(silent)
    }

    async fn lose(
        &self,
        invocations: Vec<Invocation>,
        fault: impl Fn(&Invocation) -> Fault,
    ) -> Result<(), StoreError> {
        let steps = invocations.into_iter().filter_map(|invocation| {
            let transition = invocation.lose(fault(&invocation), self.parts.clock.now()).ok()?;
            Some(async move {
                let (id, status) = (transition.after.request_id, transition.after.status());
                if self.parts.store.commit(transition).await? == Commit::Written {
                    metrics::counter!("ekiden_rescued_total").increment(1);
                    tracing::warn!(request_id = %id, %status, "an abandoned invocation was rescued");
                }
                Ok(())
            })
        });
        futures::future::join_all(steps).await.into_iter().collect()
    }
}

/// The fault of a run whose worker did not end it in time.
fn timed_out(invocation: &Invocation) -> Fault {
    match &invocation.state {
        State::Running {
            started_at,
            deadline,
            ..
        } => Fault::timed_out(
            deadline
                .since(*started_at)
                .saturating_sub(transition::RUN_GRACE),
        ),
        State::Enqueued { .. }
        | State::Retrying { .. }
        | State::Dequeued { .. }
        | State::Stopping { .. }
        | State::Ended { .. } => Fault::worker_lost(),
    }
}
