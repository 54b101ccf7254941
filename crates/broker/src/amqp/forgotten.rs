//! Notices a consumer that the broker has forgotten.
//!
//! A broker that ends a consumer says so, and whoever listens opens another. Should it ever not say
//! so, a worker would wait beside a full queue until it is started anew. So a consumer that hears
//! nothing asks, now and then, whether there is anything to hear.

use super::{Hub, link::bounded};
use crate::BrokerError;
use ekiden_domain::Lane;
use lapin::{Channel, options::BasicCancelOptions, types::ShortString};
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long a consumer hears nothing before it asks. The broker delivers within milliseconds what is
/// ready for a consumer with room, so that two such looks in a row leave no honest explanation.
const SILENCE: Duration = Duration::from_secs(3);

/// One consumer of a lane's queue.
pub(crate) struct Suspect {
    pub(crate) hub: Arc<Hub>,
    pub(crate) lane: Lane,
    pub(crate) prefetch: u16,
    /// Held by the consumer, and by each of its messages until that is acknowledged.
    pub(crate) channel: Weak<Channel>,
    pub(crate) tag: ShortString,
    /// Set by the consumer with each message.
    pub(crate) has_heard: Arc<AtomicBool>,
}

impl Suspect {
    /// Cancels the consumer once it is sent nothing though the queue has messages, or is gone, and
    /// the consumer has room: its stream ends then, after whatever did come. Returns where not even that
    /// can be done.
    pub(crate) async fn watch(self) {
        let (mut was_passed_over, mut channel) = (false, None);
        loop {
            tokio::time::sleep(SILENCE).await;
            let is_passed_over = self.hears_nothing() && self.is_there_more(&mut channel).await;
            // What came while it asked is an answer too.
            let is_passed_over = is_passed_over && self.hears_nothing();
            if is_passed_over && was_passed_over && self.cancel().await.is_err() {
                return;
            }
            was_passed_over = is_passed_over;
            self.has_heard.store(false, Ordering::Relaxed);
        }
    }

    fn hears_nothing(&self) -> bool {
        let held = self.channel.strong_count().saturating_sub(1);
        !self.has_heard.load(Ordering::Relaxed) && held < usize::from(self.prefetch)
    }

    /// Keeps the channel that it asks by.
    async fn is_there_more(&self, kept: &mut Option<Channel>) -> bool {
        let look = async {
            let channel = match kept.take() {
                Some(channel) => channel,
                None => self.hub.consume.channel().await?,
            };
            let ready = self.hub.topology.look(&channel, &self.lane).await?;
            // One that was told of no such queue is closed.
            *kept = ready.map(|_| channel);
            Ok::<_, BrokerError>(ready)
        };
        // A broker that does not answer says nothing about one of its consumers.
        look.await.is_ok_and(|ready| ready != Some(0))
    }

    async fn cancel(&self) -> Result<(), BrokerError> {
        tracing::warn!(
            lane = %self.lane,
            "the broker has messages but sends none: its consumer is made anew"
        );
        metrics::counter!("ekiden_broker_consumers_forgotten_total").increment(1);
        let Some(channel) = self.channel.upgrade() else {
            return Ok(());
        };
        let cancelled = channel.basic_cancel(self.tag.clone(), BasicCancelOptions::default());
        if bounded(self.hub.config.timeout, cancelled).await.is_ok() {
            return Ok(());
        }
        // Puts back what is held on it: no worse than a lost connection.
        let closed = channel.close(200, "its consumer was forgotten".into());
        bounded(self.hub.config.timeout, closed).await
    }
}
