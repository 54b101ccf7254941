//! What must hold of every step, whoever takes it: the invariants of ARCHITECTURE.md.

use crate::{
    keeper,
    producer::Producer,
    protocol::Action,
    row::Row,
    worker::CLAIM_LOST,
    world::{Call, World},
};
use ekiden_domain::{Lease, Status};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Promise {
    /// Invariant 1: who was told 202 finds the invocation in the state table.
    AcceptedIsDurable,
    /// Invariant 2: while the broker loses nothing, something leads a worker to whatever waits.
    WaitingIsSpokenOf,
    /// Invariant 2: whatever happened, an end can be reached without anything that is rare.
    AnEndStaysInReach,
    /// Invariant 3: no write undoes another: events are added to only, and tell of every claim, start
    /// and status.
    EventsTellTheStory,
    /// Invariant 4: the function is called only by the holder of a durable Running.
    RunningIsDurableBeforeTheCall,
    /// Invariant 5: the lease grows by a claim alone, and only of what waits and is due.
    OneLeaseIsValid,
    /// Invariant 5: who knows itself dead calls nothing.
    TheDeadCallNothing,
    /// Invariant 5: whoever has beaten since it was looked at is not declared dead.
    TheLivingAreNotDeclaredDead,
    /// Invariant 6: what is final never changes.
    FinalIsFinal,
    /// Invariant 7: each call of the function is an attempt of its own, under a lease of its own.
    OneCallForEachLease,
    /// Invariant 7: two calls go on at once only where the record of the first shows a lost worker,
    /// a timeout or a stop.
    OverlapsAreRecorded,
    /// Invariant 7: an attempt that is recorded as never called was not.
    TheUncalledWereNotCalled,
}

/// Whether a step keeps a promise: from the world before it to the world now.
type Holds = fn(&World, Action, &World) -> bool;

impl Promise {
    const OF_A_STEP: [(Self, Holds); 11] = [
        (Self::AcceptedIsDurable, |_, _, now| {
            now.producer != Producer::Accepted || now.store.row.is_some()
        }),
        (Self::WaitingIsSpokenOf, |_, _, now| {
            let waits = (now.store.row.as_ref()).is_some_and(|row| row.status().is_waiting());
            !waits || now.is_spoken_of() || now.was_wiped
        }),
        (Self::RunningIsDurableBeforeTheCall, |before, _, now| {
            new_calls(before, now).all(|call| {
                let row = now.store.row.as_ref();
                row.is_some_and(|row| tells(row, call.lease, Status::Running))
            })
        }),
        (Self::OneLeaseIsValid, |before, _, now| {
            let (Some(was), Some(is)) = (&before.store.row, &now.store.row) else {
                return true;
            };
            is.lease == was.lease || (is.lease == was.lease.next() && was.due() == Some(0))
        }),
        (Self::TheDeadCallNothing, |before, _, now| {
            let is_alive = |call: &Call| {
                let caller = now.workers.iter().find(|worker| worker.life == call.caller);
                caller.is_some_and(|worker| !worker.is_dead)
            };
            new_calls(before, now).all(is_alive)
        }),
        (Self::TheLivingAreNotDeclaredDead, |before, action, now| {
            let beaten = before
                .store
                .workers
                .iter()
                .filter(|worker| worker.has_beaten);
            let mut lives = beaten.map(|worker| worker.life);
            let is_left = |life| now.store.workers.iter().any(|worker| worker.life == life);
            action != Action::Keeper(keeper::Act::Declare) || lives.all(is_left)
        }),
        (Self::FinalIsFinal, |before, _, now| {
            let was = before.store.row.as_ref();
            was.is_none_or(|was| !was.is_final() || now.store.row.as_ref() == Some(was))
        }),
        (Self::OneCallForEachLease, |before, _, now| {
            new_calls(before, now).all(|call| !before.called.contains(&call.lease))
        }),
        (Self::OverlapsAreRecorded, |_, _, now| {
            let latest = now.calls.iter().map(|call| call.lease).max();
            let mut earlier = now.calls.iter().filter(|call| Some(call.lease) < latest);
            let row = now.store.row.as_ref();
            earlier.all(|call| row.is_some_and(|row| is_excused(row, call.lease)))
        }),
        (Self::TheUncalledWereNotCalled, |_, _, now| {
            let mut called = now.called.iter();
            let row = now.store.row.as_ref();
            called.all(|lease| row.is_none_or(|row| !blames(row, *lease, CLAIM_LOST)))
        }),
        (Self::EventsTellTheStory, |before, _, now| {
            let Some(is) = &now.store.row else {
                return true;
            };
            let was = before.store.row.as_ref().map_or(&[][..], |was| &was.events);
            let count = |status| {
                is.events
                    .iter()
                    .filter(|event| event.status == status)
                    .count()
            };
            is.events.starts_with(was)
                && is.events.last().map(|event| event.status) == Some(is.status())
                && count(Status::Dequeued) as i64 == is.lease.number()
                && count(Status::Running) == is.attempts as usize
        }),
    ];

    /// What the step from `before` to `now` breaks.
    pub(crate) fn broken_by(before: &World, action: Action, now: &World) -> Vec<Self> {
        let checks = Self::OF_A_STEP.into_iter();
        checks
            .filter(|(_, holds)| !holds(before, action, now))
            .map(|(promise, _)| promise)
            .collect()
    }
}

fn new_calls<'a>(before: &'a World, now: &'a World) -> impl Iterator<Item = &'a Call> {
    now.calls.iter().filter(|call| !before.calls.contains(call))
}

fn tells(row: &Row, lease: Lease, status: Status) -> bool {
    row.chapter(lease).any(|event| event.status == status)
}

fn blames(row: &Row, lease: Lease, error: &str) -> bool {
    row.chapter(lease).any(|event| event.detail.contains(error))
}

fn is_excused(row: &Row, lease: Lease) -> bool {
    tells(row, lease, Status::Stopping)
        || blames(row, lease, "WorkerLost")
        || blames(row, lease, "timed out")
}
