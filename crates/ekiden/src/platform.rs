//! A process's part of the platform: opens the store and the broker, serves HTTP, and runs the
//! roles until it is told to stop.

mod parts;

use crate::{
    clock::SystemClock,
    http::{Auth, Front, Gate, Health, Phase, Server, Tls, openapi, serve},
    settings::{KeySettings, Role, Settings},
};
use anyhow::Context;
use axum::Router;
use ekiden_broker::Broker;
use ekiden_domain::Clock;
use ekiden_enqueue::{Backlog, Enqueue};
use ekiden_executor::{Executor, Handlers};
use ekiden_list::{List, dashboard};
use ekiden_store::{Catalog, DatabaseClaim, Store};
use metrics_exporter_prometheus::PrometheusHandle;
use parts::Parts;
use std::{ffi::OsString, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long requests under way may go on once the process was told to stop.
const HTTP_GRACE: Duration = Duration::from_secs(10);
/// How often it is checked that the database is still this process's alone, where it must be.
const CLAIM_INTERVAL: Duration = Duration::from_secs(2);

/// What a process is to do.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    /// None means all.
    pub(crate) roles: Vec<Role>,
    /// Whether an older PostgreSQL schema may be migrated.
    pub(crate) migrate: bool,
    /// Whether others may be served without authentication.
    pub(crate) insecure: bool,
    /// The functions that are part of this program.
    pub(crate) handlers: Handlers,
    pub(crate) metrics: PrometheusHandle,
}

/// A process that holds what it needs and is about to work.
pub(crate) struct Platform {
    plan: Plan,
    store: Store,
    broker: Broker,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    executor: Executor,
    gate: Gate,
    listener: TcpListener,
    backlog: Option<Backlog>,
    tls: Option<Tls>,
}

impl Platform {
    /// Opens the store and the listener. A database or broker that is down is no error: [`run`]
    /// waits for it.
    ///
    /// [`run`]: Self::run
    pub(crate) async fn open(plan: Plan) -> anyhow::Result<Self> {
        let settings = &plan.settings;
        settings.check(&plan.roles)?;
        let tls = settings.tls().map(Tls::load).transpose()?;
        let store = Store::open(settings.store()).await?;
        let broker = match settings.broker() {
            Some(config) => Broker::amqp(config)?,
            None => Broker::in_process(),
        };
        let listen = settings.server.listen;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen} (server.listen)"))?;
        Ok(Self {
            catalog: Catalog::new(store.clone()),
            clock: Arc::new(SystemClock),
            executor: Executor::new(plan.handlers.clone(), settings.executor(guard()?)),
            gate: Gate::closed("starting"),
            backlog: settings.enqueue.max_backlog.map(Backlog::up_to),
            plan,
            store,
            broker,
            listener,
            tls,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The store it works on.
    pub(crate) fn store(&self) -> Store {
        self.store.clone()
    }

    /// The broker it works on.
    pub(crate) fn broker(&self) -> Broker {
        self.broker.clone()
    }

    /// Tells whether it is ready.
    pub(crate) fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Works until `stop`, then drains.
    ///
    /// # Errors
    /// If the schema does not fit, the database is another's, or the right to it is lost.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let routes = self.routes();
        let roles = self.roles();
        let Self {
            plan,
            store,
            broker,
            catalog,
            clock,
            executor,
            gate,
            listener,
            backlog,
            tls,
        } = self;
        tracing::info!(
            address = %listener.local_addr()?, tls = tls.is_some(), ?roles, store = ?plan.settings.database.database,
            broker = if broker.is_in_process() { "in-process" } else { "AMQP" }, "Ekiden starts"
        );
        let closing = CancellationToken::new();
        let server = Server {
            listener,
            routes,
            tls,
            connections_per_address: plan.settings.server.connections_per_address,
            idle_timeout: plan.settings.server.idle_timeout,
            grace: HTTP_GRACE,
        };
        let mut http = tokio::spawn(serve(server, closing.clone()));
        let parts = Parts {
            plan,
            roles,
            store,
            broker,
            catalog,
            clock,
            executor,
            backlog,
        };
        let working = async {
            let Some(claim) = stop.run_until_cancelled(parts.prepare(&gate)).await else {
                return Ok(());
            };
            let claim = claim?;
            let work = parts.start(&stop).await?;
            gate.set(Phase::Ready);
            tracing::info!("ready");
            let lost = tokio::select! {
                () = stop.cancelled() => None,
                lost = hold(claim) => Some(lost),
            };
            gate.set(Phase::Stopping);
            closing.cancel();
            if let Some(lost) = lost {
                return Err(lost);
            }
            // What is accepted to the last is dispatched, and so is what the drain puts back.
            drop((&mut http).await);
            work.drain().await;
            Ok(())
        };
        let worked = working.await;
        closing.cancel();
        parts.broker.close().await;
        worked
    }

    fn roles(&self) -> Vec<Role> {
        if self.plan.roles.is_empty() {
            Role::ALL.to_vec()
        } else {
            self.plan.roles.clone()
        }
    }

    fn routes(&self) -> Router {
        let roles = self.roles();
        let (store, catalog) = (self.store.clone(), self.catalog.clone());
        let (mut api, mut open) = (Router::new(), Router::new());
        if roles.contains(&Role::Enqueue) {
            let clock = Arc::clone(&self.clock);
            let (store, catalog) = (store.clone(), catalog.clone());
            let (executor, callers) = (self.executor.clone(), self.plan.settings.callers());
            let enqueue = Enqueue::new(store, catalog, clock, executor, callers);
            api = api.merge(enqueue.bounded_by(self.backlog.clone()).router());
        } else {
            open = open.merge(Enqueue::api().elsewhere("enqueue"));
        }
        if roles.contains(&Role::List) {
            let clock = Arc::clone(&self.clock);
            api = api.merge(List::new(store.clone(), catalog, clock).router());
            open = open.merge(dashboard());
        } else {
            open = open.merge(List::api().elsewhere("list"));
        }
        // A process that only lists needs no broker.
        let broker = Some(self.broker.clone()).filter(|_| roles != [Role::List]);
        let health = Health {
            gate: self.gate.clone(),
            store,
            broker,
            metrics: self.plan.metrics.clone(),
        };
        let front = Front {
            clock: Arc::clone(&self.clock),
            gate: self.gate.clone(),
            auth: self.auth(),
            timeout: self.plan.settings.server.request_timeout,
        };
        let mut open = open.merge(health.router());
        if roles != [Role::Worker] {
            open = open.merge(openapi::router());
        }
        front.before(api, open)
    }

    fn auth(&self) -> Auth {
        let settings = &self.plan.settings;
        let keys = settings.keys.iter().cloned();
        let keys = keys.map(|KeySettings { key, secret }| (key, secret));
        let is_open_without = settings.is_open_without_keys(self.plan.insecure);
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        Auth::new(keys, is_open_without, store, clock)
    }
}

/// Returns, with why, if the right to be alone on the database is lost.
async fn hold(claim: Option<DatabaseClaim>) -> anyhow::Error {
    let Some(mut claim) = claim else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(CLAIM_INTERVAL).await;
        if !claim.is_held().await {
            return anyhow::anyhow!(
                "the right to run an in-process queue on this database was lost with the connection"
            );
        }
    }
}

/// What ends commands with their worker: this program once more.
fn guard() -> anyhow::Result<Vec<OsString>> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(vec![program.into(), "guard".into()])
}
