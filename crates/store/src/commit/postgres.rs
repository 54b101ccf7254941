//! The write on PostgreSQL.

use super::{Kind, Place, made_at, millis, told};
use crate::{
    backend::Postgres,
    outbox,
    row::{as_millis, encode_events, fault_code},
};
use ekiden_domain::{
    Attempt, Fault, Invocation, Message, Timestamp, Transition, Version, WorkerId,
};
use sqlx::AssertSqlSafe;
use std::collections::HashSet;
use uuid::Uuid;

// Arrays are unnested in a select list, side by side: in `FROM` each would be a table function with a
// store of its own, which took four times as long.

// What is written beside the steps that were. Each is a look into a hash: `IS TRUE` keeps the planner
// from making a join of `IN`, as it takes `written` for a few rows, and a nested loop over hundreds for
// cheap. Where there is nothing to write it is left out: setting up a part takes longer than a few steps.
// Its parameters are bound all the same.

/// The messages of the steps.
const MESSAGES: &str = ", messages AS (
        INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at, trace)
        SELECT request_id, message.id, message.kind, message.lane, message.due_at, message.take_at,
               message.trace
        FROM (
            SELECT unnest($1::uuid[]) AS request_id, unnest($2::uuid[]) AS id,
                   unnest($3::smallint[]) AS kind, unnest($4::text[]) AS lane,
                   unnest($5::bigint[]) AS due_at, unnest($6::bigint[]) AS take_at,
                   unnest($7::text[]) AS trace
        ) AS message
        WHERE (request_id IN (SELECT request_id FROM written)) IS TRUE
    )";

/// The attempts that they ended.
const TOLD: &str = ", told AS (
        INSERT INTO attempts (
            request_id, number, worker, started_at, ended_at, fault_kind, error, error_message,
            http_status, output, log
        )
        SELECT request_id, attempt.number, attempt.worker, attempt.started_at, attempt.ended_at,
               attempt.fault_kind, attempt.error, attempt.error_message, attempt.http_status,
               attempt.output, attempt.log
        FROM (
            SELECT unnest($8::uuid[]) AS request_id, unnest($9::bigint[]) AS number,
                   unnest($10::uuid[]) AS worker, unnest($11::bigint[]) AS started_at,
                   unnest($12::bigint[]) AS ended_at, unnest($13::smallint[]) AS fault_kind,
                   unnest($14::text[]) AS error, unnest($15::text[]) AS error_message,
                   unnest($16::bigint[]) AS http_status, unnest($17::bytea[]) AS output,
                   unnest($18::bytea[]) AS log
        ) AS attempt
        WHERE (request_id IN (SELECT request_id FROM written)) IS TRUE
    )";

/// The deliveries of their results.
const HANDED_ON: &str = ", handed_on AS (
        INSERT INTO deliveries (request_id, destination, status, attempts, created_at, take_at)
        SELECT request_id, destination, 0, 0, ended_at, ended_at
        FROM (
            SELECT unnest($19::uuid[]) AS request_id, unnest($20::text[]) AS destination,
                   unnest($21::bigint[]) AS ended_at
        ) AS result
        WHERE (request_id IN (SELECT request_id FROM written)) IS TRUE
    )";

const WRITTEN: &str = " SELECT request_id FROM written";

/// The steps: what both kinds write, and then what only one does. The ids are named twice, so that no plan,
/// whatever it was made for, looks at other rows.
macro_rules! steps {
    ($its_own:literal) => {
        concat!(
            "(
            SELECT unnest($22::uuid[]) AS request_id, unnest($23::bigint[]) AS lease_was,
                   unnest($24::smallint[]) AS status_was, unnest($25::smallint[]) AS status,
                   unnest($26::bigint[]) AS lease, unnest($27::uuid[]) AS worker,
                   unnest($28::bigint[]) AS first_started_at, unnest($29::bigint[]) AS attempts,
                   unnest($30::bigint[]) AS retries, unnest($31::bigint[]) AS system_retries,
                   unnest($32::bigint[]) AS releases, unnest($33::bool[]) AS reached,
                   unnest($34::bigint[]) AS duration_ms, unnest($35::smallint[]) AS fault_kind,
                   unnest($36::text[]) AS error, unnest($37::text[]) AS error_message,
                   unnest($38::bigint[]) AS http_status, unnest($39::text[]) AS events,
                   ",
            $its_own,
            "
        ) AS step
        WHERE live.request_id = step.request_id AND live.request_id = ANY($22::uuid[])
          AND live.lease = step.lease_was AND live.status = step.status_was"
        )
    };
}

