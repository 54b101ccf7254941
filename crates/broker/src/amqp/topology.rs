//! The queues and the exchange, by name and properties.

use super::link::{Link, bounded};
use crate::BrokerError;
use ekiden_domain::Lane;
use lapin::{
    Channel, ErrorKind, ExchangeKind,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The longest prefix; with the longest lane's name it makes a name of at most the 255 bytes that
/// AMQP allows.
pub const MAX_PREFIX: usize = 40;
/// How often a quorum queue delivers one message before it drops it. Set because RabbitMQ 4 drops
/// after 20 unless told otherwise, and far away because each lost worker or connection counts and
/// none of that is the message's fault. Not unlimited, which RabbitMQ 3 cannot be told.
const DELIVERY_LIMIT: i64 = 1_000_000;
/// The most stop notices that wait for one slow listener; the oldest are dropped.
const MOST_NOTICES: i64 = 10_000;

#[derive(Debug)]
pub(crate) struct Topology {
    prefix: String,
    timeout: Duration,
    /// The lanes whose queue this process made since it was asked.
    created: Mutex<HashSet<Lane>>,
}

impl Topology {
    pub(crate) fn new(prefix: &str, timeout: Duration) -> Result<Self, BrokerError> {
        let is_name = (1..=MAX_PREFIX).contains(&prefix.len())
            && prefix
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_name {
            return Err(BrokerError::Prefix);
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            timeout,
            created: Mutex::default(),
        })
    }

    pub(crate) fn queue(&self, lane: &Lane) -> ShortString {
        format!("{}.dispatch.{lane}", self.prefix).into()
    }

    pub(crate) fn control(&self) -> ShortString {
        format!("{}.control", self.prefix).into()
    }

    /// Whether this process made the lane's queue since this was asked last.
    pub(crate) fn take_created(&self, lane: &Lane) -> bool {
        self.created
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(lane)
    }

    /// How many messages are ready in the lane's queue, which is made where it is missing.
    pub(crate) async fn ready(&self, link: &Link, lane: &Lane) -> Result<u64, BrokerError> {
        // A look at a queue that is not there costs its channel; so it is one of its own.
        if let Some(ready) = self.look(&link.channel().await?, lane).await? {
            return Ok(ready);
        }
        self.declare(&link.channel().await?, lane).await?;
        tracing::info!(%lane, "made a lane's queue");
        self.created
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(lane.clone());
        Ok(0)
    }

    /// How many messages are ready in the lane's queue, if it is there. If it is not, the channel is
    /// closed.
    pub(crate) async fn look(
        &self,
        channel: &Channel,
        lane: &Lane,
    ) -> Result<Option<u64>, BrokerError> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let looked = channel.queue_declare(self.queue(lane), options, FieldTable::default());
        match tokio::time::timeout(self.timeout, looked).await {
            Ok(Ok(queue)) => Ok(Some(u64::from(queue.message_count()))),
            Ok(Err(error)) if is_not_found(&error) => Ok(None),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(BrokerError::TimedOut(self.timeout)),
        }
    }

    async fn declare(&self, channel: &Channel, lane: &Lane) -> Result<(), BrokerError> {
        let mut arguments = FieldTable::default();
        arguments.insert(
            "x-queue-type".into(),
            AMQPValue::LongString("quorum".into()),
        );
        arguments.insert(
            "x-delivery-limit".into(),
            AMQPValue::LongLongInt(DELIVERY_LIMIT),
        );
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let declared = channel.queue_declare(self.queue(lane), options, arguments);
        bounded(self.timeout, declared).await.map(drop)
    }

    pub(crate) async fn declare_control(&self, channel: &Channel) -> Result<(), BrokerError> {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let declared = channel.exchange_declare(
            self.control(),
            ExchangeKind::Fanout,
            options,
            FieldTable::default(),
        );
        bounded(self.timeout, declared).await
    }

    pub(crate) async fn remove(
        &self,
        channel: &Channel,
        lanes: &[Lane],
    ) -> Result<(), BrokerError> {
        for lane in lanes {
            let deleted = channel.queue_delete(self.queue(lane), QueueDeleteOptions::default());
            bounded(self.timeout, deleted).await?;
        }
        let deleted = channel.exchange_delete(self.control(), ExchangeDeleteOptions::default());
        bounded(self.timeout, deleted).await
    }

    /// Checks that there is this exchange; the default one, without a name, always is.
    pub(crate) async fn find_exchange(
        &self,
        channel: &Channel,
        name: &str,
    ) -> Result<(), BrokerError> {
        if name.is_empty() {
            return Ok(());
        }
        let options = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        // A look ignores the kind.
        let kind = ExchangeKind::Direct;
        let looked = channel.exchange_declare(name.into(), kind, options, FieldTable::default());
        match tokio::time::timeout(self.timeout, looked).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if is_not_found(&error) => Err(BrokerError::NoExchange(name.to_owned())),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(BrokerError::TimedOut(self.timeout)),
        }
    }

    /// A queue that hears the control exchange, for this connection only; returns its name.
    pub(crate) async fn declare_ear(&self, channel: &Channel) -> Result<ShortString, BrokerError> {
        self.declare_control(channel).await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(MOST_NOTICES));
        let declared = channel.queue_declare(ShortString::default(), options, arguments);
        let queue = bounded(self.timeout, declared).await?.name().clone();
        let bound = channel.queue_bind(
            queue.clone(),
            self.control(),
            ShortString::default(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bounded(self.timeout, bound).await?;
        Ok(queue)
    }
}

fn is_not_found(error: &lapin::Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(error) => {
            *error.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
        }
        _ => false,
    }
}
