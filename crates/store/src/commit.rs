//! Committing: a transition is written only where the row is still in the version it started from.

use crate::{
    Commit,
    backend::{Backend, Sqlite},
    batch::Flush,
    outbox, row,
    row::{as_millis, columns, encode_events, fault_code},
};
use ekiden_domain::{Invocation, Message, RequestId, State, Timestamp, Transition};
use sqlx::{PgPool, SqliteConnection};
use std::collections::HashSet;
use uuid::Uuid;

pub(crate) struct Commits(pub(crate) Backend);

impl Flush for Commits {
    type Item = Transition;
    type Answer = Commit;
    type Key = RequestId;

    fn key(item: &Transition) -> RequestId {
        item.after.request_id
    }

    async fn flush(
        &self,
        items: &[&Transition],
        repeated: bool,
    ) -> Result<Vec<Commit>, sqlx::Error> {
        let written = match &self.0 {
            Backend::Postgres(pool) => postgres(pool, items).await?,
            Backend::Sqlite(sqlite) => sqlite_flush(sqlite, items).await?,
        };
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let id = item.after.request_id;
            if written.contains(&id.as_uuid()) {
                answers.push(Commit::Written);
                continue;
            }
            let now = current(&self.0, id).await?;
            answers.push(match now {
                // An earlier try wrote it, and its answer was lost on the way.
                Some(now) if repeated && is_same_step(&now, &item.after) => Commit::Written,
                now => Commit::Conflict(now.map(Box::new)),
            });
        }
        Ok(answers)
    }
}

/// Whether the row holds what this very step wanted to write: the version, by the same worker, with
/// the same story.
fn is_same_step(now: &Invocation, wanted: &Invocation) -> bool {
    now.version() == wanted.version() && now.worker == wanted.worker && now.events == wanted.events
}

async fn current(backend: &Backend, id: RequestId) -> Result<Option<Invocation>, sqlx::Error> {
    const CURRENT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM invocations WHERE request_id = $1"
    );
    let found: Option<row::Row> = crate::backend::read!(backend, pool =>
        sqlx::query_as(CURRENT).bind(id.as_uuid()).fetch_optional(pool).await?);
    found
        .map(Invocation::try_from)
        .transpose()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// The columns that steps change, as the live table holds them.
struct Columns<'a> {
    after: &'a Invocation,
    due_at: Option<Timestamp>,
    claimed_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    deadline_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
}

