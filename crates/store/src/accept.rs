//! Accepting: the invocation, its payload and its outbox row become durable together.

mod sqlite;

use crate::{
    Accepted, Store, StoreError,
    backend::{Backend, Kept},
    batch::{Flush, Pending},
    outbox,
    row::{as_millis, encode_events, inconsistent},
};
use bytes::Bytes;
use ekiden_domain::{Destination, Invocation, Message, RequestId, Status, invocation::Policy};
use std::collections::HashMap;
use uuid::Uuid;

/// What one producer wants kept.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The invocation, as it was accepted.
    pub invocation: Invocation,
    /// Its payload, byte for byte.
    pub payload: Bytes,
    /// Its dispatch.
    pub message: Message,
}

impl Store {
    /// Makes an accepted invocation durable, with its payload and its outbox row.
    pub async fn accept(
        &self,
        invocation: Invocation,
        payload: Bytes,
        message: Message,
    ) -> Result<Accepted, StoreError> {
        let acceptance = Acceptance {
            invocation,
            payload,
            message,
        };
        self.taken_in(self.take_in(acceptance).await).await
    }

    /// Makes these durable, each as [`Store::accept`] does, together as far as may be. Answers in
    /// order, each for itself.
    pub async fn accept_all(
        &self,
        acceptances: Vec<Acceptance>,
    ) -> Vec<Result<Accepted, StoreError>> {
        let mut taken_in = Vec::with_capacity(acceptances.len());
        for acceptance in acceptances {
            taken_in.push(self.take_in(acceptance).await);
        }
        let mut answers = Vec::with_capacity(taken_in.len());
        for acceptance in taken_in {
            answers.push(self.taken_in(acceptance).await);
        }
        answers
    }

    async fn take_in(&self, acceptance: Acceptance) -> TakenIn {
        TakenIn {
            offer: self.to_offer([&acceptance.message], acceptance.invocation.accepted_at),
            accepted: self.inner.accepts.submit(acceptance).await,
        }
    }

    async fn taken_in(&self, taken_in: TakenIn) -> Result<Accepted, StoreError> {
        let accepted = taken_in.accepted.answer().await?;
        if accepted == Accepted::New {
            self.offer(taken_in.offer);
        }
        Ok(accepted)
    }
}

/// An acceptance on its way, and what is to be offered once it is written.
struct TakenIn {
    accepted: Pending<Accepted>,
    offer: Vec<Message>,
}

pub(crate) struct Accept(pub(crate) Backend);

impl Flush for Accept {
    type Item = Acceptance;
    type Answer = Accepted;
    type Key = RequestId;

    fn key(item: &Acceptance) -> RequestId {
        item.invocation.request_id
    }

    async fn flush(
        &self,
        items: &[&Acceptance],
        _repeated: bool,
    ) -> Result<Vec<Accepted>, sqlx::Error> {
        match &self.0 {
            Backend::Postgres(postgres) => {
                let accepted = postgres_flush(&postgres.keyed, items).await?;
                postgres.growth.add(accepted.len(), &postgres.searching);
                Ok(accepted)
            }
            Backend::Sqlite(sqlite) => sqlite::flush(sqlite, items).await,
        }
    }
}

/// The rows are inserted in the order of the unique key, so that two flushes which meet in it
/// never wait for each other in a circle. Arrays are unnested as in `commit::postgres`.
const POSTGRES: &str = "
    WITH new AS (
        SELECT unnest($1::uuid[]) AS request_id, unnest($2::text[]) AS function,
               unnest($3::text[]) AS invocation_id, unnest($4::text[]) AS qualifier,
               unnest($5::bool[]) AS stateful, unnest($6::text[]) AS lane,
               unnest($7::bigint[]) AS max_retries, unnest($8::bigint[]) AS retry_base_ms,
               unnest($9::bigint[]) AS retry_max_ms, unnest($10::bigint[]) AS accepted_at,
               unnest($11::bigint[]) AS expires_at, unnest($12::bigint[]) AS due_at,
               unnest($13::text[]) AS events, unnest($14::bytea[]) AS payload,
               unnest($15::uuid[]) AS message_id, unnest($16::bigint[]) AS take_at,
               unnest($17::text[]) AS version, unnest($18::bigint[]) AS hops,
               unnest($19::text[]) AS on_success, unnest($20::text[]) AS on_failure,
               unnest($21::text[]) AS trace
    ), inputs AS (
        INSERT INTO invocation_inputs (
            request_id, function, invocation_id, qualifier, stateful, lane,
            max_retries, retry_base_ms, retry_max_ms, payload, version, hops, on_success, on_failure,
            trace
        )
        SELECT request_id, function, invocation_id, qualifier, stateful, lane,
               max_retries, retry_base_ms, retry_max_ms, payload, version, hops, on_success,
               on_failure, trace
        FROM new
        ORDER BY function, invocation_id
        ON CONFLICT (function, invocation_id) DO NOTHING
        RETURNING request_id
    ), live AS (
        INSERT INTO invocations_live (
            request_id, function, accepted_at, expires_at, status, lease, due_at,
            attempts, retries, system_retries, releases, reached, duration_ms, events
        )
        SELECT request_id, function, accepted_at, expires_at, 0, 0, due_at,
               0, 0, 0, 0, FALSE, 0, events
        FROM new JOIN inputs USING (request_id)
    ), messages AS (
        INSERT INTO outbox (request_id, id, kind, lane, due_at, take_at, trace)
        SELECT request_id, message_id, 0, lane, due_at, take_at, trace
        FROM new JOIN inputs USING (request_id)
    )
    SELECT request_id FROM inputs";

