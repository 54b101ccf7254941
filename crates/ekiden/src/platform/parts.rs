//! What the roles work with: prepared once the database answers, started, and drained.

use super::Plan;
use crate::{
    admin::{self, Admin},
    http::{Gate, Phase},
    settings::Role,
};
use anyhow::bail;
use ekiden_broker::Broker;
use ekiden_dispatch::{Dispatcher, Reconciler, redispatch};
use ekiden_domain::Clock;
use ekiden_enqueue::Backlog;
use ekiden_executor::Executor;
use ekiden_store::{Catalog, Database, DatabaseClaim, Store, StoreError};
use ekiden_worker::{Deliverer, Worker};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The first pause before a database that is down is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause before a database that is down is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the roles work with.
pub(super) struct Parts {
    pub(super) plan: Plan,
    pub(super) roles: Vec<Role>,
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) catalog: Catalog,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) executor: Executor,
    pub(super) backlog: Option<Backlog>,
}

impl Parts {
    /// Waits for the database, sees to its schema, and registers the configured functions. Returns
    /// the right to run an in-process queue on it, where that is needed.
    pub(super) async fn prepare(&self, gate: &Gate) -> anyhow::Result<Option<DatabaseClaim>> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_prepare().await {
                Ok(claim) => return Ok(claim),
                Err(error) => {
                    let is_down = error
                        .downcast_ref::<StoreError>()
                        .is_some_and(StoreError::is_transient);
                    if !is_down {
                        return Err(error);
                    }
                    tracing::warn!(
                        error = format!("{error:#}"),
                        ?pause,
                        "waits for the database"
                    );
                    gate.set(Phase::Starting(error.to_string()));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn try_prepare(&self) -> anyhow::Result<Option<DatabaseClaim>> {
        let claim = if self.broker.is_in_process() {
            let claim = self.store.claim_database().await?;
            if claim.is_none() {
                bail!(
                    "another process runs an in-process queue on this database, which allows only \
                     one: stop it, or set broker.url (or AMQP_URL) for both"
                );
            }
            claim
        } else {
            None
        };
        if self.plan.migrate || self.store.is_sqlite() {
            self.store.migrate().await?;
        }
        self.store.schema().await?.check()?;
        let has_stored_keys = !self.store.access_keys().await?.is_empty();
        let settings = &self.plan.settings;
        settings.check_exposure(self.plan.insecure, has_stored_keys)?;
        if settings.keys.is_empty() && !has_stored_keys {
            tracing::warn!("there is no access key: anyone who reaches this address is served");
        }
        for function in &self.plan.settings.functions {
            if self.store.put_function(function, self.clock.now()).await? {
                tracing::info!(
                    service = function.service,
                    name = function.name,
                    "registered"
                );
            }
        }
        Ok(claim)
    }

    /// Starts what this process's roles do beside serving HTTP.
    pub(super) async fn start(&self, stop: &CancellationToken) -> anyhow::Result<Work> {
        let carrying = CancellationToken::new();
        let mut carriers = Vec::new();
        let mut workers = Vec::new();
        let works = self.roles.contains(&Role::Worker);
        if works || self.roles.contains(&Role::Enqueue) {
            let dispatcher = Dispatcher::new(
                self.store.clone(),
                self.broker.clone(),
                Arc::clone(&self.clock),
                self.plan.settings.dispatch(),
            );
            carriers.push(tokio::spawn(dispatcher.run(carrying.clone())));
        }
        if let Some(backlog) = self.backlog.clone()
            && self.roles.contains(&Role::Enqueue)
        {
            let store = self.store.clone();
            carriers.push(tokio::spawn(backlog.watch(store, carrying.clone())));
        }
        if works {
            let reconciler = Reconciler::new(
                self.store.clone(),
                self.broker.clone(),
                self.catalog.clone(),
                Arc::clone(&self.clock),
                self.plan.settings.reconcile(),
            );
            if self.broker.is_in_process() {
                // The queue was lost with the process that had it.
                redispatch(&self.store, &*self.clock).await?;
            }
            carriers.push(tokio::spawn(reconciler.run(carrying.clone())));
            let deliverer = Deliverer::new(
                self.store.clone(),
                self.broker.clone(),
                self.catalog.clone(),
                Arc::clone(&self.clock),
                self.plan.settings.webhooks(),
            );
            carriers.push(tokio::spawn(deliverer.run(carrying.clone())));
            let worker = Worker::new(
                self.store.clone(),
                self.broker.clone(),
                self.catalog.clone(),
                self.executor.clone(),
                Arc::clone(&self.clock),
                self.plan.settings.worker(worker_name()),
            );
            workers.push(tokio::spawn(worker.run(stop.clone())));
        }
        if let Database::Sqlite { path } = &self.plan.settings.database.database {
            let admin = Admin::new(self.store.clone(), Some(self.broker.clone()));
            let socket = admin::socket_of(path);
            carriers.push(admin::listen(&socket, admin, carrying.clone())?);
        }
        Ok(Work {
            workers,
            carriers,
            carrying,
        })
    }
}

/// What runs beside HTTP.
pub(super) struct Work {
    workers: Vec<JoinHandle<()>>,
    carriers: Vec<JoinHandle<()>>,
    /// Ends the carriers.
    carrying: CancellationToken,
}

impl Work {
    /// Waits until the workers have drained, then lets the carriers carry the last.
    pub(super) async fn drain(self) {
        futures::future::join_all(self.workers).await;
        self.carrying.cancel();
        futures::future::join_all(self.carriers).await;
    }
}

/// How a worker names itself to people.
fn worker_name() -> String {
    let host = nix::unistd::gethostname().map_or_else(
        |_| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    format!("{host}:{}", std::process::id())
}
