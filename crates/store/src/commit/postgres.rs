//! The write on PostgreSQL.

use super::{Columns, made_at, millis, told};
use crate::{
    outbox,
    row::{as_millis, encode_events, fault_code},
};
use ekiden_domain::{Attempt, Fault, Invocation, Message, Timestamp, Transition};
use sqlx::PgPool;
use std::collections::HashSet;
use uuid::Uuid;

/// One statement and one commit for any mix of steps. `held` locks the rows that are still in the
/// expected version, in key order, so that two flushes never wait for each other in a circle; a row
/// that another flush is writing is waited for and then compared again.
///
/// `IS TRUE` keeps the planner from making a join of `IN`: it takes `held` for one row, and a nested
/// loop over hundreds of them for cheap. So each is a look into a hash.
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
        RETURNING live.function, live.accepted_at, live.expires_at, held.*
    ), history AS (
        INSERT INTO invocations_history (
            request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
            status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
            reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
        )
        SELECT request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
               status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
               reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
        FROM ended
    ), messages AS (
        INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at, trace)
        SELECT request_id, message.id, message.kind, message.lane, message.due_at, message.take_at,
               message.trace
        FROM unnest(
            $27::uuid[], $28::uuid[], $29::smallint[], $30::text[], $31::bigint[], $32::bigint[],
            $33::text[]
        ) AS message(request_id, id, kind, lane, due_at, take_at, trace)
        WHERE (request_id IN (SELECT request_id FROM held)) IS TRUE
    ), told AS (
        INSERT INTO attempts (
            request_id, number, worker, started_at, ended_at, fault_kind, error, error_message,
            http_status, output, log
        )
        SELECT request_id, attempt.number, attempt.worker, attempt.started_at, attempt.ended_at,
               attempt.fault_kind, attempt.error, attempt.error_message, attempt.http_status,
               attempt.output, attempt.log
        FROM unnest(
            $34::uuid[], $35::bigint[], $36::uuid[], $37::bigint[], $38::bigint[],
            $39::smallint[], $40::text[], $41::text[], $42::bigint[], $43::bytea[], $44::bytea[]
        ) AS attempt(
            request_id, number, worker, started_at, ended_at, fault_kind, error, error_message,
            http_status, output, log
        )
        WHERE (request_id IN (SELECT request_id FROM held)) IS TRUE
    ), handed_on AS (
        INSERT INTO deliveries (request_id, destination, status, attempts, created_at, take_at)
        SELECT request_id, destination, 0, 0, ended_at, ended_at
        FROM unnest($45::uuid[], $46::text[], $47::bigint[])
             AS result(request_id, destination, ended_at)
        WHERE (request_id IN (SELECT request_id FROM held)) IS TRUE
    )
    SELECT request_id FROM held";

type PgQuery<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, Uuid, sqlx::postgres::PgArguments>;

pub(super) async fn write(
    pool: &PgPool,
    items: &[&Transition],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let query = bind_steps(sqlx::query_scalar(POSTGRES), items);
    let query = bind_messages(query, items);
    let query = bind_attempts(query, items);
    let written = bind_deliveries(query, items).fetch_all(pool).await?;
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
        .bind(
            messages
                .iter()
                .map(|(m, _)| outbox::trace(m.trace.as_ref()).map(str::to_owned))
                .collect::<Vec<_>>(),
        )
}

fn bind_attempts<'q>(query: PgQuery<'q>, items: &[&'q Transition]) -> PgQuery<'q> {
    let attempts: Vec<_> = items
        .iter()
        .filter_map(|item| Some((item.after.request_id.as_uuid(), told(item)?)))
        .collect();
    fn faults<T>(attempts: &[(Uuid, &Attempt)], column: fn(&Fault) -> T) -> Vec<Option<T>> {
        let faults = attempts.iter().map(|(_, attempt)| attempt.fault.as_ref());
        faults.map(|fault| fault.map(column)).collect()
    }
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
        .bind(faults(&attempts, |fault| fault_code(fault.kind)))
        .bind(faults(&attempts, |fault| fault.error.clone()))
        .bind(faults(&attempts, |fault| fault.message.clone()))
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.fault.as_ref()?.http_status.map(i64::from))
                .collect::<Vec<_>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.output.as_ref())
                .collect::<Vec<&[u8]>>(),
        )
        .bind(
            attempts
                .iter()
                .map(|(_, a)| a.log.as_ref())
                .collect::<Vec<&[u8]>>(),
        )
}

fn bind_deliveries<'q>(query: PgQuery<'q>, items: &[&Transition]) -> PgQuery<'q> {
    let results: (Vec<Uuid>, Vec<String>, Vec<i64>) = items
        .iter()
        .filter_map(|item| {
            let destination = item.after.destination()?;
            let ended_at = made_at(&item.after).as_millis();
            Some((
                item.after.request_id.as_uuid(),
                destination.to_string(),
                ended_at,
            ))
        })
        .collect();
    query.bind(results.0).bind(results.1).bind(results.2)
}
