//! A message that was delivered and is not acknowledged yet.

use crate::{amqp, memory};
use ekiden_domain::{RequestId, TraceContext, Trial, trial::Lost};
use std::sync::Arc;

/// A delivered message. Dropped without [`Delivery::ack`], it is delivered again, here or elsewhere;
/// through AMQP all that its consumer holds unacknowledged comes again with it.
#[derive(Debug)]
pub struct Delivery {
    ids: Arc<[RequestId]>,
    trace: Option<TraceContext>,
    receipt: Receipt,
    trial: Trial,
}

#[derive(Debug)]
pub(crate) enum Receipt {
    Amqp(amqp::Receipt),
    Memory(memory::Receipt),
}

impl Delivery {
    pub(crate) fn new(
        ids: Arc<[RequestId]>,
        trace: Option<TraceContext>,
        receipt: Receipt,
    ) -> Self {
        Self {
            ids,
            trace,
            receipt,
            trial: Trial::default(),
        }
    }

    pub(crate) fn meeting(self, trial: Trial) -> Self {
        Self { trial, ..self }
    }

    /// The ids it carries.
    #[must_use]
    pub fn ids(&self) -> &[RequestId] {
        &self.ids
    }

    /// The trace that its publishing was part of, if it says so.
    #[must_use]
    pub const fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Says that nobody needs the message any more. The word is on its way when this returns; it
    /// waits for no answer, as there is none. Where the connection was lost meanwhile it does
    /// nothing, and the message is delivered again.
    pub async fn ack(self) {
        let ack = async {
            match self.receipt {
                Receipt::Amqp(receipt) => receipt.ack(),
                Receipt::Memory(receipt) => receipt.ack(),
            }
        };
        // Where the word is lost, the message is delivered again.
        let _: Result<(), Lost> = self.trial.meet(ack).await;
    }
}
