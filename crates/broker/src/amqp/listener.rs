//! Listening to a queue through lost connections, cancelled consumers and deleted queues.

use super::{Hub, link::bounded, pause::Pause};
use crate::BrokerError;
use ekiden_domain::Lane;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use std::{fmt, sync::Arc};

/// How many stop notices may be on their way to one listener.
const NOTICES: u16 = 1000;

/// What is listened to.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Lane { lane: Lane, prefetch: u16 },
    Control,
}

/// A consumer on a channel of its own.
struct Tap {
    /// Kept open until the last of its messages is acknowledged or given up.
    channel: Arc<Channel>,
    messages: lapin::Consumer,
}

impl Tap {
    async fn open(hub: &Hub, source: &Source) -> Result<Self, BrokerError> {
        let (channel, queue, prefetch) = match source {
            Source::Lane { lane, prefetch } => {
                hub.topology.ready(&hub.consume, lane).await?;
                let channel = hub.consume.channel().await?;
                (channel, hub.topology.queue(lane), *prefetch)
            }
            Source::Control => {
                let channel = hub.consume.channel().await?;
                let queue = hub.topology.declare_ear(&channel).await?;
                (channel, queue, NOTICES)
            }
        };
        let messages = bounded(hub.config.timeout, async {
            channel
                .basic_qos(prefetch, BasicQosOptions::default())
                .await?;
            channel
                .basic_consume(
                    queue,
                    ShortString::default(),
                    BasicConsumeOptions::default(),
                    FieldTable::default(),
                )
                .await
        })
        .await?;
        Ok(Self {
            channel: Arc::new(channel),
            messages,
        })
    }
}

enum State {
    Open(Tap),
    /// Kept across calls, so that a caller that asks and turns away again and again still gets
    /// there.
    Opening(BoxFuture<'static, Result<Tap, BrokerError>>),
}

/// A message, and the channel it came through.
pub(crate) type Heard = (Delivery, Arc<Channel>);

pub(crate) struct Listener {
    hub: Arc<Hub>,
    source: Source,
    state: State,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) async fn start(hub: Arc<Hub>, source: Source) -> Result<Self, BrokerError> {
        let tap = Tap::open(&hub, &source).await?;
        Ok(Self {
            hub,
            source,
            state: State::Open(tap),
        })
    }

    /// The next message; `None` once the broker was closed. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            match &mut self.state {
                State::Open(tap) => match tap.messages.next().await {
                    Some(Ok(message)) => return Some((message, Arc::clone(&tap.channel))),
                    Some(Err(error)) => {
                        tracing::warn!(source = ?self.source, %error, "a consumer was lost");
                        self.state = self.open_again();
                    }
                    // The queue was deleted or has moved, or a message was given up.
                    None => {
                        tracing::debug!(source = ?self.source, "a consumer was cancelled");
                        self.state = self.open_again();
                    }
                },
                State::Opening(opening) => {
                    let tap = opening.await.ok()?;
                    self.state = State::Open(tap);
                }
            }
        }
    }

    /// Tries until it listens again, or the broker is closed.
    fn open_again(&self) -> State {
        let (hub, source) = (Arc::clone(&self.hub), self.source.clone());
        let mut pause = Pause::default();
        let opening = async move {
            loop {
                // Before the first attempt too: a queue that ends each consumer at once would else
                // be asked again at once, for ever.
                pause.wait().await;
                match Tap::open(&hub, &source).await {
                    Err(error) if error != BrokerError::Closed => {
                        tracing::debug!(?source, %error, "cannot listen again yet");
                    }
                    opened_or_closed => return opened_or_closed,
                }
            }
        };
        State::Opening(opening.boxed())
    }

    /// Has no more messages sent, and returns those that were but were not handed out.
    pub(crate) async fn cancel(self) -> Vec<Heard> {
        let State::Open(mut tap) = self.state else {
            return Vec::new();
        };
        let tag = tap.messages.tag();
        let cancelled = tap.channel.basic_cancel(tag, BasicCancelOptions::default());
        if bounded(self.hub.config.timeout, cancelled).await.is_err() {
            // Without its channel they go back to the queue.
            return Vec::new();
        }
        let mut rest = Vec::new();
        // The broker has said that it sends no more: the stream ends with what is here already.
        while let Ok(Some(Ok(message))) =
            tokio::time::timeout(self.hub.config.timeout, tap.messages.next()).await
        {
            rest.push((message, Arc::clone(&tap.channel)));
        }
        rest
    }
}
