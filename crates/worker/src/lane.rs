//! Listening to one lane: dispatches in, as fast as slots free, and no faster.
//!
//! The free slots are the brake. What was delivered waits here for a slot, but not for long: then
//! the consumer is cancelled and the rest is put back, so that nothing sits unacknowledged and
//! another worker can have it. Listening goes on when a slot is free.

use crate::{
    attempt::{Claimed, Holder},
    parcel::{self, Ticket},
};
use ekiden_broker::Consumer;
use ekiden_domain::{FunctionName, Lane, Message, Timestamp, chance};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The most messages that a lane's consumer may hold unacknowledged.
const MOST_PREFETCH: usize = 256;
/// How many claims of a lane may be under way at once; what arrives meanwhile is claimed together.
const CLAIMS: usize = 2;
/// The most dispatches in one claim.
const CLAIM_BATCH: usize = 500;
/// How often a consumer that was slowed down may be allowed more.
const GROWTH_INTERVAL: Duration = Duration::from_secs(1);
/// The first wait of what is put back, doubled while nothing can be claimed.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How often the wait is doubled at most: 50 ms to 1.6 s.
const DOUBLINGS: u32 = 5;
/// The pause before a failed claim is tried again.
const CLAIM_PAUSE: Duration = Duration::from_millis(500);

/// The one function a lane belongs to, and how many of it may run at once in this process.
pub(crate) type Limit = Option<(FunctionName, u32)>;

/// A lane's listener.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    holder: Arc<Holder>,
    lane: Lane,
    limit: Limit,
    runs: TaskTracker,
    /// How often in a row something had to be put back.
    put_backs: Arc<AtomicU32>,
    claims: Arc<Semaphore>,
}

/// What waits here for a slot.
#[derive(Debug, Default)]
struct Waiting {
    tickets: VecDeque<Ticket>,
    since: Option<Instant>,
}

impl Waiting {
    fn add(&mut self, tickets: Vec<Ticket>) {
        self.since.get_or_insert_with(Instant::now);
        self.tickets.extend(tickets);
    }

    fn take(&mut self, count: usize) -> Vec<Ticket> {
        let taken = self
            .tickets
            .drain(..count.min(self.tickets.len()))
            .collect();
        // Whoever is left has its patience anew: slots are freeing.
        self.wait_anew();
        taken
    }

    fn wait_anew(&mut self) {
        self.since = (!self.tickets.is_empty()).then(Instant::now);
    }
}

/// Why listening paused.
enum Pause {
    /// No slot became free in time.
    Braked,
    /// There is room for a larger prefetch.
    Grown,
    /// The worker stops.
    Stopped,
}

impl Listener {
    pub(crate) fn new(holder: Arc<Holder>, lane: Lane, limit: Limit, runs: TaskTracker) -> Self {
        let claims = Arc::new(Semaphore::new(CLAIMS));
        Self {
            holder,
            lane,
            limit,
            runs,
            put_backs: Arc::default(),
            claims,
        }
    }

    /// Listens until `stop`. What runs then is in the tracker.
    pub(crate) async fn listen(self, stop: CancellationToken) {
        let mut waiting = Waiting::default();
        while !stop.is_cancelled() {
            if stop.run_until_cancelled(self.room()).await.is_none() {
                break;
            }
            let prefetch = self.holder.slots.free().clamp(1, self.most_prefetch());
            let consumer = self
                .holder
                .parts
                .broker
                .consume(&self.lane, to_u16(prefetch))
                .await;
            let mut consumer = match consumer {
                Ok(consumer) => consumer,
                Err(error) => {
                    tracing::warn!(lane = %self.lane, %error, "a lane cannot be listened to");
                    stop.run_until_cancelled(tokio::time::sleep(CLAIM_PAUSE))
                        .await;
                    continue;
                }
            };
            let pause = self
                .serve(&mut consumer, &mut waiting, prefetch, &stop)
                .await;
            for delivery in consumer.cancel().await {
                waiting.add(parcel::open(delivery));
            }
            if !matches!(pause, Pause::Grown) {
                let rest = self.put_back(waiting.take(usize::MAX));
                self.unless_lost(rest).await;
            }
        }
    }

    /// Until a slot is free and the lane's function is below its limit.
    async fn room(&self) {
        if let Some((function, limit)) = &self.limit {
            self.holder.slots.below_limit(function, *limit).await;
        }
        drop(self.holder.slots.process().await);
    }

    fn most_prefetch(&self) -> usize {
        let slots = self.holder.parts.config.slots as usize;
        let limit = self
            .limit
            .as_ref()
            .map_or(slots, |(_, limit)| slots.min(*limit as usize));
        // A quarter of the slots keeps them fed from a broker that packs a backlog into few messages, and
        // leaves the others to other workers; in a process alone there are none.
        let share = if self.holder.parts.broker.is_in_process() {
            limit
        } else {
            limit / 4
        };
        share.clamp(1, MOST_PREFETCH)
    }

