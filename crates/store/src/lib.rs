//! The only SQL: invocations, outbox, workers and functions on PostgreSQL and SQLite.
//!
//! [`Store`] is the one door. Each method is one whole transaction. Nothing here decides: the
//! domain hands over transitions, the store writes them if it still finds the version they started
//! from. Concurrent writes coalesce into one statement and one commit (see `batch`).

mod accept;
mod backend;
mod batch;
mod catalog;
mod claims;
mod commit;
mod error;
mod exclusive;
mod functions;
mod list;
mod migrate;
mod outbox;
mod read;
mod retention;
mod row;

pub use catalog::Catalog;
pub use error::StoreError;
pub use exclusive::DatabaseClaim;

use accept::{Accept, Acceptance};
use backend::Backend;
use batch::{Batcher, Limits};
use bytes::Bytes;
use commit::Commits;
use ekiden_domain::{
    Function, FunctionName, Invocation, InvocationId, Lane, Lease, ListQuery, Message, OutboxId,
    Page, Record, RequestId, Status, Timestamp, Transition, WorkerId,
};
use std::{
    fmt,
    future::Future,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::mpsc;

/// How to reach the database and how much of it to use.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Which database.
    pub database: Database,
    /// The most connections for reads and small writes. PostgreSQL only.
    pub connections: u32,
    /// The most invocations or transitions in one group commit.
    pub batch: usize,
    /// How many group commits of one kind may be under way at once. PostgreSQL only: SQLite has
    /// one writer.
    pub flushes: usize,
    /// How long an operation may wait for the database before it fails.
    pub timeout: Duration,
}

/// Which database holds the state.
#[derive(Clone)]
pub enum Database {
    /// PostgreSQL, by its `postgres://` URL.
    Postgres {
        /// The URL; may hold a password.
        url: String,
    },
    /// SQLite, by the file's path.
    Sqlite {
        /// The database file; it and its directory are made where missing.
        path: PathBuf,
    },
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { .. } => f.write_str("Postgres"),
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
        }
    }
}

impl Database {
    /// The database that a `DATABASE_URL` names: `postgres://…`, `postgresql://…` or `sqlite://…`.
    ///
    /// # Errors
    /// [`StoreError::Url`] if it is none of these; the message never shows the URL.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres {
                url: url.to_owned(),
            });
        }
        match url.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite {
                path: PathBuf::from(path),
            }),
            _ => Err(StoreError::Url(
                "the database URL must begin with postgres:// or sqlite://PATH".to_owned(),
            )),
        }
    }
}

impl StoreConfig {
    /// The defaults for `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self {
            database,
            connections: 8,
            batch: 500,
            flushes: 2,
            timeout: Duration::from_secs(10),
        }
    }
}

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, with its outbox row.
    New,
    /// The function has an invocation of this id already; nothing was changed.
    Duplicate {
        /// The first one's request id.
        request_id: RequestId,
        /// The first one's status now.
        status: Status,
    },
}

/// What became of a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It is durable, with its outbox rows.
    Written,
    /// The invocation was not in the version the transition started from; nothing was changed.
    Conflict(
        /// The invocation as it is now; `None` if retention removed it.
        Option<Box<Invocation>>,
    ),
}

/// A claimed invocation as its worker's heartbeat sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which invocation.
    pub request_id: RequestId,
    /// Under which lease.
    pub lease: Lease,
    /// Dequeued, Running or Stopping.
    pub status: Status,
}

/// A waiting invocation that no outbox row speaks of: it is in the broker's hands, or lost there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undispatched {
    /// Which invocation.
    pub request_id: RequestId,
    /// The function it calls.
    pub function: FunctionName,
    /// The lane it was dispatched in.
    pub lane: Lane,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it fell or falls due.
    pub due_at: Timestamp,
}

/// A worker process as it announces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its id for this life.
    pub id: WorkerId,
    /// Where it runs, for people: host and process id.
    pub name: String,
    /// How many invocations it runs at once.
    pub slots: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How often its heart has beaten.
    pub counter: i64,
    /// When it last did, by its own clock; for people only.
    pub beat_at: Timestamp,
}

/// How many invocations are in a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The status; never a final one.
    pub status: Status,
    /// How many there are.
    pub count: u64,
}

/// The schema, as found and as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The newest version applied; 0 if none.
    pub applied: i64,
    /// The version a binary must know at least; 0 if none is applied.
    pub compatible_from: i64,
    /// The newest version this binary knows.
    pub known: i64,
}

impl Schema {
    /// Whether this binary can work with it.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] or [`StoreError::SchemaTooOld`].
    pub const fn check(&self) -> Result<(), StoreError> {
        if self.compatible_from > self.known {
            return Err(StoreError::SchemaTooNew {
                needed: self.compatible_from,
                known: self.known,
            });
        }
        if self.applied < self.known {
            return Err(StoreError::SchemaTooOld {
                applied: self.applied,
                known: self.known,
            });
        }
        Ok(())
    }
}

