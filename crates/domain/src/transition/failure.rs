//! What follows a failed attempt: another one, for as long as the budget of its kind of fault lasts.

use super::{Transition, detail};
use crate::{Attempt, Claim, Fault, FaultKind, Invocation, State, Status, Timestamp, retry};
use bytes::Bytes;

impl Invocation {
    /// The attempt of `claim` failed, and nobody asked for a stop.
    pub(super) fn attempt_failed(
        &self,
        claim: Claim,
        started_at: Timestamp,
        fault: Fault,
        now: Timestamp,
    ) -> Transition {
        let kind = fault.kind;
        let reached = self.reached || kind != FaultKind::System;
        match self.next_due(kind, started_at, now) {
            Some(due_at) => {
                let state = State::Retrying { due_at };
                let mut transition = self.after_fault(state, claim, started_at, fault, now);
                match kind {
                    FaultKind::Function => transition.after.retries += 1,
                    FaultKind::System | FaultKind::SystemReached => {
                        transition.after.system_retries += 1;
                    }
                }
                transition.messages.push(self.dispatch(due_at, now));
                transition
            }
            None if reached => {
                let state = self.end_state(Status::Failed, now);
                self.after_fault(state, claim, started_at, fault, now)
            }
            // The platform never got through to the function: both steps in one write.
            None => {
                let state = State::Retrying { due_at: now };
                let mut transition = self.after_fault(state, claim, started_at, fault, now);
                transition.after = transition.after.ended(Status::Expired, now, "");
                transition
            }
        }
    }

    /// When the next attempt falls due after a fault of this kind; `None` if its budget is used up.
    fn next_due(
        &self,
        kind: FaultKind,
        started_at: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match kind {
            FaultKind::Function => {
                let wait =
                    retry::delay(self.policy.retry_base, self.policy.retry_max, self.retries);
                (self.retries < u32::from(self.policy.max_retries)).then(|| now.after(wait))
            }
            FaultKind::System | FaultKind::SystemReached => {
                let wait = retry::delay(retry::SYSTEM_BASE, retry::SYSTEM_MAX, self.system_retries);
                let first = self.first_started_at.unwrap_or(started_at);
                let budget_ends = first.after(retry::SYSTEM_BUDGET).min(self.expires_at);
                Some(now.after(wait)).filter(|due_at| *due_at < budget_ends)
            }
        }
    }

    /// The attempt of `claim` failed and led to `state`.
    pub(super) fn after_fault(
        &self,
        state: State,
        claim: Claim,
        started_at: Timestamp,
        fault: Fault,
        now: Timestamp,
    ) -> Transition {
        let mut after = self.moved(state, now, &detail(&fault));
        after.duration = now.since(started_at);
        after.reached |= fault.kind != FaultKind::System;
        after.error = Some(fault.clone());
        let mut transition = self.transition(after);
        transition.attempt = Some(self.attempt(claim, started_at, Some(fault), now));
        transition
    }

    /// The story of the attempt of `claim`, which ended now.
    pub(super) const fn attempt(
        &self,
        claim: Claim,
        started_at: Timestamp,
        fault: Option<Fault>,
        now: Timestamp,
    ) -> Attempt {
        Attempt {
            number: self.attempts,
            worker: claim.worker,
            started_at,
            ended_at: now,
            fault,
            output: Bytes::new(),
            log: Bytes::new(),
        }
    }
}
