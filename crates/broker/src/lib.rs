//! The only AMQP: lanes, confirmed publishing and consuming; and an in-process twin of all that.
//!
//! A message carries ids, never state; the headers of one with a single id may say which trace it is
//! part of. It is in a lane's queue once [`Broker::publish`] returned,
//! and stays there, or comes back, until it is acknowledged.

mod amqp;
mod body;
mod delivery;
mod error;
mod memory;

pub use amqp::{AmqpConfig, MAX_PREFIX};
pub use body::MAX_IDS;
pub use delivery::Delivery;
pub use error::BrokerError;

use amqp::{Amqp, Parcel};
use bytes::Bytes;
use ekiden_domain::{Lane, RequestId, TraceContext, Trial, trial::Lost};
use memory::Memory;

/// A message broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    kind: Kind,
    trial: Trial,
}

#[derive(Clone, Debug)]
enum Kind {
    Amqp(Amqp),
    Memory(Memory),
}

/// A lane's queue, as it was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneState {
    /// How many messages wait to be delivered.
    pub ready: u64,
    /// Whether this process has had to make the queue since it looked last: then what was in it
    /// before, if anything, is gone.
    pub created: bool,
}

impl Broker {
    /// A broker in this process's memory; all is gone with the process.
    #[must_use]
    pub fn in_process() -> Self {
        Self::of(Kind::Memory(Memory::default()))
    }

    /// This in-process broker as another process has it, with `trouble` in the way: closed, it is
    /// closed for that process alone.
    #[cfg(feature = "trial")]
    #[must_use]
    pub fn in_trial(&self, trouble: std::sync::Arc<dyn ekiden_domain::trial::Trouble>) -> Self {
        Self {
            kind: match &self.kind {
                Kind::Memory(memory) => Kind::Memory(memory.as_of_another()),
                amqp @ Kind::Amqp(_) => amqp.clone(),
            },
            trial: Trial::of(trouble),
        }
    }