/// Moves rows that go on living. What is claimed is noted in one row, and notes that say nothing any
/// more are removed.
const MOVE: &str = concat!(
    "WITH written AS (
        UPDATE invocations_live live
        SET status = step.status, lease = step.lease, due_at = step.due_at, worker = step.worker,
            claimed_at = step.claimed_at, started_at = step.started_at,
            deadline_at = step.deadline_at, first_started_at = step.first_started_at,
            attempts = step.attempts, retries = step.retries,
            system_retries = step.system_retries, releases = step.releases,
            reached = step.reached, duration_ms = step.duration_ms,
            fault_kind = step.fault_kind, error = step.error,
            error_message = step.error_message, http_status = step.http_status,
            events = step.events
        FROM ",
    steps!(
        "unnest($40::bigint[]) AS due_at, unnest($41::bigint[]) AS claimed_at,
                   unnest($42::bigint[]) AS started_at, unnest($43::bigint[]) AS deadline_at"
    ),
    "
        RETURNING live.request_id, live.worker,
                  live.claimed_at IS NOT NULL AND live.lease > step.lease_was AS is_claimed
    ), noted AS (
        INSERT INTO claims (id, worker, request_ids)
        SELECT $44, worker, array_agg(request_id) FROM written WHERE is_claimed GROUP BY worker
    ), spent AS (
        DELETE FROM claims WHERE id = ANY($45::uuid[])
    )"
);

/// Moves rows into the history.
const END: &str = concat!(
    "WITH written AS (
        DELETE FROM invocations_live live
        USING ",
    steps!(
        "unnest($40::bigint[]) AS ended_at, unnest($41::text[]) AS invocation_id,
                   unnest($42::text[]) AS qualifier, unnest($43::bool[]) AS stateful"
    ),
    "
        RETURNING live.function, live.accepted_at, live.expires_at, step.*
    ), history AS (
        INSERT INTO invocations_history (
            request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
            status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
            reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
        )
        SELECT request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
               status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
               reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
        FROM written
    )"
);

type PgQuery<'q> = sqlx::query::QueryScalar<'q, sqlx::Postgres, Uuid, sqlx::postgres::PgArguments>;

/// The statement for these steps, all of this kind.
fn statement(kind: Kind, items: &[&Transition]) -> AssertSqlSafe<String> {
    let steps = match kind {
        Kind::Move => MOVE,
        Kind::End => END,
    };
    let beside = [
        (MESSAGES, items.iter().any(|item| !item.messages.is_empty())),
        (TOLD, items.iter().any(|item| told(item).is_some())),
        (
            HANDED_ON,
            items.iter().any(|item| item.after.destination().is_some()),
        ),
    ];
    let beside = beside.iter().filter(|(_, is_needed)| *is_needed);
    let parts = std::iter::once(steps).chain(beside.map(|(part, _)| *part));
    AssertSqlSafe(parts.chain([WRITTEN]).collect())
}

/// Writes steps none of which ends its invocation (`MOVE`), or each of which does (`END`), in one
/// statement and one commit. A row that another flush is writing is waited for and then compared
/// again.
pub(super) async fn write(
    postgres: &Postgres,
    mut items: Vec<&Transition>,
    kind: Kind,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    // Rows are locked in the order of the arrays. So two flushes never wait for each other in a
    // circle.
    let note = Uuid::now_v7();
    items.sort_unstable_by_key(|item| item.after.request_id);
    let query = sqlx::query_scalar(statement(kind, &items));
    let query = bind_messages(query, &items);
    let query = bind_attempts(query, &items);
    let query = bind_deliveries(query, &items);
    let query = bind_steps(query, &items);
    let query = match kind {
        Kind::Move => bind_places(query, &items)
            .bind(note)
            .bind(postgres.taken.spent()),
        Kind::End => bind_ends(query, &items),
    };
    let written: HashSet<Uuid> = query
        .fetch_all(&postgres.keyed)
        .await?
        .into_iter()
        .collect();
    items.retain(|item| written.contains(&item.after.request_id.as_uuid()));
    postgres.taken.follow(&items, note);
    Ok(written)
}

