//! Where it is measured: a place of its own in the configured database and broker, the API on it, and
//! workers when it is their turn.

use super::{
    calls::Calls,
    platform::{FUNCTION, PLACE, Platform, Working, in_place},
    process::{self, Place},
    workers::Workers,
};
use crate::{clock::SystemClock, settings::Settings};
use anyhow::{Context, bail};
use ekiden_broker::Broker;
use ekiden_domain::{Clock, Function, FunctionName, InvocationId, Lane, Timestamp};
use ekiden_store::{Database, Scratch, Store, Usage};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::net::TcpSocket;

/// How often it is looked whether all tasks have ended.
const LOOK: Duration = Duration::from_millis(5);
/// How long nothing may end before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a platform there is.
#[derive(Clone, Debug)]
pub(super) struct Size {
    /// Processes with an API, this one among them.
    pub(super) apis: usize,
    /// Processes with a worker. Where the queue is inside the process there is one: this.
    pub(super) workers: usize,
    pub(super) place: Place,
}

pub(super) struct Stage {
    pub(super) platform: Platform,
    size: Size,
    api: Working,
    further: Vec<process::Api>,
    addresses: Vec<SocketAddr>,
    function: FunctionName,
    calls: Calls,
    /// How many invocations wait and are not to end.
    kept: AtomicU64,
    scratch: Scratch,
}

impl Stage {
    /// Makes the place and serves the API on free ports.
    pub(super) async fn open(settings: &Settings, size: Size) -> anyhow::Result<Self> {
        let scratch = Scratch::make(&settings.store(), PLACE).await?;
        let mut settings = in_place(settings);
        settings.database.database = scratch.config().database.clone();
        let store = Store::open(scratch.config().clone()).await?;
        store.migrate().await?;
        let broker = match settings.broker() {
            Some(config) => Broker::amqp(config)?,
            None => Broker::in_process(),
        };
        // What one that was killed has left.
        broker.remove(&[Lane::shared()]).await?;
        let function = function(None)?;
        store.put_function(&function, SystemClock.now()).await?;
        let calls = Calls::default();
        let platform = Platform::new(settings, store, broker, calls.clone());
        let (address, api) = platform.api().await?;
        let mut addresses = vec![address];
        let mut further = Vec::new();
        for _ in 1..size.apis {
            let api = size.place.api().await?;
            addresses.push(api.address);
            further.push(api);
        }
        Ok(Self {
            function: function.full_name()?,
            platform,
            size,
            api,
            further,
            addresses,
            calls,
            kept: AtomicU64::new(0),
            scratch,
        })
    }

