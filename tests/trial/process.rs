//! A process: what a crash ends.

use crate::{flaw::Flaw, trouble::Troubles, world::World};
use ekiden_broker::Broker;
use ekiden_dispatch::{DispatchConfig, Dispatcher, ReconcileConfig, Reconciler};
use ekiden_executor::{Executor, ExecutorConfig};
use ekiden_store::{Catalog, Store};
use ekiden_worker::{Worker, WorkerConfig};
use rand::RngExt;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// A worker, a dispatcher, and a reconciler where messages can be lost.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) store: Store,
    broker: Broker,
    trouble: Arc<Troubles>,
    stop: CancellationToken,
}

impl Process {
    pub(crate) fn start(world: &World, name: String) -> Self {
        let mut dice = world.dice.roll(&name);
        let flaw = world.flaw.map(|flaw| (flaw, world.store.clone()));
        let clock = &world.clock;
        let trouble = Arc::new(Troubles::new(
            name,
            Arc::clone(&world.dice),
            Arc::clone(clock),
            Arc::clone(&world.turn),
            flaw,
        ));
        let store = world.turn.store(trouble.clone());
        let broker = world.broker.in_trial(trouble.clone());
        let catalog = Catalog::new(store.clone());
        let config = DispatchConfig {
            poll_interval: Duration::from_secs(3),
            hold: Duration::from_secs(6),
            ..DispatchConfig::default()
        };
        let dispatcher = Dispatcher::new(store.clone(), broker.clone(), clock.clone(), config);
        let config = WorkerConfig {
            slots: 2,
            heartbeat_interval: Duration::from_millis(dice.random_range(2_500..4_500)),
            keep_interval: Duration::from_millis(dice.random_range(3_500..4_900)),
            drain_grace: Duration::from_millis(1_500),
            ..WorkerConfig::default()
        };
        let handlers = world.calls.handlers(&world.dice, clock);
        let executor = Executor::new(handlers, ExecutorConfig::default());
        let worker = Worker::new(
            store.clone(),
            broker.clone(),
            catalog.clone(),
            executor,
            clock.clone(),
            config,
        );
        let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(dispatcher.run(leave.clone()));
        if !world.is_lossless && world.flaw != Some(Flaw::NoReconcile) {
            let config = ReconcileConfig {
                period: Duration::from_secs(8),
                ..ReconcileConfig::default()
            };
            let reconciler = Reconciler::new(
                store.clone(),
                broker.clone(),
                catalog,
                clock.clone(),
                config,
            );
            tokio::spawn(reconciler.run(leave.clone()));
        }
        let working = worker.run(stop.clone());
        // What the drain puts back is dispatched.
        tokio::spawn(async move {
            working.await;
            leave.cancel();
        });
        Self {
            store,
            broker,
            trouble,
            stop,
        }
    }

    /// Tells it to end.
    pub(crate) fn drain(&self) {
        self.stop.cancel();
    }

    /// Ends it for everybody else: nothing that it still does reaches anybody, and what it had not
    /// acknowledged goes back to its queue. Only the functions that it called know nothing of it.
    pub(crate) async fn crash(&self) {
        self.trouble.crash();
        self.broker.close().await;
        self.stop.cancel();
    }
}
