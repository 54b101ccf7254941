//! A delivered message, split into the dispatches it carries; acknowledged when the last of them is
//! settled.

use ekiden_broker::Delivery;
use ekiden_domain::{RequestId, TraceContext};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Debug)]
struct Parcel {
    delivery: Mutex<Option<Delivery>>,
    unsettled: AtomicUsize,
}

/// One dispatch out of a message. Dropped unsettled, it leaves the message to be delivered again.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) id: RequestId,
    /// The trace that its publishing was part of, where the message speaks of it alone.
    pub(crate) trace: Option<TraceContext>,
    parcel: Arc<Parcel>,
}

/// The dispatches that `delivery` carries.
pub(crate) fn open(delivery: Delivery) -> Vec<Ticket> {
    let ids = delivery.ids().to_vec();
    let trace = delivery.trace().filter(|_| ids.len() == 1).cloned();
    let parcel = Arc::new(Parcel {
        unsettled: AtomicUsize::new(ids.len()),
        delivery: Mutex::new(Some(delivery)),
    });
    ids.into_iter()
        .map(|id| Ticket {
            id,
            trace: trace.clone(),
            parcel: Arc::clone(&parcel),
        })
        .collect()
}

impl Ticket {
    /// Says that the dispatch needs nobody any more: its claim or put-back is durable, or was
    /// refused.
    pub(crate) async fn settle(self) {
        if self.parcel.unsettled.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let delivery = self
            .parcel
            .delivery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(delivery) = delivery {
            delivery.ack().await;
        }
    }
}