    async fn serve(
        &self,
        consumer: &mut Consumer,
        waiting: &mut Waiting,
        prefetch: usize,
        stop: &CancellationToken,
    ) -> Pause {
        let grow_at = Instant::now() + GROWTH_INTERVAL;
        let room_for = self.most_prefetch().saturating_mul(8).max(64);
        loop {
            if prefetch < self.most_prefetch()
                && Instant::now() >= grow_at
                && self.holder.slots.free() > prefetch
            {
                return Pause::Grown;
            }
            let patience_ends = waiting
                .since
                .map(|since| since + self.holder.parts.config.patience);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Pause::Stopped,
                (claim, slot) = self.claim_slot(), if !waiting.tickets.is_empty() => {
                    self.claim(waiting, claim, slot);
                }
                delivery = consumer.next(), if waiting.tickets.len() < room_for => {
                    match delivery {
                        Some(delivery) => waiting.add(parcel::open(delivery)),
                        None => return Pause::Stopped,
                    }
                }
                () = sleep_until(patience_ends) => {
                    if self.holder.slots.free() == 0 {
                        return Pause::Braked;
                    }
                    // It is the store that takes its time: what is put back would only be its next work.
                    waiting.wait_anew();
                }
                () = sleep_until(Some(grow_at)), if Instant::now() < grow_at => {}
            }
        }
    }

    async fn claim_slot(&self) -> (OwnedSemaphorePermit, OwnedSemaphorePermit) {
        let claim = match Arc::clone(&self.claims).acquire_owned().await {
            Ok(claim) => claim,
            Err(_) => std::future::pending().await,
        };
        (claim, self.holder.slots.process().await)
    }

    /// Claims as many as there are free slots, beside the listening.
    fn claim(
        &self,
        waiting: &mut Waiting,
        claim: OwnedSemaphorePermit,
        slot: OwnedSemaphorePermit,
    ) {
        let most = waiting.tickets.len().min(CLAIM_BATCH);
        let mut slots = vec![slot];
        while slots.len() < most {
            match self.holder.slots.try_process() {
                Some(slot) => slots.push(slot),
                None => break,
            }
        }
        let tickets = waiting.take(slots.len());
        let listener = self.clone();
        self.runs.spawn(async move {
            let claiming = listener.claim_and_run(tickets, slots);
            listener.unless_lost(claiming).await;
            drop(claim);
        });
    }

    /// Does this, or gives it up when the heart is lost: what is not settled then is delivered again,
    /// to whoever listens, and a claim whose answer was still to come is given up by the heart.
    async fn unless_lost(&self, work: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = self.holder.pulse.lost() => {}
            () = work => {}
        }
    }

    async fn claim_and_run(&self, tickets: Vec<Ticket>, slots: Vec<OwnedSemaphorePermit>) {
        let claimed = self.holder.claim(&tickets, slots).await;
        let (mut later, mut failed) = (Vec::new(), Vec::new());
        for (ticket, claimed) in tickets.into_iter().zip(claimed) {
            match claimed {
                Ok(Claimed::Run(started)) => {
                    self.put_backs.store(0, Ordering::Relaxed);
                    self.runs.spawn(Arc::clone(&self.holder).run(started));
                    ticket.settle().await;
                }
                Ok(Claimed::Settled) => ticket.settle().await,
                Ok(Claimed::Later(invocation, due_at)) => {
                    let message = self.message(ticket.id, invocation.policy.lane, due_at);
                    later.push((ticket, message));
                }
                Err(error) => {
                    tracing::warn!(
                        lane = %self.lane, request_id = %ticket.id, %error,
                        "a dispatch could not be claimed"
                    );
                    failed.push(ticket);
                }
            }
        }
        self.put_back_as(later).await;
        if !failed.is_empty() {
            // Their messages stay unacknowledged meanwhile: nothing is lost, nothing hurries.
            tokio::time::sleep(CLAIM_PAUSE).await;
            self.put_back(failed).await;
        }
    }

    /// Puts dispatches back: the commit first, then the acknowledgement.
    async fn put_back(&self, tickets: Vec<Ticket>) {
        let later = tickets.into_iter().map(|ticket| {
            let message = self.message(ticket.id, self.lane.clone(), None);
            (ticket, message)
        });
        self.put_back_as(later.collect()).await;
    }

    async fn put_back_as(&self, later: Vec<(Ticket, Message)>) {
        if later.is_empty() {
            return;
        }
        self.put_backs.fetch_add(1, Ordering::Relaxed);
        let (tickets, messages): (Vec<_>, Vec<_>) = later.into_iter().unzip();
        match self.holder.parts.store.put_back(&messages).await {
            Ok(_) => {
                metrics::counter!("ekiden_put_back_total").increment(messages.len() as u64);
                for ticket in tickets {
                    ticket.settle().await;
                }
            }
            // Unsettled, the messages are delivered again.
            Err(error) => {
                tracing::warn!(lane = %self.lane, %error, "dispatches could not be put back");
            }
        }
    }

    fn message(
        &self,
        id: ekiden_domain::RequestId,
        lane: Lane,
        due_at: Option<Timestamp>,
    ) -> Message {
        let now = self.holder.parts.clock.now();
        let due_at = due_at.unwrap_or_else(|| {
            let doublings = self.put_backs.load(Ordering::Relaxed).min(DOUBLINGS);
            let wait = FIRST_WAIT * 2_u32.pow(doublings);
            now.after(wait.mul_f64(chance::draw::<f64>().mul_add(0.4, 0.8)))
        });
        Message::dispatch(id, lane, due_at, now)
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn to_u16(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