impl<'a> Columns<'a> {
    fn of(after: &'a Invocation) -> Self {
        let mut columns = Self {
            after,
            due_at: None,
            claimed_at: None,
            started_at: None,
            deadline_at: None,
            ended_at: None,
        };
        match &after.state {
            State::Enqueued { due_at } | State::Retrying { due_at } => {
                columns.due_at = Some(*due_at);
            }
            State::Dequeued { claim } => columns.claimed_at = Some(claim.claimed_at),
            State::Running {
                claim,
                started_at,
                deadline,
            } => {
                columns.claimed_at = Some(claim.claimed_at);
                columns.started_at = Some(*started_at);
                columns.deadline_at = Some(*deadline);
            }
            State::Stopping {
                claim,
                started_at,
                deadline,
            } => {
                columns.claimed_at = Some(claim.claimed_at);
                columns.started_at = *started_at;
                columns.deadline_at = Some(*deadline);
            }
            State::Ended { ended_at, .. } => columns.ended_at = Some(*ended_at),
        }
        columns
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

/// When a transition was made: the time of the last event it wrote.
pub(crate) fn made_at(after: &Invocation) -> Timestamp {
    after
        .events
        .last()
        .map_or(after.accepted_at, |event| event.at)
}

/// One statement and one commit for any mix of steps. `held` locks the rows that are still in the
/// expected version, in key order, so that two flushes never wait for each other in a circle; a row
/// that another flush is writing is waited for and then compared again.
const POSTGRES: &str = "
    WITH step AS (
        SELECT * FROM unnest(
            $1::uuid[], $2::bigint[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[],
            $7::uuid[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::bigint[], $14::bigint[], $15::bigint[], $16::bool[], $17::bigint[],
            $18::smallint[], $19::text[], $20::text[], $21::bigint[], $22::bigint[], $23::text[],
            $24::text[], $25::text[], $26::bool[]
        ) AS step(
            request_id, lease_was, status_was, status, lease, due_at,
            worker, claimed_at, started_at, deadline_at, first_started_at, attempts,
            retries, system_retries, releases, reached, duration_ms,
            fault_kind, error, error_message, http_status, ended_at, events,
            invocation_id, qualifier, stateful
        )
    ), held AS (
        SELECT step.*
        FROM step JOIN invocations_live live ON live.request_id = step.request_id
        WHERE live.lease = step.lease_was AND live.status = step.status_was
        ORDER BY step.request_id
        FOR UPDATE OF live
    ), moved AS (
        UPDATE invocations_live live
        SET status = held.status, lease = held.lease, due_at = held.due_at, worker = held.worker,
            claimed_at = held.claimed_at, started_at = held.started_at,
            deadline_at = held.deadline_at, first_started_at = held.first_started_at,
            attempts = held.attempts, retries = held.retries,
            system_retries = held.system_retries, releases = held.releases,
            reached = held.reached, duration_ms = held.duration_ms,
            fault_kind = held.fault_kind, error = held.error,
            error_message = held.error_message, http_status = held.http_status,
            events = held.events
        FROM held
        WHERE live.request_id = held.request_id AND held.ended_at IS NULL
    ), ended AS (
        DELETE FROM invocations_live live USING held
        WHERE live.request_id = held.request_id AND held.ended_at IS NOT NULL
        RETURNING live.request_id, live.function, live.accepted_at, live.expires_at
    ), history AS (
        INSERT INTO invocations_history (
            request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
            status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
            reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
        )
        SELECT request_id, ended.function, invocation_id, qualifier, stateful, ended.accepted_at,
               ended.expires_at, status, lease, worker, first_started_at, attempts, retries,
               system_retries, releases, reached, duration_ms, fault_kind, error, error_message,
               http_status, ended_at, events
        FROM ended JOIN held USING (request_id)
    ), messages AS (
        INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at)
        SELECT request_id, message.id, message.kind, message.lane, message.due_at, message.take_at
        FROM unnest(
            $27::uuid[], $28::uuid[], $29::smallint[], $30::text[], $31::bigint[], $32::bigint[]
        ) AS message(request_id, id, kind, lane, due_at, take_at)
        JOIN held USING (request_id)
    ), failed AS (
        INSERT INTO attempts (
            request_id, number, worker, started_at, ended_at, fault_kind, error, error_message,
            http_status
        )
        SELECT request_id, attempt.number, attempt.worker, attempt.started_at, attempt.ended_at,
               attempt.fault_kind, attempt.error, attempt.error_message, attempt.http_status
        FROM unnest(
            $33::uuid[], $34::bigint[], $35::uuid[], $36::bigint[], $37::bigint[],
            $38::smallint[], $39::text[], $40::text[], $41::bigint[]
        ) AS attempt(
            request_id, number, worker, started_at, ended_at, fault_kind, error, error_message,
            http_status
        )
        JOIN held USING (request_id)
    )
    SELECT request_id FROM held";

type PgQuery<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, Uuid, sqlx::postgres::PgArguments>;

async fn postgres(pool: &PgPool, items: &[&Transition]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let query = bind_steps(sqlx::query_scalar(POSTGRES), items);
    let query = bind_messages(query, items);
    let written = bind_attempts(query, items).fetch_all(pool).await?;
    Ok(written.into_iter().collect())
}

#[expect(
    clippy::too_many_lines,
    reason = "one line for each column of the statement"
)]
fn bind_steps<'q>(query: PgQuery<'q>, items: &[&Transition]) -> PgQuery<'q> {
    let steps: Vec<Columns<'_>> = items.iter().map(|item| Columns::of(&item.after)).collect();
    let counter = |column: fn(&Invocation) -> u32| -> Vec<i64> {
        steps
            .iter()
            .map(|step| i64::from(column(step.after)))
            .collect()
    };
    let time = |column: fn(&Columns<'_>) -> Option<Timestamp>| -> Vec<Option<i64>> {
        steps.iter().map(|step| millis(column(step))).collect()
    };
    let fault = |column: fn(&ekiden_domain::Fault) -> String| -> Vec<Option<String>> {
        steps
            .iter()
            .map(|step| step.after.error.as_ref().map(column))
            .collect()
    };
    // Only a row that goes to the history needs these.
    let ended = |column: fn(&Invocation) -> &str| -> Vec<Option<String>> {
        let is_ended = |step: &&Columns<'_>| step.ended_at.is_some();
        steps
            .iter()
            .map(|s| Some(s).filter(is_ended).map(|s| column(s.after).to_owned()))
            .collect()
    };
    query
        .bind(
            steps
                .iter()
                .map(|step| step.after.request_id.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.before.lease.number())
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.before.status.code())
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|step| step.after.status().code())
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|step| step.after.lease.number())
                .collect::<Vec<_>>(),
        )
        .bind(time(|step| step.due_at))
        .bind(
            steps
                .iter()
                .map(|s| s.after.worker.map(|id| id.as_uuid()))
                .collect::<Vec<_>>(),
        )
        .bind(time(|step| step.claimed_at))
        .bind(time(|step| step.started_at))
        .bind(time(|step| step.deadline_at))
        .bind(time(|step| step.after.first_started_at))
        .bind(counter(|after| after.attempts))
        .bind(counter(|after| after.retries))
        .bind(counter(|after| after.system_retries))
        .bind(counter(|after| after.releases))
        .bind(
            steps
                .iter()
                .map(|step| step.after.reached)
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|step| as_millis(step.after.duration))
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|step| {
                    step.after
                        .error
                        .as_ref()
                        .map(|fault| fault_code(fault.kind))
                })
                .collect::<Vec<_>>(),
        )
        .bind(fault(|fault| fault.error.clone()))
        .bind(fault(|fault| fault.message.clone()))
        .bind(
            steps
                .iter()
                .map(|step| step.after.error.as_ref()?.http_status.map(i64::from))
                .collect::<Vec<_>>(),
        )
        .bind(time(|step| step.ended_at))
        .bind(
            steps
                .iter()
                .map(|step| encode_events(&step.after.events))
                .collect::<Vec<_>>(),
        )
        .bind(ended(|after| after.invocation_id.as_str()))
        .bind(ended(|after| after.qualifier.as_str()))
        .bind(
            steps
                .iter()
                .map(|step| step.after.stateful)
                .collect::<Vec<_>>(),
        )
}

