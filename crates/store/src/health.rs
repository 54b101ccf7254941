//! What tells of trouble before it comes.

use crate::{
    Burden, StoreError,
    backend::{Backend, read},
};
use ekiden_domain::Timestamp;
use std::time::Duration;

pub(crate) async fn burden(backend: &Backend) -> Result<Option<Burden>, StoreError> {
    let Backend::Postgres(postgres) = backend else {
        return Ok(None);
    };
    let (oldest_ms, rows, dead_rows): (i64, i64, i64) = sqlx::query_as(
        "SELECT COALESCE((
                    SELECT EXTRACT(EPOCH FROM MAX(clock_timestamp() - xact_start)) * 1000
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                ), 0)::bigint,
                COALESCE(SUM(n_live_tup), 0)::bigint, COALESCE(SUM(n_dead_tup), 0)::bigint
         FROM pg_stat_user_tables",
    )
    .fetch_one(&postgres.searching)
    .await?;
    let count = |count| u64::try_from(count).unwrap_or(0);
    Ok(Some(Burden {
        oldest_transaction: Duration::from_millis(count(oldest_ms)),
        rows: count(rows),
        dead_rows: count(dead_rows),
    }))
}

pub(crate) async fn oldest_due(backend: &Backend) -> Result<Option<Timestamp>, StoreError> {
    let oldest: Option<i64> = read!(backend, pool => sqlx::query_scalar(
        "SELECT MIN(due_at) FROM invocations_live WHERE claimed_at IS NULL",
    )
    .fetch_one(pool)
    .await?);
    Ok(oldest.map(Timestamp::from_millis))
}
