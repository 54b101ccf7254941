//! Retention: what ended long enough ago is forgotten, in small transactions; but not while its
//! result is still on its way to a destination.

use crate::{
    StoreError,
    backend::{Backend, read},
    pieces::{of_ids, pieces},
};
use ekiden_domain::{RequestId, Timestamp};
use uuid::Uuid;

pub(crate) async fn outlived(
    backend: &Backend,
    ended_before: Timestamp,
    limit: u32,
) -> Result<Vec<RequestId>, StoreError> {
    let ids: Vec<Uuid> = read!(backend, pool => sqlx::query_scalar(
        "SELECT request_id FROM invocations_history history WHERE ended_at < $1
         AND NOT EXISTS (
             SELECT 1 FROM deliveries
             WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
         )
         LIMIT $2",
    )
    .bind(ended_before.as_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?);
    Ok(ids.into_iter().map(RequestId::from_uuid).collect())
}

pub(crate) async fn forget(backend: &Backend, ids: &[RequestId]) -> Result<u64, StoreError> {
    match backend {
        Backend::Postgres(postgres) => {
            // What another forgets is skipped: nobody waits for housekeeping.
            let forgotten: Vec<Uuid> = sqlx::query_scalar(
                "WITH old AS (
                     SELECT request_id FROM invocations_history history
                     WHERE request_id = ANY($1)
                     AND NOT EXISTS (
                         SELECT FROM deliveries
                         WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
                     )
                     FOR UPDATE SKIP LOCKED
                 ), history AS (
                     DELETE FROM invocations_history WHERE request_id = ANY(ARRAY(TABLE old))
                 ), told AS (
                     DELETE FROM attempts WHERE request_id = ANY(ARRAY(TABLE old))
                 ), delivered AS (
                     DELETE FROM deliveries WHERE request_id = ANY(ARRAY(TABLE old))
                 )
                 DELETE FROM invocation_inputs WHERE request_id = ANY(ARRAY(TABLE old))
                 RETURNING request_id",
            )
            .bind(ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
            .fetch_all(&postgres.keyed)
            .await?;
            Ok(forgotten.len() as u64)
        }
        Backend::Sqlite(sqlite) => {
            let mut forgotten = 0;
            let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
            for piece in pieces(ids) {
                let mut ended = of_ids(
                    "DELETE FROM invocations_history WHERE request_id IN",
                    piece.iter().map(|id| id.as_uuid()),
                    "AND NOT EXISTS (
                         SELECT 1 FROM deliveries
                         WHERE deliveries.request_id = invocations_history.request_id
                         AND take_at IS NOT NULL
                     ) RETURNING request_id",
                );
                let ended: Vec<Uuid> = ended
                    .build_query_scalar()
                    .fetch_all(&mut *transaction)
                    .await?;
                forgotten += ended.len() as u64;
                for piece in pieces(&ended) {
                    for before in [
                        "DELETE FROM attempts WHERE request_id IN",
                        "DELETE FROM deliveries WHERE request_id IN",
                        "DELETE FROM invocation_inputs WHERE request_id IN",
                    ] {
                        let mut beside = of_ids(before, piece.iter().copied(), "");
                        beside.build().execute(&mut *transaction).await?;
                    }
                }
            }
            transaction.commit().await?;
            Ok(forgotten)
        }
    }
}
