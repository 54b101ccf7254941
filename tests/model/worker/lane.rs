//! What becomes of a delivered message: `lane.rs`, and `claim` in `attempt.rs`.

use super::{Phase, Run, Stage, Worker};
use crate::{
    flaw::Flaw,
    row::{Row, Write},
    setup::Setup,
    store::Commit,
    time::{CALL_TIMEOUT, NOW, at},
    world::{Answer, World},
};
use ekiden_domain::{Refused, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// No slot is free in time, or the worker listens no more.
    NoRoom(usize),
    /// Loads the row, makes room for the run, and decides.
    Load(usize),
    /// Claims and starts in one commit, or whatever else was decided.
    Commit(usize, Answer),
    PutBack(usize),
    /// The heart is lost: the message is given up, and the broker delivers it again if it still can.
    GiveUp(usize),
    Acknowledge(usize),
}

pub(super) fn choices(setup: &Setup, world: &World, worker: &Worker) -> Vec<Act> {
    let mut acts = Vec::new();
    for (t, ticket) in worker.tickets.iter().enumerate() {
        match ticket.stage {
            Stage::Delivered => acts.extend([Act::NoRoom(t), Act::Load(t)]),
            Stage::Claims(_) => {
                let answers = world.answers(setup).into_iter();
                acts.extend(answers.map(|answer| Act::Commit(t, answer)));
            }
            Stage::Later(_) => acts.push(Act::PutBack(t)),
            Stage::Settled => acts.push(Act::Acknowledge(t)),
        }
        // What the store may yet be told of a claim that is given up is a claim whose answer is lost.
        let is_unclaimed = matches!(ticket.stage, Stage::Delivered | Stage::Later(_));
        if is_unclaimed && world.left.faults > 0 {
            acts.push(Act::GiveUp(t));
        }
    }
    acts
}

pub(super) fn act(setup: &Setup, world: &mut World, w: usize, act: Act) {
    let (t, stage) = match act {
        Act::NoRoom(t) => (t, Stage::Later(0)),
        Act::Load(t) => (t, decide(setup, world, w)),
        Act::Commit(t, answer) => match world.workers[w].tickets[t].stage.clone() {
            Stage::Claims(write) => (t, commit(setup, world, w, write, answer)),
            stage => (t, stage),
        },
        Act::PutBack(t) => {
            if let Stage::Later(due) = world.workers[w].tickets[t].stage {
                world.store.put_back(due);
            }
            (t, Stage::Settled)
        }
        Act::GiveUp(t) => {
            world.left.faults -= 1;
            let ticket = world.workers[w].tickets.remove(t);
            world.ready += u8::from(ticket.is_with_broker);
            return;
        }
        Act::Acknowledge(t) => {
            world.workers[w].tickets.remove(t);
            return;
        }
    };
    world.workers[w].tickets[t].stage = stage;
}

/// `attempt.rs`, `claim_one`: what to do about a message, from the row as it stands.
fn decide(setup: &Setup, world: &mut World, w: usize) -> Stage {
    let row = world.store.load().cloned();
    let worker = &mut world.workers[w];
    let takes_no_more = worker.closed.is_some() && !setup.has(Flaw::RunAfterDeath);
    if worker.has_it() || takes_no_more {
        let settles = setup.has(Flaw::SettleOwnDispatch);
        return if settles {
            Stage::Settled
        } else {
            Stage::Later(0)
        };
    }
    let Some(row) = row else {
        return Stage::Settled;
    };
    let is_own = row.status() == Status::Running && row.holder() == Some(worker.life.id());
    if is_own && setup.has(Flaw::CallByALostClaim) {
        worker.begin(row, setup);
        return Stage::Settled;
    }
    let now = match row.due() {
        Some(due) if setup.has(Flaw::ClaimBeforeDue) => at(due),
        _ => NOW,
    };
    let claim = row.claim(worker.life.id(), now);
    match claim.and_then(|claim| claim.then(|claimed| claimed.start(CALL_TIMEOUT, now))) {
        Ok(transition) => {
            let write = Write::from(transition);
            if setup.has(Flaw::CallBeforeRunning) {
                let life = worker.life;
                world.call(write.after.lease, life);
            }
            Stage::Claims(write)
        }
        Err(Refused::NotDue { .. }) => Stage::Later(row.due().unwrap_or(0)),
        Err(Refused::AgePassed { .. }) => row
            .expire(now)
            .map_or(Stage::Settled, |expired| Stage::Claims(expired.into())),
        Err(Refused::IllegalStep { .. } | Refused::NotExpired { .. }) => Stage::Settled,
    }
}

/// `attempt.rs`, `claim_one` and `end`; `lane.rs`, `claim_and_run`.
fn commit(setup: &Setup, world: &mut World, w: usize, write: Write, answer: Answer) -> Stage {
    let row = write.after.clone();
    match world.write(write, answer) {
        Some(Commit::Written) if !row.is_final() => {
            world.workers[w].begin(row, setup);
            Stage::Settled
        }
        // Whoever changed it has it, or wrote a dispatch with the change.
        Some(Commit::Written | Commit::Conflict(_)) => Stage::Settled,
        None => Stage::Later(0),
    }
}

impl Worker {
    fn begin(&mut self, row: Row, setup: &Setup) {
        let cause = self.closed.filter(|_| !setup.has(Flaw::RunAfterDeath));
        self.run = Some(Run {
            row,
            phase: Phase::Started,
            cause,
        });
    }
}
