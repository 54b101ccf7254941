//! One asynchronous call of a function, and everything known of it.

use crate::{
    AsyncConfig, Destination, Event, Fault, FunctionName, InvocationId, Lane, Lease, Message,
    Qualifier, RequestId, Status, Timestamp, TraceContext, WorkerId,
};
use std::time::Duration;

/// What is copied from the function's configuration at acceptance and governs this invocation from
/// then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The queue it waits in.
    pub lane: Lane,
    /// How often a function error is retried: 0 to 8 (FC).
    pub max_retries: u8,
    /// The wait before the first retry.
    pub retry_base: Duration,
    /// The longest wait between two retries.
    pub retry_max: Duration,
    /// Where the result goes if it Succeeded.
    pub on_success: Option<Destination>,
    /// Where it is told that it Failed, Expired or became Invalid.
    pub on_failure: Option<Destination>,
}

/// Who holds a claimed invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The worker that claimed it.
    pub worker: WorkerId,
    /// When it did.
    pub claimed_at: Timestamp,
}

/// Where an invocation stands, with just the data that exists there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its first attempt.
    Enqueued {
        /// When it may be claimed at the earliest.
        due_at: Timestamp,
    },
    /// Waits for another attempt.
    Retrying {
        /// When it may be claimed at the earliest.
        due_at: Timestamp,
    },
    /// Held by a worker that has not called the function yet.
    Dequeued {
        /// By whom.
        claim: Claim,
    },
    /// The function is executing.
    Running {
        /// For whom.
        claim: Claim,
        /// When the function was called.
        started_at: Timestamp,
        /// When the attempt must have ended: start, timeout and grace.
        deadline: Timestamp,
    },
    /// A stop was asked for while held.
    Stopping {
        /// By whom it is held.
        claim: Claim,
        /// When the function was called, if it was.
        started_at: Option<Timestamp>,
        /// When the stop takes effect at the latest.
        deadline: Timestamp,
    },
    /// It is over.
    Ended {
        /// How: one of the final statuses.
        status: Status,
        /// When.
        ended_at: Timestamp,
    },
}

impl State {
    /// The status that this state shows as.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Enqueued { .. } => Status::Enqueued,
            Self::Retrying { .. } => Status::Retrying,
            Self::Dequeued { .. } => Status::Dequeued,
            Self::Running { .. } => Status::Running,
            Self::Stopping { .. } => Status::Stopping,
            Self::Ended { status, .. } => *status,
        }
    }
}

/// What a write expects to find: within one lease no status ever comes twice, so the two together
/// name one version of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The lease the writer holds, or saw.
    pub lease: Lease,
    /// The status the writer saw.
    pub status: Status,
}

/// One asynchronous call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Names it for ever.
    pub request_id: RequestId,
    /// Its caller's name for it; unique within the function.
    pub invocation_id: InvocationId,
    /// The function it calls.
    pub function: FunctionName,
    /// Through which qualifier.
    pub qualifier: Qualifier,
    /// Which version that meant at acceptance, and so runs: `LATEST` or a number.
    pub version: Qualifier,
    /// Whether it is a task that get, list and stop show (FC: task mode).
    pub stateful: bool,
    /// How many invocations led to it, each the destination of the one before: 0 for a producer's.
    pub hops: u32,
    /// The trace that it goes on with; `None` if it has no part in any.
    pub trace: Option<TraceContext>,
    /// What governs it.
    pub policy: Policy,
    /// When it was accepted: FC's `startedTime`.
    pub accepted_at: Timestamp,
    /// When its maximum age passes: no attempt starts from then on.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// The fencing token: how often it was claimed.
    pub lease: Lease,
    /// How many attempts were started.
    pub attempts: u32,
    /// How many retries of function errors were scheduled: FC's `alreadyRetriedTimes`.
    pub retries: u32,
    /// How many retries of system errors were scheduled.
    pub system_retries: u32,
    /// How often a claim was given back before the function was called.
    pub releases: u32,
    /// Whether any attempt may have reached the function.
    pub reached: bool,
    /// When the first attempt started.
    pub first_started_at: Option<Timestamp>,
    /// Who holds it, or held it last: FC's `instanceId`.
    pub worker: Option<WorkerId>,
    /// How long the last attempt took; zero while none has ended.
    pub duration: Duration,
    /// Why the last attempt failed, or why it cannot run; `None` while nothing went wrong.
    pub error: Option<Fault>,
    /// Every transition so far, in order.
    pub events: Vec<Event>,
}

