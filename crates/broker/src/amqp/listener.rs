//! Listening to a queue through lost connections, cancelled consumers and deleted queues.

use super::{Hub, forgotten::Suspect, link::bounded, pause::Pause};
use crate::BrokerError;
use ekiden_domain::Lane;
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, pending, ready},
};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How many stop notices may be on their way to one listener.
const NOTICES: u16 = 1000;

/// What is listened to.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Lane { lane: Lane, prefetch: u16 },
    Control,
}

/// A consumer on a channel of its own, which stays open until the last of its messages is
/// acknowledged or given up.
struct Tap {
    channel: Arc<Channel>,
    messages: lapin::Consumer,
    has_heard: Arc<AtomicBool>,
    /// Ends `messages`, or itself, if the broker has forgotten the consumer.
    watch: BoxFuture<'static, ()>,
}

impl Tap {
    async fn open(hub: &Arc<Hub>, source: &Source) -> Result<Self, BrokerError> {
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
        let channel = Arc::new(channel);
        let has_heard = Arc::default();
        let watch = match source {
            Source::Lane { lane, prefetch } => Suspect {
                hub: Arc::clone(hub),
                lane: lane.clone(),
                prefetch: *prefetch,
                channel: Arc::downgrade(&channel),
                tag: messages.tag(),
                has_heard: Arc::clone(&has_heard),
            }
            .watch()
            .boxed(),
            // Its queue lives and dies with the connection.
            Source::Control => pending().boxed(),
        };
        Ok(Self {
            channel,
            messages,
            has_heard,
            watch,
        })
    }

    /// The next message. None any more when the queue was deleted or has moved, a message was given
    /// up, or the connection was lost.
    async fn next(&mut self) -> Option<Heard> {
        let next = tokio::select! {
            biased;
            next = self.messages.next() => next,
            () = &mut self.watch => None,
        };
        match next {
            Some(Ok(message)) => {
                self.has_heard.store(true, Ordering::Relaxed);
                return Some((message, Arc::clone(&self.channel)));
            }
            Some(Err(error)) => tracing::warn!(%error, "a consumer was lost"),
            None => tracing::debug!("a consumer has ended"),
        }
        None
    }

    /// Has the broker send no more, and returns what it had sent; nothing if it does not answer.
    async fn cancel(mut self, timeout: Duration) -> Vec<Heard> {
        let (tag, options) = (self.messages.tag(), BasicCancelOptions::default());
        let mut rest = Vec::new();
        if bounded(timeout, self.channel.basic_cancel(tag, options))
            .await
            .is_ok()
        {
            // The broker has said that it sends no more: the stream ends with what is here already.
            while let Ok(Some(heard)) = tokio::time::timeout(timeout, self.next()).await {
                rest.push(heard);
            }
        }
        rest
    }
}

/// Tries until it listens, the broker is closed, or the deadline has passed; once at least. One
/// failure says little: RabbitMQ 3.10 ends the whole connection with INTERNAL_ERROR when a quorum
/// queue is consumed in the moment that somebody else is making it.
async fn open(
    hub: &Arc<Hub>,
    source: &Source,
    deadline: Option<Instant>,
) -> Result<Tap, BrokerError> {
    let mut pause = Pause::default();
    loop {
        let error = match Tap::open(hub, source).await {
            Ok(tap) => return Ok(tap),
            Err(error) => error,
        };
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late || error == BrokerError::Closed {
            return Err(error);
        }
        tracing::debug!(?source, %error, "cannot listen yet");
        pause.wait().await;
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
        let deadline = Instant::now() + hub.config.timeout;
        let tap = open(&hub, &source, Some(deadline)).await?;
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
                State::Open(tap) => match tap.next().await {
                    Some(heard) => return Some(heard),
                    None => self.state = self.open_again(),
                },
                State::Opening(opening) => match opening.await {
                    Ok(tap) => self.state = State::Open(tap),
                    Err(closed) => {
                        // The same answer to whoever asks again.
                        self.state = State::Opening(ready(Err(closed)).boxed());
                        return None;
                    }
                },
            }
        }
    }

    fn open_again(&self) -> State {
        let (hub, source) = (Arc::clone(&self.hub), self.source.clone());
        let opening = async move {
            // A queue that ends each consumer at once would else be asked again at once, for ever.
            Pause::default().wait().await;
            open(&hub, &source, None).await
        };
        State::Opening(opening.boxed())
    }

    /// Has no more messages sent, and returns those that were but were not handed out; they go back to
    /// the queue where the broker does not answer.
    pub(crate) async fn cancel(self) -> Vec<Heard> {
        match self.state {
            State::Open(tap) => tap.cancel(self.hub.config.timeout).await,
            State::Opening(_) => Vec::new(),
        }
    }
}
