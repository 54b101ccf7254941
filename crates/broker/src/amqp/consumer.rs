//! Messages and stop notices, as they come out of a listener.

use super::{
    line::KIND,
    listener::{Heard, Listener},
};
use crate::{Delivery, body, delivery};
use ekiden_domain::{RequestId, TraceContext};
use futures::FutureExt;
use lapin::{
    Channel,
    options::BasicAckOptions,
    types::{AMQPValue, DeliveryTag, FieldTable},
};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Consumer(pub(crate) Listener);

impl Consumer {
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        loop {
            let heard = self.0.next().await?;
            if let Some(delivery) = open(heard) {
                return Some(delivery);
            }
        }
    }

    pub(crate) async fn cancel(self) -> Vec<Delivery> {
        let rest = self.0.cancel().await;
        rest.into_iter().filter_map(open).collect()
    }
}

#[derive(Debug)]
pub(crate) struct StopNotices(pub(crate) Listener);

impl StopNotices {
    pub(crate) async fn next(&mut self) -> Option<RequestId> {
        loop {
            let (message, channel) = self.0.next().await?;
            let Some(notice) = open((message, channel)) else {
                continue;
            };
            let id = notice.ids().first().copied();
            notice.ack().await;
            if id.is_some() {
                return id;
            }
        }
    }
}

/// A message of ours as a delivery. Any other is counted and acknowledged: whatever it stood for
/// waits in the state table.
fn open((message, channel): Heard) -> Option<Delivery> {
    let receipt = Receipt {
        channel,
        unacknowledged: Some(message.delivery_tag),
    };
    let is_our_kind = message
        .properties
        .kind()
        .as_ref()
        .is_some_and(|kind| kind.as_str() == KIND);
    let ids = body::unpack(&message.data).filter(|_| is_our_kind);
    let Some(ids) = ids else {
        metrics::counter!("ekiden_broker_unparsable_total").increment(1);
        tracing::error!(
            queue = %message.routing_key,
            bytes = message.data.len(),
            "a message is none of ours: dropped"
        );
        receipt.ack();
        return None;
    };
    let trace = message.properties.headers().as_ref().and_then(trace);
    let receipt = delivery::Receipt::Amqp(receipt);
    Some(Delivery::new(ids, trace, receipt))
}

/// The trace that a message's headers name.
fn trace(headers: &FieldTable) -> Option<TraceContext> {
    let text = |name| match headers.inner().get(name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    };
    TraceContext::new(text("traceparent")?, text("tracestate").unwrap_or_default())
}

/// What acknowledges a message. Dropped without, it closes the channel, which puts back all that is
/// unacknowledged on it: what comes twice for that is harmless.
#[derive(Debug)]
pub(crate) struct Receipt {
    channel: Arc<Channel>,
    unacknowledged: Option<DeliveryTag>,
}

impl Receipt {
    pub(crate) fn ack(mut self) {
        if let Some(tag) = self.unacknowledged.take() {
            // The first poll puts it on its way, ahead of the channel's end if this was the last to
            // hold it (lapin's own acker lets the end overtake it). There is no answer to wait for:
            // on a channel that is gone it fails, and the message is delivered again.
            let options = BasicAckOptions::default();
            drop(self.channel.basic_ack(tag, options).now_or_never());
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.unacknowledged.is_none() || !self.channel.status().connected() {
            return;
        }
        let channel = Arc::clone(&self.channel);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { channel.close(200, "a message was given up".into()).await });
        }
    }
}
