//! Hands results on to their destinations, at least once, for as long as a day.
//!
//! A delivery is a row that was written with the invocation's end. Whoever takes one due keeps others
//! from it for a while, tries, and reports; who dies meanwhile leaves it to the next. Nothing that
//! happens here changes the invocation.

mod chain;
mod content;
mod part;
mod turns;
mod webhook;

pub use webhook::{WebhookConfig, WebhookSecret};

use bytes::Bytes;
use ekiden_broker::Broker;
use ekiden_domain::{
    Clock, Delivery, Destination, Record, Route, TraceContext,
    delivery::{Answer, Verdict},
    registry::{Disabled, Kind, key_of_destination},
};
use ekiden_store::{Catalog, Change, Store, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use turns::{Room, Turns};
use url::Url;
use webhook::Webhooks;

/// How often it is looked for what other processes left.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long beyond a try's own bound others are kept from it.
const SLACK: Duration = Duration::from_secs(10);

/// A process's part in handing results on.
#[derive(Clone, Debug)]
pub struct Deliverer {
    store: Store,
    broker: Broker,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    webhooks: Webhooks,
    hold: Duration,
}

/// What a try came to.
struct Tried {
    verdict: Verdict,
    http_status: Option<u16>,
    body: String,
    error: String,
}

impl Tried {
    fn delivered(body: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Delivered,
            http_status: None,
            body: body.into(),
            error: String::new(),
        }
    }

    fn failed(verdict: Verdict, error: impl Into<String>) -> Self {
        Self {
            verdict,
            http_status: None,
            body: String::new(),
            error: error.into(),
        }
    }
}

impl Deliverer {
    /// A deliverer on these parts.
    #[must_use]
    pub fn new(
        store: Store,
        broker: Broker,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        config: WebhookConfig,
    ) -> Self {
        Self {
            store,
            broker,
            catalog,
            clock,
            hold: config.timeout + SLACK,
            webhooks: Webhooks::new(config),
        }
    }

    /// Hands on what falls due until `stop`; then ends what it has begun.
    pub async fn run(self, stop: CancellationToken) {
        let turns = Turns::default();
        let ended = Arc::new(Notify::new());
        let tries = TaskTracker::new();
        while !stop.is_cancelled() {
            let room = turns.room();
            let (has_room, is_bounded) = (room.tries > 0, !room.is_everywhere());
            let taken = self.take(room).await;
            if taken.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = ended.notified(), if is_bounded => {}
                    () = self.store.result_written(), if has_room => {}
                    () = tokio::time::sleep(LOOK_INTERVAL), if has_room => {}
                }
            }
            for delivery in taken {
                let turn = turns.begin(&delivery.destination);
                let (deliverer, ended) = (self.clone(), Arc::clone(&ended));
                tries.spawn(async move {
                    deliverer.try_once(delivery).await;
                    drop(turn);
                    ended.notify_one();
                });
            }
        }
        tries.close();
        tries.wait().await;
    }

    async fn take(&self, Room { tries, full }: Room) -> Vec<Delivery> {
        // Another process may have room.
        if tries == 0 {
            return Vec::new();
        }
        let now = self.clock.now();
        let most = u32::try_from(tries).unwrap_or(u32::MAX);
        let until = now.after(self.hold);
        let taken = self.store.take_deliveries(now, until, most, &full).await;
        taken.unwrap_or_else(|error| {
            tracing::warn!(%error, "due deliveries cannot be taken");
            Vec::new()
        })
    }

    /// Tries once and reports. What cannot be reported is taken again after the hold.
    async fn try_once(&self, delivery: Delivery) {
        let id = delivery.request_id;
        let tried = match self.hand_on(&delivery).await {
            Ok(tried) => tried,
            Err(error) => {
                let why = format!("the state table cannot be reached: {error}");
                Tried::failed(Verdict::Again, why)
            }
        };
        let now = self.clock.now();
        let answer = Answer::new(now, tried.http_status, &tried.body, &tried.error);
        let delivery = delivery.tried(tried.verdict, answer);
        let (status, attempt) = (delivery.status, delivery.attempts);
        metrics::counter!("ekiden_deliveries_total", "status" => status.as_str()).increment(1);
        if tried.verdict != Verdict::Delivered {
            let error = &tried.error;
            tracing::warn!(request_id = %id, attempt, %status, error, "a result was not delivered");
        }
        if let Err(error) = self.store.report_delivery(delivery).await {
            tracing::warn!(request_id = %id, %error, "a delivery cannot be reported yet");
        }
    }

    async fn hand_on(&self, delivery: &Delivery) -> Result<Tried, StoreError> {
        let Some(record) = self.store.ended(delivery.request_id).await? else {
            let why = "the invocation does not exist any more";
            return Ok(Tried::failed(Verdict::Never, why));
        };
        let part = part::begin(&record, delivery);
        let tried = self.hand_over(delivery, &record, part.context()).await;
        part::end(&part, &tried);
        tried
    }

    async fn hand_over(
        &self,
        delivery: &Delivery,
        record: &Record,
        trace: Option<&TraceContext>,
    ) -> Result<Tried, StoreError> {
        let content = content::of(record);
        Ok(match delivery.destination.route() {
            Route::Webhook(url) => {
                self.post(url, &delivery.destination, record, content, trace)
                    .await?
            }
            Route::Amqp {
                exchange,
                routing_key,
            } => {
                let id = message_id(record);
                match self
                    .broker
                    .hand_on(exchange, routing_key, &id, content, trace)
                    .await
                {
                    Ok(()) => Tried::delivered(""),
                    Err(error) => Tried::failed(Verdict::Again, error.to_string()),
                }
            }
            Route::Function { name, qualifier } => {
                self.enqueue(name, qualifier, record, content, trace)
                    .await?
            }
        })
    }

    /// Posts to a webhook, unless it is disabled; disables one that wants no more.
    async fn post(
        &self,
        url: &Url,
        destination: &Destination,
        source: &Record,
        content: Bytes,
        trace: Option<&TraceContext>,
    ) -> Result<Tried, StoreError> {
        let function = &source.invocation.function;
        let mut registry = self.catalog.registry().await?;
        if registry
            .disabled_destination(function, destination)
            .is_some()
        {
            // What was enabled just now is not refused any more.
            registry = self.catalog.registry_now().await?;
        }
        if let Some(disabled) = registry.disabled_destination(function, destination) {
            let why = format!(
                "the destination is disabled, for {}; to put the async config again, or to resend, \
                 enables it",
                disabled.value.reason
            );
            return Ok(Tried::failed(Verdict::Never, why));
        }
        let (id, now) = (message_id(source), self.clock.now());
        let tried = self.webhooks.post(url, &id, content, trace, now).await;
        if tried.verdict == Verdict::Gone {
            let disabled = Disabled {
                reason: tried.error.clone(),
                since: self.clock.now(),
            };
            let key = key_of_destination(function, destination);
            let change = Change::create(Kind::DisabledDestination, key, &disabled);
            // Another's answer may have disabled it already.
            let _: bool = self.catalog.change(&[change], disabled.since).await?;
            tracing::warn!(%function, "a destination wants no more results, and is disabled");
        }
        Ok(tried)
    }
}

/// What a receiver knows a repetition by.
fn message_id(record: &Record) -> String {
    format!("msg_{}", record.invocation.request_id)
}
