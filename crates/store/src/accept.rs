//! Accepting: the invocation, its payload and its outbox row become durable together.

mod postgres;
mod sqlite;

pub(crate) use postgres::Caution;

use crate::{
    Accepted, Store, StoreError,
    backend::Backend,
    batch::{Flush, Pending},
    outbox,
    row::inconsistent,
};
use bytes::Bytes;
use ekiden_domain::{Destination, Invocation, Message, RequestId, Status};
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
        repeated: bool,
    ) -> Result<Vec<Accepted>, sqlx::Error> {
        match &self.0 {
            Backend::Postgres(postgres) => postgres::flush(postgres, items, repeated).await,
            Backend::Sqlite(sqlite) => sqlite::flush(sqlite, items).await,
        }
    }
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
