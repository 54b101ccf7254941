//! The write on SQLite.

use super::{Place, made_at, millis, told};
use crate::{
    backend::Sqlite,
    outbox,
    pieces::{of_ids, pieces},
    row::{as_millis, encode_events, fault_code},
};
use ekiden_domain::Transition;
use sqlx::{QueryBuilder, SqliteConnection, query_builder::Separated};
use std::collections::HashSet;
use uuid::Uuid;

/// Differs from PostgreSQL: there is one writer, and a statement can do one thing only.
pub(super) async fn write(
    sqlite: &Sqlite,
    items: &[&Transition],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
    let (ends, moves): (Vec<&Transition>, Vec<&Transition>) = items
        .iter()
        .partition(|item| item.after.status().is_final());
    let mut written = HashSet::with_capacity(items.len());
    for piece in pieces(&moves) {
        written.extend(move_on(&mut transaction, piece).await?);
    }
    for piece in pieces(&ends) {
        written.extend(end(&mut transaction, piece).await?);
    }
    let mut items = items.to_vec();
    items.retain(|item| written.contains(&item.after.request_id.as_uuid()));
    write_beside(&mut transaction, &items).await?;
    transaction.commit().await?;
    Ok(written)
}

/// The rows that are written, and what of them both kinds of step say.
macro_rules! steps {
    ($($own:literal)*) => {
        concat!(
            "WITH step(
                 request_id, lease_was, status_was, status, lease, worker, first_started_at,
                 attempts, retries, system_retries, releases, reached, duration_ms, fault_kind,
                 error, error_message, http_status, events",
            $(", ", $own,)*
            ") AS ("
        )
    };
}

/// Moves rows that go on living.
async fn move_on(
    connection: &mut SqliteConnection,
    items: &[&Transition],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut sql = QueryBuilder::new(steps!("due_at" "claimed_at" "started_at" "deadline_at"));
    sql.push_values(items, |mut row, item| {
        push_step(&mut row, item);
        let place = Place::of(&item.after);
        row.push_bind(millis(place.due_at))
            .push_bind(millis(place.claimed_at))
            .push_bind(millis(place.started_at))
            .push_bind(millis(place.deadline_at));
    });
    sql.push(
        ") UPDATE invocations_live
         SET status = step.status, lease = step.lease, worker = step.worker,
             first_started_at = step.first_started_at, attempts = step.attempts,
             retries = step.retries, system_retries = step.system_retries,
             releases = step.releases, reached = step.reached, duration_ms = step.duration_ms,
             fault_kind = step.fault_kind, error = step.error,
             error_message = step.error_message, http_status = step.http_status,
             events = step.events, due_at = step.due_at, claimed_at = step.claimed_at,
             started_at = step.started_at, deadline_at = step.deadline_at
         FROM step
         WHERE invocations_live.request_id = step.request_id
           AND invocations_live.lease = step.lease_was
           AND invocations_live.status = step.status_was
         RETURNING request_id",
    );
    sql.build_query_scalar().fetch_all(connection).await
}

/// Moves rows into the history.
async fn end(
    connection: &mut SqliteConnection,
    items: &[&Transition],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut sql = QueryBuilder::new(steps!("ended_at" "invocation_id" "qualifier" "stateful"));
    sql.push_values(items, |mut row, item| {
        push_step(&mut row, item);
        row.push_bind(millis(item.after.ended_at()))
            .push_bind(item.after.invocation_id.as_str())
            .push_bind(item.after.qualifier.as_str())
            .push_bind(item.after.stateful);
    });
    // A cross join is made in the order in which it is written.
    sql.push(
        ") INSERT INTO invocations_history (
             request_id, function, invocation_id, qualifier, stateful, accepted_at, expires_at,
             status, lease, worker, first_started_at, attempts, retries, system_retries, releases,
             reached, duration_ms, fault_kind, error, error_message, http_status, ended_at, events
         )
         SELECT step.request_id, live.function, step.invocation_id, step.qualifier, step.stateful,
                live.accepted_at, live.expires_at, step.status, step.lease, step.worker,
                step.first_started_at, step.attempts, step.retries, step.system_retries,
                step.releases, step.reached, step.duration_ms, step.fault_kind, step.error,
                step.error_message, step.http_status, step.ended_at, step.events
         FROM step CROSS JOIN invocations_live live
         WHERE live.request_id = step.request_id AND live.lease = step.lease_was
           AND live.status = step.status_was
         RETURNING request_id",
    );
    let ended: Vec<Uuid> = sql.build_query_scalar().fetch_all(&mut *connection).await?;
    for piece in pieces(&ended) {
        let before = "DELETE FROM invocations_live WHERE request_id IN";
        let mut sql = of_ids(before, piece.iter().copied(), "");
        sql.build().execute(&mut *connection).await?;
    }
    Ok(ended)
}

