//! The right to be alone on a PostgreSQL database.

use crate::{StoreError, backend::Backend};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// The advisory lock's number: "ekiden" in ASCII.
const LOCK: i64 = 0x656b_6964_656e;
/// How long the lock's connection may take to answer before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// The right to run an in-process queue on a database. Given back when dropped.
#[derive(Debug)]
pub struct DatabaseClaim {
    /// Holds the advisory lock for as long as it lives; `None` on SQLite, where the file lock does.
    connection: Option<PgConnection>,
}

impl DatabaseClaim {
    /// Whether it is still held: it is lost with its connection.
    pub async fn is_held(&mut self) -> bool {
        match &mut self.connection {
            None => true,
            Some(connection) => {
                matches!(
                    tokio::time::timeout(PATIENCE, connection.ping()).await,
                    Ok(Ok(()))
                )
            }
        }
    }
}

pub(crate) async fn claim(backend: &Backend) -> Result<Option<DatabaseClaim>, StoreError> {
    let Backend::Postgres(postgres) = backend else {
        return Ok(Some(DatabaseClaim { connection: None }));
    };
    let mut connection = postgres.searching.acquire().await?.detach();
    let is_alone: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await?;
    Ok(is_alone.then_some(DatabaseClaim {
        connection: Some(connection),
    }))
}
