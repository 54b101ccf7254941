//! The steps that lead through an attempt: claimed, started, finished, or given back.

use super::{MAX_RELEASES, RUN_GRACE, Step, Transition, detail};
use crate::{
    Claim, Fault, FaultKind, Invocation, Outcome, Refused, State, Status, Timestamp, WorkerId,
    retry,
};
use std::time::Duration;

impl Invocation {
    /// A worker takes it, if it is due and young enough.
    ///
    /// # Errors
    /// [`Refused::AgePassed`] (expire it then), [`Refused::NotDue`], or [`Refused::IllegalStep`]
    /// unless it is waiting.
    pub fn claim(&self, worker: WorkerId, now: Timestamp) -> Result<Transition, Refused> {
        let (State::Enqueued { due_at } | State::Retrying { due_at }) = self.state else {
            return Err(self.refuse(Step::Claim));
        };
        self.check_age(now)?;
        if now < due_at {
            return Err(Refused::NotDue { due_at });
        }
        let mut after = self.moved(
            State::Dequeued {
                claim: Claim {
                    worker,
                    claimed_at: now,
                },
            },
            now,
            "",
        );
        after.lease = self.lease.next();
        after.worker = Some(worker);
        Ok(self.transition(after))
    }

    /// The function is about to be called, for at most `timeout`.
    ///
    /// # Errors
    /// [`Refused::AgePassed`] (expire it then), or [`Refused::IllegalStep`] unless it is Dequeued.
    pub fn start(&self, timeout: Duration, now: Timestamp) -> Result<Transition, Refused> {
        let State::Dequeued { claim } = self.state else {
            return Err(self.refuse(Step::Start));
        };
        self.check_age(now)?;
        let deadline = now.after(timeout).after(RUN_GRACE);
        let mut after = self.moved(
            State::Running {
                claim,
                started_at: now,
                deadline,
            },
            now,
            "",
        );
        after.attempts += 1;
        after.first_started_at = after.first_started_at.or(Some(now));
        Ok(self.transition(after))
    }

    /// The attempt ended. While Stopping the truth is recorded: a function that ended by itself
    /// Succeeded or Failed; one that the platform could not run is Stopped.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] unless it is Running, or Stopping after it started.
    pub fn finish(&self, outcome: Outcome, now: Timestamp) -> Result<Transition, Refused> {
        match (&self.state, outcome) {
            (
                State::Running {
                    claim, started_at, ..
                }
                | State::Stopping {
                    claim,
                    started_at: Some(started_at),
                    ..
                },
                Outcome::Succeeded,
            ) => {
                let mut after = self.ended(Status::Succeeded, now, "");
                after.duration = now.since(*started_at);
                after.reached = true;
                after.error = None;
                let mut transition = self.transition(after);
                transition.attempt = Some(self.attempt(*claim, *started_at, None, now));
                Ok(transition)
            }
            (
                State::Running {
                    claim, started_at, ..
                },
                Outcome::Failed(fault),
            ) => Ok(self.attempt_failed(*claim, *started_at, fault, now)),
            (
                State::Stopping {
                    claim,
                    started_at: Some(started_at),
                    ..
                },
                Outcome::Failed(fault),
            ) => {
                let status = match fault.kind {
                    FaultKind::Function => Status::Failed,
                    FaultKind::System | FaultKind::SystemReached => Status::Stopped,
                };
                let state = self.end_state(status, now);
                Ok(self.after_fault(state, *claim, *started_at, fault, now))
            }
            _ => Err(self.refuse(Step::Finish)),
        }
    }

    /// The claim is given back before the function was called: it waits again as before, due at
    /// `due_at`. After [`MAX_RELEASES`] it is Failed.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] unless it is Dequeued.
    pub fn release(&self, due_at: Timestamp, now: Timestamp) -> Result<Transition, Refused> {
        let State::Dequeued { .. } = self.state else {
            return Err(self.refuse(Step::Release));
        };
        if self.releases >= MAX_RELEASES {
            let message = format!(
                "claimed and given back {} times without being run",
                self.releases
            );
            let fault = Fault::system("Undeliverable", &message);
            let mut after = self.ended(Status::Failed, now, &detail(&fault));
            after.error = Some(fault);
            return Ok(self.transition(after));
        }
        let state = if self.attempts == 0 {
            State::Enqueued { due_at }
        } else {
            State::Retrying { due_at }
        };
        let mut after = self.moved(state, now, "");
        after.releases += 1;
        let mut transition = self.transition(after);
        transition.messages.push(self.dispatch(due_at, now));
        Ok(transition)
    }

    /// Its worker is gone, or has not moved it in time: a claim is given back, a stop takes effect,
    /// and a started attempt has failed by `fault`, which counts as the function's whatever its
    /// kind: it may be the function that kills its workers.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] if nobody holds it.
    pub fn lose(&self, fault: Fault, now: Timestamp) -> Result<Transition, Refused> {
        match self.state {
            State::Dequeued { .. } => {
                let wait = retry::delay(retry::SYSTEM_BASE, retry::SYSTEM_MAX, self.releases);
                self.release(now.after(wait), now)
            }
            State::Running {
                claim, started_at, ..
            } => {
                let kind = FaultKind::Function;
                let fault = Fault { kind, ..fault };
                Ok(self.attempt_failed(claim, started_at, fault, now))
            }
            State::Stopping { .. } => self.stopped(now),
            State::Enqueued { .. } | State::Retrying { .. } | State::Ended { .. } => {
                Err(self.refuse(Step::Lose))
            }
        }
    }
}
