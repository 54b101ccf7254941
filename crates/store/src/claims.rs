//! Workers and what they hold: announcements, heartbeats, and claims that nobody answers for.

mod taken;

pub(crate) use taken::Taken;

use crate::{
    Held, StoreError, Worker,
    backend::{Backend, read, write},
    row::{Row, columns, inconsistent, sound},
};
use ekiden_domain::{Invocation, Lane, Lease, RequestId, Status, Timestamp, WorkerId};
use uuid::Uuid;

pub(crate) async fn register(backend: &Backend, worker: &Worker) -> Result<(), StoreError> {
    write!(backend, pool => sqlx::query(
        "INSERT INTO workers (id, name, slots, started_at, counter, beat_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(worker.id.as_uuid())
    .bind(&worker.name)
    .bind(i64::from(worker.slots))
    .bind(worker.started_at.as_millis())
    .bind(worker.counter)
    .bind(worker.beat_at.as_millis())
    .execute(pool)
    .await
    .map(drop))?;
    Ok(())
}

pub(crate) async fn beat(
    backend: &Backend,
    worker: WorkerId,
    now: Timestamp,
) -> Result<Option<Vec<Held>>, StoreError> {
    let alive = write!(backend, pool => sqlx::query(
        "UPDATE workers SET counter = counter + 1, beat_at = $2 WHERE id = $1",
    )
    .bind(worker.as_uuid())
    .bind(now.as_millis())
    .execute(pool)
    .await?
    .rows_affected());
    if alive == 0 {
        if let Backend::Postgres(postgres) = backend {
            postgres.taken.forget_all();
        }
        return Ok(None);
    }
    clear(backend, Some(worker)).await?;
    let rows: Vec<(Uuid, i64, i16)> = read!(backend, pool => sqlx::query_as(
        "SELECT request_id, lease, status FROM claimed WHERE claimant = $1",
    )
    .bind(worker.as_uuid())
    .fetch_all(pool)
    .await?);
    let held = rows.into_iter().map(|(id, lease, status)| {
        let status = Status::from_code(status).ok_or_else(|| inconsistent(id, "status"))?;
        let request_id = RequestId::from_uuid(id);
        Ok(Held {
            request_id,
            lease: Lease::from_number(lease),
            status,
        })
    });
    held.collect::<Result<_, _>>().map(Some)
}

/// Removes what says that this worker, or else one that is not announced, claimed what it does not
/// hold any more. What a claim that is under way adds is not seen yet, and stays; what another is
/// removing is left to it, so that nobody waits for somebody who waits.
async fn clear(backend: &Backend, worker: Option<WorkerId>) -> Result<(), StoreError> {
    // Differs from SQLite, where an index says what is claimed.
    let Backend::Postgres(postgres) = backend else {
        return Ok(());
    };
    let removed: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM claims WHERE (id, worker) IN (
             SELECT id, worker FROM claims
             WHERE (worker = $1 OR $1 IS NULL AND NOT EXISTS (
                 SELECT FROM workers WHERE workers.id = claims.worker
             )) AND NOT EXISTS (
                 SELECT FROM unnest(claims.request_ids) AS taken(request_id)
                 JOIN invocations_live live ON live.request_id = taken.request_id
                 WHERE live.worker = claims.worker AND live.claimed_at IS NOT NULL
             )
             FOR UPDATE SKIP LOCKED
         )
         RETURNING id",
    )
    .bind(worker.map(WorkerId::as_uuid))
    .fetch_all(&postgres.searching)
    .await?;
    postgres.taken.forget(&removed);
    Ok(())
}

pub(crate) async fn workers(backend: &Backend) -> Result<Vec<Worker>, StoreError> {
    let rows: Vec<(Uuid, String, i64, i64, i64, i64)> = read!(backend, pool => sqlx::query_as(
        "SELECT id, name, slots, started_at, counter, beat_at FROM workers ORDER BY id",
    )
    .fetch_all(pool)
    .await?);
    let worker = |(id, name, slots, started_at, counter, beat_at)| Worker {
        id: WorkerId::from_uuid(id),
        name,
        slots: u32::try_from(slots).unwrap_or(0),
        started_at: Timestamp::from_millis(started_at),
        counter,
        beat_at: Timestamp::from_millis(beat_at),
    };
    Ok(rows.into_iter().map(worker).collect())
}

pub(crate) async fn remove(
    backend: &Backend,
    worker: WorkerId,
    counter: i64,
) -> Result<bool, StoreError> {
    let removed = write!(backend, pool => sqlx::query(
        "DELETE FROM workers WHERE id = $1 AND counter = $2",
    )
    .bind(worker.as_uuid())
    .bind(counter)
    .execute(pool)
    .await?
    .rows_affected());
    Ok(removed > 0)
}

