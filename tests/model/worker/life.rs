//! A worker's life and its heart: `life.rs` and `heartbeat.rs`.

use super::{Cause, Life, Worker};
use crate::{
    flaw::Flaw,
    row::{Row, Write},
    setup::Setup,
    time::NOW,
    world::{Answer, World},
};
use ekiden_domain::{Fault, Outcome, Refused, Status, Transition};

/// The fault of an attempt whose claim got lost before the function was called.
pub(crate) const CLAIM_LOST: &str = "ClaimLost";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The heart beats, and sees what is held under this worker's name.
    Beat,
    /// Records that a claim was given up.
    GiveUp(Answer),
    /// Is told to stop.
    Drain,
    /// The grace is over: what still runs is cancelled.
    EndGrace,
    /// The store does not take the last results in time: they are left to the reaper.
    Abandon,
    /// Has nothing left to do, and starts over under a new id: as the same process, or as the next.
    StartOver,
    /// The process dies, and another takes its place.
    Crash,
    /// A function returns whose caller is gone.
    Outlive,
}

pub(super) fn choices(setup: &Setup, world: &World, worker: &Worker) -> Vec<Act> {
    let mut acts = Vec::new();
    if worker.giving_up.is_some() {
        acts.extend(world.answers(setup).into_iter().map(Act::GiveUp));
    } else if is_heard(setup, world, worker) {
        acts.push(Act::Beat);
    }
    if world.left.drains > 0 && worker.listens() {
        acts.push(Act::Drain);
    }
    let is_idle = worker.tickets.is_empty() && worker.run.is_none() && worker.giving_up.is_none();
    if worker.is_draining && !is_idle {
        match worker.closed {
            None => acts.push(Act::EndGrace),
            Some(_) if world.left.faults > 0 && !worker.is_dead => acts.push(Act::Abandon),
            Some(_) => {}
        }
    }
    if !worker.listens() && is_idle {
        acts.push(Act::StartOver);
    }
    if world.left.crashes > 0 {
        acts.push(Act::Crash);
    }
    let is_outlived = |life: Life| life < worker.life && life.0 / 16 == worker.life.0 / 16;
    if world.calls.iter().any(|call| is_outlived(call.caller)) {
        acts.push(Act::Outlive);
    }
    acts
}

/// Whether a beat of the heart would change anything.
fn is_heard(setup: &Setup, world: &World, worker: &Worker) -> bool {
    let announced = world
        .store
        .workers
        .iter()
        .find(|known| known.life == worker.life);
    match announced {
        Some(known) => {
            let is_news = world.watched == Some(worker.life) && !known.has_beaten;
            is_news || unknown(setup, world, worker).is_some()
        }
        None => !worker.is_dead,
    }
}

/// A claim under this worker's name that this process knows nothing of.
fn unknown<'a>(setup: &Setup, world: &'a World, worker: &Worker) -> Option<&'a Row> {
    let is_over = worker.is_dead && !setup.has(Flaw::GiveUpAfterDrain);
    let row = world.store.load()?;
    let is_held = row.holder() == Some(worker.life.id());
    (is_held && !is_over && !worker.has_it()).then_some(row)
}

pub(super) fn act(setup: &Setup, world: &mut World, w: usize, act: Act) {
    match act {
        Act::Beat => beat(setup, world, w),
        Act::GiveUp(answer) => {
            if let Some(write) = world.workers[w].giving_up.take() {
                world.write(write, answer);
            }
        }
        Act::Drain => {
            world.left.drains -= 1;
            world.workers[w].is_draining = true;
        }
        Act::EndGrace => world.workers[w].close(Cause::Drain),
        Act::Abandon => {
            world.left.faults -= 1;
            world.workers[w].is_dead = true;
        }
        Act::StartOver => {
            world.store.retire(world.workers[w].life);
            start(world, w);
        }
        Act::Crash => {
            world.left.crashes -= 1;
            let tickets = &world.workers[w].tickets;
            world.ready += tickets
                .iter()
                .filter(|ticket| ticket.is_with_broker)
                .count() as u8;
            start(world, w);
        }
        Act::Outlive => {
            let life = world.workers[w].life;
            let calls = &mut world.calls;
            calls.retain(|call| call.caller >= life || call.caller.0 / 16 != life.0 / 16);
        }
    }
}

/// `heartbeat.rs`, `beat_until`, `attend` and `lose`.
fn beat(setup: &Setup, world: &mut World, w: usize) {
    let worker = &mut world.workers[w];
    if !world
        .store
        .beat(worker.life, world.watched == Some(worker.life))
    {
        worker.is_dead = true;
        if !(worker.is_draining && setup.has(Flaw::DrainThroughDeath)) {
            worker.close(Cause::Dead);
        }
        return;
    }
    let held = unknown(setup, world, &world.workers[w]);
    world.workers[w].giving_up = held.and_then(|row| lose(row).ok()).map(Write::from);
}

/// A run is known here until its end is durable: this one never called the function.
fn lose(row: &Row) -> Result<Transition, Refused> {
    if row.status() == Status::Running {
        row.finish(Outcome::Failed(Fault::system(CLAIM_LOST, "")), NOW)
    } else {
        row.lose(Fault::worker_lost(), NOW)
    }
}

impl Worker {
    /// `runs.rs`, `close`: cancels what it has, and takes no more. The first cause stands.
    fn close(&mut self, cause: Cause) {
        self.closed.get_or_insert(cause);
        if let Some(run) = &mut self.run {
            run.cause.get_or_insert(cause);
        }
    }
}

fn start(world: &mut World, w: usize) {
    let worker = &mut world.workers[w];
    *worker = Worker::of(Life(worker.life.0 + 1));
    world.store.register(worker.life);
}
