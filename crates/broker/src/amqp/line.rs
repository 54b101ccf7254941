//! Publishing to one place: what gathers while a batch is on its way makes the next batch.
//!
//! lapin hands a returned message to whichever confirm comes next, and counts wrongly if two tasks
//! publish on one channel at once. So each place has a channel of its own that one task publishes
//! on, and a batch succeeds only when all its confirms are there and none carries a return.

use super::{Hub, link::bounded, pause::Pause};
use crate::BrokerError;
use bytes::Bytes;
use ekiden_domain::{Lane, TraceContext};
use futures::future::try_join_all;
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// The most messages that are sent before the first of their confirms is awaited.
const BATCH: usize = 1000;
/// How many messages may wait for the next batch before publishers wait to hand over theirs.
const WAITING: usize = 4 * BATCH;
/// A channel that was not used for so long is given back: a connection has about 2000 at most.
const IDLE: Duration = Duration::from_secs(60);
/// How often a message is offered before its refusal is believed: a queue that is just being made,
/// moved or deleted refuses what it takes a moment later.
const MOST_REFUSALS: u32 = 4;
/// Every message of ours says what it is, and in which form.
pub(crate) const KIND: &str = "ekiden.ids.v1";

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A lane's queue: a message without a queue to take it comes back.
    Lane(Lane),
    /// The control exchange: whoever listens.
    Control,
    /// An exchange that is somebody else's, which must be there and must have a queue for the message.
    Route {
        /// The exchange; the default one if it is empty.
        exchange: String,
        routing_key: String,
    },
}

/// A message of ours to this platform, or to somebody else.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    body: Bytes,
    properties: BasicProperties,
}

impl Parcel {
    /// Packed ids.
    pub(crate) fn ids(body: Vec<u8>, trace: Option<TraceContext>) -> Self {
        let properties = properties(trace)
            .with_content_type("application/octet-stream".into())
            .with_type(KIND.into());
        let body = body.into();
        Self { body, properties }
    }

    /// JSON, with an id by which a repetition is known.
    pub(crate) fn json(id: &str, body: Bytes, trace: Option<TraceContext>) -> Self {
        let properties = properties(trace)
            .with_content_type("application/json".into())
            .with_message_id(id.into());
        Self { body, properties }
    }
}

/// What all messages of ours have; one that is part of a trace says so in its headers.
fn properties(trace: Option<TraceContext>) -> BasicProperties {
    const PERSISTENT: u8 = 2;
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let Some(trace) = trace else {
        return properties;
    };
    let mut headers = FieldTable::default();
    for (name, value) in trace.fields() {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    properties.with_headers(headers)
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    waiting: mpsc::Sender<Waiting>,
}

/// A message that somebody waits for.
#[derive(Debug)]
struct Waiting {
    parcel: Parcel,
    taken: oneshot::Sender<Result<(), BrokerError>>,
}

impl Line {
    pub(crate) fn start(hub: Arc<Hub>, place: Place) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        let publisher = Publisher {
            hub,
            place,
            channel: None,
        };
        tokio::spawn(publisher.run(waiting));
        Self { waiting: sender }
    }

    /// Waits until the broker has taken the message, however long that takes. Whoever stops waiting
    /// may still see it sent.
    pub(crate) async fn publish(&self, parcel: Parcel) -> Result<(), BrokerError> {
        let (taken, answer) = oneshot::channel();
        let message = Waiting { parcel, taken };
        self.waiting
            .send(message)
            .await
            .map_err(|_| BrokerError::Closed)?;
        answer.await.unwrap_or(Err(BrokerError::Closed))
    }
}

/// The one task that publishes to a place.
struct Publisher {
    hub: Arc<Hub>,
    place: Place,
    /// While it is sound, what it leads to is known to be there.
    channel: Option<Channel>,
}

