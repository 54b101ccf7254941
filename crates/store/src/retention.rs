//! Retention: what ended long enough ago is forgotten, in small transactions; but not while its
//! result is still on its way to a destination.

use crate::{
    StoreError,
    backend::{Backend, look_up},
    pieces::{of_ids, pieces},
};
use ekiden_domain::{RequestId, Timestamp};
use std::ops::Range;
use uuid::Uuid;

pub(crate) async fn outlived(
    backend: &Backend,
    ended: Range<Timestamp>,
    limit: u32,
) -> Result<(Vec<RequestId>, Option<Timestamp>), StoreError> {
    let found: Vec<(Uuid, i64)> = look_up!(backend, pool => sqlx::query_as(
        "SELECT request_id, ended_at FROM invocations_history history
         WHERE ended_at >= $1 AND ended_at < $2
         AND NOT EXISTS (
             SELECT 1 FROM deliveries
             WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
         )
         ORDER BY ended_at LIMIT $3",
    )
    .bind(ended.start.as_millis())
    .bind(ended.end.as_millis())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?);
    let walked_to = found.last().map(|(_, ended_at)| *ended_at);
    let ids = found.into_iter().map(|(id, _)| RequestId::from_uuid(id));
    Ok((ids.collect(), walked_to.map(Timestamp::from_millis)))
}

pub(crate) async fn forget(backend: &Backend, ids: &[RequestId]) -> Result<u64, StoreError> {
    match backend {
        Backend::Postgres(postgres) => {
            let forgotten: Vec<Uuid> = sqlx::query_scalar(
                "WITH old AS (
                     DELETE FROM invocations_history history
                     WHERE request_id = ANY($1)
                     AND NOT EXISTS (
                         SELECT FROM deliveries
                         WHERE deliveries.request_id = history.request_id AND take_at IS NOT NULL
                     )
                     RETURNING request_id
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
