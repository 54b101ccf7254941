//! One send: messages to the broker, and out of the outbox once confirmed.

use ekiden_broker::{Broker, BrokerError};
use ekiden_domain::{Body, Lane, Message, OutboxId, RequestId, TraceContext};
use ekiden_store::Store;
use ekiden_trace::{Part, span};
use futures::stream::FuturesUnordered;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

/// Up to this many messages of a lane in one send each travel alone, so that idle workers share
/// them; more are a backlog, and are packed.
const ALONE: usize = 4;
/// How many confirmed messages may wait to be forgotten.
const CONFIRMED: usize = 20_000;
/// The most outbox rows that are forgotten in one transaction.
const FORGET: usize = 2_000;
/// For how long they gather.
const GATHERING: Duration = Duration::from_millis(50);

type Sent = (RequestId, OutboxId);

/// A message to a lane.
struct Dispatch {
    sent: Sent,
    trace: Option<TraceContext>,
}

#[derive(Clone, Debug)]
pub(crate) struct Sender {
    broker: Broker,
    ids_per_message: usize,
    confirmed: mpsc::Sender<Sent>,
    forgetting: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
    meets_full_queues: Arc<AtomicBool>,
}

impl Sender {
    pub(crate) fn new(store: Store, broker: Broker, ids_per_message: usize) -> Self {
        let (confirmed, to_forget) = mpsc::channel(CONFIRMED);
        let forgetting = tokio::spawn(forget(store, to_forget));
        let forgetting = Arc::new(tokio::sync::Mutex::new(Some(forgetting)));
        Self {
            broker,
            ids_per_message: ids_per_message.max(1),
            confirmed,
            forgetting,
            meets_full_queues: Arc::default(),
        }
    }

    /// Publishes all messages; those confirmed leave the outbox. One that fails stays there, and is
    /// polled again.
    pub(crate) async fn send(&self, messages: Vec<Message>) {
        let mut lanes: HashMap<Lane, Vec<Dispatch>> = HashMap::new();
        let mut stops = Vec::new();
        for message in messages {
            let sent = (message.request_id, message.id);
            let trace = message.trace;
            match message.body {
                Body::Dispatch(lane) => {
                    let dispatch = Dispatch { sent, trace };
                    lanes.entry(lane).or_default().push(dispatch);
                }
                Body::Stop => stops.push(sent),
            }
        }
        let packets: Vec<(&Lane, &[Dispatch])> = lanes
            .iter()
            .flat_map(|(lane, dispatches)| {
                let size = if dispatches.len() <= ALONE {
                    1
                } else {
                    self.ids_per_message
                };
                dispatches.chunks(size).map(move |packet| (lane, packet))
            })
            .collect();
        let mut dispatches: FuturesUnordered<_> = packets
            .into_iter()
            .map(|(lane, packet)| self.dispatch(lane, packet))
            .collect();
        let mut stops: FuturesUnordered<_> =
            stops.into_iter().map(|sent| self.stop(sent)).collect();
        tokio::join!(
            async { while dispatches.next().await.is_some() {} },
            async { while stops.next().await.is_some() {} },
        );
    }

    async fn stop(&self, sent: Sent) {
        match self.broker.notify_stop(sent.0).await {
            Ok(()) => self.confirm(sent).await,
            Err(error) => {
                tracing::debug!(request_id = %sent.0, %error, "a stop notice was not sent");
            }
        }
    }

    /// Whether the broker had no room for what was sent last.
    pub(crate) fn meets_full_queues(&self) -> bool {
        self.meets_full_queues.load(Ordering::Relaxed)
    }

    async fn dispatch(&self, lane: &Lane, packet: &[Dispatch]) {
        let ids: Vec<RequestId> = packet.iter().map(|dispatch| dispatch.sent.0).collect();
        let parts = self.parts(lane, packet);
        // Several share a message, but no trace: each row knows its own.
        let trace = parts.first().filter(|_| ids.len() == 1);
        let trace = trace.and_then(Part::context);
        match self.broker.publish(lane, &ids, trace).await {
            Ok(()) => {
                self.meets_full_queues.store(false, Ordering::Relaxed);
                metrics::counter!("ekiden_dispatched_total").increment(ids.len() as u64);
                for dispatch in packet {
                    self.confirm(dispatch.sent).await;
                }
            }
            Err(error) => {
                parts.iter().for_each(|part| part.fail("NotConfirmed"));
                metrics::counter!("ekiden_dispatch_failures_total").increment(ids.len() as u64);
                let is_full = error == BrokerError::Full;
                if !is_full || !self.meets_full_queues.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%lane, invocations = ids.len(), %error, "a dispatch was not confirmed");
                }
            }
        }
    }

    /// One for each dispatch that is part of a trace, in the order of the packet.
    fn parts(&self, lane: &Lane, packet: &[Dispatch]) -> Vec<Part> {
        let traced = packet.iter().filter(|dispatch| dispatch.trace.is_some());
        let part = |dispatch: &Dispatch| {
            Part::of(dispatch.trace.as_ref(), || {
                span!(
                    "publish",
                    otel.name = format!("publish {lane}"),
                    otel.kind = "producer",
                    messaging.system = self.broker.system(),
                    messaging.operation.name = "publish",
                    "messaging.operation.type" = "send",
                    messaging.destination.name = lane.as_str(),
                    messaging.batch.message_count = packet.len(),
                    faas.invocation_id = %dispatch.sent.0,
                )
            })
        };
        traced.map(part).collect()
    }

    async fn confirm(&self, sent: Sent) {
        // Only a forgetter that panicked is gone; its rows are polled and sent once more.
        let _ = self.confirmed.send(sent).await;
    }

    /// Waits until all that was confirmed is forgotten. To be called on the last clone.
    pub(crate) async fn close(self) {
        let Self {
            confirmed,
            forgetting,
            ..
        } = self;
        drop(confirmed);
        if let Some(forgetting) = forgetting.lock().await.take() {
            drop(forgetting.await);
        }
    }
}

/// Deletes confirmed rows, as many at once as have gathered. Nobody waits for that, so they gather
/// for a moment: the commits that somebody waits for come first. One that cannot be deleted is
/// polled and sent once more, which is harmless.
async fn forget(store: Store, confirmed: mpsc::Receiver<Sent>) {
    let gathered = ReceiverStream::new(confirmed).chunks_timeout(FORGET, GATHERING);
    let mut gathered = std::pin::pin!(gathered);
    while let Some(messages) = gathered.next().await {
        if let Err(error) = store.delete_messages(&messages).await {
            tracing::warn!(messages = messages.len(), %error, "confirmed messages stay in the outbox");
        }
    }
}