/// What both kinds of step write.
fn bind_steps<'q>(query: PgQuery<'q>, items: &[&'q Transition]) -> PgQuery<'q> {
    fn after<T>(items: &[&Transition], column: impl Fn(&Invocation) -> T) -> Vec<T> {
        items.iter().map(|item| column(&item.after)).collect()
    }
    fn before<T>(items: &[&Transition], column: impl Fn(&Version) -> T) -> Vec<T> {
        items.iter().map(|item| column(&item.before)).collect()
    }
    let counter = |column: fn(&Invocation) -> u32| after(items, |it| i64::from(column(it)));
    let fault = |column: fn(&Fault) -> &str| -> Vec<Option<&str>> {
        let errors = items.iter().map(|item| item.after.error.as_ref());
        errors.map(|error| error.map(column)).collect()
    };
    query
        .bind(after(items, |it| it.request_id.as_uuid()))
        .bind(before(items, |version| version.lease.number()))
        .bind(before(items, |version| version.status.code()))
        .bind(after(items, |it| it.status().code()))
        .bind(after(items, |it| it.lease.number()))
        .bind(after(items, |it| it.worker.map(WorkerId::as_uuid)))
        .bind(after(items, |it| millis(it.first_started_at)))
        .bind(counter(|it| it.attempts))
        .bind(counter(|it| it.retries))
        .bind(counter(|it| it.system_retries))
        .bind(counter(|it| it.releases))
        .bind(after(items, |it| it.reached))
        .bind(after(items, |it| as_millis(it.duration)))
        .bind(after(items, |it| {
            it.error.as_ref().map(|fault| fault_code(fault.kind))
        }))
        .bind(fault(|fault| &fault.error))
        .bind(fault(|fault| &fault.message))
        .bind(after(items, |it| {
            it.error.as_ref()?.http_status.map(i64::from)
        }))
        .bind(after(items, |it| encode_events(&it.events)))
}

/// Where those stand that go on living.
fn bind_places<'q>(query: PgQuery<'q>, items: &[&Transition]) -> PgQuery<'q> {
    let places: Vec<Place> = items.iter().map(|item| Place::of(&item.after)).collect();
    let time = |column: fn(&Place) -> Option<Timestamp>| -> Vec<Option<i64>> {
        places.iter().map(|place| millis(column(place))).collect()
    };
    query
        .bind(time(|place| place.due_at))
        .bind(time(|place| place.claimed_at))
        .bind(time(|place| place.started_at))
        .bind(time(|place| place.deadline_at))
}

/// What the history holds of those that ended, and the live table does not.
fn bind_ends<'q>(query: PgQuery<'q>, items: &[&'q Transition]) -> PgQuery<'q> {
    let text = |column: fn(&Invocation) -> &str| -> Vec<&str> {
        items.iter().map(|item| column(&item.after)).collect()
    };
    let stateful: Vec<bool> = items.iter().map(|item| item.after.stateful).collect();
    let ended_at: Vec<Option<i64>> = items
        .iter()
        .map(|item| millis(item.after.ended_at()))
        .collect();
    query
        .bind(ended_at)
        .bind(text(|it| it.invocation_id.as_str()))
        .bind(text(|it| it.qualifier.as_str()))
        .bind(stateful)
}

fn bind_messages<'q>(query: PgQuery<'q>, items: &[&'q Transition]) -> PgQuery<'q> {
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
                .map(|(m, _)| outbox::columns(&m.body).1)
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
                .map(|(m, _)| outbox::trace(m.trace.as_ref()))
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