impl Publisher {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut batch = Vec::new();
        loop {
            match tokio::time::timeout(IDLE, waiting.recv_many(&mut batch, BATCH)).await {
                Ok(0) => return,
                Ok(_) => self.deliver(std::mem::take(&mut batch)).await,
                Err(_) => self.channel = None,
            }
        }
    }

    /// Tries for as long as somebody waits for it; a few times where the broker refuses.
    async fn deliver(&mut self, mut batch: Vec<Waiting>) {
        let mut pause = Pause::default();
        let mut refusals = 0;
        loop {
            batch.retain(|message| !message.taken.is_closed());
            if batch.is_empty() {
                return;
            }
            match self.send(&batch).await {
                Ok(Sent::Confirmed(confirmed)) => {
                    batch = keep_refused(batch, confirmed);
                    refusals += 1;
                }
                // The queue was deleted behind our back, and all that was in it. The next channel
                // comes with a new queue.
                Ok(Sent::Returned) => refusals += 1,
                // Waiting for these would be in vain.
                Err(error @ (BrokerError::Closed | BrokerError::NoExchange(_))) => {
                    return fail(batch, &error);
                }
                Err(error) => {
                    tracing::debug!(place = ?self.place, %error, "a batch was not confirmed");
                }
            }
            if refusals == MOST_REFUSALS {
                return fail(batch, &BrokerError::NotTaken);
            }
            if !batch.is_empty() {
                pause.wait().await;
            }
        }
    }

    /// Publishes the batch and awaits its confirms.
    async fn send(&mut self, batch: &[Waiting]) -> Result<Sent, BrokerError> {
        // Only a batch that went well leaves its channel to the next.
        let channel = match self.channel.take() {
            Some(channel) if channel.status().connected() => channel,
            _ => self.open().await?,
        };
        let (exchange, key, mandatory) = match &self.place {
            Place::Lane(lane) => (ShortString::default(), self.hub.topology.queue(lane), true),
            Place::Control => (self.hub.topology.control(), ShortString::default(), false),
            Place::Route {
                exchange,
                routing_key,
            } => (exchange.as_str().into(), routing_key.as_str().into(), true),
        };
        let options = BasicPublishOptions {
            mandatory,
            ..BasicPublishOptions::default()
        };
        let confirmations = bounded(self.hub.config.publish_timeout, async {
            let sent = batch.iter().map(|message| {
                channel.basic_publish(
                    exchange.clone(),
                    key.clone(),
                    options,
                    &message.parcel.body,
                    message.parcel.properties.clone(),
                )
            });
            try_join_all(try_join_all(sent).await?).await
        })
        .await?;
        let sent = judge(&confirmations);
        match sent {
            Sent::Confirmed(_) => self.channel = Some(channel),
            Sent::Returned => metrics::counter!("ekiden_broker_returned_total").increment(1),
        }
        Ok(sent)
    }

    /// A channel in confirm mode, with what it leads to in place.
    async fn open(&self) -> Result<Channel, BrokerError> {
        let Hub {
            publish, topology, ..
        } = &*self.hub;
        if let Place::Lane(lane) = &self.place {
            topology.ready(publish, lane).await?;
        }
        let channel = publish.channel().await?;
        match &self.place {
            Place::Lane(_) => {}
            Place::Control => topology.declare_control(&channel).await?,
            Place::Route { exchange, .. } => topology.find_exchange(&channel, exchange).await?,
        }
        let selected = channel.confirm_select(ConfirmSelectOptions::default());
        bounded(self.hub.config.timeout, selected).await?;
        Ok(channel)
    }
}

/// What became of a batch.
#[derive(Debug, PartialEq)]
enum Sent {
    /// Each message was confirmed, or refused (`false`).
    Confirmed(Vec<bool>),
    /// At least one message found no queue.
    Returned,
}

fn judge(confirmations: &[Confirmation]) -> Sent {
    let is_returned = |confirmation: &Confirmation| {
        matches!(
            confirmation,
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))
        )
    };
    // Whichever it rides on, it may be any message's of the batch.
    if confirmations.iter().any(is_returned) {
        return Sent::Returned;
    }
    Sent::Confirmed(confirmations.iter().map(Confirmation::is_ack).collect())
}

/// Tells those whose message was taken. Returns the others.
fn keep_refused(batch: Vec<Waiting>, confirmed: Vec<bool>) -> Vec<Waiting> {
    let mut refused = Vec::new();
    for (message, is_taken) in batch.into_iter().zip(confirmed) {
        if is_taken {
            // Whoever asked may have stopped waiting.
            drop(message.taken.send(Ok(())));
        } else {
            refused.push(message);
        }
    }
    refused
}

fn fail(batch: Vec<Waiting>, error: &BrokerError) {
    for message in batch {
        drop(message.taken.send(Err(error.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::message::{BasicReturnMessage, Delivery};

    fn returned() -> Option<BasicReturnMessage> {
        Some(BasicReturnMessage {
            delivery: Delivery::mock(0, "".into(), "".into(), false, Vec::new()),
            reply_code: 312,
            reply_text: "NO_ROUTE".into(),
        })
    }

    #[test]
    fn one_return_anywhere_fails_the_batch() {
        for at in 0..3 {
            for carry in [Confirmation::Ack, Confirmation::Nack] {
                let mut confirmations: Vec<_> = (0..3).map(|_| Confirmation::Ack(None)).collect();
                confirmations[at] = carry(returned());
                assert_eq!(judge(&confirmations), Sent::Returned, "{confirmations:?}");
            }
        }
    }

    #[test]
    fn a_refusal_is_its_own_message_s_only() {
        let confirmations = [
            Confirmation::Ack(None),
            Confirmation::Nack(None),
            Confirmation::NotRequested,
        ];
        let sent = Sent::Confirmed(vec![true, false, false]);
        assert_eq!(judge(&confirmations), sent);
    }
}
