//! Every step an invocation can take, and the reasons to refuse one.
//!
//! Each step is a function of the invocation and a fact that returns a [`Transition`]; the store
//! writes it only if it still finds the [`Version`] the step started from.

mod attempt;
mod end;
mod failure;
#[cfg(test)]
mod tests;

use crate::{
    Attempt, Event, Fault, Invocation, Message, Refused, State, Status, Timestamp, Version,
};
use bytes::Bytes;
use std::{fmt, time::Duration};

/// How often a claim may be given back before the invocation counts as undeliverable.
pub const MAX_RELEASES: u32 = 10;
/// How long a claimed invocation may wait to be triggered before the claim is taken from it.
pub const TRIGGER_LIMIT: Duration = Duration::from_secs(60);
/// How long after an attempt's timeout its worker has to say so before the reaper does.
pub const RUN_GRACE: Duration = Duration::from_secs(10);
/// How long a stop may take before it takes effect without the worker.
pub const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The steps, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A worker takes it.
    Claim,
    /// The function is called.
    Start,
    /// The attempt ended.
    Finish,
    /// The claim is given back before the function was called.
    Release,
    /// A stop is asked for.
    Stop,
    /// The stop took effect.
    Stopped,
    /// Its worker died, or did not end the attempt in time.
    Lose,
    /// Its maximum age passed.
    Expire,
    /// It cannot be run.
    Invalidate,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "be claimed",
            Self::Start => "start",
            Self::Finish => "finish",
            Self::Release => "be released",
            Self::Stop => "be stopped",
            Self::Stopped => "become Stopped",
            Self::Lose => "lose its worker",
            Self::Expire => "expire",
            Self::Invalidate => "become Invalid",
        })
    }
}

/// A step that was decided: what to find, what to write, what to send, all in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What the store must still find.
    pub before: Version,
    /// The invocation after the step.
    pub after: Invocation,
    /// What goes to the outbox with it.
    pub messages: Vec<Message>,
    /// The attempt that ended, if one did.
    pub attempt: Option<Attempt>,
}

impl Transition {
    /// This step and the next as one write; both leave their events.
    ///
    /// # Errors
    /// Whatever `next` refuses with.
    pub fn then(
        self,
        next: impl FnOnce(&Invocation) -> Result<Self, Refused>,
    ) -> Result<Self, Refused> {
        let next = next(&self.after)?;
        Ok(Self {
            before: self.before,
            after: next.after,
            // A message speaks of the state its own step led to; the first step's is over already.
            messages: next.messages,
            attempt: self.attempt.or(next.attempt),
        })
    }

    /// Whether a worker takes the invocation with it, and has it then.
    #[must_use]
    pub fn is_claim(&self) -> bool {
        self.after.lease != self.before.lease && self.after.status().is_held()
    }

    /// This step, with what the attempt that it ends left behind.
    #[must_use]
    pub fn leaving(mut self, output: Bytes, log: Bytes) -> Self {
        if let Some(attempt) = &mut self.attempt {
            (attempt.output, attempt.log) = (output, log);
        }
        self
    }
}

impl Invocation {
    fn check_age(&self, now: Timestamp) -> Result<(), Refused> {
        if now >= self.expires_at {
            return Err(Refused::AgePassed {
                expires_at: self.expires_at,
            });
        }
        Ok(())
    }

    const fn refuse(&self, step: Step) -> Refused {
        Refused::IllegalStep {
            from: self.status(),
            step,
        }
    }

    fn ended(&self, status: Status, now: Timestamp, detail: &str) -> Self {
        self.moved(self.end_state(status, now), now, detail)
    }

    fn end_state(&self, status: Status, now: Timestamp) -> State {
        State::Ended {
            status,
            ended_at: self.in_order(now),
        }
    }

    /// `now`, but not before the last event: the clocks of two machines differ, and the story must
    /// still read in order.
    fn in_order(&self, now: Timestamp) -> Timestamp {
        self.events.last().map_or(now, |last| last.at.max(now))
    }

    fn moved(&self, state: State, now: Timestamp, detail: &str) -> Self {
        let mut after = self.clone();
        after.events.push(Event {
            at: self.in_order(now),
            status: state.status(),
            detail: detail.to_owned(),
        });
        after.state = state;
        after
    }

    const fn transition(&self, after: Self) -> Transition {
        Transition {
            before: self.version(),
            after,
            messages: Vec::new(),
            attempt: None,
        }
    }

    pub(crate) fn dispatch(&self, due_at: Timestamp, now: Timestamp) -> Message {
        Message {
            trace: self.trace.clone(),
            ..Message::dispatch(self.request_id, self.policy.lane.clone(), due_at, now)
        }
    }
}

/// An event's detail as FC spells it, with the message beside the error's type.
fn detail(fault: &Fault) -> String {
    serde_json::json!({ "Error": fault.error, "Message": fault.message }).to_string()
}
