//! One life of a worker: from its announcement to its drain, or to the news of its death.

use crate::{
    Parts,
    attempt::Holder,
    heartbeat::Heart,
    lane::{Limit, Listener},
    pulse::Pulse,
    runs::{Cause, Runs},
    troubles::Troubles,
};
use ekiden_domain::{Lane, WorkerId};
use ekiden_executor::Slots;
use ekiden_store::Worker;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The pause before an announcement is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the registry is looked at for new lanes.
const LANES_INTERVAL: Duration = Duration::from_millis(500);
/// How long the drain waits for the last results once every run is cancelled.
const LAST_RESULTS: Duration = Duration::from_secs(10);

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was told to stop and has nothing left to do.
    Drained,
    /// Another process took it for dead.
    DeclaredDead,
}

/// An announced worker.
#[derive(Debug)]
pub(crate) struct Life {
    holder: Arc<Holder>,
    tasks: TaskTracker,
}

impl Life {
    /// Announces a worker under a fresh id, as soon as the store takes it; `None` if `stop` came
    /// first.
    pub(crate) async fn begin(parts: Parts, stop: &CancellationToken) -> Option<Self> {
        loop {
            let now = parts.clock.now();
            let worker = Worker {
                id: WorkerId::generate(now),
                name: parts.config.name.clone(),
                slots: parts.config.slots,
                started_at: now,
                counter: 0,
                beat_at: now,
            };
            match stop
                .run_until_cancelled(parts.store.register_worker(&worker))
                .await?
            {
                Ok(()) => {
                    tracing::info!(worker = %worker.id, slots = worker.slots, "a worker started");
                    let slots = Slots::new(parts.config.slots);
                    let holder = Holder {
                        pulse: Pulse::new(&parts.config),
                        parts,
                        worker: worker.id,
                        runs: Runs::default(),
                        troubles: Troubles::default(),
                        slots,
                        dead: CancellationToken::new(),
                    };
                    return Some(Self {
                        holder: Arc::new(holder),
                        tasks: TaskTracker::new(),
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "this worker cannot announce itself yet");
                    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await?;
                }
            }
        }
    }

    /// Works until `stop` or death.
    pub(crate) async fn live(self, stop: &CancellationToken) -> Ending {
        let (dead, runs) = (&self.holder.dead, &self.holder.runs);
        let beating = CancellationToken::new();
        let heart = tokio::spawn(Heart::new(Arc::clone(&self.holder)).beat_until(beating.clone()));
        let notices =
            tokio::spawn(Heart::new(Arc::clone(&self.holder)).obey_notices(beating.clone()));
        let loss =
            tokio::spawn(Heart::new(Arc::clone(&self.holder)).mind_its_loss(beating.clone()));
        let listening = stop.child_token();
        let listeners = TaskTracker::new();
        listeners.spawn(listen(
            Arc::clone(&self.holder),
            self.tasks.clone(),
            listening.clone(),
        ));
        listeners.close();
        let ending = tokio::select! {
            biased;
            () = stop.cancelled() => {
                self.drain(&listeners, dead).await;
                Ending::Drained
            }
            () = dead.cancelled() => Ending::DeclaredDead,
        };
        listening.cancel();
        // It may be declared dead while it drains as well.
        if dead.is_cancelled() {
            runs.close(&Cause::Dead);
        }
        listeners.wait().await;
        self.tasks.close();
        self.tasks.wait().await;
        // The heart beats to the last: until here the runs were this worker's own.
        beating.cancel();
        drop((notices.await, loss.await));
        if let Ok(Some(counter)) = heart.await {
            self.retire(counter).await;
        }
        ending
    }

    /// Lets what runs end within the grace, then cancels it.
    async fn drain(&self, listeners: &TaskTracker, dead: &CancellationToken) {
        let grace = self.holder.parts.config.drain_grace;
        tracing::info!(worker = %self.holder.worker, ?grace, "this worker drains");
        self.tasks.close();
        let all_end = async {
            // Who listened may have a last claim to begin.
            listeners.wait().await;
            self.tasks.wait().await;
        };
        tokio::select! {
            biased;
            () = all_end => return,
            () = dead.cancelled() => return,
            () = tokio::time::sleep(grace) => {}
        }
        self.holder.runs.close(&Cause::Drain);
        tokio::select! {
            biased;
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(LAST_RESULTS) => {
                // Whoever waits for the store now is left to the reaper.
                dead.cancel();
            }
        }
    }

    async fn retire(&self, counter: i64) {
        let worker = self.holder.worker;
        match self.holder.parts.store.remove_worker(worker, counter).await {
            Ok(_) => tracing::info!(%worker, "a worker ended"),
            Err(error) => tracing::warn!(%worker, %error, "a worker ended without taking leave"),
        }
    }
}

/// Listens until `stop`, but for the while that the heart is lost: what would be delivered here then
/// could not be claimed, and others wait for it.
async fn listen(holder: Arc<Holder>, runs: TaskTracker, stop: CancellationToken) {
    while stop
        .run_until_cancelled(holder.pulse.felt())
        .await
        .is_some()
    {
        let listening = stop.child_token();
        let loss = async {
            listening.run_until_cancelled(holder.pulse.lost()).await;
            listening.cancel();
        };
        tokio::join!(loss, listen_to_all(&holder, &runs, &listening));
    }
}

/// Keeps one listener for each lane that a registered function uses.
async fn listen_to_all(holder: &Arc<Holder>, runs: &TaskTracker, stop: &CancellationToken) {
    let mut listeners: HashMap<Lane, (Limit, CancellationToken, JoinHandle<()>)> = HashMap::new();
    let mut looks = tokio::time::interval(LANES_INTERVAL);
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        let lanes = match stop.run_until_cancelled(lanes(holder)).await {
            Some(Ok(lanes)) => lanes,
            Some(Err(error)) => {
                tracing::warn!(%error, "the lanes cannot be read");
                continue;
            }
            None => break,
        };
        for (lane, (limit, stop_lane, listener)) in &mut listeners {
            if lanes.get(lane) != Some(limit) && !stop_lane.is_cancelled() {
                stop_lane.cancel();
                drop(listener.await);
            }
        }
        listeners.retain(|_, (_, stop_lane, _)| !stop_lane.is_cancelled());
        for (lane, limit) in lanes {
            listeners.entry(lane.clone()).or_insert_with(|| {
                let stop_lane = stop.child_token();
                let listener = Listener::new(Arc::clone(holder), lane, limit.clone(), runs.clone());
                let listening = tokio::spawn(listener.listen(stop_lane.clone()));
                (limit, stop_lane, listening)
            });
        }
    }
    for (_, (_, _, listener)) in listeners {
        drop(listener.await);
    }
}

async fn lanes(holder: &Holder) -> Result<HashMap<Lane, Limit>, ekiden_store::StoreError> {
    let mut lanes = HashMap::from([(Lane::shared(), None)]);
    for function in holder.parts.catalog.registry().await?.heads() {
        let Ok(name) = function.full_name() else {
            continue;
        };
        let lane = function.effective_lane(&name);
        lanes.insert(lane, function.max_concurrency.map(|limit| (name, limit)));
    }
    Ok(lanes)
}
