//! Deliveries: which results are still to be handed on, by whom that is being tried, and what became
//! of it.

use crate::{
    PendingDeliveries, StoreError,
    backend::{Backend, Kept, look_up, read},
    batch::Flush,
    pieces::{of_ids, pieces},
    row::{count, inconsistent, sound},
};
use ekiden_domain::{
    Delivery, DeliveryStatus, Destination, Record, RequestId, Timestamp, delivery::Answer,
};
use sqlx::FromRow;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "request_id, destination, status, attempts, created_at, take_at, answered_at, http_status, \
         answer, error"
    };
}

#[derive(Debug, FromRow)]
struct Row {
    request_id: Uuid,
    destination: String,
    status: i16,
    attempts: i64,
    created_at: i64,
    take_at: Option<i64>,
    answered_at: Option<i64>,
    http_status: Option<i64>,
    answer: Option<String>,
    error: Option<String>,
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let bad = |column| inconsistent(row.request_id, column);
        let created_at = Timestamp::from_millis(row.created_at);
        Ok(Self {
            request_id: RequestId::from_uuid(row.request_id),
            destination: row.destination.parse().map_err(|_| bad("destination"))?,
            status: status(row.status).ok_or_else(|| bad("status"))?,
            attempts: count(row.attempts),
            created_at,
            due_at: row.take_at.map_or(created_at, Timestamp::from_millis),
            answer: row.answered_at.map(|at| Answer {
                at: Timestamp::from_millis(at),
                http_status: row
                    .http_status
                    .and_then(|status| u16::try_from(status).ok()),
                body: row.answer.unwrap_or_default(),
                error: row.error.unwrap_or_default(),
            }),
        })
    }
}

const fn status(code: i16) -> Option<DeliveryStatus> {
    match code {
        0 => Some(DeliveryStatus::Pending),
        1 => Some(DeliveryStatus::Succeeded),
        2 => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

const fn code(status: DeliveryStatus) -> i16 {
    match status {
        DeliveryStatus::Pending => 0,
        DeliveryStatus::Succeeded => 1,
        DeliveryStatus::Failed => 2,
    }
}

/// Takes what is due, but for these destinations, each counted as tried once more, and keeps other
/// takers from it until `hold_until`.
pub(crate) async fn take(
    backend: &Backend,
    now: Timestamp,
    hold_until: Timestamp,
    limit: u32,
    except: &[Destination],
) -> Result<Vec<Delivery>, StoreError> {
    // By destination, so that what waits for one of those excepted is not passed over row by row.
    macro_rules! take {
        ($pool:expr, $except:literal, $list:expr, $due:literal) => {
            sqlx::query_as(concat!(
                "WITH RECURSIVE destinations(name) AS (
                     SELECT MIN(destination) FROM deliveries WHERE take_at IS NOT NULL
                     UNION ALL
                     SELECT (
                         SELECT MIN(destination) FROM deliveries
                         WHERE take_at IS NOT NULL AND destination > name
                     )
                     FROM destinations WHERE name IS NOT NULL
                 )
                 UPDATE deliveries SET take_at = $2, attempts = attempts + 1
                 WHERE request_id IN (
                     SELECT due.request_id FROM destinations CROSS JOIN ",
                $due,
                " WHERE name ",
                $except,
                " LIMIT $3) RETURNING ",
                columns!()
            ))
            .bind(now.as_millis())
            .bind(hold_until.as_millis())
            .bind(i64::from(limit))
            .bind($list)
            .fetch_all($pool)
            .await?
        };
    }
    let except: Vec<&str> = except.iter().map(Destination::as_str).collect();
    let rows: Vec<Row> = match backend {
        // Differs from SQLite: others take other rows at the same time.
        Backend::Postgres(postgres) => take!(
            &postgres.keyed,
            "<> ALL($4::text[])",
            except,
            "LATERAL (
                 SELECT request_id FROM deliveries WHERE destination = name AND take_at <= $1
                 ORDER BY take_at LIMIT $3 FOR UPDATE SKIP LOCKED
             ) AS due"
        ),
        Backend::Sqlite(sqlite) => take!(
            &sqlite.writer,
            "NOT IN (SELECT value FROM json_each($4))",
            serde_json::json!(except).to_string(),
            "deliveries AS due ON due.destination = name AND due.take_at <= $1"
        ),
    };
    Ok(sound(rows))
}

pub(crate) async fn find(backend: &Backend, id: RequestId) -> Result<Option<Delivery>, StoreError> {
    const FIND: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM deliveries WHERE request_id = $1"
    );
    let row: Option<Row> = look_up!(backend, pool => sqlx::query_as(FIND)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await?);
    row.map(Delivery::try_from).transpose()
}

pub(crate) async fn pending(backend: &Backend) -> Result<PendingDeliveries, StoreError> {
    let (count, oldest): (i64, Option<i64>) = read!(backend, pool => sqlx::query_as(
        "SELECT COUNT(*), MIN(created_at) FROM deliveries WHERE take_at IS NOT NULL",
    )
    .fetch_one(pool)
    .await?);
    Ok(PendingDeliveries {
        count: u64::try_from(count).unwrap_or(0),
        oldest: oldest.map(Timestamp::from_millis),
    })
}

