//! The only SQL: invocations, outbox, workers and functions on PostgreSQL and SQLite.
//!
//! [`Store`] is the one door. Each method is one whole transaction. Nothing here decides: the
//! domain hands over transitions, the store writes them if it still finds the version they started
//! from. Concurrent writes coalesce into one statement and one commit (see `batch`).

mod accept;
mod answer;
mod backend;
mod batch;
mod catalog;
mod claims;
mod commit;
mod config;
mod counts;
mod deliveries;
mod duty;
mod error;
mod exclusive;
mod growth;
mod health;
mod keys;
mod list;
mod migrate;
mod outbox;
mod pieces;
mod read;
mod registry;
mod retention;
mod row;
#[cfg(test)]
mod sample;
mod scratch;
mod seal;
mod watermark;

pub use answer::{
    Accepted, Burden, Commit, Counts, FunctionCount, Held, PendingDeliveries, Schema, StatusCount,
    Undispatched, Usage, Worker,
};
pub use catalog::Catalog;
pub use config::{Database, StoreConfig};
pub use error::StoreError;
pub use exclusive::DatabaseClaim;
pub use keys::KeptKey;
pub use registry::Change;
pub use scratch::Scratch;
pub use seal::{Seal, SealKey};
pub use watermark::Watermark;

use accept::Accept;
pub use accept::Acceptance;
use backend::Backend;
use batch::{Batcher, Limits};
use commit::{Commits, Kind};
use deliveries::Reports;
#[cfg(feature = "trial")]
use ekiden_domain::trial::Trouble;
use ekiden_domain::{
    Delivery, Destination, Function, FunctionName, Invocation, InvocationId, Lane, ListQuery,
    Message, OutboxId, Page, Position, Record, Registry, RequestId, Timestamp, Trial, WorkerId,
    trial::Lost,
};
use seal::Seals;
use std::{
    fmt,
    future::Future,
    io::ErrorKind,
    ops::{Range, RangeInclusive},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};