    /// Where the APIs are.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(super) const fn slots(&self) -> u32 {
        self.size.place.slots
    }

    pub(super) fn store_name(&self) -> &'static str {
        match self.platform.settings.database.database {
            Database::Postgres { .. } => "postgres",
            Database::Sqlite { .. } => "sqlite",
        }
    }

    pub(super) fn broker_name(&self) -> &'static str {
        if self.platform.broker.is_in_process() {
            "in-process"
        } else {
            "amqp"
        }
    }

    /// Starts the workers, once all that was accepted is in the queue: in processes of their own, if
    /// others than this one can have a part.
    pub(super) async fn workers(&self) -> anyhow::Result<Workers> {
        self.until_sent().await?;
        self.calls.take();
        if is_alone(&self.platform.settings) {
            return Ok(Workers::Here(self.platform.worker()));
        }
        let start = |_| self.size.place.worker(self.calls.clone());
        let workers = (0..self.size.workers).map(start);
        Ok(Workers::Processes(workers.collect::<Result<_, _>>()?))
    }

    /// From now on each result of what this process accepts is for a receiver that refuses the
    /// connection, for as long as what is returned is held.
    pub(super) async fn deliver_in_vain(&self) -> anyhow::Result<TcpSocket> {
        // Bound, and nobody listens: no other can, and whoever connects is refused.
        let receiver = TcpSocket::new_v4()?;
        receiver.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let function = function(Some(format!("http://{}", receiver.local_addr()?)))?;
        self.platform
            .store
            .put_function(&function, SystemClock.now())
            .await?;
        self.platform.catalog.registry_now().await?;
        Ok(receiver)
    }

    /// So many more invocations wait and are not to end.
    pub(super) fn keep(&self, more: usize) {
        self.kept.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// Waits until no message is left to be handed to the broker.
    async fn until_sent(&self) -> anyhow::Result<()> {
        let (mut oldest, mut moved) = (None, Instant::now());
        while let Some(at) = self.platform.store.oldest_untaken().await? {
            if oldest != Some(at) {
                (oldest, moved) = (Some(at), Instant::now());
            } else if moved.elapsed() > PATIENCE {
                bail!("messages are left, and none was sent for {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until `tasks` more calls were made and all of them have ended. Only then is the
    /// database asked: to count would slow down what is measured.
    pub(super) async fn until_ended(&self, tasks: usize) -> anyhow::Result<Span> {
        self.until_called(tasks).await?;
        self.until_quiet().await
    }

    /// Waits until `tasks` more calls were made.
    pub(super) async fn until_called(&self, tasks: usize) -> anyhow::Result<Span> {
        let (mut seen, mut moved) = (0, Instant::now());
        loop {
            let called = self.calls.seen();
            if called.count >= tasks {
                return Ok(self.span());
            }
            if called.count != seen {
                (seen, moved) = (called.count, Instant::now());
            } else if moved.elapsed() > PATIENCE {
                bail!("{seen} of {tasks} tasks ran, and none more for {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until no invocation is waiting or running, but those that are kept; from then on calls
    /// are counted anew.
    pub(super) async fn until_quiet(&self) -> anyhow::Result<Span> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let live = self.platform.store.count_live().await?;
            let live: u64 = live.iter().map(|count| count.count).sum();
            if live <= self.kept.load(Ordering::Relaxed) {
                let span = self.span();
                self.calls.take();
                return Ok(span);
            }
            if Instant::now() > give_up {
                bail!("tasks are left after {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn span(&self) -> Span {
        let (ended, called) = (SystemClock.now(), self.calls.seen());
        Span {
            calls: called.count,
            began: called.first_at.unwrap_or(ended),
            ended,
        }
    }

    /// How many results wait to be handed on.
    pub(super) async fn undelivered(&self) -> anyhow::Result<u64> {
        Ok(self.platform.store.pending_deliveries().await?.count)
    }

    /// Whether the invocation has ended.
    pub(super) async fn has_ended(&self, id: &InvocationId) -> anyhow::Result<bool> {
        let found = self.platform.store.find(&self.function, id).await?;
        Ok(found
            .context("an accepted task")?
            .invocation
            .status()
            .is_final())
    }

    /// What the database has done so far, where it counts that.
    pub(super) async fn usage(&self) -> anyhow::Result<Option<Usage>> {
        Ok(self.platform.store.usage().await?)
    }

    /// Ends all parts, and removes the place and all that is in it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        for api in self.further {
            // One that failed has told so; what it was for is over.
            drop(api.stop().await);
        }
        self.api.stop().await;
        let broker = self.platform.close().await;
        let removed = broker.remove(&[Lane::shared()]).await;
        broker.close().await;
        self.scratch.remove().await?;
        Ok(removed?)
    }
}

/// From the first call to the end of what was waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) calls: usize,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
}

impl Span {
    pub(super) fn took(self) -> Duration {
        self.ended.since(self.began)
    }
}

/// Whether one process has it all: the database is a file, or the queue is inside the process.
pub(super) fn is_alone(settings: &Settings) -> bool {
    settings.broker.url.is_none() || matches!(settings.database.database, Database::Sqlite { .. })
}

/// The function, whose results are for nobody, or for this destination.
fn function(destination: Option<String>) -> anyhow::Result<Function> {
    let function = serde_json::json!({
        "service": FUNCTION.0, "name": FUNCTION.1, "target": { "handler": "noop" },
        "async": { "on_success": destination },
    });
    Ok(serde_json::from_value(function)?)
}
