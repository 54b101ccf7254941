//! What is measured: the parts of a platform in this process, each started when it is its turn.

use crate::{
    cli::beside,
    clock::SystemClock,
    http::{Auth, Front, Gate, Phase, Server, serve},
    settings::Settings,
};
use anyhow::{Context, bail};
use axum::Router;
use bytes::Bytes;
use ekiden_broker::{AmqpConfig, Broker};
use ekiden_dispatch::Dispatcher;
use ekiden_domain::{Clock, Function, FunctionName, InvocationId, Lane};
use ekiden_enqueue::Enqueue;
use ekiden_executor::{Executor, ExecutorConfig, Handlers};
use ekiden_reach::Allowed;
use ekiden_store::{Catalog, Database, Scratch, Store, Usage};
use ekiden_worker::{Deliverer, WebhookConfig, Worker};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The function that is invoked: its service and its name.
pub(super) const FUNCTION: (&str, &str) = ("bench", "noop");
/// The place in the database: a schema, or a file's name.
const PLACE: &str = "ekiden_bench";
/// How often it is looked whether all tasks have ended.
const LOOK: Duration = Duration::from_millis(5);
/// How long nothing may end before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parts of a platform.
pub(super) struct Stage {
    settings: Settings,
    store: Store,
    broker: Broker,
    catalog: Catalog,
    executor: Executor,
    address: SocketAddr,
    function: FunctionName,
    /// How often the function was called since the last phase.
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
    parts: Vec<JoinHandle<()>>,
    scratch: Scratch,
}

/// A part at work: a worker, or who hands results on.
pub(super) struct Working {
    stop: CancellationToken,
    part: JoinHandle<()>,
}

impl Working {
    pub(super) async fn stop(self) {
        self.stop.cancel();
        // A part that panicked has told so.
        drop(self.part.await);
    }
}

