//! The workers, as in `crates/worker`: claim, start, run, finish, and a heart beside it.

mod lane;
mod life;
mod run;

use crate::{
    flaw::Flaw,
    row::{Row, Write},
    setup::Setup,
    time::Ticks,
    world::World,
};
use ekiden_domain::WorkerId;
use uuid::Uuid;

pub(crate) use life::CLAIM_LOST;
pub(crate) use run::Ending;

/// One life of one worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Life(u8);

impl Life {
    /// The id under which it is announced.
    pub(crate) fn id(self) -> WorkerId {
        WorkerId::from_uuid(Uuid::from_u128(u128::from(self.0)))
    }

    /// Whether some process lives it.
    pub(crate) fn is_lived(self, world: &World) -> bool {
        world.workers.iter().any(|worker| worker.life == self)
    }
}

/// A worker process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    pub(crate) life: Life,
    pub(crate) is_draining: bool,
    /// Whether nothing it holds is its own any more, as far as it knows.
    pub(crate) is_dead: bool,
    /// Why no run may go on or begin here, if so.
    pub(crate) closed: Option<Cause>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) run: Option<Run>,
    /// The heart's own write: it gives up a claim that this process knows nothing of.
    pub(crate) giving_up: Option<Write>,
}

/// A delivered message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) stage: Stage,
    /// Whether the broker still waits for this delivery's acknowledgement.
    pub(crate) is_with_broker: bool,
}

/// How far a delivered message is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// It waits for a slot.
    Delivered,
    /// There is room for the run, and this is to be written: claimed and started, or expired.
    Claims(Write),
    /// It cannot be claimed now, or nobody knows whether it was: it is put back, due then.
    Later(Ticks),
    /// It needs nobody any more.
    Settled,
}

/// The invocation, as this process runs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run {
    /// The row as this worker last knew it.
    pub(crate) row: Row,
    pub(crate) phase: Phase,
    /// Why it was cancelled, if it was.
    pub(crate) cause: Option<Cause>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// The function is about to be called.
    Started,
    Calling,
    /// The call is over, by itself or cancelled, and that is to be recorded.
    Ended(Option<Ending>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    Stop,
    Drain,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Lane(lane::Act),
    Run(run::Act),
    Life(life::Act),
}

impl Worker {
    pub(crate) const fn new(number: u8) -> Self {
        Self::of(Life(16 * (number + 1)))
    }

    const fn of(life: Life) -> Self {
        Self {
            life,
            is_draining: false,
            is_dead: false,
            closed: None,
            tickets: Vec::new(),
            run: None,
            giving_up: None,
        }
    }

    pub(crate) const fn listens(&self) -> bool {
        !self.is_draining && !self.is_dead
    }

    pub(crate) fn receive(&mut self, setup: &Setup) {
        self.tickets.push(Ticket {
            stage: Stage::Delivered,
            is_with_broker: !setup.has(Flaw::AcknowledgeBeforeClaim),
        });
    }

    /// Whether it holds a message that it may yet claim by or put back, or that comes again if it
    /// does not.
    pub(crate) fn has_a_ticket(&self) -> bool {
        !self.tickets.is_empty()
    }

    /// `runs.rs`: whether this process is claiming or running the invocation.
    fn has_it(&self) -> bool {
        let claims = |ticket: &Ticket| matches!(ticket.stage, Stage::Claims(_));
        self.run.is_some() || self.tickets.iter().any(claims)
    }

    /// A tick passes.
    pub(crate) fn grow_older(&mut self) {
        for ticket in &mut self.tickets {
            match &mut ticket.stage {
                Stage::Claims(write) => write.grow_older(),
                Stage::Later(due) => *due = due.saturating_sub(1),
                Stage::Delivered | Stage::Settled => {}
            }
        }
        if let Some(run) = &mut self.run {
            run.row.grow_older();
        }
        self.giving_up.iter_mut().for_each(Write::grow_older);
    }
}

pub(crate) fn choices(setup: &Setup, world: &World, w: usize) -> Vec<Act> {
    let worker = &world.workers[w];
    let mut acts = Vec::new();
    acts.extend(
        lane::choices(setup, world, worker)
            .into_iter()
            .map(Act::Lane),
    );
    acts.extend(run::choices(setup, world, worker).into_iter().map(Act::Run));
    acts.extend(
        life::choices(setup, world, worker)
            .into_iter()
            .map(Act::Life),
    );
    acts
}

pub(crate) fn act(setup: &Setup, world: &mut World, w: usize, act: Act) {
    match act {
        Act::Lane(act) => lane::act(setup, world, w, act),
        Act::Run(act) => run::act(setup, world, w, act),
        Act::Life(act) => life::act(setup, world, w, act),
    }
}
