//! Reading invocations: one, some, or how many.

use crate::{
    StoreError, Usage,
    backend::{Backend, look_up, read},
    deliveries,
    pieces::{of_ids, pieces},
    row::{RecordRow, columns, count, fault_kind, inconsistent, sound},
};
use bytes::Bytes;
use ekiden_domain::{
    Attempt, Fault, FunctionName, Invocation, InvocationId, Record, RequestId, Timestamp, WorkerId,
};
use sqlx::FromRow;
use uuid::Uuid;

pub(crate) async fn ping(backend: &Backend) -> Result<(), StoreError> {
    read!(backend, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
    Ok(())
}

pub(crate) async fn clock(backend: &Backend, now: Timestamp) -> Result<Timestamp, StoreError> {
    let Backend::Postgres(postgres) = backend else {
        return Ok(now);
    };
    let millis: i64 =
        sqlx::query_scalar("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint")
            .fetch_one(&postgres.searching)
            .await?;
    Ok(Timestamp::from_millis(millis))
}

pub(crate) async fn usage(backend: &Backend) -> Result<Option<Usage>, StoreError> {
    let Backend::Postgres(postgres) = backend else {
        return Ok(None);
    };
    let (commits, wal_bytes, table_bytes): (i64, i64, i64) = sqlx::query_as(
        "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, (
             SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
         )
         FROM pg_stat_database WHERE datname = current_database()",
    )
    .fetch_one(&postgres.searching)
    .await?;
    Ok(Some(Usage {
        commits,
        wal_bytes,
        table_bytes,
    }))
}

pub(crate) async fn load(backend: &Backend, ids: &[RequestId]) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<RecordRow> = match backend {
        Backend::Postgres(postgres) => {
            // Each by its key, which `LIMIT` makes sure of: joined as a whole, a table of which the
            // planner knows too little is read from one end to the other.
            sqlx::query_as(concat!(
                "SELECT ",
                columns!(),
                ", payload FROM unnest($1::uuid[]) AS wanted(id)
                CROSS JOIN LATERAL (
                    SELECT * FROM live_invocations WHERE request_id = wanted.id LIMIT 1
                ) AS invocation"
            ))
            .bind(ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
            .fetch_all(&postgres.keyed)
            .await?
        }
        // Differs from PostgreSQL: SQLite binds no arrays.
        Backend::Sqlite(sqlite) => {
            let before = concat!(
                "SELECT ",
                columns!(),
                ", payload FROM live_invocations WHERE request_id IN"
            );
            let mut connection = sqlite.reader.acquire().await?;
            let mut rows = Vec::with_capacity(ids.len());
            for piece in pieces(ids) {
                let mut sql = of_ids(before, piece.iter().map(|id| id.as_uuid()), "");
                rows.extend(sql.build_query_as().fetch_all(&mut *connection).await?);
            }
            rows
        }
    };
    Ok(sound(rows))
}

pub(crate) async fn find(
    backend: &Backend,
    function: &FunctionName,
    id: &InvocationId,
) -> Result<Option<Record>, StoreError> {
    const FIND: &str = concat!(
        "SELECT ",
        columns!(),
        ", payload FROM invocations
         WHERE request_id = (SELECT request_id FROM invocation_inputs
                             WHERE function = $1 AND invocation_id = $2)"
    );
    let row: Option<RecordRow> = look_up!(backend, pool => sqlx::query_as(FIND)
        .bind(function.as_str())
        .bind(id.as_str())
        .fetch_optional(pool)
        .await?);
    one(backend, row).await
}

pub(crate) async fn ended(backend: &Backend, id: RequestId) -> Result<Option<Record>, StoreError> {
    const ENDED: &str = concat!(
        "SELECT ",
        columns!(),
        ", payload FROM ended_invocations WHERE request_id = $1"
    );
    let row: Option<RecordRow> = look_up!(backend, pool => sqlx::query_as(ENDED)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await?);
    one(backend, row).await
}

/// The record of a row, with what stands beside it: the last attempt's output and the delivery.
async fn one(backend: &Backend, row: Option<RecordRow>) -> Result<Option<Record>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let mut record = Record::try_from(row)?;
    deliveries::annotate(backend, std::slice::from_mut(&mut record)).await?;
    record.output = output(backend, &record.invocation).await?;
    Ok(Some(record))
}

async fn output(backend: &Backend, invocation: &Invocation) -> Result<Option<Bytes>, StoreError> {
    if invocation.attempts == 0 {
        return Ok(None);
    }
    let output: Option<Vec<u8>> = look_up!(backend, pool => sqlx::query_scalar(
        "SELECT output FROM attempts WHERE request_id = $1 AND number = $2",
    )
    .bind(invocation.request_id.as_uuid())
    .bind(i64::from(invocation.attempts))
    .fetch_optional(pool)
    .await?);
    Ok(output.filter(|output| !output.is_empty()).map(Bytes::from))
}

#[derive(Debug, FromRow)]
struct AttemptRow {
    number: i64,
    worker: Uuid,
    started_at: i64,
    ended_at: i64,
    fault_kind: Option<i16>,
    error: Option<String>,
    error_message: Option<String>,
    http_status: Option<i64>,
    output: Vec<u8>,
    log: Vec<u8>,
}

impl AttemptRow {
    fn fault(&self, id: RequestId) -> Result<Option<Fault>, StoreError> {
        let Some(code) = self.fault_kind else {
            return Ok(None);
        };
        let (Some(kind), Some(error), Some(message)) =
            (fault_kind(code), &self.error, &self.error_message)
        else {
            return Err(inconsistent(id.as_uuid(), "fault_kind"));
        };
        let mut fault = Fault::new(kind, error, message);
        fault.http_status = self
            .http_status
            .and_then(|status| u16::try_from(status).ok());
        Ok(Some(fault))
    }
}

pub(crate) async fn attempts(backend: &Backend, id: RequestId) -> Result<Vec<Attempt>, StoreError> {
    let rows: Vec<AttemptRow> = look_up!(backend, pool => sqlx::query_as(
        "SELECT number, worker, started_at, ended_at, fault_kind, error, error_message, http_status,
                output, log
         FROM attempts WHERE request_id = $1 ORDER BY number",
    )
    .bind(id.as_uuid())
    .fetch_all(pool)
    .await?);
    let attempt = |row: AttemptRow| {
        Ok(Attempt {
            number: count(row.number),
            worker: WorkerId::from_uuid(row.worker),
            started_at: Timestamp::from_millis(row.started_at),
            ended_at: Timestamp::from_millis(row.ended_at),
            fault: row.fault(id)?,
            output: row.output.into(),
            log: row.log.into(),
        })
    };
    rows.into_iter().map(attempt).collect()
}
