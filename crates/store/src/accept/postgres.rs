//! The write on PostgreSQL.

use super::{Acceptance, Firsts, answer, due_at, take_at, text_of};
use crate::{
    Accepted,
    backend::{Kept, Postgres},
    outbox,
    row::{as_millis, encode_events},
};
use ekiden_domain::{Invocation, invocation::Policy};
use sqlx::error::DatabaseError;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// Rows are inserted in the order of the arrays, which are unnested as in `commit::postgres`.
macro_rules! insert {
    ($where_taken:literal, $only_new:literal) => {
        concat!(
            "WITH inputs AS (
                 INSERT INTO invocation_inputs (
                     request_id, function, invocation_id, qualifier, stateful, lane,
                     max_retries, retry_base_ms, retry_max_ms, payload, version, hops, on_success,
                     on_failure, trace
                 )
                 SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]),
                        unnest($4::text[]), unnest($5::bool[]), unnest($6::text[]),
                        unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]),
                        unnest($10::bytea[]), unnest($11::text[]), unnest($12::bigint[]),
                        unnest($13::text[]), unnest($14::text[]), unnest($15::text[])
                 ",
            $where_taken,
            "
                 RETURNING request_id
             ), live AS (
                 INSERT INTO invocations_live (
                     request_id, function, accepted_at, expires_at, status, lease, due_at,
                     attempts, retries, system_retries, releases, reached, duration_ms, events
                 )
                 SELECT request_id, function, accepted_at, expires_at, 0, 0, due_at,
                        0, 0, 0, 0, FALSE, 0, events
                 FROM (
                     SELECT unnest($1::uuid[]) AS request_id, unnest($2::text[]) AS function,
                            unnest($16::bigint[]) AS accepted_at,
                            unnest($17::bigint[]) AS expires_at, unnest($18::bigint[]) AS due_at,
                            unnest($19::text[]) AS events
                 ) AS new
                 ",
            $only_new,
            "
             ), messages AS (
                 INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at, trace)
                 SELECT request_id, id, 0, lane, due_at, take_at, trace
                 FROM (
                     SELECT unnest($1::uuid[]) AS request_id, unnest($20::uuid[]) AS id,
                            unnest($6::text[]) AS lane, unnest($18::bigint[]) AS due_at,
                            unnest($21::bigint[]) AS take_at, unnest($15::text[]) AS trace
                 ) AS message
                 ",
            $only_new,
            "
             )
             SELECT request_id FROM inputs"
        )
    };
}

/// Inserts all, or fails if one of the ids is taken.
const ALL: &str = insert!("", "");

/// Inserts those whose ids are not taken. To look for each of them first makes an acceptance cost a
/// third more.
const NEW: &str = insert!(
    "ON CONFLICT (function, invocation_id) DO NOTHING",
    "WHERE (request_id IN (SELECT request_id FROM inputs)) IS TRUE"
);

/// Whether some ids may be taken. It is taken for true for a while once it was: a try in vain costs as
/// much as a good one, leaves dead rows, and stands in the server's log.
#[derive(Debug, Default)]
pub(crate) struct Caution {
    flushes: AtomicUsize,
}

impl Caution {
    /// For how many flushes.
    const WHILE: usize = 1000;

    fn learn(&self) {
        self.flushes.store(Self::WHILE, Ordering::Relaxed);
    }

    /// Whether it is for this flush.
    fn applies(&self) -> bool {
        let one_less = |flushes: usize| flushes.checked_sub(1);
        let order = Ordering::Relaxed;
        self.flushes.fetch_update(order, order, one_less).is_ok()
    }
}

pub(super) async fn flush(
    postgres: &Postgres,
    items: &[&Acceptance],
    repeated: bool,
) -> Result<Vec<Accepted>, sqlx::Error> {
    let new = if repeated || postgres.caution.applies() {
        insert(NEW, &postgres.keyed, items).await?
    } else {
        match insert(ALL, &postgres.keyed, items).await {
            Err(error) if is_taken(&error) => {
                postgres.caution.learn();
                insert(NEW, &postgres.keyed, items).await?
            }
            done => done?,
        }
    };
    postgres.growth.add(new, &postgres.searching);
    if new == items.len() {
        return Ok(vec![Accepted::New; new]);
    }
    postgres.caution.learn();
    let firsts = firsts(&postgres.keyed, items).await?;
    items.iter().map(|item| answer(item, &firsts)).collect()
}

fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(DatabaseError::is_unique_violation)
}

/// Answers how many were.
async fn insert(
    statement: &'static str,
    pool: &Kept,
    items: &[&Acceptance],
) -> Result<usize, sqlx::Error> {
    // Two flushes that meet in the unique key never wait for each other in a circle.
    let mut items = items.to_vec();
    items.sort_unstable_by_key(|item| (&item.invocation.function, &item.invocation.invocation_id));
    let items = &items;
    let inserted: Vec<Uuid> = sqlx::query_scalar(statement)
        .bind(of(items, |it| it.request_id.as_uuid()))
        .bind(of(items, |it| it.function.as_str()))
        .bind(of(items, |it| it.invocation_id.as_str()))
        .bind(of(items, |it| it.qualifier.as_str()))
        .bind(of(items, |it| it.stateful))
        .bind(policy(items, |policy| policy.lane.as_str()))
        .bind(policy(items, |policy| i64::from(policy.max_retries)))
        .bind(policy(items, |policy| as_millis(policy.retry_base)))
        .bind(policy(items, |policy| as_millis(policy.retry_max)))
        .bind(each(items, |item| item.payload.as_ref()))
        .bind(of(items, |it| it.version.as_str()))
        .bind(of(items, |it| i64::from(it.hops)))
        .bind(policy(items, |policy| text_of(&policy.on_success)))
        .bind(policy(items, |policy| text_of(&policy.on_failure)))
        .bind(of(items, |it| outbox::trace(it.trace.as_ref())))
        .bind(of(items, |it| it.accepted_at.as_millis()))
        .bind(of(items, |it| it.expires_at.as_millis()))
        .bind(each(items, due_at))
        .bind(of(items, |it| encode_events(&it.events)))
        .bind(each(items, |item| item.message.id.as_uuid()))
        .bind(each(items, take_at))
        .fetch_all(pool)
        .await?;
    Ok(inserted.len())
}

fn each<'a, T>(items: &[&'a Acceptance], column: impl Fn(&'a Acceptance) -> T) -> Vec<T> {
    items.iter().map(|item| column(item)).collect()
}

fn of<'a, T>(items: &[&'a Acceptance], column: impl Fn(&'a Invocation) -> T) -> Vec<T> {
    each(items, |item| column(&item.invocation))
}

fn policy<'a, T>(items: &[&'a Acceptance], column: impl Fn(&'a Policy) -> T) -> Vec<T> {
    of(items, |it| column(&it.policy))
}

/// Who has each item's id: the item itself, if it was inserted now or by an earlier try.
async fn firsts(pool: &Kept, items: &[&Acceptance]) -> Result<Firsts, sqlx::Error> {
    let rows: Vec<(String, String, Uuid, i16)> = sqlx::query_as(
        "SELECT first.function, first.invocation_id, first.request_id, first.status
         FROM unnest($1::text[], $2::text[]) AS asked(function, invocation_id)
         JOIN LATERAL (
             SELECT inputs.function, inputs.invocation_id, inputs.request_id,
                    COALESCE(live.status, history.status) AS status
             FROM invocation_inputs inputs
             LEFT JOIN invocations_live live USING (request_id)
             LEFT JOIN invocations_history history USING (request_id)
             WHERE inputs.function = asked.function
               AND inputs.invocation_id = asked.invocation_id
         ) first ON TRUE",
    )
    .bind(of(items, |it| it.function.as_str()))
    .bind(of(items, |it| it.invocation_id.as_str()))
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(f, i, id, status)| ((f, i), (id, status)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_for_new_until_one_is_not_and_after_a_while_again() {
        let caution = Caution::default();
        assert!(!caution.applies());
        caution.learn();
        assert!((0..Caution::WHILE).all(|_| caution.applies()));
        assert!(!caution.applies());
    }

    #[test]
    fn another_one_that_is_taken_makes_the_while_begin_again() {
        let caution = Caution::default();
        caution.learn();
        assert!(caution.applies());
        caution.learn();
        assert!((0..Caution::WHILE).all(|_| caution.applies()));
        assert!(!caution.applies());
    }
}
