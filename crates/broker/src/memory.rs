//! The in-process twin: the same semantics in this process's memory.

use crate::{BrokerError, Delivery, LaneState, delivery};
use ekiden_domain::{Lane, RequestId, TraceContext};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

/// The most ids that wait in one lane, 16 bytes each and about 80 more for each message. Further
/// ones are refused and stay in the outbox. What is put back is always taken.
const MOST_IDS: usize = 1_000_000;
/// How many stop notices a slow listener may be behind; then it misses the oldest.
const MOST_NOTICES: usize = 1024;

#[derive(Clone, Debug)]
pub(crate) struct Memory {
    lanes: Arc<Mutex<HashMap<Lane, Arc<Queue>>>>,
    stops: broadcast::Sender<RequestId>,
    closed: CancellationToken,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            lanes: Arc::default(),
            stops: broadcast::channel(MOST_NOTICES).0,
            closed: CancellationToken::new(),
        }
    }
}

#[derive(Clone, Debug)]
struct Message {
    ids: Arc<[RequestId]>,
    trace: Option<TraceContext>,
}

#[derive(Debug, Default)]
struct Queue {
    ready: Mutex<Ready>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Ready {
    messages: VecDeque<Message>,
    ids: usize,
}

impl Queue {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, message: Message) -> Result<(), BrokerError> {
        let mut ready = self.ready();
        let count = message.ids.len();
        if ready.ids + count > MOST_IDS {
            return Err(BrokerError::Full);
        }
        ready.ids += count;
        ready.messages.push_back(message);
        self.arrived.notify_one();
        Ok(())
    }

    fn pop(&self) -> Option<Message> {
        let mut ready = self.ready();
        let message = ready.messages.pop_front()?;
        ready.ids -= message.ids.len();
        if !ready.messages.is_empty() {
            // One wake-up may stand for several messages: pass it on.
            self.arrived.notify_one();
        }
        Some(message)
    }

    fn put_back(&self, message: Message) {
        let mut ready = self.ready();
        ready.ids += message.ids.len();
        ready.messages.push_front(message);
        self.arrived.notify_one();
    }
}

impl Memory {
    fn queue(&self, lane: &Lane) -> Arc<Queue> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = lanes.get(lane) {
            return Arc::clone(queue);
        }
        Arc::clone(lanes.entry(lane.clone()).or_default())
    }

    #[cfg(feature = "trial")]
    pub(crate) fn as_of_another(&self) -> Self {
        Self {
            closed: CancellationToken::new(),
            ..self.clone()
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), BrokerError> {
        if self.closed.is_cancelled() {
            return Err(BrokerError::Closed);
        }
        Ok(())
    }

    pub(crate) fn publish(
        &self,
        lane: &Lane,
        ids: &[RequestId],
        trace: Option<TraceContext>,
    ) -> Result<(), BrokerError> {
        self.check_open()?;
        let ids = ids.into();
        self.queue(lane).push(Message { ids, trace })
    }

    pub(crate) fn notify_stop(&self, id: RequestId) -> Result<(), BrokerError> {
        self.check_open()?;
        // Nobody listening is no error.
        drop(self.stops.send(id));
        Ok(())
    }

    pub(crate) fn consume(&self, lane: &Lane, prefetch: u16) -> Result<Consumer, BrokerError> {
        self.check_open()?;
        Ok(Consumer {
            queue: self.queue(lane),
            unacknowledged: Arc::new(Semaphore::new(usize::from(prefetch))),
            closed: self.closed.clone(),
        })
    }

    pub(crate) fn stop_notices(&self) -> Result<StopNotices, BrokerError> {
        self.check_open()?;
        Ok(StopNotices {
            stops: self.stops.subscribe(),
            closed: self.closed.clone(),
        })
    }

    pub(crate) fn inspect(&self, lane: &Lane) -> Result<LaneState, BrokerError> {
        self.check_open()?;
        Ok(LaneState {
            ready: self.queue(lane).ready().messages.len() as u64,
            created: false,
        })
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
    }
}

#[derive(Debug)]
pub(crate) struct Consumer {
    queue: Arc<Queue>,
    unacknowledged: Arc<Semaphore>,
    closed: CancellationToken,
}

impl Consumer {
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        let closed = self.closed.clone();
        closed.run_until_cancelled(self.take()).await?
    }

    async fn take(&mut self) -> Option<Delivery> {
        let permit = Arc::clone(&self.unacknowledged)
            .acquire_owned()
            .await
            .ok()?;
        let message = loop {
            if let Some(message) = self.queue.pop() {
                break message;
            }
            // A message that arrives between the look and the wait leaves its wake-up behind.
            self.queue.arrived.notified().await;
        };
        let Message { ids, trace } = message.clone();
        let receipt = Receipt {
            message: Some((message, Arc::clone(&self.queue))),
            _permit: permit,
        };
        let receipt = delivery::Receipt::Memory(receipt);
        Some(Delivery::new(ids, trace, receipt))
    }
}

/// Puts the message back at the front of its queue unless it was acknowledged.
#[derive(Debug)]
pub(crate) struct Receipt {
    message: Option<(Message, Arc<Queue>)>,
    _permit: OwnedSemaphorePermit,
}

impl Receipt {
    pub(crate) fn ack(mut self) {
        self.message = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some((message, queue)) = self.message.take() {
            queue.put_back(message);
        }
    }
}

#[derive(Debug)]
pub(crate) struct StopNotices {
    stops: broadcast::Receiver<RequestId>,
    closed: CancellationToken,
}

impl StopNotices {
    pub(crate) async fn next(&mut self) -> Option<RequestId> {
        loop {
            match self.closed.run_until_cancelled(self.stops.recv()).await? {
                Ok(id) => return Some(id),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "stop notices came faster than they were heard");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_IDS;
    use ekiden_domain::Timestamp;

    #[tokio::test]
    async fn a_full_lane_refuses_new_messages_but_takes_back_its_own() {
        let memory = Memory::default();
        let lane = Lane::shared();
        let ids = [RequestId::generate(Timestamp::from_millis(0)); MAX_IDS];
        for _ in 0..MOST_IDS / MAX_IDS {
            memory.publish(&lane, &ids, None).unwrap();
        }
        let mut consumer = memory.consume(&lane, 1).unwrap();
        let delivered = consumer.next().await.unwrap();
        memory.publish(&lane, &ids, None).unwrap();
        assert_eq!(memory.publish(&lane, &ids, None), Err(BrokerError::Full));
        drop(delivered);
        assert_eq!(memory.publish(&lane, &ids, None), Err(BrokerError::Full));
        consumer.next().await.unwrap().ack().await;
        assert_eq!(
            memory.publish(&lane, &ids[..1], None),
            Err(BrokerError::Full)
        );
        consumer.next().await.unwrap().ack().await;
        memory.publish(&lane, &ids, None).unwrap();
    }
}
