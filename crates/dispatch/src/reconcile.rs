//! Finds waiting invocations that the broker lost, and dispatches them again.
//!
//! The state table is the truth: what waits there, is due, and has no row in the outbox must be in
//! the broker's hands. It is not where a queue was created anew, or is empty at two looks in a row,
//! or where younger invocations of the same lane are being claimed already; nor where no worker
//! listens to the lane any more because the function's lane was changed.
//!
//! One process at a time looks for all of these; each sees to the queues that it created itself.

use ekiden_broker::Broker;
use ekiden_domain::{Clock, FunctionName, Lane, Message, RequestId, Timestamp, WorkerId};
use ekiden_store::{Catalog, Store, StoreError, Undispatched};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is one process's at a time, and for how many looks it is left to it.
const DUTY: &str = "reconcile";
const DUTY_LOOKS: u32 = 3;
/// For how many times as long as a walk took the next search for what was overtaken is put off: a large
/// backlog is not to be walked all the time.
const REST: u32 = 9;
/// Before all that ever fell due.
const EVER: Timestamp = Timestamp::from_millis(0);

/// How a process reconciles.
#[derive(Clone, Debug)]
pub struct ReconcileConfig {
    /// How often the queues are looked at.
    pub look_interval: Duration,
    /// How much younger those are that a lane's workers claim when what is older counts as lost; also
    /// how long one lane is left alone after it was dispatched again.
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
    /// Under which name it has the duty.
    holder: WorkerId,
    looks: HashMap<Lane, Look>,
    /// The lanes that were listened to at the last look.
    listened: HashSet<Lane>,
    /// From when on it looks for what was overtaken.
    rests_until: Instant,
}

/// What is remembered of a lane between two looks.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    was_empty: bool,
    /// What fell due before this was dispatched since the queue was created anew. What had fallen due
    /// just before that is beyond doubt only at the second look.
    anew: Option<Timestamp>,
    dispatched_at: Option<Timestamp>,
}

/// Which invocations of a walk count as lost.
struct Lost {
    /// Per lane: those that fell due then.
    due: HashMap<Lane, Range<Timestamp>>,
    /// Those of every lane but these, once due.
    listened: HashSet<Lane>,
    now: Timestamp,
    /// Beyond this acceptance time there is none; `None` walks the whole table.
    accepted_until: Option<Timestamp>,
}

