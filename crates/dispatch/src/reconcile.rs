//! Finds waiting invocations that the broker lost, and dispatches them again.
//!
//! The state table is the truth: what waits there, is due, and has no row in the outbox must be in
//! the broker's hands. It is not where a queue was created anew, or is empty at two looks in a row,
//! or where younger invocations of the same lane are being claimed already; nor where no worker
//! listens to the lane any more because the function's lane was changed.

use ekiden_broker::Broker;
use ekiden_domain::{Clock, Lane, Message, RequestId, Timestamp};
use ekiden_store::{Catalog, Store, StoreError, Undispatched};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How a process reconciles.
#[derive(Clone, Debug)]
pub struct ReconcileConfig {
    /// How often the queues are looked at.
    pub look_interval: Duration,
    /// How long an invocation must have been due before it can count as lost; also how long one lane
    /// is left alone after it was dispatched again.
    pub period: Duration,
    /// How many rows one query walks.
    pub batch: u32,
}

impl Default for ReconcileConfig {
    fn default() -> Self {
        Self {
            look_interval: Duration::from_secs(5),
            period: Duration::from_secs(30),
            batch: 1000,
        }
    }
}

/// Dispatches again what the broker lost. Safe to run in every process at once: a dispatch too many
/// is harmless.
#[derive(Debug)]
pub struct Reconciler {
    store: Store,
    broker: Broker,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    config: ReconcileConfig,
    lanes: HashMap<Lane, Look>,
    listened: Option<HashSet<Lane>>,
}

/// What is remembered of a lane between two looks.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    was_empty: bool,
    /// At how many looks to come its queue still counts as created anew. What had fallen due just
    /// before that is beyond doubt only at the second.
    anew: u8,
    dispatched_at: Option<Timestamp>,
}

/// Which invocations of a walk count as lost.
struct Lost {
    /// Per lane: those due before this.
    due_before: HashMap<Lane, Timestamp>,
    /// Those of every lane but these, once due.
    listened: HashSet<Lane>,
    now: Timestamp,
    /// Beyond this acceptance time there is none; `None` walks the whole table.
    accepted_until: Option<Timestamp>,
}

impl Lost {
    fn has(&self, waiting: &Undispatched) -> bool {
        match self.due_before.get(&waiting.lane) {
            Some(due_before) => waiting.due_at < *due_before,
            None => !self.listened.contains(&waiting.lane) && waiting.due_at < self.now,
        }
    }

    /// A lane that nobody listens to is left for the shared one.
    fn lane_of(&self, waiting: &Undispatched) -> Lane {
        let is_deaf = !self.listened.is_empty() && !self.listened.contains(&waiting.lane);
        if is_deaf {
            Lane::shared()
        } else {
            waiting.lane.clone()
        }
    }
}

impl Reconciler {
    /// A reconciler of what `store` says and `broker` has.
    #[must_use]
    pub fn new(
        store: Store,
        broker: Broker,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        config: ReconcileConfig,
    ) -> Self {
        Self {
            store,
            broker,
            catalog,
            clock,
            config,
            lanes: HashMap::new(),
            listened: None,
        }
    }

    /// Looks until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(self.config.look_interval);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the outbox could not be reconciled with the broker");
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut listened = HashSet::from([Lane::shared()]);
        for function in self.catalog.registry().await?.heads() {
            if let Ok(name) = function.full_name() {
                listened.insert(function.effective_lane(&name));
            }
        }
        let mut due_before = self.suspects(&listened, now).await;
        let lanes_changed = self.listened.as_ref() != Some(&listened);
        let is_whole_walk = lanes_changed || !due_before.is_empty();
        let mut horizon = None;
        for (lane, newest) in self.store.newest_claims().await? {
            let overtaken = newest.before(self.config.period);
            horizon = horizon.max(Some(overtaken));
            due_before.entry(lane).or_insert(overtaken);
        }
        if !is_whole_walk && horizon.is_none() {
            return Ok(());
        }
        let accepted_until = if is_whole_walk { None } else { horizon };
        let lost = Lost {
            due_before,
            listened: listened.clone(),
            now,
            accepted_until,
        };
        let (clock, batch) = (&*self.clock, self.config.batch);
        let dispatched = walk(&self.store, clock, batch, &lost).await?;
        if dispatched > 0 {
            metrics::counter!("ekiden_reconciled_total").increment(dispatched);
            tracing::warn!(
                invocations = dispatched,
                "dispatched again what the broker had lost"
            );
        }
        self.listened = Some(listened);
        Ok(())
    }

    /// The lanes whose queue was created anew or is empty for the second time in a row, with the
    /// time before which what is due there counts as lost.
    async fn suspects(
        &mut self,
        listened: &HashSet<Lane>,
        now: Timestamp,
    ) -> HashMap<Lane, Timestamp> {
        let mut suspects = HashMap::new();
        self.lanes.retain(|lane, _| listened.contains(lane));
        for lane in listened {
            let state = match self.broker.inspect(lane).await {
                Ok(state) => state,
                Err(error) => {
                    tracing::debug!(%lane, %error, "a queue could not be looked at");
                    continue;
                }
            };
            let look = self.lanes.entry(lane.clone()).or_default();
            let is_empty = state.ready == 0;
            if state.created {
                look.anew = 2;
            }
            let is_rested = look
                .dispatched_at
                .is_none_or(|at| now.since(at) >= self.config.period);
            if look.anew > 0 || (is_empty && look.was_empty && is_rested) {
                // What fell due just now may still be on its way through this very moment's hands.
                suspects.insert(lane.clone(), now.before(self.config.look_interval));
                look.dispatched_at = Some(now);
                look.anew = look.anew.saturating_sub(1);
            }
            look.was_empty = is_empty;
        }
        suspects
    }
}

/// Dispatches every waiting invocation that is due and that no outbox row speaks of, whatever the
/// broker has. Returns how many. For an in-process queue at its start, and for repair by hand: what
/// the broker has already comes twice, which is harmless.
///
/// # Errors
/// If the store fails.
pub async fn redispatch(store: &Store, clock: &dyn Clock) -> Result<u64, StoreError> {
    let lost = Lost {
        due_before: HashMap::new(),
        listened: HashSet::new(),
        now: clock.now().after(Duration::from_millis(1)),
        accepted_until: None,
    };
    walk(store, clock, ReconcileConfig::default().batch, &lost).await
}

/// Walks the waiting invocations, `batch` rows at a time, and puts those that count as lost into the
/// outbox.
async fn walk(
    store: &Store,
    clock: &dyn Clock,
    batch: u32,
    lost: &Lost,
) -> Result<u64, StoreError> {
    let mut dispatched = 0;
    let mut after: Option<RequestId> = None;
    loop {
        let (waiting, walked_to) = store.undispatched(after, batch).await?;
        let now = clock.now();
        let messages: Vec<Message> = waiting
            .iter()
            .filter(|waiting| lost.has(waiting))
            .map(|waiting| Message::dispatch(waiting.request_id, lost.lane_of(waiting), now, now))
            .collect();
        if !messages.is_empty() {
            dispatched += store.put_back(&messages).await?;
        }
        let is_beyond = lost.accepted_until.is_some_and(|until| {
            waiting
                .last()
                .is_some_and(|waiting| waiting.accepted_at > until)
        });
        match walked_to {
            Some(walked_to) if !is_beyond => after = Some(walked_to),
            _ => return Ok(dispatched),
        }
    }
}
