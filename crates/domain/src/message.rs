//! What the outbox carries: ids, never state.

use crate::{Lane, OutboxId, RequestId, Timestamp, TraceContext};

/// Something that must be handed to the broker; a row of the outbox until the broker confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The outbox row's own id: it is deleted by this id only.
    pub id: OutboxId,
    /// The invocation it is about.
    pub request_id: RequestId,
    /// When it may be sent at the earliest.
    pub due_at: Timestamp,
    /// The trace that its sending is part of. One that repeats another, as when a dispatch is put back,
    /// has none: the trace has been told of the first.
    pub trace: Option<TraceContext>,
    /// What it says.
    pub body: Body,
}

/// What a [`Message`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// "This invocation waits in this lane": some worker should try to claim it.
    Dispatch(Lane),
    /// "A stop was asked for": its worker, whoever that is, should cancel it.
    Stop,
}

impl Message {
    /// A dispatch of `request_id` in `lane` at `due_at`.
    #[must_use]
    pub fn dispatch(request_id: RequestId, lane: Lane, due_at: Timestamp, now: Timestamp) -> Self {
        Self {
            id: OutboxId::generate(now),
            request_id,
            due_at,
            trace: None,
            body: Body::Dispatch(lane),
        }
    }

    /// A stop notice for `request_id`, due at once.
    #[must_use]
    pub fn stop(request_id: RequestId, now: Timestamp) -> Self {
        Self {
            id: OutboxId::generate(now),
            request_id,
            due_at: now,
            trace: None,
            body: Body::Stop,
        }
    }
}
