//! The write on SQLite: one thing in a statement, up to 64 rows each.

use super::{Acceptance, Firsts, answer, due_at, take_at, text_of};
use crate::{
    Accepted,
    backend::Sqlite,
    outbox,
    pieces::pieces,
    row::{as_millis, encode_events},
};
use ekiden_domain::Invocation;
use sqlx::{QueryBuilder, SqliteConnection};
use std::collections::HashSet;
use uuid::Uuid;

pub(super) async fn flush(
    sqlite: &Sqlite,
    items: &[&Acceptance],
) -> Result<Vec<Accepted>, sqlx::Error> {
    let mut transaction = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut inserted = HashSet::with_capacity(items.len());
    for piece in pieces(items) {
        inserted.extend(insert_inputs(&mut transaction, piece).await?);
    }
    let is_new = |item: &&Acceptance| inserted.contains(&item.invocation.request_id.as_uuid());
    let new: Vec<&Acceptance> = items.iter().copied().filter(is_new).collect();
    for piece in pieces(&new) {
        insert_live(&mut transaction, piece).await?;
    }
    let messages: Vec<_> = new
        .iter()
        .map(|item| (&item.message, take_at(item)))
        .collect();
    outbox::sqlite_insert(&mut transaction, &messages).await?;
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        answers.push(if is_new(item) {
            Accepted::New
        } else {
            first(&mut transaction, item).await?
        });
    }
    transaction.commit().await?;
    Ok(answers)
}

/// Inserts what never changes, and tells of which.
async fn insert_inputs(
    connection: &mut SqliteConnection,
    items: &[&Acceptance],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut sql = QueryBuilder::new(
        "INSERT INTO invocation_inputs (
             request_id, function, invocation_id, qualifier, stateful, lane,
             max_retries, retry_base_ms, retry_max_ms, payload, version, hops, on_success, on_failure,
             trace
         ) ",
    );
    sql.push_values(items, |mut row, item| {
        let Invocation {
            policy, function, ..
        } = &item.invocation;
        row.push_bind(item.invocation.request_id.as_uuid())
            .push_bind(function.as_str())
            .push_bind(item.invocation.invocation_id.as_str())
            .push_bind(item.invocation.qualifier.as_str())
            .push_bind(item.invocation.stateful)
            .push_bind(policy.lane.as_str())
            .push_bind(i64::from(policy.max_retries))
            .push_bind(as_millis(policy.retry_base))
            .push_bind(as_millis(policy.retry_max))
            .push_bind(item.payload.as_ref())
            .push_bind(item.invocation.version.as_str())
            .push_bind(i64::from(item.invocation.hops))
            .push_bind(text_of(&policy.on_success))
            .push_bind(text_of(&policy.on_failure))
            .push_bind(outbox::trace(item.invocation.trace.as_ref()));
    });
    sql.push(" ON CONFLICT (function, invocation_id) DO NOTHING RETURNING request_id");
    sql.build_query_scalar().fetch_all(connection).await
}

async fn insert_live(
    connection: &mut SqliteConnection,
    items: &[&Acceptance],
) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::new(
        "INSERT INTO invocations_live (
             request_id, function, accepted_at, expires_at, due_at, events, status, lease,
             attempts, retries, system_retries, releases, reached, duration_ms
         ) ",
    );
    sql.push_values(items, |mut row, item| {
        let Invocation {
            function, events, ..
        } = &item.invocation;
        row.push_bind(item.invocation.request_id.as_uuid())
            .push_bind(function.as_str())
            .push_bind(item.invocation.accepted_at.as_millis())
            .push_bind(item.invocation.expires_at.as_millis())
            .push_bind(due_at(item))
            .push_bind(encode_events(events))
            .push("0, 0, 0, 0, 0, 0, FALSE, 0");
    });
    sql.build().execute(connection).await.map(drop)
}

/// Who has the item's id.
async fn first(
    connection: &mut SqliteConnection,
    item: &Acceptance,
) -> Result<Accepted, sqlx::Error> {
    let Invocation {
        function,
        invocation_id,
        ..
    } = &item.invocation;
    let first: (Uuid, i16) = sqlx::query_as(
        "SELECT request_id, status FROM invocations
         WHERE request_id = (SELECT request_id FROM invocation_inputs
                             WHERE function = $1 AND invocation_id = $2)",
    )
    .bind(function.as_str())
    .bind(invocation_id.as_str())
    .fetch_one(connection)
    .await?;
    let key = (function.to_string(), invocation_id.to_string());
    answer(item, &Firsts::from([(key, first)]))
}
