//! Retention: what ended long enough ago is forgotten, in small transactions; but not while its
//! result is still on its way to a destination.

use crate::{StoreError, backend::Backend};
use ekiden_domain::Timestamp;
use uuid::Uuid;

pub(crate) async fn purge(
    backend: &Backend,
    ended_before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    match backend {
        Backend::Postgres(postgres) => {
            // Another purger's rows are skipped: nobody waits for housekeeping.
            let purged: Vec<Uuid> = sqlx::query_scalar(
                "WITH old AS (
                     SELECT request_id FROM invocations_history history WHERE ended_at < $1
                     AND NOT EXISTS (
                         SELECT FROM deliveries
                         WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
                     )
                     LIMIT $2 FOR UPDATE SKIP LOCKED
                 ), history AS (
                     DELETE FROM invocations_history USING old
                     WHERE invocations_history.request_id = old.request_id
                 ), told AS (
                     DELETE FROM attempts USING old WHERE attempts.request_id = old.request_id
                 ), delivered AS (
                     DELETE FROM deliveries USING old WHERE deliveries.request_id = old.request_id
                 )
                 DELETE FROM invocation_inputs USING old
                 WHERE invocation_inputs.request_id = old.request_id
                 RETURNING old.request_id",
            )
            .bind(ended_before.as_millis())
            .bind(i64::from(limit))
            .fetch_all(&postgres.searching)
            .await?;
            Ok(purged.len() as u64)
        }
        Backend::Sqlite(sqlite) => {
            let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
            let old: Vec<Uuid> = sqlx::query_scalar(
                "DELETE FROM invocations_history WHERE request_id IN (
                     SELECT request_id FROM invocations_history history WHERE ended_at < $1
                     AND NOT EXISTS (
                         SELECT 1 FROM deliveries
                         WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
                     )
                     LIMIT $2
                 ) RETURNING request_id",
            )
            .bind(ended_before.as_millis())
            .bind(i64::from(limit))
            .fetch_all(&mut *transaction)
            .await?;
            for id in &old {
                sqlx::query("DELETE FROM attempts WHERE request_id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("DELETE FROM deliveries WHERE request_id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("DELETE FROM invocation_inputs WHERE request_id = $1")
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(old.len() as u64)
        }
    }
}