impl Lost {
    fn has(&self, waiting: &Undispatched) -> bool {
        match self.due.get(&waiting.lane) {
            Some(due) => due.contains(&waiting.due_at),
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

/// What a walk dispatched.
#[derive(Default)]
struct Dispatched {
    invocations: u64,
    lanes: HashSet<Lane>,
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
        let holder = WorkerId::generate(clock.now());
        Self {
            store,
            broker,
            catalog,
            clock,
            config,
            holder,
            looks: HashMap::new(),
            listened: HashSet::new(),
            rests_until: Instant::now(),
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
        let span = self.config.look_interval * DUTY_LOOKS;
        let has_duty = self.store.take_duty(DUTY, self.holder, span).await?;
        let lanes = self.lanes().await?;
        let listened: HashSet<Lane> = lanes.keys().cloned().collect();
        let suspects = self.suspects(&lanes, now, has_duty).await?;
        let lanes_changed = has_duty && self.listened != listened;
        let is_whole_walk = lanes_changed || !suspects.is_empty();
        let (mut due, mut horizon) = (suspects.clone(), None);
        if has_duty && Instant::now() >= self.rests_until {
            for (lane, overtaken) in self.overtaken().await? {
                horizon = horizon.max(Some(overtaken));
                due.entry(lane).or_insert(EVER..overtaken);
            }
        }
        if !is_whole_walk && horizon.is_none() {
            return Ok(());
        }
        let lost = Lost {
            due,
            listened,
            now,
            accepted_until: if is_whole_walk { None } else { horizon },
        };
        let begun = Instant::now();
        let dispatched = walk(&self.store, &*self.clock, self.config.batch, &lost).await?;
        self.rests_until = Instant::now() + begun.elapsed() * REST;
        if dispatched.invocations > 0 {
            metrics::counter!("ekiden_reconciled_total").increment(dispatched.invocations);
            tracing::warn!(
                invocations = dispatched.invocations,
                "dispatched again what the broker had lost"
            );
        }
        for (lane, look) in &mut self.looks {
            let suspect = suspects.get(lane);
            if suspect.is_some() || dispatched.lanes.contains(lane) {
                look.dispatched_at = Some(now);
            }
            if let Some(due) = suspect {
                look.anew = look.anew.filter(|from| *from == EVER).map(|_| due.end);
            }
        }
        if has_duty {
            self.listened = lost.listened;
        }
        Ok(())
    }

    /// The lanes that workers listen to, with the functions of each.
    async fn lanes(&self) -> Result<HashMap<Lane, Vec<FunctionName>>, StoreError> {
        let mut lanes = HashMap::from([(Lane::shared(), Vec::new())]);
        for function in self.catalog.registry().await?.heads() {
            if let Ok(name) = function.full_name() {
                let lane = function.effective_lane(&name);
                lanes.entry(lane).or_insert_with(Vec::new).push(name);
            }
        }
        Ok(lanes)
    }

    fn is_rested(&self, since: Option<Timestamp>, now: Timestamp) -> bool {
        since.is_none_or(|at| now.since(at) >= self.config.period)
    }

    /// The lanes whose queue was created anew, or is empty for the second time in a row though
    /// something waits, with the times for which what fell due then counts as lost.
    async fn suspects(
        &mut self,
        lanes: &HashMap<Lane, Vec<FunctionName>>,
        now: Timestamp,
        has_duty: bool,
    ) -> Result<HashMap<Lane, Range<Timestamp>>, StoreError> {
        let mut suspects = HashMap::new();
        self.looks.retain(|lane, _| lanes.contains_key(lane));
        for (lane, functions) in lanes {
            let state = match self.broker.inspect(lane).await {
                Ok(state) => state,
                Err(error) => {
                    tracing::debug!(%lane, %error, "a queue could not be looked at");
                    continue;
                }
            };
            let mut look = self.looks.get(lane).copied().unwrap_or_default();
            let is_empty = state.ready == 0;
            if state.created {
                look.anew = Some(EVER);
            }
            // What fell due just now may still be on its way through this very moment's hands.
            let until = now.before(self.config.look_interval);
            if let Some(from) = look.anew {
                suspects.insert(lane.clone(), from..until);
            } else if has_duty
                && is_empty
                && look.was_empty
                && self.is_rested(look.dispatched_at, now)
                && self.store.does_any_wait(functions).await?
            {
                suspects.insert(lane.clone(), EVER..until);
            }
            look.was_empty = is_empty;
            self.looks.insert(lane.clone(), look);
        }
        Ok(suspects)
    }

    /// The lanes of which something is claimed, with the time before which what fell due was overtaken.
    /// What was dispatched again stands behind all that was dispatched before it: until those are past,
    /// it proves nothing that younger ones are claimed.
    async fn overtaken(&self) -> Result<Vec<(Lane, Timestamp)>, StoreError> {
        let claims = self.store.newest_claims().await?.into_iter();
        let claims = claims.map(|(lane, newest)| (lane, newest.before(self.config.period)));
        let is_proof = |(lane, overtaken): &(Lane, Timestamp)| {
            let dispatched_at = self.looks.get(lane).and_then(|look| look.dispatched_at);
            dispatched_at.is_none_or(|at| *overtaken > at)
        };
        Ok(claims.filter(is_proof).collect())
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
        due: HashMap::new(),
        listened: HashSet::new(),
        now: clock.now().after(Duration::from_millis(1)),
        accepted_until: None,
    };
    let batch = ReconcileConfig::default().batch;
    Ok(walk(store, clock, batch, &lost).await?.invocations)
}

/// Walks the waiting invocations, `batch` rows at a time, and puts those that count as lost into the
/// outbox.
async fn walk(
    store: &Store,
    clock: &dyn Clock,
    batch: u32,
    lost: &Lost,
) -> Result<Dispatched, StoreError> {
    let mut dispatched = Dispatched::default();
    let mut after: Option<RequestId> = None;
    loop {
        let (waiting, walked_to) = store.undispatched(after, batch).await?;
        let now = clock.now();
        let lost_ones = || waiting.iter().filter(|waiting| lost.has(waiting));
        let again =
            |it: &Undispatched| Message::dispatch(it.request_id, lost.lane_of(it), now, now);
        let messages: Vec<Message> = lost_ones().map(again).collect();
        if !messages.is_empty() {
            dispatched.invocations += store.put_back(&messages).await?;
            dispatched
                .lanes
                .extend(lost_ones().map(|it| it.lane.clone()));
        }
        let is_beyond = |at| lost.accepted_until.is_some_and(|until| at > until);
        match walked_to {
            Some(walked_to) if !is_beyond(walked_to.accepted_at) => {
                after = Some(walked_to.request_id);
            }
            _ => return Ok(dispatched),
        }
    }
}

#[cfg(test)]
mod tests;