/// The state table and all that stands beside it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    timeout: Duration,
    seals: Seals,
    accepts: Batcher<Accept>,
    moves: Batcher<Commits>,
    ends: Batcher<Commits>,
    reports: Batcher<Reports>,
    results: Notify,
    offers: OnceLock<mpsc::Sender<Message>>,
    trial: Trial,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store on this database. It connects when first used, so that a database which is down at
    /// start can come up later. On SQLite it makes the file and holds a lock on it as long as any
    /// clone lives.
    ///
    /// # Errors
    /// [`StoreError::Url`], [`StoreError::InUse`] if another process holds the SQLite file, or
    /// [`StoreError::SealKey`] if the seal key beside that file cannot be read or made.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let backend = Backend::open(&config).await?;
        let seals = Seals::at_hand(&config)?;
        Ok(Self::on(backend, &config, seals, Trial::default()))
    }

    fn on(backend: Backend, config: &StoreConfig, seals: Seals, trial: Trial) -> Self {
        let flushes = match &backend {
            Backend::Postgres(_) => config.flushes.max(1),
            Backend::Sqlite(_) => 1,
        };
        let limits = Limits {
            items: config.batch.max(1),
            flushes,
            patience: config.timeout,
            trial: trial.clone(),
        };
        let commits = |kind| {
            let backend = backend.clone();
            Batcher::start(Commits { backend, kind }, limits.clone())
        };
        let moves = commits(Kind::Move);
        let ends = match &backend {
            Backend::Postgres(_) => commits(Kind::End),
            // One writer: what goes together costs one commit.
            Backend::Sqlite(_) => moves.clone(),
        };
        Self {
            inner: Arc::new(Inner {
                accepts: Batcher::start(Accept(backend.clone()), limits.clone()),
                moves,
                ends,
                reports: Batcher::start(Reports(backend.clone()), limits),
                results: Notify::new(),
                backend,
                timeout: config.timeout,
                seals,
                offers: OnceLock::new(),
                trial,
            }),
        }
    }

    /// A store of another process on this database, with `trouble` in the way of all that it does but
    /// to change the schema and to claim the database.
    #[cfg(feature = "trial")]
    #[must_use]
    pub fn in_trial(&self, config: &StoreConfig, trouble: Arc<dyn Trouble>) -> Self {
        let Inner { backend, seals, .. } = &*self.inner;
        Self::on(backend.clone(), config, seals.clone(), Trial::of(trouble))
    }

    /// Whether every connection to the database is idle.
    ///
    /// # Panics
    /// On PostgreSQL: trials are on SQLite.
    #[cfg(feature = "trial")]
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.inner.backend.is_at_rest()
    }

    /// Whether this store is SQLite, so that one process has it alone.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.inner.backend, Backend::Sqlite(_))
    }

    /// Where newly written messages that are due go at once, without waiting for a poll. A full
    /// channel is no harm: [`Store::take_messages`] finds what was not offered. One per store.
    pub fn offer_messages_to(&self, offers: mpsc::Sender<Message>) {
        // A second taker would split the messages; the first stays.
        drop(self.inner.offers.set(offers));
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.bounded(read::ping(&self.inner.backend)).await
    }

    /// The time by the database's own clock; on SQLite that is this machine's, `now`. To compare
    /// clocks with, never to decide by.
    pub async fn clock(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.bounded(read::clock(&self.inner.backend, now)).await
    }

    /// What the database has done so far and holds; `None` on SQLite, which does not count it.
    pub async fn usage(&self) -> Result<Option<Usage>, StoreError> {
        self.bounded(read::usage(&self.inner.backend)).await
    }

    /// What makes the database slow in time; `None` on SQLite, which cleans up as it goes.
    pub async fn burden(&self) -> Result<Option<Burden>, StoreError> {
        self.bounded(health::burden(&self.inner.backend)).await
    }

    /// When the oldest of those that wait is due, or was; `None` if none waits.
    pub async fn oldest_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.bounded(health::oldest_due(&self.inner.backend)).await
    }

    /// The schema as found and as known.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        self.bounded(migrate::schema(&self.inner.backend)).await
    }

    /// Applies every migration this binary knows and the database has not.
    pub async fn migrate(&self) -> Result<Schema, StoreError> {
        migrate::migrate(&self.inner.backend).await
    }

    /// Takes the right to be the only process on this PostgreSQL database that runs an in-process
    /// queue; held until the guard is dropped. `None` if another process has it. (On SQLite the
    /// file lock says the same.)
    pub async fn claim_database(&self) -> Result<Option<DatabaseClaim>, StoreError> {
        self.bounded(exclusive::claim(&self.inner.backend)).await
    }

    /// Those of these invocations that are not final, with their payloads, in no order.
    pub async fn load(&self, ids: &[RequestId]) -> Result<Vec<Record>, StoreError> {
        self.bounded(read::load(&self.inner.backend, ids)).await
    }

    /// The invocation of this function that its caller knows by this id, with its payload.
    pub async fn find(
        &self,
        function: &FunctionName,
        id: &InvocationId,
    ) -> Result<Option<Record>, StoreError> {
        self.bounded(read::find(&self.inner.backend, function, id))
            .await
    }

    /// An invocation that has ended, with its payload.
    pub async fn ended(&self, id: RequestId) -> Result<Option<Record>, StoreError> {
        self.bounded(read::ended(&self.inner.backend, id)).await
    }

    /// One page of a list, live and ended invocations merged in one snapshot.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.bounded(list::list(&self.inner.backend, query)).await
    }

    /// Takes up to `limit` messages that fell due within `due` and were not sent, and keeps other
    /// takers from them until `hold_until`. What was sent costs every look at its time until it is
    /// vacuumed.
    pub async fn take_messages(
        &self,
        due: RangeInclusive<Timestamp>,
        hold_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.bounded(outbox::take(&self.inner.backend, due, hold_until, limit))
            .await
    }

    /// From when on the oldest message may be taken that nobody has taken yet; `None` if there is no
    /// message.
    pub async fn oldest_untaken(&self) -> Result<Option<Timestamp>, StoreError> {
        self.bounded(outbox::oldest_untaken(&self.inner.backend))
            .await
    }

    /// Forgets messages that the broker confirmed.
    pub async fn delete_messages(
        &self,
        messages: &[(RequestId, OutboxId)],
    ) -> Result<(), StoreError> {
        self.bounded(outbox::delete(&self.inner.backend, messages))
            .await
    }

    /// Puts dispatches into the outbox for those of these waiting invocations that have none there
    /// which nobody has begun to send. Returns how many were put.
    pub async fn put_back(&self, messages: &[Message]) -> Result<u64, StoreError> {
        self.bounded(outbox::put_back(&self.inner.backend, messages))
            .await
    }

    /// Takes or keeps, for `span`, a duty that one process at a time does for all that share the
    /// database. Returns whether `holder` has it now. Who has lost it may not know for a moment: what is
    /// done twice must be harmless.
    pub async fn take_duty(
        &self,
        duty: &str,
        holder: WorkerId,
        span: Duration,
    ) -> Result<bool, StoreError> {
        self.bounded(duty::take(&self.inner.backend, duty, holder, span))
            .await
    }

    /// Whether any invocation of these functions waits, due or not.
    pub async fn does_any_wait(&self, functions: &[FunctionName]) -> Result<bool, StoreError> {
        self.bounded(outbox::does_any_wait(&self.inner.backend, functions))
            .await
    }

    /// Walks up to `limit` live invocations after `after`, in the order of their request ids, which
    /// is the order of acceptance, and returns those that wait without a dispatch in the outbox;
    /// with the last place walked past, or `None` at the table's end.
    pub async fn undispatched(
        &self,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<(Vec<Undispatched>, Option<Position>), StoreError> {
        self.bounded(outbox::undispatched(&self.inner.backend, after, limit))
            .await
    }

    /// For each lane that has claimed invocations, when the newest of them was accepted.
    pub async fn newest_claims(&self) -> Result<Vec<(Lane, Timestamp)>, StoreError> {
        self.bounded(claims::newest(&self.inner.backend)).await
    }

    /// Up to `limit` waiting invocations of functions that are not registered (any more).
    pub async fn unregistered(&self, limit: u32) -> Result<Vec<Invocation>, StoreError> {
        self.bounded(claims::unregistered(&self.inner.backend, limit))
            .await
    }

    /// Waits until this process has written a result that is to be handed on. One that was written
    /// since the last wait counts; those of other processes do not.
    pub async fn result_written(&self) {
        self.inner.results.notified().await;
    }

    /// Takes up to `limit` results that are due to be handed on, to any destination but `except`,
    /// each counted as tried once more, and keeps other takers from them until `hold_until`.
    pub async fn take_deliveries(
        &self,
        now: Timestamp,
        hold_until: Timestamp,
        limit: u32,
        except: &[Destination],
    ) -> Result<Vec<Delivery>, StoreError> {
        self.bounded(deliveries::take(
            &self.inner.backend,
            now,
            hold_until,
            limit,
            except,
        ))
        .await
    }

    /// Writes what a try to deliver came to, or that it is to be made again; only where nobody has
    /// taken the delivery since. Returns whether it did.
    pub async fn report_delivery(&self, delivery: Delivery) -> Result<bool, StoreError> {
        let is_due = delivery
            .answer
            .as_ref()
            .is_none_or(|answer| delivery.due_at <= answer.at);
        let written = self.inner.reports.write(delivery).await?;
        if written && is_due {
            self.inner.results.notify_one();
        }
        Ok(written)
    }

    /// The delivery of an invocation's result; `None` if it has no destination, or has not ended.
    pub async fn delivery(&self, id: RequestId) -> Result<Option<Delivery>, StoreError> {
        self.bounded(deliveries::find(&self.inner.backend, id))
            .await
    }

    /// The results that are still to be handed on.
    pub async fn pending_deliveries(&self) -> Result<PendingDeliveries, StoreError> {
        self.bounded(deliveries::pending(&self.inner.backend)).await
    }

    /// Announces a worker.
    pub async fn register_worker(&self, worker: &Worker) -> Result<(), StoreError> {
        self.bounded(claims::register(&self.inner.backend, worker))
            .await
    }

    /// Moves a worker's heartbeat and returns what it holds; `None` if it was declared dead.
    pub async fn beat(
        &self,
        worker: WorkerId,
        now: Timestamp,
    ) -> Result<Option<Vec<Held>>, StoreError> {
        self.bounded(claims::beat(&self.inner.backend.by_heart(), worker, now))
            .await
    }

    /// Every announced worker.
    pub async fn workers(&self) -> Result<Vec<Worker>, StoreError> {
        self.bounded(claims::workers(&self.inner.backend)).await
    }

    /// Removes a worker if its counter still stands at `counter`. Returns whether it did: `false`
    /// means that it is alive, or gone already.
    pub async fn remove_worker(&self, worker: WorkerId, counter: i64) -> Result<bool, StoreError> {
        self.bounded(claims::remove(&self.inner.backend, worker, counter))
            .await
    }

    /// Up to `limit` claimed invocations whose worker is not announced.
    pub async fn orphans(&self, limit: u32) -> Result<Vec<Invocation>, StoreError> {
        self.bounded(claims::orphans(&self.inner.backend, limit))
            .await
    }

    /// Up to `limit` claimed invocations whose deadline (of run or stop), or claim before
    /// `claimed_before` without a run, has passed.
    pub async fn overdue(
        &self,
        now: Timestamp,
        claimed_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Invocation>, StoreError> {
        self.bounded(claims::overdue(
            &self.inner.backend,
            now,
            claimed_before,
            limit,
        ))
        .await
    }

    /// Up to `limit` waiting invocations whose maximum age has passed.
    pub async fn aged(&self, now: Timestamp, limit: u32) -> Result<Vec<Invocation>, StoreError> {
        self.bounded(claims::aged(&self.inner.backend, now, limit))
            .await
    }

    /// Walks up to `limit` live invocations after `after`, in the order of their acceptance, and returns
    /// what is wrong with those that hold what no Ekiden wrote; with the last id walked past, or `None`
    /// at the table's end.
    pub async fn inconsistent_rows(
        &self,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<(Vec<StoreError>, Option<RequestId>), StoreError> {
        self.bounded(claims::inconsistent_rows(&self.inner.backend, after, limit))
            .await
    }

    /// Lets what is under way end, and every connection close; nothing can be asked afterwards. A store
    /// that is only dropped does so at some later time.
    pub async fn close(self) {
        self.inner.backend.close().await;
    }

    /// Up to `limit` invocations that ended within `ended` and whose results are not on their way, the
    /// oldest end first, and when the last of these was: from there the next look goes on. What is
    /// forgotten costs every look at its time until it is vacuumed.
    pub async fn outlived(
        &self,
        ended: Range<Timestamp>,
        limit: u32,
    ) -> Result<(Vec<RequestId>, Option<Timestamp>), StoreError> {
        self.bounded(retention::outlived(&self.inner.backend, ended, limit))
            .await
    }

    /// Removes those of these invocations that have ended and whose results are not on their way,
    /// with all that belongs to them, in one transaction. Returns how many.
    pub async fn forget(&self, ids: &[RequestId]) -> Result<u64, StoreError> {
        self.bounded(retention::forget(&self.inner.backend, ids))
            .await
    }

    /// How many invocations there are in each status that is not final.
    pub async fn count_live(&self) -> Result<Vec<StatusCount>, StoreError> {
        self.bounded(counts::count_live(&self.inner.backend)).await
    }

    /// How many invocations have not ended; `most` if there are more. Reads every one it counts.
    pub async fn count_live_up_to(&self, most: u32) -> Result<u32, StoreError> {
        self.bounded(counts::count_live_up_to(&self.inner.backend, most))
            .await
    }

    /// How many invocations each function has in each status: those that have not ended, tasks or
    /// not, and up to `most` of those that ended at `ended_from` or later. Reads every one it counts.
    pub async fn counts(&self, ended_from: Timestamp, most: u32) -> Result<Counts, StoreError> {
        self.bounded(counts::counts(&self.inner.backend, ended_from, most))
            .await
    }

    /// The attempts of an invocation that have something to tell, in order: those that failed, and the
    /// last one if it left output or a log.
    pub async fn attempts(&self, id: RequestId) -> Result<Vec<ekiden_domain::Attempt>, StoreError> {
        self.bounded(read::attempts(&self.inner.backend, id)).await
    }

    /// Everything that is registered, and the registry's revision, which grows with every change.
    pub async fn registry(&self) -> Result<(Registry, i64), StoreError> {
        self.bounded(registry::all(&self.inner.backend)).await
    }

    /// The registry's revision.
    pub async fn registry_revision(&self) -> Result<i64, StoreError> {
        self.bounded(registry::revision(&self.inner.backend)).await
    }

    /// Makes these changes of the registry together, or none of them. Returns whether it did:
    /// `false` means that one of the documents was not as expected. See [`Catalog::change`].
    pub async fn change_registry(
        &self,
        changes: &[Change],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.bounded(registry::change(&self.inner.backend, changes, now))
            .await
    }

    /// Registers a function of the configuration or the command line, or replaces it; writes only
    /// where its content changed. Returns whether it did.
    pub async fn put_function(
        &self,
        function: &Function,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = function.full_name()?;
        self.bounded(registry::put_function(
            &self.inner.backend,
            &name,
            function,
            now,
        ))
        .await
    }

    /// Removes a function, with its own versions, aliases and configs. Returns whether it was
    /// there. Its waiting invocations become Invalid.
    pub async fn delete_function(
        &self,
        name: &FunctionName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.bounded(registry::delete_function(&self.inner.backend, name, now))
            .await
    }

    /// The messages that will be due at `now`, kept to be offered once they are durable.
    fn to_offer<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Message>,
        now: Timestamp,
    ) -> Vec<Message> {
        if self.inner.offers.get().is_none() {
            return Vec::new();
        }
        messages
            .into_iter()
            .filter(|message| outbox::is_offered(message, now))
            .cloned()
            .collect()
    }

    fn offer(&self, messages: Vec<Message>) {
        let Some(offers) = self.inner.offers.get() else {
            return;
        };
        for message in messages {
            // A full channel means that the dispatcher is behind; a poll will find the row.
            drop(offers.try_send(message));
        }
    }

    async fn bounded<T: Send>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let operation = self.inner.trial.meet(operation);
        let error = match tokio::time::timeout(self.inner.timeout, operation).await {
            Ok(Ok(done)) => return done,
            Ok(Err(Lost)) => ErrorKind::ConnectionReset,
            Err(_) => ErrorKind::TimedOut,
        };
        Err(sqlx::Error::Io(error.into()).into())
    }
}
