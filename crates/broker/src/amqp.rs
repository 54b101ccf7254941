//! RabbitMQ through lapin: one durable quorum queue per lane, persistent mandatory messages with
//! publisher confirms, a fanout exchange for stop notices.
//!
//! Publishing and consuming have a connection each, so that a broker which holds publishers back
//! does not hold back acknowledgements. A lane that is used has a channel on each.

mod consumer;
mod line;
mod link;
mod listener;
mod pause;
mod topology;

pub(crate) use consumer::{Consumer, Receipt, StopNotices};
pub use topology::MAX_PREFIX;

use crate::{BrokerError, LaneState};
use ekiden_domain::Lane;
use line::{Line, Place};
use link::Link;
use listener::{Listener, Source};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use topology::Topology;

/// How to reach RabbitMQ.
#[derive(Clone)]
pub struct AmqpConfig {
    /// The URL: `amqp://…` or `amqps://…`; may hold a password. Default RabbitMQ's own on this
    /// machine.
    pub url: String,
    /// What the names of all queues and exchanges begin with: 1 to [`MAX_PREFIX`] letters, digits,
    /// '.', '_' or '-'. Default `ekiden`; another where several platforms share a virtual host.
    pub prefix: String,
    /// How long a publish may wait for its confirm, through lost connections and a broker that holds
    /// publishers back. Default 10 s.
    pub publish_timeout: Duration,
    /// How long a connection attempt, or any other answer, may take. Default 10 s.
    pub timeout: Duration,
}

impl Default for AmqpConfig {
    fn default() -> Self {
        Self {
            url: "amqp://127.0.0.1:5672/%2f".to_owned(),
            prefix: "ekiden".to_owned(),
            publish_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(10),
        }
    }
}

impl AmqpConfig {
    /// The defaults for the broker at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

/// Leaves out the URL, which may hold a password.
impl fmt::Debug for AmqpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpConfig")
            .field("prefix", &self.prefix)
            .field("publish_timeout", &self.publish_timeout)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Amqp {
    hub: Arc<Hub>,
    /// Where this process publishes to; as many as there are lanes.
    lines: Arc<Mutex<HashMap<Lane, Line>>>,
    control: Arc<OnceLock<Line>>,
}

/// What publishers and listeners share.
#[derive(Debug)]
pub(crate) struct Hub {
    config: AmqpConfig,
    topology: Topology,
    publish: Link,
    consume: Link,
}

impl Amqp {
    pub(crate) fn start(config: AmqpConfig) -> Result<Self, BrokerError> {
        let hub = Hub {
            topology: Topology::new(&config.prefix, config.timeout)?,
            publish: Link::start(&config, "ekiden publish")?,
            consume: Link::start(&config, "ekiden consume")?,
            config,
        };
        Ok(Self {
            hub: Arc::new(hub),
            lines: Arc::default(),
            control: Arc::default(),
        })
    }

    pub(crate) async fn publish(&self, lane: &Lane, body: Vec<u8>) -> Result<(), BrokerError> {
        self.publish_on(&self.line(lane), body).await
    }

    pub(crate) async fn notify_stop(&self, body: Vec<u8>) -> Result<(), BrokerError> {
        let start = || Line::start(Arc::clone(&self.hub), Place::Control);
        self.publish_on(self.control.get_or_init(start), body).await
    }

    async fn publish_on(&self, line: &Line, body: Vec<u8>) -> Result<(), BrokerError> {
        match tokio::time::timeout(self.hub.config.publish_timeout, line.publish(body)).await {
            Ok(taken) => taken,
            Err(_) => Err(self.hub.publish.overdue()),
        }
    }

    fn line(&self, lane: &Lane) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(lane) {
            return line.clone();
        }
        let line = Line::start(Arc::clone(&self.hub), Place::Lane(lane.clone()));
        lines.insert(lane.clone(), line.clone());
        line
    }

    pub(crate) async fn consume(
        &self,
        lane: &Lane,
        prefetch: u16,
    ) -> Result<Consumer, BrokerError> {
        let lane = lane.clone();
        let source = Source::Lane { lane, prefetch };
        let listener = Listener::start(Arc::clone(&self.hub), source).await?;
        Ok(Consumer(listener))
    }

    pub(crate) async fn stop_notices(&self) -> Result<StopNotices, BrokerError> {
        let listener = Listener::start(Arc::clone(&self.hub), Source::Control).await?;
        Ok(StopNotices(listener))
    }

    pub(crate) async fn inspect(&self, lane: &Lane) -> Result<LaneState, BrokerError> {
        let Hub {
            consume, topology, ..
        } = &*self.hub;
        consume.check()?;
        let ready = topology.ready(consume, lane).await?;
        let created = topology.take_created(lane);
        Ok(LaneState { ready, created })
    }

    pub(crate) async fn ping(&self) -> Result<(), BrokerError> {
        for link in [&self.hub.publish, &self.hub.consume] {
            link.check()?;
            link.channel().await?;
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        tokio::join!(self.hub.publish.close(), self.hub.consume.close());
    }
}