fn bind_messages<'q>(query: PgQuery<'q>, items: &[&Transition]) -> PgQuery<'q> {
    let messages: Vec<(&Message, Timestamp)> = items
        .iter()
        .flat_map(|item| {
            item.messages
                .iter()
                .map(|message| (message, made_at(&item.after)))
        })
        .collect();
    query
        .bind(
            messages
                .iter()
                .map(|(m, _)| m.request_id.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|(m, _)| m.id.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|(m, _)| outbox::columns(&m.body).0)
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|(m, _)| outbox::columns(&m.body).1.map(str::to_owned))
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|(m, _)| m.due_at.as_millis())
                .collect::<Vec<_>>(),
        )
        .bind(
            messages
                .iter()
                .map(|(m, now)| outbox::take_at(m, *now).as_millis())
                .collect::<Vec<_>>(),
        )
}

fn bind_attempts<'q>(query: PgQuery<'q>, items: &[&Transition]) -> PgQuery<'q> {
    let attempts: Vec<_> = items
        .iter()
        .filter_map(|item| Some((item.after.request_id.as_uuid(), item.attempt.as_ref()?)))
        .collect();
    query
        .bind(attempts.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(
            attempts
                .iter()
                .map(|(_, a)| i64::from(a.number))
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.worker.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.started_at.as_millis())
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.ended_at.as_millis())
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| fault_code(a.fault.kind))
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.fault.error.clone())
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.fault.message.clone())
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.fault.http_status.map(i64::from))
                .collect::<Vec<_>>(),
        )
}

/// Differs from PostgreSQL: there is one writer and no round trip, so that one small statement
/// after the other is as good as one large one.
async fn sqlite_flush(
    sqlite: &Sqlite,
    items: &[&Transition],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut written = HashSet::with_capacity(items.len());
    for item in items {
        if sqlite_step(&mut transaction, item).await? {
            written.insert(item.after.request_id.as_uuid());
            sqlite_beside(&mut transaction, item).await?;
        }
    }
    transaction.commit().await?;
    Ok(written)
}

