//! The invocation as the state table holds it, and what is to be written to it.

use crate::{
    ledger::Mark,
    time::{NOW, Ticks, at, one_tick_later, ticks_until},
};
use ekiden_domain::{
    Body, Event, Invocation, Lease, State, Status, Timestamp, Transition, Version, WorkerId,
};
use std::{
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
    time::Duration,
};

/// A real invocation. Of its times only those are kept that a step can still ask for: until when
/// something waits, in whole ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    invocation: Arc<Invocation>,
    mark: Mark,
}

impl Row {
    pub(crate) fn new(mut invocation: Invocation) -> Self {
        let full = |instant: &mut Timestamp| *instant = at(ticks_until(*instant));
        for event in &mut invocation.events {
            event.at = NOW;
        }
        invocation.first_started_at = invocation.first_started_at.map(|_| NOW);
        invocation.duration = Duration::ZERO;
        match &mut invocation.state {
            State::Enqueued { due_at } | State::Retrying { due_at } => full(due_at),
            State::Dequeued { claim } => claim.claimed_at = NOW,
            State::Running {
                claim,
                started_at,
                deadline,
            } => {
                (claim.claimed_at, *started_at) = (NOW, NOW);
                full(deadline);
            }
            State::Stopping {
                claim,
                started_at,
                deadline,
            } => {
                (claim.claimed_at, *started_at) = (NOW, started_at.map(|_| NOW));
                full(deadline);
            }
            State::Ended { ended_at, .. } => *ended_at = NOW,
        }
        Self::marked(invocation)
    }

    /// A tick passes.
    pub(crate) fn grow_older(&mut self) {
        if self.is_final() {
            return;
        }
        let mut invocation = Invocation::clone(self);
        invocation.expires_at = one_tick_later(invocation.expires_at);
        if let State::Enqueued { due_at: until }
        | State::Retrying { due_at: until }
        | State::Running {
            deadline: until, ..
        }
        | State::Stopping {
            deadline: until, ..
        } = &mut invocation.state
        {
            *until = one_tick_later(*until);
        }
        *self = Self::marked(invocation);
    }

    fn marked(invocation: Invocation) -> Self {
        Self {
            mark: Mark::of(&Told(&invocation)),
            invocation: Arc::new(invocation),
        }
    }

    /// When it may be claimed at the earliest; `None` unless it waits.
    pub(crate) fn due(&self) -> Option<Ticks> {
        match self.state {
            State::Enqueued { due_at } | State::Retrying { due_at } => Some(ticks_until(due_at)),
            State::Dequeued { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Ended { .. } => None,
        }
    }

    /// Who has claimed it, if anybody has.
    pub(crate) fn holder(&self) -> Option<WorkerId> {
        match self.state {
            State::Dequeued { claim }
            | State::Running { claim, .. }
            | State::Stopping { claim, .. } => Some(claim.worker),
            State::Enqueued { .. } | State::Retrying { .. } | State::Ended { .. } => None,
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        self.status().is_final()
    }

    /// What the record tells of the claim that took `lease`: from there to the next claim.
    pub(crate) fn chapter(&self, lease: Lease) -> impl Iterator<Item = &Event> {
        let mut claims = 0;
        self.events.iter().filter(move |event| {
            claims += i64::from(event.status == Status::Dequeued);
            claims == lease.number()
        })
    }
}

impl Deref for Row {
    type Target = Invocation;

    fn deref(&self) -> &Invocation {
        &self.invocation
    }
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.mark.hash(hasher);
    }
}

/// All that differs between two rows of one model: what was fixed at acceptance is the same.
struct Told<'a>(&'a Invocation);

impl Hash for Told<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self(row) = self;
        (row.lease, row.attempts, row.reached, row.worker).hash(hasher);
        (row.retries, row.system_retries, row.releases).hash(hasher);
        row.expires_at.hash(hasher);
        match row.state {
            State::Enqueued { due_at: until }
            | State::Retrying { due_at: until }
            | State::Running {
                deadline: until, ..
            }
            | State::Stopping {
                deadline: until, ..
            } => until.hash(hasher),
            State::Dequeued { .. } | State::Ended { .. } => {}
        }
        for Event { status, detail, .. } in &row.events {
            (status, detail).hash(hasher);
        }
    }
}

/// A transition on its way to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// What the store must still find.
    pub(crate) before: Version,
    pub(crate) after: Row,
    /// When the dispatch falls due that goes to the outbox with it. (A stop's notice is a hint that
    /// may get lost: the model lets a worker hear of a stop at any time instead.)
    pub(crate) dispatch: Option<Ticks>,
}

impl Write {
    /// A tick passes.
    pub(crate) fn grow_older(&mut self) {
        self.after.grow_older();
        self.dispatch = self.dispatch.map(|due| due.saturating_sub(1));
    }
}

impl From<Transition> for Write {
    fn from(transition: Transition) -> Self {
        let mut messages = transition.messages.iter();
        let dispatch = messages.find(|message| matches!(message.body, Body::Dispatch(_)));
        Self {
            before: transition.before,
            dispatch: dispatch.map(|message| ticks_until(message.due_at)),
            after: Row::new(transition.after),
        }
    }
}

impl Hash for Write {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.before.lease, self.before.status).hash(hasher);
        (&self.after, self.dispatch).hash(hasher);
    }
}
