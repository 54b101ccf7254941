//! The two databases: how to connect, and what differs in the connection.

mod kept;

use crate::{Database, StoreConfig, StoreError, accept::Caution, claims::Taken, growth::Growth};
use sqlx::{
    Connection, PgConnection, SqliteConnection, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

/// How many SQLite connections may read at once, beside the one that writes.
const SQLITE_READERS: u32 = 4;
/// How many compiled statements a connection keeps.
const STATEMENTS: usize = 200;
/// How long a connection may take to answer when it is given back.
const ANSWER: Duration = Duration::from_secs(5);

/// A connected database.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

/// Two kinds of statement want two kinds of plan.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    /// For statements that name their rows by key. Each is planned once for a connection: planning
    /// one of the large ones takes longer than running it for a few rows.
    pub(crate) keyed: Kept,
    /// For transactions, and for statements that look for rows. Each is planned for the values at
    /// hand, by which the planner chooses among partial indexes.
    pub(crate) searching: Kept,
    /// One connection for the heart, which must not wait until others have found their rows.
    pub(crate) heart: Kept,
    /// What this process claimed.
    pub(crate) taken: Arc<Taken>,
    /// What this process has added.
    pub(crate) growth: Arc<Growth>,
    /// Whether some of what it is to add may be there.
    pub(crate) caution: Arc<Caution>,
}

/// SQLite has one writer at a time, so that writes queue for one connection and never meet a busy
/// database.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    pub(crate) reader: SqlitePool,
    pub(crate) writer: SqlitePool,
    /// Locked as long as the database is open: one process per file.
    _lock: Arc<File>,
}

impl Backend {
    /// Waits until every connection is given back, and closes it.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(Postgres {
                keyed,
                searching,
                heart,
                ..
            }) => {
                futures::join!(keyed.close(), searching.close(), heart.close());
            }
            Self::Sqlite(Sqlite { reader, writer, .. }) => {
                futures::join!(reader.close(), writer.close());
            }
        }
    }

    /// The same database by the heart's own connection.
    pub(crate) fn by_heart(&self) -> Self {
        match self {
            Self::Postgres(postgres) => Self::Postgres(Postgres {
                keyed: postgres.heart.clone(),
                searching: postgres.heart.clone(),
                ..postgres.clone()
            }),
            Self::Sqlite(sqlite) => Self::Sqlite(sqlite.clone()),
        }
    }
}

/// Runs the same statements on whichever database it is: `$pool` is the pool to read from.
macro_rules! read {
    ($backend:expr, $pool:ident => $body:expr) => {
        match $backend {
            $crate::backend::Backend::Postgres(postgres) => {
                let $pool = &postgres.searching;
                $body
            }
            $crate::backend::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.reader;
                $body
            }
        }
    };
}
/// As `read!`, for statements that name their rows by key.
macro_rules! look_up {
    ($backend:expr, $pool:ident => $body:expr) => {
        match $backend {
            $crate::backend::Backend::Postgres(postgres) => {
                let $pool = &postgres.keyed;
                $body
            }
            $crate::backend::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.reader;
                $body
            }
        }
    };
}
/// Runs the same statements on whichever database it is: `$pool` is the pool to write to.
macro_rules! write {
    ($backend:expr, $pool:ident => $body:expr) => {
        match $backend {
            $crate::backend::Backend::Postgres(postgres) => {
                let $pool = &postgres.keyed;
                $body
            }
            $crate::backend::Backend::Sqlite(sqlite) => {
                let $pool = &sqlite.writer;
                $body
            }
        }
    };
}
pub(crate) use kept::Kept;
pub(crate) use {look_up, read, write};

impl Backend {
    pub(crate) async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        match &config.database {
            Database::Postgres { url } => postgres(url, config).map(Self::Postgres),
            Database::Sqlite { path } => sqlite(path, config).await.map(Self::Sqlite),
        }
    }

    #[cfg(feature = "trial")]
    pub(crate) fn is_at_rest(&self) -> bool {
        match self {
            Self::Postgres(_) => unreachable!("trials are on SQLite"),
            Self::Sqlite(Sqlite { reader, writer, .. }) => is_idle(reader) && is_idle(writer),
        }
    }
}

#[cfg(feature = "trial")]
fn is_idle(pool: &SqlitePool) -> bool {
    pool.num_idle() == pool.size() as usize
}

fn postgres(url: &str, config: &StoreConfig) -> Result<Postgres, StoreError> {
    // The parser's own message may quote the URL, and with it the password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Url("the PostgreSQL URL does not parse".to_owned()))?;
    let timeout = config.timeout.as_millis().to_string();
    let options = options
        .application_name("ekiden")
        .statement_cache_capacity(STATEMENTS)
        .options([
            ("statement_timeout", timeout.as_str()),
            ("lock_timeout", timeout.as_str()),
            ("idle_in_transaction_session_timeout", timeout.as_str()),
            // Every statement finds its rows by an index; a fresh table's missing statistics, or a
            // large batch, must not talk the planner into reading two million rows.
            ("enable_seqscan", "off"),
            // What that makes of the cost of a small table's scan must not have it compiled.
            ("jit", "off"),
            // What a machine held that is gone without a word must not be held for hours.
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
    let options = match &config.schema {
        Some(schema) => options.options([("search_path", schema)]),
        None => options,
    };
    let pool = |plan_cache_mode: &str, connections| {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(config.timeout)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(answers(connection)))
            .connect_lazy_with(
                options
                    .clone()
                    .options([("plan_cache_mode", plan_cache_mode)]),
            );
        Kept::of(pool)
    };
    Ok(Postgres {
        keyed: pool("force_generic_plan", config.connections),
        searching: pool("force_custom_plan", config.connections),
        heart: pool("force_custom_plan", 1),
        taken: Arc::default(),
        growth: Arc::default(),
        caution: Arc::default(),
    })
}

async fn sqlite(path: &Path, config: &StoreConfig) -> Result<Sqlite, StoreError> {
    let in_use = |error: io::Error| {
        StoreError::InUse(format!(
            "cannot open the SQLite database {}: {error}",
            path.display()
        ))
    };
    make_directory_of(path).map_err(in_use)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.with_added_extension("lock"))
        .map_err(in_use)?;
    lock.try_lock().map_err(|_| {
        StoreError::InUse(format!(
            "another process uses the SQLite database {}: SQLite serves one process",
            path.display()
        ))
    })?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(config.timeout)
        .statement_cache_capacity(STATEMENTS);
    let pool = || {
        SqlitePoolOptions::new()
            .acquire_timeout(config.timeout)
            .test_before_acquire(false)
    };
    Ok(Sqlite {
        writer: pool()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_sound(connection)))
            .connect_with(options.clone())
            .await?,
        reader: pool()
            .max_connections(SQLITE_READERS)
            .connect_lazy_with(options),
        _lock: Arc::new(lock),
    })
}

/// Makes the directory of an SQLite file where it is missing: what it holds is its owner's alone.
pub(crate) fn make_directory_of(path: &Path) -> io::Result<()> {
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// Whether there is still somebody at the other end. Without a limit, one that is gone without a word
/// would keep its place in the pool until TCP gives up, which takes a quarter of an hour.
async fn answers(connection: &mut PgConnection) -> sqlx::Result<bool> {
    match tokio::time::timeout(ANSWER, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

/// Whether a connection can begin another transaction. SQLite itself rolls back what a full disk has
/// interrupted; sqlx takes that transaction for open from then on, and begins no other.
async fn is_sound(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // A rollback that is under way comes first.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[cfg(test)]
mod tests;
