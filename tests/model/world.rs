//! The state of everything.

use crate::{
    producer::{self, Producer},
    promise::Promise,
    row::Write,
    setup::{Budget, Setup},
    store::{Commit, Store},
    worker::{Life, Worker},
};
use ekiden_domain::Lease;

/// The id of an outbox row that is gone.
const GONE: u8 = u8::MAX;

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) producer: Producer,
    pub(crate) store: Store,
    /// The rows of the outbox that dispatchers are to delete: the broker confirmed them.
    pub(crate) confirmed: Vec<u8>,
    /// The broker: how many messages wait to be delivered. They are all alike: a message is an id.
    pub(crate) ready: u8,
    pub(crate) workers: Vec<Worker>,
    /// Whose heart the reaper has in its eye.
    pub(crate) watched: Option<Life>,
    /// Writes that were decided on and have not reached the store; nobody waits for the answer.
    pub(crate) afloat: Vec<Write>,
    /// Calls of the function that go on.
    pub(crate) calls: Vec<Call>,
    /// The leases under which the function was called so far.
    pub(crate) called: Vec<Lease>,
    /// How often what is rare may still happen.
    pub(crate) left: Budget,
    /// Whether the broker has lost anything so far.
    pub(crate) was_wiped: bool,
    /// What was promised and not kept by the step that led here.
    pub(crate) broken: Vec<Promise>,
}

/// A call of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Call {
    pub(crate) lease: Lease,
    pub(crate) caller: Life,
}

/// What becomes of a write and of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is written, or refused, and the writer is told.
    Given,
    /// The same, and the writer is not told.
    Lost,
    /// It reaches the store later, and the writer is not told.
    Late,
    /// Nothing is written, and the writer is told at most that it does not know.
    Never,
}

impl World {
    pub(crate) fn new(setup: &Setup) -> Self {
        let workers: Vec<_> = (0..setup.workers).map(Worker::new).collect();
        let mut store = Store {
            flaw: setup.flaw,
            ..Store::default()
        };
        for worker in &workers {
            store.register(worker.life);
        }
        if setup.producer == Producer::Accepted {
            store.accept(producer::accepted(setup));
        }
        Self {
            producer: setup.producer,
            store,
            confirmed: Vec::new(),
            ready: 0,
            workers,
            watched: None,
            afloat: Vec::new(),
            calls: Vec::new(),
            called: Vec::new(),
            left: setup.budget,
            was_wiped: false,
            broken: Vec::new(),
        }
    }

    /// What may become of a write now.
    pub(crate) fn answers(&self, setup: &Setup) -> Vec<Answer> {
        let mut answers = vec![Answer::Given];
        if self.left.faults > 0 {
            answers.extend([Answer::Lost, Answer::Never]);
            if self.afloat.len() < setup.afloat {
                answers.push(Answer::Late);
            }
        }
        answers
    }

    /// Writes; `None` if the writer is left without an answer.
    pub(crate) fn write(&mut self, write: Write, answer: Answer) -> Option<Commit> {
        self.left.faults -= u8::from(answer != Answer::Given);
        match answer {
            Answer::Given => Some(self.store.commit(&write)),
            Answer::Lost => {
                self.store.commit(&write);
                None
            }
            Answer::Late => {
                self.afloat.push(write);
                None
            }
            Answer::Never => None,
        }
    }

    /// Calls the function, as the holder of `lease`.
    pub(crate) fn call(&mut self, lease: Lease, caller: Life) {
        self.calls.push(Call { lease, caller });
        if !self.called.contains(&lease) {
            self.called.push(lease);
            self.called.sort_unstable();
        }
    }

    /// Whether some message, or whoever holds one, leads a worker to the row.
    pub(crate) fn is_spoken_of(&self) -> bool {
        let outbox = !self.store.outbox.is_empty();
        outbox || self.ready > 0 || self.workers.iter().any(Worker::has_a_ticket)
    }

    /// A tick passes.
    pub(crate) fn grow_older(&mut self) {
        self.store.grow_older();
        for write in &mut self.afloat {
            write.grow_older();
        }
        for worker in &mut self.workers {
            worker.grow_older();
        }
    }

    /// Gives worlds that differ only in names and in the order of what has none the same shape.
    pub(crate) fn tidy(&mut self) {
        self.store.outbox.sort_unstable();
        let rows = &mut self.store.outbox;
        let position = |id| rows.iter().position(|row| row.id == id);
        for id in &mut self.confirmed {
            *id = position(*id).map_or(GONE, |at| at as u8);
        }
        for (row, id) in rows.iter_mut().zip(0..) {
            row.id = id;
        }
        self.confirmed.sort_unstable();
        self.calls.sort_unstable();
    }
}
