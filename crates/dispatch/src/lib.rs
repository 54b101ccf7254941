//! Carries the outbox to the broker, and puts back what the broker lost.
//!
//! A message leaves the outbox only after the broker confirmed it. What this process wrote reaches
//! [`Dispatcher`] at once through a channel; what was left behind, or falls due later, is found by
//! polling. [`Reconciler`] looks the other way: for waiting invocations that no message speaks of.

mod reconcile;
#[cfg(test)]
mod sample;
mod send;
#[cfg(test)]
mod tests;

pub use reconcile::{ReconcileConfig, Reconciler, redispatch};

use ekiden_broker::Broker;
use ekiden_domain::{Clock, Message};
use ekiden_store::{Store, Watermark};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use send::Sender;

/// How many messages may wait to be sent before further ones are left to the poll.
const OFFERS: usize = 20_000;

/// Each how many polls one looks at all that is due, and not only at what fell due since the last:
/// that finds what was written later than it fell due.
const WHOLE_POLL: u32 = 10;

/// The pause before a backlog is polled again that the broker has no room for.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// How a process dispatches.
#[derive(Clone, Debug)]
pub struct DispatchConfig {
    /// How often the outbox is polled for what fell due or was left behind.
    pub poll_interval: Duration,
    /// For how long a polled message is kept from other pollers while it is being sent; longer than
    /// the broker takes to confirm or fail.
    pub hold: Duration,
    /// The most messages in one send.
    pub batch: usize,
    /// How many sends may be under way at once; what gathers meanwhile shares messages.
    pub sends: usize,
    /// The most invocations in one broker message while a backlog is moved.
    pub ids_per_message: usize,
}

impl Default for DispatchConfig {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(100),
            hold: Duration::from_secs(15),
            batch: 1000,
            sends: 4,
            ids_per_message: 16,
        }
    }
}

/// Moves messages from the outbox to the broker, until it is told to stop.
#[derive(Debug)]
pub struct Dispatcher {
    store: Store,
    clock: Arc<dyn Clock>,
    config: DispatchConfig,
    sender: Sender,
    offers: mpsc::Receiver<Message>,
}

impl Dispatcher {
    /// A dispatcher that the store offers new messages to from now on; one per store.
    #[must_use]
    pub fn new(
        store: Store,
        broker: Broker,
        clock: Arc<dyn Clock>,
        config: DispatchConfig,
    ) -> Self {
        let (offer, offers) = mpsc::channel(OFFERS);
        store.offer_messages_to(offer);
        let sender = Sender::new(store.clone(), broker, config.ids_per_message);
        Self {
            store,
            clock,
            config,
            sender,
            offers,
        }
    }

    /// Sends until `stop`, then sends what was offered before and returns.
    pub async fn run(mut self, stop: CancellationToken) {
        let sends = TaskTracker::new();
        let slots = Arc::new(tokio::sync::Semaphore::new(self.config.sends));
        let mut poll_at = Instant::now();
        let mut polled = Watermark::new(WHOLE_POLL);
        let mut batch = Vec::new();
        let mut has_sent_offers = false;
        loop {
            // A slot first: what gathers while all are taken is packed together.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            // Offers may come without a pause: after each batch of them the poll has its turn.
            let is_turn = has_sent_offers && Instant::now() >= poll_at && !stop.is_cancelled();
            has_sent_offers = false;
            if is_turn {
                (batch, poll_at) = self.poll(&mut polled).await;
            } else {
                tokio::select! {
                    biased;
                    offered = self.offers.recv_many(&mut batch, self.config.batch) => {
                        if offered == 0 {
                            break;
                        }
                        has_sent_offers = true;
                    }
                    () = sleep_until(poll_at), if !stop.is_cancelled() => {
                        (batch, poll_at) = self.poll(&mut polled).await;
                    }
                    () = stop.cancelled() => {
                        self.offers.close();
                        // Offers made so far still go out; the channel then reads as ended.
                        if self.offers.recv_many(&mut batch, usize::MAX).await == 0 {
                            break;
                        }
                    }
                }
            }
            if batch.is_empty() {
                continue;
            }
            let (sender, messages) = (self.sender.clone(), std::mem::take(&mut batch));
            sends.spawn(async move {
                sender.send(messages).await;
                drop(slot);
            });
        }
        sends.close();
        sends.wait().await;
        self.sender.close().await;
    }

    /// Takes what is due, and says when to poll next.
    async fn poll(&self, polled: &mut Watermark) -> (Vec<Message>, Instant) {
        let now = self.clock.now();
        let due = polled.begin()..=now;
        let limit = u32::try_from(self.config.batch).unwrap_or(u32::MAX);
        let taken = self
            .store
            .take_messages(due, now.after(self.config.hold), limit)
            .await;
        let (messages, pause) = match taken {
            Ok(messages) if messages.len() < self.config.batch => {
                polled.reach(now);
                (messages, self.config.poll_interval)
            }
            Ok(messages) if self.sender.meets_full_queues() => (messages, FULL_PAUSE),
            // There is more: looks again at once.
            Ok(messages) => (messages, Duration::ZERO),
            Err(error) => {
                tracing::warn!(%error, "the outbox could not be polled");
                (Vec::new(), self.config.poll_interval)
            }
        };
        (messages, Instant::now() + pause)
    }
}
