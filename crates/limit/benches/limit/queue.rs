//! The quorum queue: messages of packed ids, confirmed, and acknowledged many at a time.

use anyhow::{Context, bail};
use futures::{StreamExt, future::try_join_all};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use uuid::Uuid;

const NAME: &str = "ekiden.limit";
const ID_BYTES: usize = 16;
/// Delivered more than once, after which it counts as stored.
const PERSISTENT: u8 = 2;

/// The queue, and a connection for each direction.
pub(crate) struct Queue {
    publishing: Connection,
    consuming: Connection,
}

impl Queue {
    /// Makes it anew.
    pub(crate) async fn make(url: &str) -> anyhow::Result<Self> {
        let connect = || Connection::connect(url, ConnectionProperties::default());
        let queue = Self {
            publishing: connect().await.context("cannot reach RabbitMQ")?,
            consuming: connect().await.context("cannot reach RabbitMQ")?,
        };
        queue.delete().await?;
        let kind = AMQPValue::LongString("quorum".into());
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), kind);
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let channel = queue.publishing.create_channel().await?;
        channel
            .queue_declare(NAME.into(), options, arguments)
            .await?;
        Ok(queue)
    }

    /// Where it may be published to; confirms are on.
    pub(crate) async fn publisher(&self) -> anyhow::Result<Publisher> {
        let channel = self.publishing.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Publisher(channel))
    }

    /// Where messages come from; up to `prefetch` come unasked.
    pub(crate) async fn receiver(&self, prefetch: usize) -> anyhow::Result<Receiver> {
        let channel = self.consuming.create_channel().await?;
        let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX);
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let tag = ShortString::from("");
        let options = BasicConsumeOptions::default();
        let consumer = channel
            .basic_consume(NAME.into(), tag, options, FieldTable::default())
            .await?;
        Ok(Receiver {
            consumer,
            _channel: channel,
        })
    }

    /// Deletes it, if it is there.
    pub(crate) async fn delete(&self) -> anyhow::Result<()> {
        let channel = self.publishing.create_channel().await?;
        let options = QueueDeleteOptions::default();
        channel.queue_delete(NAME.into(), options).await?;
        Ok(())
    }
}

/// A channel to publish on.
#[derive(Clone)]
pub(crate) struct Publisher(Channel);

impl Publisher {
    /// Publishes these ids, so many in each message, and waits until all are confirmed.
    pub(crate) async fn publish(&self, ids: &[Uuid], each: usize) -> anyhow::Result<()> {
        let mut confirms = Vec::new();
        for ids in ids.chunks(each) {
            let body: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
            let sent = self
                .0
                .basic_publish("".into(), NAME.into(), options, &body, properties)
                .await?;
            confirms.push(sent);
        }
        for confirmed in try_join_all(confirms).await? {
            if !matches!(confirmed, Confirmation::Ack(None)) {
                bail!("a message was not taken: {confirmed:?}");
            }
        }
        Ok(())
    }
}

/// A channel's messages.
pub(crate) struct Receiver {
    consumer: Consumer,
    /// Ends the consumer when it is dropped.
    _channel: Channel,
}

impl Receiver {
    /// The next message and what came with it, as long as all of it is at most `most` ids.
    pub(crate) async fn next(&mut self, most: usize) -> anyhow::Result<Batch> {
        let first = self.consumer.next().await.context("the queue is gone")??;
        let each = first.data.len() / ID_BYTES;
        let mut batch = Batch {
            ids: unpack(&first),
            last: first,
        };
        while batch.ids.len() + each <= most {
            let Some(next) = futures::FutureExt::now_or_never(self.consumer.next()) else {
                break;
            };
            batch.last = next.context("the queue is gone")??;
            batch.ids.extend(unpack(&batch.last));
        }
        Ok(batch)
    }
}

fn unpack(delivery: &Delivery) -> Vec<Uuid> {
    let (ids, _) = delivery.data.as_chunks::<ID_BYTES>();
    ids.iter().map(|id| Uuid::from_bytes(*id)).collect()
}

/// What some messages carry.
pub(crate) struct Batch {
    pub(crate) ids: Vec<Uuid>,
    last: Delivery,
}

impl Batch {
    /// Acknowledges all of them.
    pub(crate) async fn acknowledge(&self) -> anyhow::Result<()> {
        let options = BasicAckOptions { multiple: true };
        self.last.ack(options).await?;
        Ok(())
    }
}