/// Says of each of these records where the delivery of its result stands; asks only about those that
/// have one.
pub(crate) async fn annotate(backend: &Backend, records: &mut [Record]) -> Result<(), StoreError> {
    let has_one = |record: &&Record| record.invocation.destination().is_some();
    let ids: Vec<Uuid> = records
        .iter()
        .filter(has_one)
        .map(|record| record.invocation.request_id.as_uuid())
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found: Vec<(Uuid, i16)> = match backend {
        Backend::Postgres(postgres) => {
            sqlx::query_as(
                "SELECT request_id, status FROM deliveries WHERE request_id = ANY($1::uuid[])",
            )
            .bind(ids)
            .fetch_all(&postgres.keyed)
            .await?
        }
        // Differs from PostgreSQL: SQLite binds no arrays.
        Backend::Sqlite(sqlite) => {
            let before = "SELECT request_id, status FROM deliveries WHERE request_id IN";
            let mut connection = sqlite.reader.acquire().await?;
            let mut found = Vec::with_capacity(ids.len());
            for piece in pieces(&ids) {
                let mut sql = of_ids(before, piece.iter().copied(), "");
                let rows: Vec<(Uuid, i16)> =
                    sql.build_query_as().fetch_all(&mut *connection).await?;
                found.extend(rows);
            }
            found
        }
    };
    let found: HashMap<Uuid, i16> = found.into_iter().collect();
    for record in records {
        let id = record.invocation.request_id.as_uuid();
        if let Some(found) = found.get(&id) {
            let status = status(*found).ok_or_else(|| inconsistent(id, "status"))?;
            record.delivery = Some(status);
        }
    }
    Ok(())
}

/// What a try came to. Written only where nobody has taken the delivery since.
pub(crate) struct Reports(pub(crate) Backend);

impl Flush for Reports {
    type Item = Delivery;
    /// Whether it was written.
    type Answer = bool;
    type Key = RequestId;

    fn key(item: &Delivery) -> RequestId {
        item.request_id
    }

    async fn flush(&self, items: &[&Delivery], _repeated: bool) -> Result<Vec<bool>, sqlx::Error> {
        let written = match &self.0 {
            Backend::Postgres(postgres) => report_postgres(&postgres.keyed, items).await?,
            Backend::Sqlite(sqlite) => report_sqlite(sqlite, items).await?,
        };
        let is_written = |item: &&Delivery| written.contains(&item.request_id.as_uuid());
        Ok(items.iter().map(is_written).collect())
    }
}

/// A delivery's columns as a report writes them.
fn take_at(delivery: &Delivery) -> Option<i64> {
    let is_pending = delivery.status == DeliveryStatus::Pending;
    is_pending.then(|| delivery.due_at.as_millis())
}

fn answered<'d, T>(delivery: &'d Delivery, column: impl FnOnce(&'d Answer) -> T) -> Option<T> {
    delivery.answer.as_ref().map(column)
}

async fn report_postgres(pool: &Kept, items: &[&Delivery]) -> Result<HashSet<Uuid>, sqlx::Error> {
    fn each<T>(items: &[&Delivery], column: impl Fn(&Delivery) -> T) -> Vec<T> {
        items.iter().map(|item| column(item)).collect()
    }
    // In key order, so that two reports which meet never wait for each other in a circle.
    let written: Vec<Uuid> = sqlx::query_scalar(
        "WITH report AS (
             SELECT unnest($1::uuid[]) AS request_id, unnest($2::bigint[]) AS attempts,
                    unnest($3::smallint[]) AS status, unnest($4::bigint[]) AS created_at,
                    unnest($5::bigint[]) AS take_at, unnest($6::bigint[]) AS answered_at,
                    unnest($7::bigint[]) AS http_status, unnest($8::text[]) AS answer,
                    unnest($9::text[]) AS error
         ), held AS (
             SELECT report.* FROM report JOIN deliveries USING (request_id)
             WHERE deliveries.attempts = report.attempts
             ORDER BY request_id FOR UPDATE OF deliveries
         )
         UPDATE deliveries
         SET status = held.status, created_at = held.created_at, take_at = held.take_at,
             answered_at = held.answered_at, http_status = held.http_status,
             answer = held.answer, error = held.error
         FROM held WHERE deliveries.request_id = held.request_id
         RETURNING deliveries.request_id",
    )
    .bind(each(items, |item| item.request_id.as_uuid()))
    .bind(each(items, |item| i64::from(item.attempts)))
    .bind(each(items, |item| code(item.status)))
    .bind(each(items, |item| item.created_at.as_millis()))
    .bind(each(items, take_at))
    .bind(each(items, |item| {
        answered(item, |answer| answer.at.as_millis())
    }))
    .bind(each(items, |item| answered(item, http_status).flatten()))
    .bind(each(items, |item| {
        answered(item, |answer| answer.body.clone())
    }))
    .bind(each(items, |item| {
        answered(item, |answer| answer.error.clone())
    }))
    .fetch_all(pool)
    .await?;
    Ok(written.into_iter().collect())
}

fn http_status(answer: &Answer) -> Option<i64> {
    answer.http_status.map(i64::from)
}

async fn report_sqlite(
    sqlite: &crate::backend::Sqlite,
    items: &[&Delivery],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut written = HashSet::with_capacity(items.len());
    for item in items {
        let id = item.request_id.as_uuid();
        let update = sqlx::query(
            "UPDATE deliveries
             SET status = $3, created_at = $4, take_at = $5, answered_at = $6, http_status = $7,
                 answer = $8, error = $9
             WHERE request_id = $1 AND attempts = $2",
        )
        .bind(id)
        .bind(i64::from(item.attempts))
        .bind(code(item.status))
        .bind(item.created_at.as_millis())
        .bind(take_at(item))
        .bind(answered(item, |answer| answer.at.as_millis()))
        .bind(answered(item, http_status).flatten())
        .bind(answered(item, |answer| answer.body.as_str()))
        .bind(answered(item, |answer| answer.error.as_str()))
        .execute(&mut *transaction)
        .await?;
        if update.rows_affected() == 1 {
            written.insert(id);
        }
    }
    transaction.commit().await?;
    Ok(written)
}