/// What a producer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvocation {
    /// The function to call.
    pub function: FunctionName,
    /// Through which qualifier.
    pub qualifier: Qualifier,
    /// Which version that means now: `LATEST` or a number.
    pub version: Qualifier,
    /// The caller's id for it; `None` lets the request id be it.
    pub invocation_id: Option<InvocationId>,
    /// How long after acceptance it falls due (FC: 0 to 3600 s).
    pub delay: Duration,
    /// Whether the request itself asks for a task.
    pub stateful: bool,
    /// How many invocations led to it, each the destination of the one before: 0 for a producer's.
    pub hops: u32,
    /// The trace that it goes on with; `None` if it has no part in any.
    pub trace: Option<TraceContext>,
}

impl Invocation {
    /// Accepts a request under the configuration that holds now. The invocation and the message are
    /// to be made durable together before the producer is told so.
    #[must_use]
    pub fn accept(
        request_id: RequestId,
        new: NewInvocation,
        config: &AsyncConfig,
        lane: Lane,
        now: Timestamp,
    ) -> (Self, Message) {
        let due_at = now.after(new.delay);
        // FC: a client's id implies task mode, and the configuration or the request may ask for it.
        let stateful = new.stateful || new.invocation_id.is_some() || config.stateful;
        let invocation = Self {
            request_id,
            invocation_id: new
                .invocation_id
                .unwrap_or_else(|| InvocationId::from(request_id)),
            function: new.function,
            qualifier: new.qualifier,
            version: new.version,
            stateful,
            hops: new.hops,
            trace: new.trace,
            policy: Policy {
                lane,
                max_retries: config.max_retries,
                retry_base: config.retry_base,
                retry_max: config.retry_max,
                on_success: config.on_success.clone(),
                on_failure: config.on_failure.clone(),
            },
            accepted_at: now,
            expires_at: due_at.after(config.max_age),
            state: State::Enqueued { due_at },
            lease: Lease::default(),
            attempts: 0,
            retries: 0,
            system_retries: 0,
            releases: 0,
            reached: false,
            first_started_at: None,
            worker: None,
            duration: Duration::ZERO,
            error: None,
            events: vec![Event {
                at: now,
                status: Status::Enqueued,
                detail: String::new(),
            }],
        };
        let message = invocation.dispatch(due_at, now);
        (invocation, message)
    }

    /// The status it shows.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// What a write that starts from here expects to find.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version {
            lease: self.lease,
            status: self.state.status(),
        }
    }

    /// Where its result goes, now that it has ended; `None` before, and where nobody asked for it. One
    /// that was Stopped has no result.
    #[must_use]
    pub const fn destination(&self) -> Option<&Destination> {
        match self.status() {
            Status::Succeeded => self.policy.on_success.as_ref(),
            Status::Failed | Status::Expired | Status::Invalid => self.policy.on_failure.as_ref(),
            Status::Enqueued
            | Status::Dequeued
            | Status::Running
            | Status::Retrying
            | Status::Stopping
            | Status::Stopped => None,
        }
    }

    /// When it ended; `None` while it has not.
    #[must_use]
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Ended { ended_at, .. } => Some(ended_at),
            State::Enqueued { .. }
            | State::Retrying { .. }
            | State::Dequeued { .. }
            | State::Running { .. }
            | State::Stopping { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