async fn postgres_flush(pool: &Kept, items: &[&Acceptance]) -> Result<Vec<Accepted>, sqlx::Error> {
    let each = |column: fn(&Acceptance) -> i64| items.iter().map(|item| column(item)).collect();
    let text = |column: fn(&Acceptance) -> &str| -> Vec<String> {
        items.iter().map(|item| column(item).to_owned()).collect()
    };
    let destinations = |column: fn(&Policy) -> &Option<Destination>| -> Vec<Option<String>> {
        let texts = items
            .iter()
            .map(|item| text_of(column(&item.invocation.policy)));
        texts.map(|text| text.map(str::to_owned)).collect()
    };
    let ids: Vec<Uuid> = items
        .iter()
        .map(|item| item.invocation.request_id.as_uuid())
        .collect();
    let inserted: Vec<Uuid> = sqlx::query_scalar(POSTGRES)
        .bind(ids)
        .bind(text(|item| item.invocation.function.as_str()))
        .bind(text(|item| item.invocation.invocation_id.as_str()))
        .bind(text(|item| item.invocation.qualifier.as_str()))
        .bind(
            items
                .iter()
                .map(|item| item.invocation.stateful)
                .collect::<Vec<_>>(),
        )
        .bind(text(|item| item.invocation.policy.lane.as_str()))
        .bind::<Vec<i64>>(each(|item| i64::from(item.invocation.policy.max_retries)))
        .bind::<Vec<i64>>(each(|item| as_millis(item.invocation.policy.retry_base)))
        .bind::<Vec<i64>>(each(|item| as_millis(item.invocation.policy.retry_max)))
        .bind::<Vec<i64>>(each(|item| item.invocation.accepted_at.as_millis()))
        .bind::<Vec<i64>>(each(|item| item.invocation.expires_at.as_millis()))
        .bind::<Vec<i64>>(each(due_at))
        .bind(
            items
                .iter()
                .map(|item| encode_events(&item.invocation.events))
                .collect::<Vec<_>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.payload.as_ref())
                .collect::<Vec<&[u8]>>(),
        )
        .bind(
            items
                .iter()
                .map(|item| item.message.id.as_uuid())
                .collect::<Vec<_>>(),
        )
        .bind::<Vec<i64>>(each(take_at))
        .bind(text(|item| item.invocation.version.as_str()))
        .bind::<Vec<i64>>(each(|item| i64::from(item.invocation.hops)))
        .bind(destinations(|policy| &policy.on_success))
        .bind(destinations(|policy| &policy.on_failure))
        .bind(
            items
                .iter()
                .map(|item| outbox::trace(item.invocation.trace.as_ref()))
                .collect::<Vec<_>>(),
        )
        .fetch_all(pool)
        .await?;
    if inserted.len() == items.len() {
        return Ok(vec![Accepted::New; items.len()]);
    }
    let firsts = postgres_firsts(pool, items).await?;
    items.iter().map(|item| answer(item, &firsts)).collect()
}

fn text_of(destination: &Option<Destination>) -> Option<&str> {
    destination.as_ref().map(Destination::as_str)
}

/// Its invocation is due when its message is.
fn due_at(item: &Acceptance) -> i64 {
    item.message.due_at.as_millis()
}

fn take_at(item: &Acceptance) -> i64 {
    outbox::take_at(&item.message, item.invocation.accepted_at).as_millis()
}

type Firsts = HashMap<(String, String), (Uuid, i16)>;

/// Who has each item's id: the item itself, if it was inserted now or by an earlier try.
async fn postgres_firsts(pool: &Kept, items: &[&Acceptance]) -> Result<Firsts, sqlx::Error> {
    let names = |column: fn(&Invocation) -> &str| -> Vec<String> {
        items
            .iter()
            .map(|item| column(&item.invocation).to_owned())
            .collect()
    };
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
    .bind(names(|invocation| invocation.function.as_str()))
    .bind(names(|invocation| invocation.invocation_id.as_str()))
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(f, i, id, status)| ((f, i), (id, status)))
        .collect())
}

fn answer(item: &Acceptance, firsts: &Firsts) -> Result<Accepted, sqlx::Error> {
    let invocation = &item.invocation;
    let key = (
        invocation.function.to_string(),
        invocation.invocation_id.to_string(),
    );
    match firsts.get(&key) {
        // Retention removed the first between the two statements: the next try inserts.
        None => Err(sqlx::Error::Io(std::io::ErrorKind::Interrupted.into())),
        Some((id, _)) if *id == invocation.request_id.as_uuid() => Ok(Accepted::New),
        Some((id, status)) => Ok(Accepted::Duplicate {
            request_id: RequestId::from_uuid(*id),
            status: Status::from_code(*status)
                .ok_or_else(|| sqlx::Error::Decode(Box::new(inconsistent(*id, "status"))))?,
        }),
    }
}