    /// A RabbitMQ. It is connected to in the background, and again whenever the connection is lost:
    /// after 0.1 s, doubled up to 5 s, for ever.
    ///
    /// # Errors
    /// [`BrokerError::Url`] or [`BrokerError::Prefix`]; never because it cannot be reached.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn amqp(config: AmqpConfig) -> Result<Self, BrokerError> {
        Amqp::start(config).map(|amqp| Self::of(Kind::Amqp(amqp)))
    }

    /// Whether this broker lives in this process.
    #[must_use]
    pub const fn is_in_process(&self) -> bool {
        matches!(self.kind, Kind::Memory(_))
    }

    /// Its name in a trace: OpenTelemetry's `messaging.system`.
    #[must_use]
    pub const fn system(&self) -> &'static str {
        match self.kind {
            Kind::Amqp(_) => "rabbitmq",
            Kind::Memory(_) => "ekiden",
        }
    }

    /// Puts one message that carries `ids` (1 to [`MAX_IDS`]) into the lane's queue. It is there,
    /// safe against the broker's restart, when this returns. Thousands of calls may be under way at
    /// once; those of one lane travel together. `trace` is what a message with a single id is part of.
    ///
    /// # Errors
    /// If the broker did not confirm it in time. It may be there all the same, or come to be.
    pub async fn publish(
        &self,
        lane: &Lane,
        ids: &[RequestId],
        trace: Option<&TraceContext>,
    ) -> Result<(), BrokerError> {
        body::check_size(ids.len())?;
        self.meet(async {
            match &self.kind {
                Kind::Amqp(amqp) => amqp.publish(lane, body::pack(ids), trace.cloned()).await,
                Kind::Memory(memory) => memory.publish(lane, ids, trace.cloned()),
            }
        })
        .await
    }

    /// Tells every listening process that a stop was asked for. Nobody listening is no error.
    ///
    /// # Errors
    /// If the broker did not confirm it in time.
    pub async fn notify_stop(&self, id: RequestId) -> Result<(), BrokerError> {
        self.meet(async {
            match &self.kind {
                Kind::Amqp(amqp) => amqp.notify_stop(body::pack(&[id])).await,
                Kind::Memory(memory) => memory.notify_stop(id),
            }
        })
        .await
    }

    /// Puts a JSON message with this id into whatever queues `exchange` (the default one if it is
    /// empty) leads `routing_key` to. It is there, safe against the broker's restart where the queue
    /// is, when this returns. Its headers say which trace it is part of.
    ///
    /// # Errors
    /// If the broker did not confirm it in time, has no such exchange, or no queue for it. It may be
    /// there all the same, or come to be. An in-process queue has no exchanges.
    pub async fn hand_on(
        &self,
        exchange: &str,
        routing_key: &str,
        id: &str,
        body: Bytes,
        trace: Option<&TraceContext>,
    ) -> Result<(), BrokerError> {
        match &self.kind {
            Kind::Amqp(amqp) => {
                let parcel = Parcel::json(id, body, trace.cloned());
                amqp.hand_on(exchange, routing_key, parcel).await
            }
            Kind::Memory(_) => Err(BrokerError::InProcess),
        }
    }

    /// Begins to take messages out of a lane, at most `prefetch` (0 counts as 1) unacknowledged at a
    /// time.
    ///
    /// # Errors
    /// If that did not succeed within the configured timeout; with the reason.
    pub async fn consume(&self, lane: &Lane, prefetch: u16) -> Result<Consumer, BrokerError> {
        let prefetch = prefetch.max(1);
        let consumer = async {
            Ok(match &self.kind {
                Kind::Amqp(amqp) => {
                    ConsumerKind::Amqp(Box::new(amqp.consume(lane, prefetch).await?))
                }
                Kind::Memory(memory) => ConsumerKind::Memory(memory.consume(lane, prefetch)?),
            })
        };
        Ok(Consumer {
            kind: self.meet(consumer).await?,
            trial: self.trial.clone(),
        })
    }

    /// Begins to hear stop notices.
    ///
    /// # Errors
    /// If that did not succeed within the configured timeout; with the reason.
    pub async fn stop_notices(&self) -> Result<StopNotices, BrokerError> {
        Ok(StopNotices(match &self.kind {
            Kind::Amqp(amqp) => NoticesKind::Amqp(Box::new(amqp.stop_notices().await?)),
            Kind::Memory(memory) => NoticesKind::Memory(memory.stop_notices()?),
        }))
    }

    /// Looks at a lane's queue, and makes it if it is not there.
    ///
    /// # Errors
    /// If the broker cannot be reached; at once if that is known already.
    pub async fn inspect(&self, lane: &Lane) -> Result<LaneState, BrokerError> {
        self.meet(async {
            match &self.kind {
                Kind::Amqp(amqp) => amqp.inspect(lane).await,
                Kind::Memory(memory) => memory.inspect(lane),
            }
        })
        .await
    }

    /// How many messages wait to be delivered in a lane's queue; `None` if the queue is not there.
    ///
    /// # Errors
    /// If the broker cannot be reached.
    pub async fn ready(&self, lane: &Lane) -> Result<Option<u64>, BrokerError> {
        match &self.kind {
            Kind::Amqp(amqp) => amqp.ready(lane).await,
            Kind::Memory(memory) => memory.inspect(lane).map(|state| Some(state.ready)),
        }
    }

    /// Whether the broker answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        match &self.kind {
            Kind::Amqp(amqp) => amqp.ping().await,
            Kind::Memory(memory) => memory.check_open(),
        }
    }

    /// Deletes the queues of these lanes with all that is in them, and what stop notices go through:
    /// for a broker whose prefix nobody else uses, when nobody publishes or listens any more.
    ///
    /// # Errors
    /// If the broker cannot be reached; what is not there is none.
    pub async fn remove(&self, lanes: &[Lane]) -> Result<(), BrokerError> {
        match &self.kind {
            Kind::Amqp(amqp) => amqp.remove(lanes).await,
            // It is gone with the process.
            Kind::Memory(_) => Ok(()),
        }
    }

    /// Says goodbye to the broker, for all clones: consumers end, and what they hold unacknowledged
    /// is delivered again elsewhere.
    pub async fn close(&self) {
        match &self.kind {
            Kind::Amqp(amqp) => amqp.close().await,
            Kind::Memory(memory) => memory.close(),
        }
    }

    fn of(kind: Kind) -> Self {
        let trial = Trial::default();
        Self { kind, trial }
    }

    async fn meet<T: Send>(
        &self,
        call: impl Future<Output = Result<T, BrokerError>> + Send,
    ) -> Result<T, BrokerError> {
        let lost = |Lost| {
            Err(BrokerError::Unavailable(
                "the connection was lost".to_owned(),
            ))
        };
        self.trial.meet(call).await.unwrap_or_else(lost)
    }
}

/// A lane's messages, one after the other.
#[derive(Debug)]
pub struct Consumer {
    kind: ConsumerKind,
    trial: Trial,
}

#[derive(Debug)]
enum ConsumerKind {
    Amqp(Box<amqp::Consumer>),
    Memory(memory::Consumer),
}

impl Consumer {
    /// The next message, as soon as there is one and fewer than the prefetch are unacknowledged. A
    /// lost connection is made anew in the meantime. `None` only once the broker was closed.
    /// Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        let delivery = match &mut self.kind {
            ConsumerKind::Amqp(consumer) => consumer.next().await,
            ConsumerKind::Memory(consumer) => consumer.next().await,
        };
        delivery.map(|delivery| delivery.meeting(self.trial.clone()))
    }

    /// Takes no more, and returns what had been delivered but not handed out yet.
    pub async fn cancel(self) -> Vec<Delivery> {
        match self.kind {
            ConsumerKind::Amqp(consumer) => consumer.cancel().await,
            ConsumerKind::Memory(_) => Vec::new(),
        }
    }
}

/// Stop notices, one after the other.
#[derive(Debug)]
pub struct StopNotices(NoticesKind);

#[derive(Debug)]
enum NoticesKind {
    Amqp(Box<amqp::StopNotices>),
    Memory(memory::StopNotices),
}

impl StopNotices {
    /// The next notice. One given while the connection is down is not heard. `None` only once the
    /// broker was closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<RequestId> {
        match &mut self.0 {
            NoticesKind::Amqp(notices) => notices.next().await,
            NoticesKind::Memory(notices) => notices.next().await,
        }
    }
}