impl Stage {
    /// Makes a place in the configured database and broker, and serves the enqueue API on a free
    /// port.
    pub(super) async fn open(settings: Settings) -> anyhow::Result<Self> {
        let scratch = Scratch::make(&settings.store(), PLACE).await?;
        let store = Store::open(scratch.config().clone()).await?;
        store.migrate().await?;
        let broker = match settings.broker() {
            Some(config) => Broker::amqp(AmqpConfig {
                prefix: beside(&config.prefix, "-bench"),
                ..config
            })?,
            None => Broker::in_process(),
        };
        // What one that was killed has left.
        broker.remove(&[Lane::shared()]).await?;
        let function = function(None)?;
        store.put_function(&function, SystemClock.now()).await?;
        let catalog = Catalog::new(store.clone());
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let handlers = Handlers::new().with("noop", move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(Bytes::new()))
        });
        let executor = Executor::new(handlers, ExecutorConfig::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stop = CancellationToken::new();
        let dispatch = settings.dispatch();
        let dispatcher = Dispatcher::new(store.clone(), broker.clone(), clock.clone(), dispatch);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let api = Enqueue::new(
            store.clone(),
            catalog.clone(),
            clock.clone(),
            executor.clone(),
            settings.callers(),
        );
        let server = Server {
            listener,
            routes: front(&settings, &store, clock).before(api.router(), Router::new()),
            tls: None,
            connections_per_address: 0,
            idle_timeout: settings.server.idle_timeout,
            grace: Duration::ZERO,
        };
        let parts = vec![
            tokio::spawn(dispatcher.run(stop.clone())),
            tokio::spawn(serve(server, stop.clone())),
        ];
        Ok(Self {
            function: function.full_name()?,
            calls,
            settings,
            store,
            broker,
            catalog,
            executor,
            address,
            stop,
            parts,
            scratch,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn slots(&self) -> u32 {
        self.settings.worker.slots
    }

    pub(super) const fn store_name(&self) -> &'static str {
        match self.settings.database.database {
            Database::Postgres { .. } => "postgres",
            Database::Sqlite { .. } => "sqlite",
        }
    }

    pub(super) const fn broker_name(&self) -> &'static str {
        if self.broker.is_in_process() {
            "in-process"
        } else {
            "amqp"
        }
    }

    /// Starts a worker.
    pub(super) fn worker(&self) -> Working {
        let worker = Worker::new(
            self.store.clone(),
            self.broker.clone(),
            self.catalog.clone(),
            self.executor.clone(),
            Arc::new(SystemClock),
            self.settings.worker("bench"),
        );
        let stop = self.stop.child_token();
        let part = tokio::spawn(worker.run(stop.clone()));
        Working { stop, part }
    }

    /// From now on each result is for a receiver that refuses the connection, for as long as that is
    /// held; it is tried until what is returned stops.
    pub(super) async fn deliver_in_vain(&self) -> anyhow::Result<(Working, TcpSocket)> {
        // Bound, and nobody listens: no other can, and whoever connects is refused.
        let receiver = TcpSocket::new_v4()?;
        receiver.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let function = function(Some(format!("http://{}", receiver.local_addr()?)))?;
        self.store
            .put_function(&function, SystemClock.now())
            .await?;
        self.catalog.registry_now().await?;
        let deliverer = Deliverer::new(
            self.store.clone(),
            self.broker.clone(),
            self.catalog.clone(),
            Arc::new(SystemClock),
            WebhookConfig {
                allow: Allowed::loopback().into(),
                ..WebhookConfig::default()
            },
        );
        let stop = self.stop.child_token();
        let part = tokio::spawn(deliverer.run(stop.clone()));
        Ok((Working { stop, part }, receiver))
    }

    /// Waits until `tasks` more calls were made and no invocation is waiting or running; tells how
    /// long that took. Only then is the database asked: to count would slow down what is measured.
    pub(super) async fn until_empty(&self, tasks: usize) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let (mut seen, mut moved) = (0, started);
        loop {
            let calls = self.calls.load(Ordering::Relaxed);
            if calls >= tasks && self.store.count_live().await?.is_empty() {
                self.calls.store(0, Ordering::Relaxed);
                return Ok(started.elapsed());
            }
            if calls != seen {
                (seen, moved) = (calls, Instant::now());
            } else if moved.elapsed() > PATIENCE {
                bail!("{calls} of {tasks} tasks ran, and none more for {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until no invocation is waiting or running, however many there were.
    pub(super) async fn until_quiet(&self) -> anyhow::Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while !self.store.count_live().await?.is_empty() {
            if Instant::now() > give_up {
                bail!("tasks are left after {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        self.calls.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// How many results wait to be handed on.
    pub(super) async fn undelivered(&self) -> anyhow::Result<u64> {
        Ok(self.store.pending_deliveries().await?.count)
    }

    /// Whether the invocation has ended.
    pub(super) async fn has_ended(&self, id: &InvocationId) -> anyhow::Result<bool> {
        let found = self.store.find(&self.function, id).await?;
        Ok(found
            .context("an accepted task")?
            .invocation
            .status()
            .is_final())
    }

    /// What the database has done so far, where it counts that.
    pub(super) async fn usage(&self) -> anyhow::Result<Option<Usage>> {
        Ok(self.store.usage().await?)
    }

    /// Ends all parts, and removes the place and all that is in it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        for part in self.parts {
            // A part that panicked has told so.
            drop(part.await);
        }
        let removed = self.broker.remove(&[Lane::shared()]).await;
        self.broker.close().await;
        drop(self.catalog);
        // A connection that is opened or closed later leaves a file where none is to be.
        self.store.close().await;
        self.scratch.remove().await?;
        Ok(removed?)
    }
}

/// The function, whose results are for nobody, or for this destination.
fn function(destination: Option<String>) -> anyhow::Result<Function> {
    let function = serde_json::json!({
        "service": FUNCTION.0, "name": FUNCTION.1, "target": { "handler": "noop" },
        "async": { "on_success": destination },
    });
    Ok(serde_json::from_value(function)?)
}

fn front(settings: &Settings, store: &Store, clock: Arc<dyn Clock>) -> Front {
    let gate = Gate::closed("");
    gate.set(Phase::Ready);
    Front {
        auth: Auth::new([], store.clone(), Arc::clone(&clock)),
        clock,
        gate,
        timeout: settings.server.request_timeout,
    }
}

/// How much memory this process has resident, in MiB.
pub(super) fn rss_mb() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse().ok())
        .context("VmRSS of /proc/self/status")?;
    Ok((kib / 1024.0 * 10.0).round() / 10.0)
}
