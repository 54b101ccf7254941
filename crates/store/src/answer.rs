//! What the store answers with, where the domain has no word for it.

use crate::StoreError;
use ekiden_domain::{
    FunctionName, Invocation, Lane, Lease, RequestId, Status, Timestamp, WorkerId,
};
use std::time::Duration;

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, with its outbox row.
    New,
    /// The function has an invocation of this id already; nothing was changed.
    Duplicate {
        /// The first one's request id.
        request_id: RequestId,
        /// The first one's status now.
        status: Status,
    },
}

/// What became of a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It is durable, with its outbox rows.
    Written,
    /// The invocation was not in the version the transition started from; nothing was changed.
    Conflict(
        /// The invocation as it is now; `None` if retention removed it, or if it makes no sense.
        Option<Box<Invocation>>,
    ),
}

/// A claimed invocation as its worker's heartbeat sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which invocation.
    pub request_id: RequestId,
    /// Under which lease.
    pub lease: Lease,
    /// Dequeued, Running or Stopping.
    pub status: Status,
}

/// A waiting invocation that no outbox row speaks of: it is in the broker's hands, or lost there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undispatched {
    /// Which invocation.
    pub request_id: RequestId,
    /// The function it calls.
    pub function: FunctionName,
    /// The lane it was dispatched in.
    pub lane: Lane,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it fell or falls due.
    pub due_at: Timestamp,
}

/// A worker process as it announces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its id for this life.
    pub id: WorkerId,
    /// Where it runs, for people: host and process id.
    pub name: String,
    /// How many invocations it runs at once.
    pub slots: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// How often its heart has beaten.
    pub counter: i64,
    /// When it last did, by its own clock; for people only.
    pub beat_at: Timestamp,
}

/// How many invocations are in a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The status; never a final one.
    pub status: Status,
    /// How many there are.
    pub count: u64,
}

/// How many invocations of a function are in a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCount {
    /// The function.
    pub function: FunctionName,
    /// The status.
    pub status: Status,
    /// How many there are.
    pub count: u64,
}

/// How many invocations there are, by function and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Each function and status of which there are some, in order.
    pub counts: Vec<FunctionCount>,
    /// Whether more may have ended than were counted.
    pub is_partial: bool,
}

/// Results that are still to be handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingDeliveries {
    /// How many.
    pub count: u64,
    /// Since when the oldest is; `None` if there is none.
    pub oldest: Option<Timestamp>,
}

/// What the database has done since its statistics began, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Transactions committed in this database.
    pub commits: i64,
    /// Bytes written to the write-ahead log, of the whole server.
    pub wal_bytes: i64,
    /// Bytes that this schema's tables and their indexes take.
    pub table_bytes: i64,
}

/// What makes a database slow in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burden {
    /// For how long the oldest transaction of others is open: what it may still see cannot be cleaned up.
    pub oldest_transaction: Duration,
    /// How many rows there are, by the database's own estimate.
    pub rows: u64,
    /// How many that are no more have not been cleaned up.
    pub dead_rows: u64,
}

/// The schema, as found and as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The newest version applied; 0 if none.
    pub applied: i64,
    /// The version a binary must know at least; 0 if none is applied.
    pub compatible_from: i64,
    /// The newest version this binary knows.
    pub known: i64,
}

impl Schema {
    /// Whether this binary can work with it.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] or [`StoreError::SchemaTooOld`].
    pub const fn check(&self) -> Result<(), StoreError> {
        if self.compatible_from > self.known {
            return Err(StoreError::SchemaTooNew {
                needed: self.compatible_from,
                known: self.known,
            });
        }
        if self.applied < self.known {
            return Err(StoreError::SchemaTooOld {
                applied: self.applied,
                known: self.known,
            });
        }
        Ok(())
    }
}
