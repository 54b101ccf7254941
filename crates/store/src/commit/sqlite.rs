//! The write on SQLite.

use super::{Columns, made_at, millis, told};
use crate::{
    backend::Sqlite,
    outbox,
    row::{as_millis, encode_events, fault_code},
};
use ekiden_domain::Transition;
use sqlx::SqliteConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Differs from PostgreSQL: there is one writer and no round trip, so that one small statement
/// after the other is as good as one large one.
pub(super) async fn write(
    sqlite: &Sqlite,
    items: &[&Transition],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut written = HashSet::with_capacity(items.len());
    for item in items {
        if step(&mut transaction, item).await? {
            written.insert(item.after.request_id.as_uuid());
            write_beside(&mut transaction, item).await?;
        }
    }
    transaction.commit().await?;
    Ok(written)
}

async fn step(connection: &mut SqliteConnection, item: &Transition) -> Result<bool, sqlx::Error> {
    let columns = Columns::of(&item.after);
    let after = columns.after;
    let fault = after.error.as_ref();
    let (sql, place) = if columns.ended_at.is_some() {
        (END, columns.ended_at)
    } else {
        (MOVE, columns.due_at)
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
    let written = if columns.ended_at.is_some() {
        written
            .bind(after.invocation_id.as_str())
            .bind(after.qualifier.as_str())
            .bind(after.stateful)
    } else {
        written
            .bind(millis(columns.claimed_at))
            .bind(millis(columns.started_at))
            .bind(millis(columns.deadline_at))
    };
    if written.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if columns.ended_at.is_some() {
        sqlx::query("DELETE FROM invocations_live WHERE request_id = $1")
            .bind(after.request_id.as_uuid())
            .execute(connection)
            .await?;
    }
    Ok(true)
}

const MOVE: &str = "
    UPDATE invocations_live
    SET status = $4, lease = $5, worker = $6, first_started_at = $7, attempts = $8, retries = $9,
        system_retries = $10, releases = $11, reached = $12, duration_ms = $13, fault_kind = $14,
        error = $15, error_message = $16, http_status = $17, events = $18, due_at = $19,
        claimed_at = $20, started_at = $21, deadline_at = $22
    WHERE request_id = $1 AND lease = $2 AND status = $3";

const END: &str = "
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

/// What goes with a step: its messages, the delivery of its result, and the attempt it ended.
async fn write_beside(
    connection: &mut SqliteConnection,
    item: &Transition,
) -> Result<(), sqlx::Error> {
    let now = made_at(&item.after);
    for message in &item.messages {
        let take_at = outbox::take_at(message, now).as_millis();
        outbox::sqlite_insert(connection, message, take_at).await?;
    }
    if let Some(destination) = item.after.destination() {
        sqlx::query(
            "INSERT INTO deliveries (request_id, destination, status, attempts, created_at, take_at)
             VALUES ($1, $2, 0, 0, $3, $3)",
        )
        .bind(item.after.request_id.as_uuid())
        .bind(destination.as_str())
        .bind(millis(item.after.ended_at()))
        .execute(&mut *connection)
        .await?;
    }
    if let Some(attempt) = told(item) {
        let fault = attempt.fault.as_ref();
        sqlx::query(
            "INSERT INTO attempts (
                 request_id, number, worker, started_at, ended_at, fault_kind, error,
                 error_message, http_status, output, log
             ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(item.after.request_id.as_uuid())
        .bind(i64::from(attempt.number))
        .bind(attempt.worker.as_uuid())
        .bind(attempt.started_at.as_millis())
        .bind(attempt.ended_at.as_millis())
        .bind(fault.map(|fault| fault_code(fault.kind)))
        .bind(fault.map(|fault| fault.error.as_str()))
        .bind(fault.map(|fault| fault.message.as_str()))
        .bind(fault.and_then(|fault| fault.http_status.map(i64::from)))
        .bind(attempt.output.as_ref())
        .bind(attempt.log.as_ref())
        .execute(connection)
        .await?;
    }
    Ok(())
}
