//! The steps that end an invocation without a result: stopped, expired, invalid.

use super::{STOP_LIMIT, Step, Transition, detail};
use crate::{Fault, Invocation, Message, Refused, State, Status, Timestamp};

impl Invocation {
    /// A stop is asked for: at once where nobody holds it, else its worker is told.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] if it is Stopping or final.
    pub fn stop(&self, now: Timestamp) -> Result<Transition, Refused> {
        let (claim, started_at) = match self.state {
            State::Enqueued { .. } | State::Retrying { .. } => {
                return Ok(self.transition(self.ended(Status::Stopped, now, "")));
            }
            State::Dequeued { claim } => (claim, None),
            State::Running {
                claim, started_at, ..
            } => (claim, Some(started_at)),
            State::Stopping { .. } | State::Ended { .. } => return Err(self.refuse(Step::Stop)),
        };
        let deadline = now.after(STOP_LIMIT);
        let after = self.moved(
            State::Stopping {
                claim,
                started_at,
                deadline,
            },
            now,
            "",
        );
        let mut transition = self.transition(after);
        transition
            .messages
            .push(Message::stop(self.request_id, now));
        Ok(transition)
    }

    /// The stop took effect: the attempt was cancelled, or its worker died, or the stop's own
    /// deadline passed.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] unless it is Stopping.
    pub fn stopped(&self, now: Timestamp) -> Result<Transition, Refused> {
        let State::Stopping { started_at, .. } = self.state else {
            return Err(self.refuse(Step::Stopped));
        };
        let mut after = self.ended(Status::Stopped, now, "");
        if let Some(started_at) = started_at {
            after.duration = now.since(started_at);
            after.reached = true;
        }
        Ok(self.transition(after))
    }

    /// Its maximum age passed before an attempt could start: it is dropped.
    ///
    /// # Errors
    /// [`Refused::NotExpired`], or [`Refused::IllegalStep`] unless it is waiting or Dequeued.
    pub fn expire(&self, now: Timestamp) -> Result<Transition, Refused> {
        self.check_not_started(Step::Expire)?;
        if now < self.expires_at {
            return Err(Refused::NotExpired {
                expires_at: self.expires_at,
            });
        }
        Ok(self.transition(self.ended(Status::Expired, now, "")))
    }

    /// It cannot be run, as `message` says; for example its function was deleted.
    ///
    /// # Errors
    /// [`Refused::IllegalStep`] unless it is waiting or Dequeued.
    pub fn invalidate(&self, message: &str, now: Timestamp) -> Result<Transition, Refused> {
        self.check_not_started(Step::Invalidate)?;
        let fault = Fault::system("InvalidInvocation", message);
        let mut after = self.ended(Status::Invalid, now, &detail(&fault));
        after.error = Some(fault);
        Ok(self.transition(after))
    }

    const fn check_not_started(&self, step: Step) -> Result<(), Refused> {
        match self.state {
            State::Enqueued { .. } | State::Retrying { .. } | State::Dequeued { .. } => Ok(()),
            State::Running { .. } | State::Stopping { .. } | State::Ended { .. } => {
                Err(self.refuse(step))
            }
        }
    }
}
