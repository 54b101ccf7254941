//! What everybody has to say of a task: its producer, its function, and the state table.

use ekiden_domain::Status;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, as in the state table: all of it runs on one machine.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A task that its producer was told is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: String,
    /// What it can come to.
    pub(crate) ends: &'static [Status],
    pub(crate) accepted_at: i64,
}

/// One call, as the function saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) lease: i64,
    pub(crate) attempt: i64,
    pub(crate) started_at: i64,
    /// When the work was done, whether or not its caller was still there; `None` while it is not.
    pub(crate) ended_at: Option<i64>,
    /// Whether the caller got a success.
    pub(crate) succeeded: bool,
}

/// An attempt that failed, by the table of attempts.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) attempt: i64,
    pub(crate) worker: String,
    pub(crate) error: String,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn is_lost_worker(&self) -> bool {
        self.error == "WorkerLost"
    }

    /// Whether the platform gave the attempt up while the function may have gone on.
    pub(crate) fn may_outlive_its_caller(&self) -> bool {
        let is_cancelled = ["WorkerDraining", "DatabaseLost"].contains(&self.error.as_str());
        self.is_lost_worker() || is_cancelled || self.message.contains("timed out")
    }
}

/// One row of the state table, with what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) request_id: String,
    pub(crate) status: Status,
    pub(crate) lease: i64,
    pub(crate) attempts: i64,
    /// When, and what it became.
    pub(crate) events: Vec<(i64, Status)>,
    pub(crate) failures: Vec<Failure>,
}

impl Row {
    pub(crate) fn count(&self, status: Status) -> i64 {
        let events = self.events.iter().filter(|(_, became)| *became == status);
        i64::try_from(events.count()).unwrap()
    }

    pub(crate) fn failure(&self, attempt: i64) -> Option<&Failure> {
        self.failures.iter().find(|it| it.attempt == attempt)
    }

    /// When something became of it for the first time after `since`: what a lost worker held then is
    /// no longer its.
    pub(crate) fn moved_after(&self, since: i64) -> Option<i64> {
        let found = self.events.iter().find(|(at, _)| *at > since);
        found.map(|(at, _)| *at)
    }

    /// When it ran or ended for the first time after `since`.
    pub(crate) fn went_on_after(&self, since: i64) -> Option<i64> {
        let mut events = self.events.iter();
        let went_on = |status: Status| status == Status::Running || status.is_final();
        let found = events.find(|(at, status)| *at > since && went_on(*status));
        found.map(|(at, _)| *at)
    }
}
