//! RabbitMQ through lapin: one durable quorum queue per lane, persistent mandatory messages with
//! publisher confirms, a fanout exchange for stop notices.
//!
//! Publishing and consuming have a connection each, so that a broker which holds publishers back
//! does not hold back acknowledgements. A lane that is used has a channel on each.

mod consumer;
mod forgotten;
mod line;
mod link;
mod listener;
mod pause;
mod topology;

pub(crate) use consumer::{Consumer, Receipt, StopNotices};
pub(crate) use line::Parcel;
pub use topology::MAX_PREFIX;

use crate::{BrokerError, LaneState};
use ekiden_domain::{Lane, TraceContext};
use line::{Line, Place};
use link::Link;
use listener::{Listener, Source};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
    /// Where this process publishes to; as many as there are lanes and routes.
    lines: Arc<Mutex<HashMap<Place, Line>>>,
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
        })
    }

    pub(crate) async fn publish(
        &self,
        lane: &Lane,
        body: Vec<u8>,
        trace: Option<TraceContext>,
    ) -> Result<(), BrokerError> {
        self.send(Place::Lane(lane.clone()), Parcel::ids(body, trace))
            .await
    }

    pub(crate) async fn notify_stop(&self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.send(Place::Control, Parcel::ids(body, None)).await
    }

    pub(crate) async fn hand_on(
        &self,
        exchange: &str,
        routing_key: &str,
        parcel: Parcel,
    ) -> Result<(), BrokerError> {
        let place = Place::Route {
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
        };
        self.send(place, parcel).await
    }

    async fn send(&self, place: Place, parcel: Parcel) -> Result<(), BrokerError> {
        let line = self.line(place);
        match tokio::time::timeout(self.hub.config.publish_timeout, line.publish(parcel)).await {
            Ok(taken) => taken,
            Err(_) => Err(self.hub.publish.overdue()),
        }
    }

    fn line(&self, place: Place) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let start = |place: &Place| Line::start(Arc::clone(&self.hub), place.clone());
        lines.entry(place).or_insert_with_key(start).clone()
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

    pub(crate) async fn ready(&self, lane: &Lane) -> Result<Option<u64>, BrokerError> {
        let Hub {
            consume, topology, ..
        } = &*self.hub;
        topology.look(&consume.channel().await?, lane).await
    }

    pub(crate) async fn ping(&self) -> Result<(), BrokerError> {
        for link in [&self.hub.publish, &self.hub.consume] {
            link.check()?;
            link.channel().await?;
        }
        Ok(())
    }

    pub(crate) async fn remove(&self, lanes: &[Lane]) -> Result<(), BrokerError> {
        let channel = self.hub.consume.channel().await?;
        self.hub.topology.remove(&channel, lanes).await
    }

    pub(crate) async fn close(&self) {
        tokio::join!(self.hub.publish.close(), self.hub.consume.close());
    }
}