async fn sqlite_step(
    connection: &mut SqliteConnection,
    item: &Transition,
) -> Result<bool, sqlx::Error> {
    let step = Columns::of(&item.after);
    let after = step.after;
    let fault = after.error.as_ref();
    let (sql, place) = if step.ended_at.is_some() {
        (SQLITE_END, step.ended_at)
    } else {
        (SQLITE_MOVE, step.due_at)
    };
    let written = sqlx::query(sql)
        .bind(after.request_id.as_uuid())
        .bind(item.before.lease.number())
        .bind(item.before.status.code())
        .bind(after.status().code())
        .bind(after.lease.number())
        .bind(after.worker.map(|id| id.as_uuid()))
        .bind(millis(after.first_started_at))
        .bind(i64::from(after.attempts))
        .bind(i64::from(after.retries))
        .bind(i64::from(after.system_retries))
        .bind(i64::from(after.releases))
        .bind(after.reached)
        .bind(as_millis(after.duration))
        .bind(fault.map(|fault| fault_code(fault.kind)))
        .bind(fault.map(|fault| fault.error.as_str()))
        .bind(fault.map(|fault| fault.message.as_str()))
        .bind(fault.and_then(|fault| fault.http_status.map(i64::from)))
        .bind(encode_events(&after.events))
        .bind(millis(place));
    let written = if step.ended_at.is_some() {
        written
            .bind(after.invocation_id.as_str())
            .bind(after.qualifier.as_str())
            .bind(after.stateful)
    } else {
        written
            .bind(millis(step.claimed_at))
            .bind(millis(step.started_at))
            .bind(millis(step.deadline_at))
    };
    if written.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if step.ended_at.is_some() {
        sqlx::query("DELETE FROM invocations_live WHERE request_id = $1")
            .bind(after.request_id.as_uuid())
            .execute(connection)
            .await?;
    }
    Ok(true)
}

const SQLITE_MOVE: &str = "
    UPDATE invocations_live
    SET status = $4, lease = $5, worker = $6, first_started_at = $7, attempts = $8, retries = $9,
        system_retries = $10, releases = $11, reached = $12, duration_ms = $13, fault_kind = $14,
        error = $15, error_message = $16, http_status = $17, events = $18, due_at = $19,
        claimed_at = $20, started_at = $21, deadline_at = $22
    WHERE request_id = $1 AND lease = $2 AND status = $3";

const SQLITE_END: &str = "
    INSERT INTO invocations_history (
        request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at, status,
        lease, worker, first_started_at, attempts, retries, system_retries, releases, reached,
        duration_ms, fault_kind, error, error_message, http_status, ended_at, events
    )
    SELECT $1, function, $20, $21, $22, accepted_at, expires_at, $4,
           $5, $6, $7, $8, $9, $10, $11, $12,
           $13, $14, $15, $16, $17, $19, $18
    FROM invocations_live
    WHERE request_id = $1 AND lease = $2 AND status = $3";

/// What goes with a step: its messages, and the attempt that failed.
async fn sqlite_beside(
    connection: &mut SqliteConnection,
    item: &Transition,
) -> Result<(), sqlx::Error> {
    let now = made_at(&item.after);
    for message in &item.messages {
        let take_at = outbox::take_at(message, now).as_millis();
        outbox::sqlite_insert(connection, message, take_at).await?;
    }
    if let Some(attempt) = &item.attempt {
        sqlx::query(
            "INSERT INTO attempts (
                 request_id, number, worker, started_at, ended_at, fault_kind, error,
                 error_message, http_status
             ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(item.after.request_id.as_uuid())
        .bind(i64::from(attempt.number))
        .bind(attempt.worker.as_uuid())
        .bind(attempt.started_at.as_millis())
        .bind(attempt.ended_at.as_millis())
        .bind(fault_code(attempt.fault.kind))
        .bind(&attempt.fault.error)
        .bind(&attempt.fault.message)
        .bind(attempt.fault.http_status.map(i64::from))
        .execute(connection)
        .await?;
    }
    Ok(())
}
