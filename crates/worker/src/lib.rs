//! Claims invocations, runs them, and records what became of them.
//!
//! [`Worker::run`] is a process's life as a worker: it announces itself, listens to every lane, and
//! for each dispatch does what `attempt` says on one page: claim, start, run, finish. Beside it
//! beat the heart (`heartbeat`), the reaper, which finds workers that died, and the sweeper, which
//! ends what no worker will. [`Deliverer::run`] hands on what came of it.

mod attempt;
mod config;
mod deliverer;
mod heartbeat;
mod lane;
mod life;
mod parcel;
mod pulse;
mod reaper;
mod runs;
mod sweeper;
mod troubles;

pub use config::{OnDatabaseLoss, WorkerConfig};
pub use deliverer::{Deliverer, WebhookConfig, WebhookSecret};

use ekiden_broker::Broker;
use ekiden_domain::Clock;
use ekiden_executor::Executor;
use ekiden_store::{Catalog, Store};
use life::{Ending, Life};
use reaper::Reaper;
use std::sync::Arc;
use sweeper::Sweeper;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a worker works with.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    pub(crate) catalog: Catalog,
    pub(crate) executor: Executor,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: WorkerConfig,
}

/// A process's part as a worker.
#[derive(Debug)]
pub struct Worker {
    parts: Parts,
}

impl Worker {
    /// A worker on these parts.
    #[must_use]
    pub const fn new(
        store: Store,
        broker: Broker,
        catalog: Catalog,
        executor: Executor,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
    ) -> Self {
        Self {
            parts: Parts {
                store,
                broker,
                catalog,
                executor,
                clock,
                config,
            },
        }
    }

    /// Works until `stop`, then drains: takes nothing more, lets what runs end within the grace,
    /// cancels and records the rest as `WorkerDraining`, and returns.
    ///
    /// A worker that learns that it was declared dead cancels its runs and starts over under a new
    /// id.
    pub async fn run(self, stop: CancellationToken) {
        let keepers = TaskTracker::new();
        keepers.spawn(Reaper::new(self.parts.clone()).run(stop.clone()));
        keepers.spawn(Sweeper::new(self.parts.clone()).run(stop.clone()));
        while let Some(life) = Life::begin(self.parts.clone(), &stop).await {
            match life.live(&stop).await {
                Ending::Drained => break,
                Ending::DeclaredDead => {
                    tracing::warn!("this worker was declared dead; it starts over under a new id");
                }
            }
        }
        keepers.close();
        keepers.wait().await;
    }
}