pub(crate) async fn orphans(backend: &Backend, limit: u32) -> Result<Vec<Invocation>, StoreError> {
    const ORPHANS: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM claimed WHERE claimant = $1 LIMIT $2"
    );
    clear(backend, None).await?;
    let gone: Vec<Uuid> = read!(backend, pool => sqlx::query_scalar(
        "SELECT worker FROM claimants
         WHERE NOT EXISTS (SELECT 1 FROM workers WHERE workers.id = claimants.worker)",
    )
    .fetch_all(pool)
    .await?);
    let mut orphans = Vec::new();
    for worker in gone {
        let left = (limit as usize).saturating_sub(orphans.len());
        let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(ORPHANS)
            .bind(worker)
            .bind(left as i64)
            .fetch_all(pool)
            .await?);
        orphans.extend(sound(rows));
    }
    Ok(orphans)
}

pub(crate) async fn overdue(
    backend: &Backend,
    now: Timestamp,
    claimed_before: Timestamp,
    limit: u32,
) -> Result<Vec<Invocation>, StoreError> {
    const OVERDUE: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM claimed
         WHERE deadline_at <= $1 OR (status = 1 AND claimed_at <= $2)
         LIMIT $3"
    );
    let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(OVERDUE)
        .bind(now.as_millis())
        .bind(claimed_before.as_millis())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
    Ok(sound(rows))
}

pub(crate) async fn aged(
    backend: &Backend,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Invocation>, StoreError> {
    const AGED: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM live_invocations
         WHERE expires_at <= $1 AND claimed_at IS NULL
         ORDER BY expires_at LIMIT $2"
    );
    let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(AGED)
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
    Ok(sound(rows))
}

pub(crate) async fn newest(backend: &Backend) -> Result<Vec<(Lane, Timestamp)>, StoreError> {
    let rows: Vec<(String, i64)> = read!(backend, pool => sqlx::query_as(
        "SELECT lane, MAX(accepted_at) FROM claimed GROUP BY lane",
    )
    .fetch_all(pool)
    .await?);
    let claim = |(lane, at): (String, i64)| {
        let lane = lane
            .parse()
            .map_err(|_| inconsistent(Uuid::nil(), "lane"))?;
        Ok((lane, Timestamp::from_millis(at)))
    };
    rows.into_iter().map(claim).collect()
}

pub(crate) async fn unregistered(
    backend: &Backend,
    limit: u32,
) -> Result<Vec<Invocation>, StoreError> {
    // Looks only between the names that are registered, so that it passes neither what waits for one
    // of them nor what an index still holds of those that ended. A function that is registered between
    // the two statements keeps what waits for it.
    const FUNCTIONS: &str = "
        WITH registered(name) AS (
            SELECT '' UNION ALL SELECT key FROM registry WHERE kind = 1
        ), gaps(after, before) AS (
            SELECT name, LEAD(name, 1, $1) OVER (ORDER BY name) FROM registered
        ), first_waiting(function) AS MATERIALIZED (
            SELECT (
                SELECT MIN(live.function) FROM invocations_live live
                WHERE live.function > gaps.after AND live.function < gaps.before
                  AND live.accepted_at >= 0 AND live.claimed_at IS NULL
            ) FROM gaps
        )
        SELECT function FROM first_waiting WHERE function IS NOT NULL";
    const WAITING: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM live_invocations
         WHERE function = $1 AND accepted_at >= 0 AND claimed_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM registry WHERE registry.kind = 1 AND registry.key = $1
         )
         ORDER BY accepted_at, request_id LIMIT $2"
    );
    let functions: Vec<String> = read!(backend, pool => sqlx::query_scalar(FUNCTIONS)
        .bind(char::MAX.to_string())
        .fetch_all(pool)
        .await?);
    let mut found: Vec<Row> = Vec::new();
    for function in functions {
        let left = i64::from(limit) - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        found.extend(read!(backend, pool => sqlx::query_as::<_, Row>(WAITING)
            .bind(&function)
            .bind(left)
            .fetch_all(pool)
            .await?));
    }
    Ok(sound(found))
}

pub(crate) async fn inconsistent_rows(
    backend: &Backend,
    after: Option<RequestId>,
    limit: u32,
) -> Result<(Vec<StoreError>, Option<RequestId>), StoreError> {
    const WALK: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM live_invocations WHERE request_id > $1 ORDER BY request_id LIMIT $2"
    );
    let after = after.map_or(Uuid::nil(), RequestId::as_uuid);
    let rows: Vec<Row> = read!(backend, pool => sqlx::query_as(WALK)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
    let walked_to = rows.last().map(|row| RequestId::from_uuid(row.request_id));
    let errors = rows.into_iter().map(Invocation::try_from);
    Ok((errors.filter_map(Result::err).collect(), walked_to))
}
