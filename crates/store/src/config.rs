//! Which database, and how much of it to use.

use crate::{SealKey, StoreError};
use std::{fmt, path::PathBuf, time::Duration};

/// How to reach the database and how much of it to use.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Which database.
    pub database: Database,
    /// In which schema of the database its tables are; `None` means where the database's own search
    /// path leads first. PostgreSQL only.
    pub schema: Option<String>,
    /// The most connections for statements that name their rows by key, and the most for those that
    /// look for rows. PostgreSQL only.
    pub connections: u32,
    /// The most invocations or transitions in one group commit.
    pub batch: usize,
    /// How many group commits of one kind may be under way at once. PostgreSQL only: SQLite has
    /// one writer.
    pub flushes: usize,
    /// How long an operation may wait for the database before it fails.
    pub timeout: Duration,
    /// What secrets are sealed with: the first seals, and each of them opens. Without any, SQLite has a
    /// key of its own beside the file, and PostgreSQL keeps no secret.
    pub seal_keys: Vec<SealKey>,
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
            schema: None,
            connections: 8,
            batch: 500,
            flushes: 2,
            timeout: Duration::from_secs(10),
            seal_keys: Vec::new(),
        }
    }
}