/// The state table and all that stands beside it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    timeout: Duration,
    accepts: Batcher<Accept>,
    commits: Batcher<Commits>,
    offers: OnceLock<mpsc::Sender<Message>>,
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
    /// [`StoreError::Url`], or [`StoreError::InUse`] if another process holds the SQLite file.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let backend = Backend::open(&config).await?;
        let flushes = match &backend {
            Backend::Postgres(_) => config.flushes.max(1),
            Backend::Sqlite(_) => 1,
        };
        let limits = Limits {
            items: config.batch.max(1),
            flushes,
            patience: config.timeout,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                accepts: Batcher::start(Accept(backend.clone()), limits),
                commits: Batcher::start(Commits(backend.clone()), limits),
                backend,
                timeout: config.timeout,
                offers: OnceLock::new(),
            }),
        })
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

    /// Makes an accepted invocation durable, with its payload and its outbox row.
    pub async fn accept(
        &self,
        invocation: Invocation,
        payload: Bytes,
        message: Message,
    ) -> Result<Accepted, StoreError> {
        let offer = self.to_offer([&message], invocation.accepted_at);
        let accepted = self
            .inner
            .accepts
            .write(Acceptance {
                invocation,
                payload,
                message,
            })
            .await?;
        if accepted == Accepted::New {
            self.offer(offer);
        }
        Ok(accepted)
    }

    /// Writes a transition, if the invocation is still in the version it started from.
    pub async fn commit(&self, transition: Transition) -> Result<Commit, StoreError> {
        let offer = self.to_offer(&transition.messages, commit::made_at(&transition.after));
        let committed = self.inner.commits.write(transition).await?;
        if committed == Commit::Written {
            self.offer(offer);
        }
        Ok(committed)
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

    /// One page of a list, live and ended invocations merged in one snapshot.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, StoreError> {
        self.bounded(list::list(&self.inner.backend, query)).await
    }

    /// Takes up to `limit` messages that fell due and were not sent, and keeps other takers from
    /// them until `hold_until`.
    pub async fn take_messages(
        &self,
        now: Timestamp,
        hold_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.bounded(outbox::take(&self.inner.backend, now, hold_until, limit))
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

    /// Puts dispatches into the outbox for those of these waiting invocations that have none there.
    /// Returns how many were put.
    pub async fn put_back(&self, messages: &[Message]) -> Result<u64, StoreError> {
        self.bounded(outbox::put_back(&self.inner.backend, messages))
            .await
    }

    /// Walks up to `limit` live invocations after `after`, in the order of their request ids, which
    /// is the order of acceptance, and returns those that wait without a dispatch in the outbox;
    /// with the last id walked past, or `None` at the table's end.
    pub async fn undispatched(
        &self,
        after: Option<RequestId>,
        limit: u32,
    ) -> Result<(Vec<Undispatched>, Option<RequestId>), StoreError> {
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
        self.bounded(claims::beat(&self.inner.backend, worker, now))
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

    /// Removes up to `limit` invocations that ended before `ended_before`, with all that belongs to
    /// them. Returns how many.
    pub async fn purge(&self, ended_before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.bounded(retention::purge(&self.inner.backend, ended_before, limit))
            .await
    }

    /// How many invocations there are in each status that is not final.
    pub async fn count_live(&self) -> Result<Vec<StatusCount>, StoreError> {
        self.bounded(read::count_live(&self.inner.backend)).await
    }

    /// The attempts of an invocation that failed, in order.
    pub async fn attempts(&self, id: RequestId) -> Result<Vec<ekiden_domain::Attempt>, StoreError> {
        self.bounded(read::attempts(&self.inner.backend, id)).await
    }

    /// Registers a function or replaces it; writes only where its content changed. Returns whether
    /// it did.
    pub async fn put_function(
        &self,
        function: &Function,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = function
            .full_name()
            .map_err(|error| StoreError::Url(error.to_string()))?;
        self.bounded(functions::put(&self.inner.backend, &name, function, now))
            .await
    }

    /// Every registered function, by name, and the registry's revision, which grows with every change.
    pub async fn functions(&self) -> Result<(Vec<Function>, i64), StoreError> {
        self.bounded(functions::all(&self.inner.backend)).await
    }

    /// The registry's revision.
    pub async fn functions_revision(&self) -> Result<i64, StoreError> {
        self.bounded(functions::revision(&self.inner.backend)).await
    }

    /// Removes a function. Returns whether it was there. Its waiting invocations become Invalid
    /// when they are claimed.
    pub async fn delete_function(&self, name: &FunctionName) -> Result<bool, StoreError> {
        self.bounded(functions::delete(&self.inner.backend, name))
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

    async fn bounded<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.inner.timeout, operation).await {
            Ok(done) => done,
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()),
        }
    }
}
