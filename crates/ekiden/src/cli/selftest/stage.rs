//! A whole platform in this process, on a place of its own.

use super::functions::{Calls, registered};
use crate::{
    cli::beside,
    client::{Client, Invocation, NewInvocation, Record},
    platform::{Plan, Platform},
    settings::Settings,
    telemetry,
};
use anyhow::{Context, bail};
use ekiden_broker::Broker;
use ekiden_domain::{FunctionName, InvocationId, Lane, Status};
use ekiden_store::{Scratch, Store};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The place in the database: a schema, or a file's name.
const PLACE: &str = "ekiden_selftest";
/// The end of the queues' prefix.
const PREFIX: &str = "-selftest";
/// How often a task is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The platform, and all that a check needs of it.
pub(super) struct Stage {
    pub(super) client: Client,
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) calls: Calls,
    lanes: Vec<Lane>,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    scratch: Scratch,
    /// The broker's URL, and where the queues are, to remove them when the platform has ended.
    queues: Option<ekiden_broker::AmqpConfig>,
}

impl Stage {
    /// Starts it, and waits until it is ready.
    pub(super) async fn open(mut settings: Settings) -> anyhow::Result<Self> {
        settings.broker.prefix = beside(&settings.broker.prefix, PREFIX);
        let queues = settings.broker();
        if let Some(queues) = &queues {
            // Without it nothing would run, and each check would find that out by itself.
            let broker = Broker::amqp(queues.clone())?;
            broker.ping().await.context("the broker (AMQP_URL)")?;
            broker.close().await;
        }
        let scratch = Scratch::make(&settings.store(), PLACE).await?;
        settings.database.database = scratch.config().database.clone();
        settings.database.schema = scratch.config().schema.clone();
        settings.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // A certificate is for the name that others call the platform by.
        (settings.server.tls_cert, settings.server.tls_key) = (None, None);
        settings.reconcile.period = Duration::from_secs(1);
        settings.worker.drain_grace = Duration::ZERO;
        settings.keys.clear();
        settings.functions = registered()?;
        let mut lanes = vec![Lane::shared()];
        for function in &settings.functions {
            lanes.push(function.effective_lane(&function.full_name()?));
        }
        let calls = Calls::default();
        let plan = Plan {
            settings,
            roles: Vec::new(),
            migrate: true,
            insecure: false,
            handlers: calls.handlers(),
            metrics: telemetry::start_metrics()?,
        };
        let platform = Platform::open(plan).await?;
        let (store, broker, gate) = (platform.store(), platform.broker(), platform.gate());
        let client = Client::new(&format!("http://{}", platform.address()?), None)?;
        let stop = CancellationToken::new();
        let running = tokio::spawn(platform.run(stop.clone()));
        while gate.reason().is_some() && !running.is_finished() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self {
            client,
            store,
            broker,
            calls,
            lanes,
            stop,
            running,
            scratch,
            queues,
        })
    }

    /// Enqueues a task, due after so many seconds.
    pub(super) async fn invoke(&self, function: &str, delay: Option<u32>) -> anyhow::Result<Task> {
        let function: FunctionName = format!("selftest/{function}").parse()?;
        let new = NewInvocation {
            payload: b"the sash".to_vec(),
            delay: delay.map(|delay| delay.to_string()),
            ..NewInvocation::default()
        };
        let accepted = self.client.invoke(&function, new).await?;
        let id = InvocationId::lookup(&accepted.invocation_id)?;
        Ok(Task { function, id })
    }

    pub(super) async fn record(&self, task: &Task) -> anyhow::Result<Record> {
        let id = task.id.to_string();
        let (function, id) = (&task.function, id.as_str());
        let found = self.client.whole(Invocation { function, id }).await?;
        serde_json::from_value(found).context("the record")
    }

    /// Asks for a stop.
    pub(super) async fn ask_to_stop(&self, task: &Task) -> anyhow::Result<()> {
        let id = task.id.to_string();
        let (function, id) = (&task.function, id.as_str());
        self.client.stop(Invocation { function, id }).await
    }

    /// The task's record once it is in this status; an error once it can never be.
    pub(super) async fn until(&self, task: &Task, status: Status) -> anyhow::Result<Record> {
        loop {
            let record = self.record(task).await?;
            if record.status == status {
                return Ok(record);
            }
            if record.status.is_final() {
                let why = record.invocation_error_message;
                bail!(
                    "{} is {}, not {status}: {why}",
                    task.function,
                    record.status
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the function was called for the task so often.
    pub(super) async fn until_called(&self, task: &Task, times: u32) {
        while self.calls.of(&task.id) < times {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Deletes all queues, with what is in them. A queue inside the process cannot be.
    pub(super) async fn wipe(&self) -> anyhow::Result<()> {
        Ok(self.broker.remove(&self.lanes).await?)
    }

    /// Ends the platform, and removes the place and all that is in it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let ran = self.running.await.context("the platform")?;
        self.store.close().await;
        if let Some(queues) = self.queues {
            let broker = Broker::amqp(queues)?;
            broker.remove(&self.lanes).await?;
            broker.close().await;
        }
        self.scratch.remove().await?;
        ran
    }
}

/// A task of the selftest.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) function: FunctionName,
    pub(super) id: InvocationId,
}