fn push_step(row: &mut Separated<'_, sqlx::Sqlite, &'static str>, item: &Transition) {
    let after = &item.after;
    let fault = after.error.as_ref();
    row.push_bind(after.request_id.as_uuid())
        .push_bind(item.before.lease.number())
        .push_bind(item.before.status.code())
        .push_bind(after.status().code())
        .push_bind(after.lease.number())
        .push_bind(after.worker.map(|id| id.as_uuid()))
        .push_bind(millis(after.first_started_at))
        .push_bind(i64::from(after.attempts))
        .push_bind(i64::from(after.retries))
        .push_bind(i64::from(after.system_retries))
        .push_bind(i64::from(after.releases))
        .push_bind(after.reached)
        .push_bind(as_millis(after.duration))
        .push_bind(fault.map(|fault| fault_code(fault.kind)))
        .push_bind(fault.map(|fault| fault.error.as_str()))
        .push_bind(fault.map(|fault| fault.message.as_str()))
        .push_bind(fault.and_then(|fault| fault.http_status.map(i64::from)))
        .push_bind(encode_events(&after.events));
}

/// What goes with the steps that were written: their messages, the deliveries of their results, and
/// the attempts they ended.
async fn write_beside(
    connection: &mut SqliteConnection,
    items: &[&Transition],
) -> Result<(), sqlx::Error> {
    let messages: Vec<_> = items
        .iter()
        .flat_map(|item| {
            let now = made_at(&item.after);
            let take_at = move |message| outbox::take_at(message, now).as_millis();
            item.messages
                .iter()
                .map(move |message| (message, take_at(message)))
        })
        .collect();
    outbox::sqlite_insert(connection, &messages).await?;
    let results: Vec<_> = items
        .iter()
        .filter_map(|item| Some((item, item.after.destination()?)))
        .collect();
    for piece in pieces(&results) {
        let mut sql = QueryBuilder::<sqlx::Sqlite>::new(
            "INSERT INTO deliveries (
                 request_id, destination, created_at, take_at, status, attempts
             ) ",
        );
        sql.push_values(piece, |mut row, (item, destination)| {
            let ended_at = millis(item.after.ended_at());
            row.push_bind(item.after.request_id.as_uuid())
                .push_bind(destination.as_str())
                .push_bind(ended_at)
                .push_bind(ended_at)
                .push("0, 0");
        });
        sql.build().execute(&mut *connection).await?;
    }
    let attempts: Vec<_> = items
        .iter()
        .filter_map(|item| Some((item.after.request_id, told(item)?)))
        .collect();
    for piece in pieces(&attempts) {
        let mut sql = QueryBuilder::<sqlx::Sqlite>::new(
            "INSERT INTO attempts (
                 request_id, number, worker, started_at, ended_at, fault_kind, error,
                 error_message, http_status, output, log
             ) ",
        );
        sql.push_values(piece, |mut row, (request_id, attempt)| {
            let fault = attempt.fault.as_ref();
            row.push_bind(request_id.as_uuid())
                .push_bind(i64::from(attempt.number))
                .push_bind(attempt.worker.as_uuid())
                .push_bind(attempt.started_at.as_millis())
                .push_bind(attempt.ended_at.as_millis())
                .push_bind(fault.map(|fault| fault_code(fault.kind)))
                .push_bind(fault.map(|fault| fault.error.as_str()))
                .push_bind(fault.map(|fault| fault.message.as_str()))
                .push_bind(fault.and_then(|fault| fault.http_status.map(i64::from)))
                .push_bind(attempt.output.as_ref())
                .push_bind(attempt.log.as_ref());
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}
