//! What became of one attempt.

use crate::{Timestamp, WorkerId, text};
use bytes::Bytes;

/// Whose fault a failed attempt was: that decides which budget of retries it uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The function's own: uses up one of its `max_retries`.
    Function,
    /// The platform's, before the function ran (unreachable, throttled): has a budget of its own.
    System,
    /// The platform's, after the function may have run (the worker drains): the same budget, but
    /// the function has been reached.
    SystemReached,
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault it was.
    pub kind: FaultKind,
    /// The error's type, such as `UnhandledInvocationError`; at most 128 bytes.
    pub error: String,
    /// What a person should read; at most 1024 bytes, free of NUL.
    pub message: String,
    /// The HTTP status the function answered with, where there was one.
    pub http_status: Option<u16>,
}

impl Fault {
    /// A fault of this kind; `error` and `message` are cleaned and cut to their lengths.
    #[must_use]
    pub fn new(kind: FaultKind, error: &str, message: &str) -> Self {
        Self {
            kind,
            error: text::clean(error, 128),
            message: text::clean(message, 1024),
            http_status: None,
        }
    }

    /// The function's fault: it reported or caused an error, or ran too long.
    #[must_use]
    pub fn function(error: &str, message: &str) -> Self {
        Self::new(FaultKind::Function, error, message)
    }

    /// The platform's fault, before the function ran.
    #[must_use]
    pub fn system(error: &str, message: &str) -> Self {
        Self::new(FaultKind::System, error, message)
    }

    /// The attempt's worker died while the function ran. It counts as the function's fault, always:
    /// it may be the function that kills the worker.
    #[must_use]
    pub fn worker_lost() -> Self {
        Self::function("WorkerLost", "the worker that ran this attempt was lost")
    }

    /// The function ran past its time limit.
    #[must_use]
    pub fn timed_out(limit: std::time::Duration) -> Self {
        let seconds = limit.as_secs_f64();
        let message = format!("Function timed out after {seconds} seconds");
        Self::function("UnhandledInvocationError", &message)
    }

    /// The attempt was cancelled because its worker shuts down and the grace is over.
    #[must_use]
    pub fn worker_draining() -> Self {
        Self::new(
            FaultKind::SystemReached,
            "WorkerDraining",
            "the worker shut down before the function ended",
        )
    }

    /// The attempt was cancelled because its worker could not reach the database for so long that
    /// another may have taken it for dead.
    #[must_use]
    pub fn database_lost() -> Self {
        Self::new(
            FaultKind::SystemReached,
            "DatabaseLost",
            "the worker could not reach the database and cancelled the run",
        )
    }

    /// The same fault with the HTTP status that told it.
    #[must_use]
    pub const fn with_http_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }
}

/// How the function's execution ended, as far as the state machine cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function ended well.
    Succeeded,
    /// The attempt failed.
    Failed(Fault),
}

/// The story of an attempt, kept beside the invocation where there is something to tell: it failed,
/// or it left output or a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which attempt it was, from 1.
    pub number: u32,
    /// Who ran it.
    pub worker: WorkerId,
    /// When the function was called.
    pub started_at: Timestamp,
    /// When its end was recorded.
    pub ended_at: Timestamp,
    /// Why it failed; `None` if it did not.
    pub fault: Option<Fault>,
    /// What the function gave: its result, or what it said of its failure.
    pub output: Bytes,
    /// The end of what it logged: at most 4 KiB.
    pub log: Bytes,
}

impl Attempt {
    /// Whether there is anything to tell that the invocation itself does not.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.fault.is_some() || !self.output.is_empty() || !self.log.is_empty()
    }
}
