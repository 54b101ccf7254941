//! The outbox: what must be handed to the broker, and by whom it is being handed over.

use crate::{
    StoreError, Undispatched,
    backend::{Backend, read},
    pieces::{of_ids, pieces},
    row::{inconsistent, sound},
};
use ekiden_domain::{
    Body, FunctionName, Message, OutboxId, Position, RequestId, Timestamp, TraceContext,
};
use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteConnection};
use std::{ops::RangeInclusive, time::Duration};
use uuid::Uuid;

/// How long the process that wrote a message has to send it before pollers take it.
const OFFER_GRACE: Duration = Duration::from_secs(5);

/// From when on a poller may take a message written at `now`: one that is due is offered to its
/// writer's own dispatcher at once, and pollers leave it the time to send it.
pub(crate) fn take_at(message: &Message, now: Timestamp) -> Timestamp {
    if is_offered(message, now) {
        now.after(OFFER_GRACE)
    } else {
        message.due_at
    }
}

/// Whether a message written at `now` is offered at once.
pub(crate) fn is_offered(message: &Message, now: Timestamp) -> bool {
    message.due_at <= now
}

/// A message's body as the table holds it.
pub(crate) fn columns(body: &Body) -> (i16, Option<&str>) {
    match body {
        Body::Dispatch(lane) => (0, Some(lane.as_str())),
        Body::Stop => (1, None),
    }
}

/// A trace as the tables hold it.
pub(crate) fn trace(trace: Option<&TraceContext>) -> Option<&str> {
    trace.map(TraceContext::as_str)
}

#[derive(Debug, FromRow)]
struct Row {
    request_id: Uuid,
    id: Uuid,
    kind: i16,
    lane: Option<String>,
    due_at: i64,
    trace: Option<String>,
}

impl TryFrom<Row> for Message {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let body = match (row.kind, row.lane) {
            (0, Some(lane)) => Body::Dispatch(
                lane.parse()
                    .map_err(|_| inconsistent(row.request_id, "lane"))?,
            ),
            (1, None) => Body::Stop,
            _ => return Err(inconsistent(row.request_id, "kind")),
        };
        Ok(Self {
            id: OutboxId::from_uuid(row.id),
            request_id: RequestId::from_uuid(row.request_id),
            due_at: Timestamp::from_millis(row.due_at),
            trace: crate::row::trace(row.trace),
            body,
        })
    }
}

