//! What is measured: the parts of a platform, each started when it is its turn.

use super::calls::{Called, Calls};
use crate::{
    cli::beside,
    clock::SystemClock,
    http::{Auth, Front, Gate, Phase, Server, serve},
    settings::Settings,
};
use axum::Router;
use bytes::Bytes;
use ekiden_broker::Broker;
use ekiden_dispatch::Dispatcher;
use ekiden_domain::Clock;
use ekiden_enqueue::Enqueue;
use ekiden_executor::{Executor, ExecutorConfig, Handlers};
use ekiden_list::List;
use ekiden_reach::Allowed;
use ekiden_store::{Catalog, Store};
use ekiden_worker::{Deliverer, WebhookConfig, Worker};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The function that is invoked: its service and its name.
pub(super) const FUNCTION: (&str, &str) = ("bench", "noop");
/// The place in the database: a schema, or a file's name.
pub(super) const PLACE: &str = "ekiden_bench";

/// The settings, with the database and the queues that are this benchmark's own.
pub(super) fn in_place(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    settings.database.schema = Some(PLACE.to_owned());
    settings.broker.prefix = beside(&settings.broker.prefix, "-bench");
    settings
}

/// A process's parts: the store, the broker, and who carries messages from one to the other.
pub(super) struct Platform {
    pub(super) settings: Settings,
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) catalog: Catalog,
    executor: Executor,
    stop: CancellationToken,
    dispatcher: JoinHandle<()>,
}

/// A part at work.
pub(super) struct Working {
    stop: CancellationToken,
    parts: Vec<JoinHandle<()>>,
}

impl Working {
    pub(super) async fn stop(self) {
        self.stop.cancel();
        for part in self.parts {
            // A part that panicked has told so.
            drop(part.await);
        }
    }
}

impl Platform {
    /// On `store` and `broker`, which are the place's.
    pub(super) fn new(settings: Settings, store: Store, broker: Broker, calls: Calls) -> Self {
        let handlers = Handlers::new().with("noop", move |_, _| {
            calls.add(Called {
                count: 1,
                first_at: Some(SystemClock.now()),
            });
            std::future::ready(Ok(Bytes::new()))
        });
        let stop = CancellationToken::new();
        let dispatcher = Dispatcher::new(
            store.clone(),
            broker.clone(),
            Arc::new(SystemClock),
            settings.dispatch(),
        );
        Self {
            catalog: Catalog::new(store.clone()),
            executor: Executor::new(handlers, ExecutorConfig::default()),
            dispatcher: tokio::spawn(dispatcher.run(stop.clone())),
            settings,
            store,
            broker,
            stop,
        }
    }

    /// Starts the API, enqueue and list, on a free port.
    pub(super) async fn api(&self) -> anyhow::Result<(SocketAddr, Working)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, catalog) = (self.store.clone(), self.catalog.clone());
        let list = List::new(store.clone(), catalog.clone(), Arc::clone(&clock));
        let enqueue = Enqueue::new(
            store,
            catalog,
            Arc::clone(&clock),
            self.executor.clone(),
            self.settings.callers(),
        );
        let gate = Gate::closed("");
        gate.set(Phase::Ready);
        let front = Front {
            auth: Auth::new([], true, self.store.clone(), Arc::clone(&clock)),
            clock,
            gate,
            timeout: self.settings.server.request_timeout,
        };
        let api = enqueue.router().merge(list.router());
        let server = Server {
            listener,
            routes: front.before(api, Router::new()),
            tls: None,
            connections_per_address: 0,
            idle_timeout: self.settings.server.idle_timeout,
            grace: Duration::ZERO,
        };
        let stop = self.stop.child_token();
        let parts = vec![tokio::spawn(serve(server, stop.clone()))];
        Ok((address, Working { stop, parts }))
    }

    /// Starts a worker, and who hands its results on.
    pub(super) fn worker(&self) -> Working {
        let (store, broker, catalog) = (&self.store, &self.broker, &self.catalog);
        let worker = Worker::new(
            store.clone(),
            broker.clone(),
            catalog.clone(),
            self.executor.clone(),
            Arc::new(SystemClock),
            self.settings.worker("bench"),
        );
        let deliverer = Deliverer::new(
            store.clone(),
            broker.clone(),
            catalog.clone(),
            Arc::new(SystemClock),
            WebhookConfig {
                allow: Allowed::loopback().into(),
                ..WebhookConfig::default()
            },
        );
        let stop = self.stop.child_token();
        let parts = vec![
            tokio::spawn(worker.run(stop.clone())),
            tokio::spawn(deliverer.run(stop.clone())),
        ];
        Working { stop, parts }
    }

    /// Ends what was not stopped yet. Returns the broker, for whoever removes the queues.
    pub(super) async fn close(self) -> Broker {
        self.stop.cancel();
        // One that panicked has told so.
        drop(self.dispatcher.await);
        drop((self.catalog, self.executor));
        // A connection that is opened or closed later leaves a file where none is to be.
        self.store.close().await;
        self.broker
    }
}
