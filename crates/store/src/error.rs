//! How a store operation can fail.

use std::sync::Arc;
use thiserror::Error;

/// Why the store could not do what it was asked. Conflicts are not among these: they are answers.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached or does not answer in time; nothing was written.
    #[error("the database is not available")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// The connection was lost while a write was under way and reading it back failed too: it may
    /// or may not have been committed. Repeating it is safe.
    #[error("the database was lost during a commit, whose outcome is unknown")]
    Unknown(#[source] Arc<sqlx::Error>),
    /// The database refused a value or a statement: a defect of Ekiden's, or of the database.
    #[error("the database refused the operation")]
    Rejected(#[source] Arc<sqlx::Error>),
    /// A row holds what no Ekiden wrote.
    #[error("{table} of {id}: {column} holds an unknown value")]
    Inconsistent {
        /// The table or view.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        id: String,
    },
    /// The schema needs a newer Ekiden.
    #[error(
        "the database's schema needs an Ekiden that knows schema version {needed}; this one knows {known}"
    )]
    SchemaTooNew {
        /// The version a binary must know at least.
        needed: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// The schema is older than this binary needs.
    #[error(
        "the database's schema is at version {applied}, this Ekiden needs {known}: run `ekiden migrate`"
    )]
    SchemaTooOld {
        /// The newest version applied; 0 if none.
        applied: i64,
        /// The newest version this binary knows.
        known: i64,
    },
    /// A migration failed.
    #[error("the migration failed")]
    Migration(#[source] Arc<sqlx::migrate::MigrateError>),
    /// Another process uses this database in a way that allows only one.
    #[error("{0}")]
    InUse(String),
    /// The database's URL is not usable.
    #[error("{0}")]
    Url(String),
    /// There is no key to seal a secret with, or the one beside the SQLite file is not usable.
    #[error("{0}")]
    SealKey(String),
    /// A value that was to be stored is not allowed.
    #[error(transparent)]
    Invalid(#[from] ekiden_domain::Invalid),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the database is merely out of reach, so that the same may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unknown(_))
    }

    /// The message and those of its causes, for a log: they name the database's own complaint,
    /// which is not for clients.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// What a failed statement means for the write it was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing was written; the same again may succeed.
    Repeat,
    /// The connection went away: it may or may not have been written.
    Lost,
    /// A value was refused: nothing was written, and without that value the rest can be.
    BadRow,
    /// The statement was refused: nothing was written.
    Refused,
}

impl Fate {
    /// What `error` means. PostgreSQL is read by SQLSTATE class, SQLite by its primary result code.
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::BeginFailed => Self::Repeat,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolClosed => Self::Lost,
            sqlx::Error::Encode(_) => Self::BadRow,
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if database
                    .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                    .is_some()
                {
                    Self::of_sqlstate(&code)
                } else {
                    Self::of_sqlite(&code)
                }
            }
            _ => Self::Refused,
        }
    }

    fn of_sqlstate(code: &str) -> Self {
        match code {
            // Serialization failure, deadlock, lock not available, query cancelled by its timeout,
            // read-only (a failover under way).
            "40001" | "40P01" | "55P03" | "57014" | "25006" => Self::Repeat,
            _ => match code.get(..2).unwrap_or_default() {
                "08" | "57" => Self::Lost,
                "53" => Self::Repeat,
                "22" | "23" | "54" => Self::BadRow,
                _ => Self::Refused,
            },
        }
    }

    fn of_sqlite(code: &str) -> Self {
        // An extended code carries its primary code in the low byte.
        match code.parse::<u32>().map(|code| code & 0xff) {
            // Busy, locked, full.
            Ok(5 | 6 | 13) => Self::Repeat,
            // I/O error: a commit may have reached the disk.
            Ok(10) => Self::Lost,
            // Too big, constraint, mismatch.
            Ok(18..=20) => Self::BadRow,
            _ => Self::Refused,
        }
    }
}

/// The error for an operation that read, or whose repetition does no harm.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match Fate::of(&error) {
            Fate::Repeat | Fate::Lost => Self::Unavailable(Arc::new(error)),
            Fate::BadRow | Fate::Refused => Self::Rejected(Arc::new(error)),
        }
    }
}
