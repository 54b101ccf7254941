//! Those who look after what no worker does: the reaper and the sweeper (`crates/worker`), the
//! reconciler (`crates/dispatch`), and whoever asks for a stop (`crates/enqueue/src/stop.rs`).
//!
//! What they decide on from the row as they read it, they write later: see [`Act::Land`].

use crate::{
    flaw::Flaw,
    row::{Row, Write},
    setup::Setup,
    time::{CALL_TIMEOUT, NOW},
    worker::Life,
    world::World,
};
use ekiden_domain::{Fault, Outcome, State, Transition};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The reaper notes where a worker's counter stands. How long it must stand still from then on,
    /// the model leaves open: a worker may be slow without end, or found silent at once.
    Watch(Life),
    /// The reaper declares the watched worker dead, if its counter still stands there.
    Declare,
    /// The reaper finds the row held by a worker that is not announced.
    Rescue,
    /// The reaper finds that the deadline of a run or of a stop has passed.
    TimeOut,
    /// The sweeper finds the row too old.
    Expire,
    /// A stop is asked for.
    Stop,
    /// The reconciler finds that nothing in the outbox speaks of a row that waits. How it comes to
    /// suspect that the broker does not have it either is left open: a dispatch too many is
    /// harmless.
    Reconcile,
    /// A write that is afloat reaches the store.
    Land(usize),
}

pub(crate) fn choices(setup: &Setup, world: &World) -> Vec<Act> {
    let mut acts: Vec<Act> = (0..world.afloat.len()).map(Act::Land).collect();
    match world.watched {
        Some(_) => acts.push(Act::Declare),
        None => {
            let lives = world.store.workers.iter().map(|worker| worker.life);
            let may_watch = |life: &Life| world.left.suspicions > 0 || !life.is_lived(world);
            acts.extend(lives.filter(may_watch).map(Act::Watch));
        }
    }
    if world.afloat.len() < setup.afloat {
        let decisions = [Act::Rescue, Act::TimeOut, Act::Expire, Act::Stop];
        let sees_cause = |act: &Act| decide(setup, world, *act).is_some();
        acts.extend(decisions.into_iter().filter(sees_cause));
    }
    // Where the broker lost nothing, nobody needs the reconciler.
    let is_due = world.store.row.as_ref().and_then(Row::due) == Some(0);
    let may_be_lost = setup.budget.wipes > 0 && world.ready == 0 && world.store.outbox.is_empty();
    if is_due && may_be_lost && !setup.has(Flaw::NoReconcile) {
        acts.push(Act::Reconcile);
    }
    acts
}

pub(crate) fn act(setup: &Setup, world: &mut World, act: Act) {
    match act {
        Act::Watch(life) => {
            world.left.suspicions -= u8::from(life.is_lived(world));
            world.watched = Some(life);
        }
        Act::Declare => {
            if let Some(life) = world.watched.take() {
                world.store.remove(life);
            }
        }
        Act::Rescue | Act::TimeOut | Act::Expire | Act::Stop => {
            world
                .afloat
                .extend(decide(setup, world, act).map(Write::from));
            world.left.stops -= u8::from(act == Act::Stop);
            world.left.overruns -= u8::from(act == Act::TimeOut);
        }
        Act::Reconcile => world.store.put_back(0),
        Act::Land(n) => {
            let write = world.afloat.remove(n);
            world.store.commit(&write);
        }
    }
}

/// The transition that a keeper decides on from the row as it stands; `None` if it sees no cause.
fn decide(setup: &Setup, world: &World, act: Act) -> Option<Transition> {
    let row = world.store.row.as_ref()?;
    match act {
        Act::Rescue if setup.has(Flaw::RescueUnrecorded) => {
            let fault = Fault::system("Unreachable", "");
            let failed = Outcome::Failed(fault);
            world.store.orphan()?.finish(failed, NOW).ok()
        }
        Act::Rescue => world.store.orphan()?.lose(Fault::worker_lost(), NOW).ok(),
        Act::TimeOut if world.left.overruns > 0 && is_overdue(row) => {
            row.lose(Fault::timed_out(CALL_TIMEOUT), NOW).ok()
        }
        Act::Expire if row.status().is_waiting() => row.expire(NOW).ok(),
        Act::Stop if world.left.stops > 0 => row.stop(NOW).ok(),
        _ => None,
    }
}

/// `claims.rs`, `overdue`.
fn is_overdue(row: &Row) -> bool {
    match row.state {
        State::Running { deadline, .. } | State::Stopping { deadline, .. } => deadline <= NOW,
        State::Enqueued { .. }
        | State::Dequeued { .. }
        | State::Retrying { .. }
        | State::Ended { .. } => false,
    }
}
