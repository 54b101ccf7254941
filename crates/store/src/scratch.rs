//! A place of one's own in a configured database, where a measurement meets nobody's data.

use crate::{Database, StoreConfig, StoreError, backend::make_directory_of};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What marks a schema as one of these, so that no other is ever dropped.
const MARK: &str = "ekiden scratch";
/// The advisory lock of whoever uses it: "scratch" in ASCII.
const LOCK: i64 = 0x0073_6372_6174_6368;

/// A schema of its own on PostgreSQL, a file of its own beside the database on SQLite: empty at
/// first, removed at the end. One at a time for each database. One that was left behind, by a process
/// that was killed, is removed by the next.
#[derive(Debug)]
pub struct Scratch {
    config: StoreConfig,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Schema {
        name: String,
        /// Holds the lock for as long as it lives.
        connection: Box<PgConnection>,
    },
    File {
        path: PathBuf,
        /// Locked for as long as it is open.
        _lock: File,
    },
}

impl Scratch {
    /// Makes the place `name`, of small letters and `_`, in the database of `config`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process uses it, or if there is a schema of this name that is
    /// none of these; [`StoreError::Url`]; or if the database cannot be reached.
    pub async fn make(config: &StoreConfig, name: &str) -> Result<Self, StoreError> {
        match &config.database {
            Database::Postgres { url } => Self::schema(config, url, name).await,
            Database::Sqlite { path } => Self::file(config, path, name),
        }
    }

    async fn schema(config: &StoreConfig, url: &str, name: &str) -> Result<Self, StoreError> {
        // The parser's own message may quote the URL, and with it the password.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Url("the PostgreSQL URL does not parse".to_owned()))?;
        let mut connection = Box::new(PgConnection::connect_with(&options).await?);
        let is_alone: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await?;
        if !is_alone {
            return Err(StoreError::InUse(format!(
                "another process uses the schema {name} of this database"
            )));
        }
        let mark: Option<Option<String>> = sqlx::query_scalar(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1",
        )
        .bind(name)
        .fetch_optional(&mut *connection)
        .await?;
        if mark.is_some_and(|mark| mark.as_deref() != Some(MARK)) {
            return Err(StoreError::InUse(format!(
                "the database has a schema {name} that Ekiden did not make: it is left alone"
            )));
        }
        let make = format!(
            "DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; \
             COMMENT ON SCHEMA {name} IS '{MARK}'"
        );
        connection.execute(AssertSqlSafe(make)).await?;
        Ok(Self {
            config: StoreConfig {
                schema: Some(name.to_owned()),
                ..config.clone()
            },
            place: Place::Schema {
                name: name.to_owned(),
                connection,
            },
        })
    }

    fn file(config: &StoreConfig, beside: &Path, name: &str) -> Result<Self, StoreError> {
        let path = beside.with_file_name(format!("{name}.db"));
        let in_use = |error: io::Error| {
            StoreError::InUse(format!("cannot make {}: {error}", path.display()))
        };
        make_directory_of(&path).map_err(in_use)?;
        let lock = File::create(path.with_extension("scratch")).map_err(in_use)?;
        lock.try_lock()
            .map_err(|_| StoreError::InUse(format!("another process uses {}", path.display())))?;
        remove_files(&path).map_err(in_use)?;
        Ok(Self {
            config: StoreConfig {
                database: Database::Sqlite { path: path.clone() },
                ..config.clone()
            },
            place: Place::File { path, _lock: lock },
        })
    }

    /// How to open the store in this place.
    #[must_use]
    pub const fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Removes the place and all that is in it. To be called when no store is open there any more.
    ///
    /// # Errors
    /// If it cannot be removed; then the next one that is made removes it.
    pub async fn remove(self) -> Result<(), StoreError> {
        match self.place {
            Place::Schema {
                name,
                mut connection,
            } => {
                let remove = format!("DROP SCHEMA {name} CASCADE");
                connection.execute(AssertSqlSafe(remove)).await?;
                connection.close().await?;
            }
            Place::File { path, .. } => {
                let remove = || {
                    remove_files(&path)?;
                    fs::remove_file(path.with_extension("scratch"))
                };
                remove().map_err(|error| {
                    StoreError::InUse(format!("cannot remove {}: {error}", path.display()))
                })?;
            }
        }
        Ok(())
    }
}

/// SQLite keeps a log and an index of it beside its file, and we a lock and a key.
fn remove_files(path: &Path) -> io::Result<()> {
    for end in ["", "-wal", "-shm", ".lock", ".seal-key"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
