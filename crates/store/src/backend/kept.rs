//! Connections that stay at hand between two statements.
//!
//! The pool asks a connection that is given back whether it still answers, twice: two more ways to the
//! database and back for each statement, whose own work is often less than that. Here one that has answered
//! its statement is the next one's. One that has not, be it for an error or because nobody waits any more,
//! casts doubt on all that lie idle: they go back to the pool, which asks each.

use futures::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// For how long a connection is kept from the pool, which closes it for its age, or because fewer are
/// needed.
const KEEP: Duration = Duration::from_secs(60);

/// A pool whose connections are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    /// One for each connection that there may be: whoever has it finds one, here or in the pool.
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection, and since when the pool has not seen it.
#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

/// A connection in use. Dropped, it goes back to the pool.
#[derive(Debug)]
pub(crate) struct Used {
    idle: Idle,
    turn: Turn,
}

/// The right to one of them.
#[derive(Debug)]
struct Turn {
    kept: Kept,
    has_answered: bool,
    _permit: OwnedSemaphorePermit,
}

impl Kept {
    /// Keeps the connections of `pool`, which nobody else may use.
    pub(crate) fn of(pool: PgPool) -> Self {
        let most = pool.options().get_max_connections();
        Self(Arc::new(Inner {
            turns: Arc::new(Semaphore::new(most as usize)),
            idle: Mutex::default(),
            pool,
        }))
    }

    /// Waits until every connection is given back, and closes it.
    pub(crate) async fn close(&self) {
        // From here on nothing is kept: see `Used::keep`.
        let closing = self.0.pool.close();
        self.idle().clear();
        closing.await;
    }

    /// A connection of one's own, for a transaction.
    pub(crate) async fn acquire(&self) -> Result<Used, Error> {
        let permit = Arc::clone(&self.0.turns).acquire_owned().await;
        let turn = Turn {
            kept: self.clone(),
            has_answered: false,
            _permit: permit.map_err(|_| Error::PoolClosed)?,
        };
        let idle = self.idle().pop();
        let idle = match idle {
            Some(idle) => idle,
            None => Idle {
                connection: self.0.pool.acquire().await?,
                since: Instant::now(),
            },
        };
        Ok(Used { idle, turn })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// Has the connection, which has answered, for the next statement.
    fn keep(mut self) {
        self.turn.has_answered = true;
        let inner = &self.turn.kept.0;
        let mut idle = self.turn.kept.idle();
        idle.retain(|idle| idle.since.elapsed() < KEEP);
        if self.idle.since.elapsed() < KEEP && !inner.pool.is_closed() {
            idle.push(self.idle);
        }
    }

    /// Takes the connection out of the pool for good.
    pub(crate) fn detach(self) -> PgConnection {
        self.idle.connection.detach()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.has_answered {
            drop(mem::take(&mut *self.kept.idle()));
        }
    }
}

impl Deref for Used {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.idle.connection
    }
}

impl DerefMut for Used {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.idle.connection
    }
}

impl<'c> Executor<'c> for &Kept {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let kept = self.clone();
        let steps = async move {
            let mut used = kept.acquire().await?;
            let steps: Vec<_> = used.fetch_many(query).try_collect().await?;
            used.keep();
            Ok::<_, Error>(stream::iter(steps).map(Ok))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let kept = self.clone();
        Box::pin(async move {
            let mut used = kept.acquire().await?;
            let row = used.fetch_optional(query).await?;
            used.keep();
            Ok(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let kept = self.clone();
        Box::pin(async move { kept.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let kept = self.clone();
        Box::pin(async move { kept.acquire().await?.describe(sql).await })
    }
}
