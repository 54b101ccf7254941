//! The store: each operation is one transaction, as in `crates/store`.

use crate::{
    flaw::Flaw,
    row::{Row, Write},
    time::Ticks,
    worker::Life,
};

/// Every table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// `invocations_live` and `invocations_history`.
    pub(crate) row: Option<Row>,
    /// `outbox`.
    pub(crate) outbox: Vec<Dispatch>,
    /// `workers`.
    pub(crate) workers: Vec<Announced>,
    /// What is wrong with the store, if anything is.
    pub(crate) flaw: Option<Flaw>,
}

/// A row of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dispatch {
    /// In how many ticks it may be sent.
    pub(crate) due: Ticks,
    /// Whether it was offered to a dispatcher or taken by one, so that it may be with the broker
    /// already. In the table: `take_at` lies after `due_at`.
    pub(crate) is_taken: bool,
    /// Its own id.
    pub(crate) id: u8,
}

/// An announced worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Announced {
    pub(crate) life: Life,
    /// Whether the reaper has its counter in the eye, and the counter has moved since: what else it
    /// tells, nobody asks.
    pub(crate) has_beaten: bool,
}

/// What a commit is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    Written,
    /// The row was in another version: this one.
    Conflict(Option<Row>),
}

impl Store {
    /// `accept.rs`: the row and its outbox row, unless there is one of this id already.
    pub(crate) fn accept(&mut self, row: Row) {
        if self.row.is_none() {
            self.insert(row.due().unwrap_or(0), true);
            self.row = Some(row);
        }
    }

    /// `commit.rs`: `UPDATE ... WHERE request_id = ? AND lease = ? AND status = ?`, with its outbox
    /// row. What is final has left the table, out of an `UPDATE`'s reach.
    pub(crate) fn commit(&mut self, write: &Write) -> Commit {
        let is_as_before = self.row.as_ref().is_some_and(|now| {
            let has_lease = now.lease == write.before.lease || self.is(Flaw::NoLeaseGuard);
            let has_status = now.status() == write.before.status || self.is(Flaw::NoStatusGuard);
            has_lease && has_status
        });
        if !is_as_before {
            return Commit::Conflict(self.row.clone());
        }
        self.row = Some(write.after.clone());
        if let Some(due) = write.dispatch {
            self.insert(due, due == 0);
        }
        Commit::Written
    }

    /// `read.rs`, `load`: the row, unless it is final.
    pub(crate) fn load(&self) -> Option<&Row> {
        self.row.as_ref().filter(|row| !row.is_final())
    }

    /// `outbox.rs`, `take`, or an offer: for how long a row is kept from other takers saves work and
    /// promises nothing, so that here any row that is due is taken at any time.
    pub(crate) fn take(&mut self, id: u8) {
        for row in self.outbox.iter_mut().filter(|row| row.id == id) {
            row.is_taken = true;
        }
    }

    /// `outbox.rs`, `delete`: `DELETE FROM outbox WHERE request_id = ? AND id = ?`.
    pub(crate) fn delete(&mut self, id: u8) {
        let whole = self.is(Flaw::DeleteByInvocation);
        self.outbox.retain(|row| row.id != id && !whole);
    }

    /// `outbox.rs`, `put_back`: a dispatch for a row that waits, unless one is in the outbox that
    /// nobody has taken yet.
    pub(crate) fn put_back(&mut self, due: Ticks) {
        let any = self.is(Flaw::PutBackUnlessAnyIsThere);
        let waits = (self.row.as_ref()).is_some_and(|row| row.status().is_waiting());
        if waits && !self.outbox.iter().any(|row| any || !row.is_taken) {
            self.insert(due, false);
        }
    }

    fn insert(&mut self, due: Ticks, is_taken: bool) {
        let id = (0..).find(|id| self.outbox.iter().all(|row| row.id != *id));
        self.outbox
            .extend(id.map(|id| Dispatch { due, is_taken, id }));
    }

    /// `claims.rs`, `register`.
    pub(crate) fn register(&mut self, life: Life) {
        let has_beaten = false;
        self.workers.push(Announced { life, has_beaten });
        self.workers.sort_unstable();
    }

    /// `claims.rs`, `beat`: `UPDATE workers SET counter = counter + 1 WHERE id = ?`. Whether it found
    /// the worker.
    pub(crate) fn beat(&mut self, life: Life, is_watched: bool) -> bool {
        let worker = self.workers.iter_mut().find(|worker| worker.life == life);
        worker
            .map(|worker| worker.has_beaten = is_watched)
            .is_some()
    }

    /// `claims.rs`, `remove`: `DELETE FROM workers WHERE id = ? AND counter = ?`.
    pub(crate) fn remove(&mut self, life: Life) {
        let by_id = self.is(Flaw::RescueById);
        self.workers
            .retain(|worker| worker.life != life || (worker.has_beaten && !by_id));
        for worker in self.workers.iter_mut().filter(|worker| worker.life == life) {
            worker.has_beaten = false;
        }
    }

    /// `life.rs`, `retire`: a worker takes leave, by the counter that it knows.
    pub(crate) fn retire(&mut self, life: Life) {
        self.workers.retain(|worker| worker.life != life);
    }

    /// `claims.rs`, `orphans`: the row, if it is claimed by a worker that is not announced.
    pub(crate) fn orphan(&self) -> Option<&Row> {
        self.row.as_ref().filter(|row| {
            row.holder()
                .is_some_and(|holder| self.workers.iter().all(|worker| worker.life.id() != holder))
        })
    }

    /// A tick passes.
    pub(crate) fn grow_older(&mut self) {
        if let Some(row) = &mut self.row {
            row.grow_older();
        }
        for dispatch in &mut self.outbox {
            dispatch.due = dispatch.due.saturating_sub(1);
        }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}