/// Inserts messages, each with the time from which it may be taken.
pub(crate) async fn sqlite_insert(
    connection: &mut SqliteConnection,
    messages: &[(&Message, i64)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(messages) {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at, trace) ",
        );
        sql.push_values(piece, |mut row, (message, take_at)| {
            let (kind, lane) = columns(&message.body);
            row.push_bind(message.request_id.as_uuid())
                .push_bind(message.id.as_uuid())
                .push_bind(kind)
                .push_bind(lane)
                .push_bind(message.due_at.as_millis())
                .push_bind(*take_at)
                .push_bind(trace(message.trace.as_ref()));
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}

pub(crate) async fn take(
    backend: &Backend,
    due: RangeInclusive<Timestamp>,
    hold_until: Timestamp,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let rows: Vec<Row> = match backend {
        // Differs from SQLite: other pollers take other rows at the same time.
        Backend::Postgres(postgres) => {
            sqlx::query_as(
                "UPDATE outbox SET take_at = $3
             WHERE ctid = ANY(ARRAY(
                 SELECT ctid FROM outbox WHERE take_at BETWEEN $1 AND $2
                 ORDER BY take_at LIMIT $4 FOR UPDATE SKIP LOCKED
             ))
             RETURNING request_id, id, kind, lane, due_at, trace",
            )
            .bind(due.start().as_millis())
            .bind(due.end().as_millis())
            .bind(hold_until.as_millis())
            .bind(i64::from(limit))
            .fetch_all(&postgres.keyed)
            .await?
        }
        Backend::Sqlite(sqlite) => {
            sqlx::query_as(
                "UPDATE outbox SET take_at = $3
             WHERE (request_id, id) IN (
                 SELECT request_id, id FROM outbox WHERE take_at BETWEEN $1 AND $2
                 ORDER BY take_at LIMIT $4
             )
             RETURNING request_id, id, kind, lane, due_at, trace",
            )
            .bind(due.start().as_millis())
            .bind(due.end().as_millis())
            .bind(hold_until.as_millis())
            .bind(i64::from(limit))
            .fetch_all(&sqlite.writer)
            .await?
        }
    };
    Ok(sound(rows))
}

pub(crate) async fn oldest_untaken(backend: &Backend) -> Result<Option<Timestamp>, StoreError> {
    let oldest: Option<i64> = read!(backend, pool => sqlx::query_scalar(
        "SELECT MIN(take_at) FROM outbox",
    )
    .fetch_one(pool)
    .await?);
    Ok(oldest.map(Timestamp::from_millis))
}

pub(crate) async fn delete(
    backend: &Backend,
    messages: &[(RequestId, OutboxId)],
) -> Result<(), StoreError> {
    match backend {
        Backend::Postgres(postgres) => {
            // By one look for each key, which `LIMIT` makes sure of; and in the order of their places, so
            // that two deletes which meet never wait for each other in a circle.
            sqlx::query(
                "DELETE FROM outbox WHERE ctid = ANY(ARRAY(
                     SELECT found.ctid
                     FROM unnest($1::uuid[], $2::uuid[]) AS sent(request_id, id)
                     CROSS JOIN LATERAL (
                         SELECT outbox.ctid FROM outbox
                         WHERE outbox.request_id = sent.request_id AND outbox.id = sent.id
                         LIMIT 1
                     ) found
                 ))",
            )
            .bind(
                messages
                    .iter()
                    .map(|(request, _)| request.as_uuid())
                    .collect::<Vec<_>>(),
            )
            .bind(
                messages
                    .iter()
                    .map(|(_, id)| id.as_uuid())
                    .collect::<Vec<_>>(),
            )
            .execute(&postgres.keyed)
            .await?;
        }
        Backend::Sqlite(sqlite) => {
            let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
            for piece in pieces(messages) {
                // By the first column of the key, by which the rows are looked up.
                let ids = piece.iter().map(|(request_id, _)| request_id.as_uuid());
                let before = "DELETE FROM outbox WHERE request_id IN";
                let mut sql = of_ids(before, ids, "AND (request_id, id) IN (");
                sql.push_values(piece, |mut row, (request_id, id)| {
                    row.push_bind(request_id.as_uuid()).push_bind(id.as_uuid());
                });
                sql.push(")").build().execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
    }
    Ok(())
}

/// A dispatch is put only for an invocation that still waits and has no dispatch in the outbox that
/// is yet to be sent. One that was offered or taken, whose `take_at` lies after its `due_at`, may be
/// this very message, and is deleted once it is confirmed.
pub(crate) async fn put_back(backend: &Backend, messages: &[Message]) -> Result<u64, StoreError> {
    match backend {
        Backend::Postgres(postgres) => {
            let lanes: Vec<Option<&str>> = messages
                .iter()
                .map(|message| columns(&message.body).1)
                .collect();
            let put = sqlx::query(
                "INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at)
                 SELECT back.request_id, back.id, 0, back.lane, back.due_at, back.due_at
                 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])
                      AS back(request_id, id, lane, due_at)
                 JOIN invocations_live live ON live.request_id = back.request_id
                      AND live.claimed_at IS NULL
                 WHERE NOT EXISTS (
                     SELECT FROM outbox
                     WHERE outbox.request_id = back.request_id AND outbox.kind = 0
                       AND outbox.take_at <= outbox.due_at
                 )",
            )
            .bind(
                messages
                    .iter()
                    .map(|m| m.request_id.as_uuid())
                    .collect::<Vec<_>>(),
            )
            .bind(messages.iter().map(|m| m.id.as_uuid()).collect::<Vec<_>>())
            .bind(lanes)
            .bind(
                messages
                    .iter()
                    .map(|m| m.due_at.as_millis())
                    .collect::<Vec<_>>(),
            )
            .execute(&postgres.keyed)
            .await?;
            Ok(put.rows_affected())
        }
        Backend::Sqlite(sqlite) => {
            let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
            let mut put = 0;
            for message in messages {
                put += sqlx::query(
                    "INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at)
                     SELECT $1, $2, 0, $3, $4, $4
                     WHERE EXISTS (
                         SELECT 1 FROM invocations_live
                         WHERE request_id = $1 AND claimed_at IS NULL
                     ) AND NOT EXISTS (
                         SELECT 1 FROM outbox
                         WHERE request_id = $1 AND kind = 0 AND take_at <= due_at
                     )",
                )
                .bind(message.request_id.as_uuid())
                .bind(message.id.as_uuid())
                .bind(columns(&message.body).1)
                .bind(message.due_at.as_millis())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            }
            transaction.commit().await?;
            Ok(put)
        }
    }
}

