//! Publishing to one place: what gathers while a batch is on its way makes the next batch.
//!
//! lapin hands a returned message to whichever confirm comes next, and counts wrongly if two tasks
//! publish on one channel at once. So each place has a channel of its own that one task publishes
//! on, and a batch succeeds only when all its confirms are there and none carries a return.

use super::{Hub, link::bounded, pause::Pause};
use crate::BrokerError;
use ekiden_domain::Lane;
use futures::future::try_join_all;
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

/// The most messages that are sent before the first of their confirms is awaited.
const BATCH: usize = 1000;
/// How many messages may wait for the next batch before publishers wait to hand over theirs.
const WAITING: usize = 4 * BATCH;
/// A channel that was not used for so long is given back: a connection has about 2000 at most.
const IDLE: Duration = Duration::from_secs(60);
/// Every message of ours says what it is, and in which form.
pub(crate) const KIND: &str = "ekiden.ids.v1";

/// Where messages go.
#[derive(Debug)]
pub(crate) enum Place {
    /// A lane's queue: a message without a queue to take it comes back.
    Lane(Lane),
    /// The control exchange: whoever listens.
    Control,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    waiting: mpsc::Sender<Waiting>,
}

/// A message that somebody waits for.
#[derive(Debug)]
struct Waiting {
    body: Vec<u8>,
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
    pub(crate) async fn publish(&self, body: Vec<u8>) -> Result<(), BrokerError> {
        let (taken, answer) = oneshot::channel();
        let message = Waiting { body, taken };
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

    /// Tries for as long as somebody waits for it.
    async fn deliver(&mut self, mut batch: Vec<Waiting>) {
        let mut pause = Pause::default();
        let mut was_returned = false;
        loop {
            batch.retain(|message| !message.taken.is_closed());
            if batch.is_empty() {
                return;
            }
            match self.send(&batch).await {
                Ok(Sent::Confirmed(confirmed)) => return answer(batch, confirmed),
                // The queue was deleted behind our back, and all that was in it. A fresh channel
                // comes with a fresh queue.
                Ok(Sent::Returned) if !was_returned => was_returned = true,
                Ok(Sent::Returned) => return fail(batch, &BrokerError::NotTaken),
                Err(BrokerError::Closed) => return fail(batch, &BrokerError::Closed),
                Err(error) => {
                    tracing::debug!(place = ?self.place, %error, "a batch was not confirmed");
                    pause.wait().await;
                }
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
                    &message.body,
                    properties(),
                )
            });
            try_join_all(try_join_all(sent).await?).await
        })
        .await?;
        if confirmations.first().is_some_and(is_returned) {
            metrics::counter!("ekiden_broker_returned_total").increment(1);
            return Ok(Sent::Returned);
        }
        self.channel = Some(channel);
        Ok(Sent::Confirmed(
            confirmations.iter().map(Confirmation::is_ack).collect(),
        ))
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
        if let Place::Control = self.place {
            topology.declare_control(&channel).await?;
        }
        let selected = channel.confirm_select(ConfirmSelectOptions::default());
        bounded(self.hub.config.timeout, selected).await?;
        Ok(channel)
    }
}

/// What became of a batch.
enum Sent {
    /// Each message was confirmed, or refused (`false`).
    Confirmed(Vec<bool>),
    /// At least one message found no queue.
    Returned,
}

fn is_returned(confirmation: &Confirmation) -> bool {
    matches!(
        confirmation,
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))
    )
}

fn answer(batch: Vec<Waiting>, confirmed: Vec<bool>) {
    for (message, is_taken) in batch.into_iter().zip(confirmed) {
        let answer = if is_taken {
            Ok(())
        } else {
            Err(BrokerError::NotTaken)
        };
        // Whoever asked may have stopped waiting.
        drop(message.taken.send(answer));
    }
}

fn fail(batch: Vec<Waiting>, error: &BrokerError) {
    for message in batch {
        drop(message.taken.send(Err(error.clone())));
    }
}

fn properties() -> BasicProperties {
    const PERSISTENT: u8 = 2;
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/octet-stream".into())
        .with_type(KIND.into())
}