#[derive(Debug, FromRow)]
struct WalkedRow {
    request_id: Uuid,
    function: String,
    lane: String,
    accepted_at: i64,
    due_at: Option<i64>,
    is_undispatched: bool,
}

pub(crate) async fn does_any_wait(
    backend: &Backend,
    functions: &[FunctionName],
) -> Result<bool, StoreError> {
    macro_rules! any {
        ($pool:expr, $among:literal, $functions:expr) => {
            // By the index that lists are read from, whose condition it names.
            sqlx::query_scalar(concat!(
                "SELECT EXISTS (
                     SELECT 1 FROM invocations_live WHERE function ",
                $among,
                " AND accepted_at >= 0 AND claimed_at IS NULL
                 )"
            ))
            .bind($functions)
            .fetch_one($pool)
            .await?
        };
    }
    let functions: Vec<&str> = functions.iter().map(FunctionName::as_str).collect();
    Ok(match backend {
        Backend::Postgres(postgres) => {
            any!(&postgres.searching, "= ANY($1::text[])", functions)
        }
        Backend::Sqlite(sqlite) => any!(
            &sqlite.reader,
            "IN (SELECT value FROM json_each($1))",
            serde_json::json!(functions).to_string()
        ),
    })
}

/// Walks the live table by request id.
pub(crate) async fn undispatched(
    backend: &Backend,
    after: Option<RequestId>,
    limit: u32,
) -> Result<(Vec<Undispatched>, Option<Position>), StoreError> {
    const WALK: &str = "
        SELECT walked.request_id, walked.function, inputs.lane, walked.accepted_at, walked.due_at,
               walked.claimed_at IS NULL AND NOT EXISTS (
                   SELECT 1 FROM outbox
                   WHERE outbox.request_id = walked.request_id AND outbox.kind = 0
               ) AS is_undispatched
        FROM (
            SELECT request_id, function, accepted_at, claimed_at, due_at FROM invocations_live
            WHERE request_id > $1 ORDER BY request_id LIMIT $2
        ) walked
        JOIN invocation_inputs inputs ON inputs.request_id = walked.request_id
        ORDER BY walked.request_id";
    let after = after.map_or(Uuid::nil(), RequestId::as_uuid);
    let rows: Vec<WalkedRow> = read!(backend, pool => sqlx::query_as(WALK)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
    let walked_to = rows.last().map(|row| Position {
        accepted_at: Timestamp::from_millis(row.accepted_at),
        request_id: RequestId::from_uuid(row.request_id),
    });
    let found = rows
        .into_iter()
        .filter(|row| row.is_undispatched)
        .map(|row| {
            let bad = |column| move |_| inconsistent(row.request_id, column);
            Ok(Undispatched {
                request_id: RequestId::from_uuid(row.request_id),
                function: row.function.parse().map_err(bad("function"))?,
                lane: row.lane.parse().map_err(bad("lane"))?,
                accepted_at: Timestamp::from_millis(row.accepted_at),
                due_at: Timestamp::from_millis(row.due_at.unwrap_or(row.accepted_at)),
            })
        });
    Ok((found.collect::<Result<_, StoreError>>()?, walked_to))
}
