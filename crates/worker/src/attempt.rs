//! One invocation's way through a worker: claim, start, run, finish.

use crate::{
    Parts,
    parcel::Ticket,
    pulse::Pulse,
    runs::{Cause, Run, Runs},
    troubles::Troubles,
};
use bytes::Bytes;
use ekiden_domain::{
    Fault, Function, Invocation, Outcome, Record, Refused, RequestId, Status, Timestamp,
    TraceContext, Transition, WorkerId,
};
use ekiden_executor::{Attempt, End, Execution, Slot, Slots};
use ekiden_store::{Commit, StoreError};
use ekiden_trace::{Part, span};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The first pause before a result is offered to the store again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a result is offered to the store again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One life of a worker, as far as an attempt needs it.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) parts: Parts,
    pub(crate) worker: WorkerId,
    pub(crate) runs: Runs,
    pub(crate) slots: Slots,
    pub(crate) pulse: Pulse,
    pub(crate) troubles: Troubles,
    /// Cancelled when this worker was declared dead: nothing it holds is its own any more.
    pub(crate) dead: CancellationToken,
}

/// What became of a dispatch that was to be claimed.
pub(crate) enum Claimed {
    /// It is Running under this worker's lease: call the function.
    Run(Box<Started>),
    /// Nothing is left to do: another has it, it ended, or it waits with a dispatch of its own.
    Settled,
    /// It is to be dispatched again if it waits still: at once there is no room, or it is not due, or
    /// this process has not let go of it yet.
    Later(Box<Invocation>, Option<Timestamp>),
}

/// An invocation whose function is to be called now.
pub(crate) struct Started {
    invocation: Invocation,
    payload: Bytes,
    function: Arc<Function>,
    /// The trace that its dispatch was published in.
    published: Option<TraceContext>,
    run: Run,
    _slot: Slot,
}

impl Started {
    fn attempt(&self, trace: Option<TraceContext>) -> Attempt {
        let invocation = &self.invocation;
        Attempt {
            timeout: self.function.timeout,
            function: Arc::clone(&self.function),
            name: invocation.function.clone(),
            qualifier: invocation.qualifier.clone(),
            version: invocation.version.clone(),
            request_id: invocation.request_id,
            invocation_id: invocation.invocation_id.clone(),
            lease: invocation.lease,
            number: invocation.attempts,
            retries: invocation.retries,
            trace,
            payload: self.payload.clone(),
        }
    }
}

/// What is to become of a dispatch: the step to write for it, if there is one, and what it then is.
struct Plan {
    step: Option<Transition>,
    then: Claimed,
}

impl Plan {
    const fn only(then: Claimed) -> Self {
        Self { step: None, then }
    }

    /// The end of what cannot be started; nothing, if it is not its time for that any more.
    fn end(step: Result<Transition, Refused>) -> Self {
        let (step, then) = (step.ok(), Claimed::Settled);
        Self { step, then }
    }
}

impl Holder {
    /// Claims and starts these dispatches, one slot for each, in one group commit. Answers in order,
    /// each for itself: what the store refuses of one is nothing to its neighbours, whose claims may
    /// be durable. After an error nothing is known of that one, and it can be tried again.
    pub(crate) async fn claim(
        &self,
        tickets: &[Ticket],
        slots: Vec<OwnedSemaphorePermit>,
    ) -> Vec<Result<Claimed, StoreError>> {
        let ids: Vec<RequestId> = tickets.iter().map(|ticket| ticket.id).collect();
        let records = match self.parts.store.load(&ids).await {
            Ok(records) => records,
            Err(error) => return ids.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut records: HashMap<RequestId, Record> = records
            .into_iter()
            .map(|record| (record.invocation.request_id, record))
            .collect();
        let mut claimed = Vec::with_capacity(tickets.len());
        let (mut steps, mut written_for) = (Vec::new(), Vec::new());
        for (ticket, slot) in tickets.iter().zip(slots) {
            // An id that comes twice is taken once: its record is gone the second time.
            let plan = match records.remove(&ticket.id) {
                Some(record) => self.plan(record, ticket, slot).await,
                None => Ok(Plan::only(Claimed::Settled)),
            };
            claimed.push(plan.map(|Plan { step, then }| {
                if let Some(step) = step {
                    steps.push(step);
                    written_for.push(claimed.len());
                }
                then
            }));
        }
        let commits = self.parts.store.commit_all(steps).await;
        for (index, commit) in written_for.into_iter().zip(commits) {
            match commit {
                Ok(Commit::Written) => {}
                // Whoever changed it has it, or wrote a dispatch with the change.
                Ok(Commit::Conflict(_)) => claimed[index] = Ok(Claimed::Settled),
                Err(error) => claimed[index] = Err(error),
            }
        }
        claimed
    }

    async fn plan(
        &self,
        record: Record,
        ticket: &Ticket,
        slot: OwnedSemaphorePermit,
    ) -> Result<Plan, StoreError> {
        let Record {
            invocation,
            payload,
            ..
        } = record;
        let later = |due_at| Plan::only(Claimed::Later(Box::new(invocation.clone()), due_at));
        let Some(run) = self.runs.reserve(invocation.request_id) else {
            return Ok(later(None));
        };
        let (name, version) = (&invocation.function, &invocation.version);
        let function = match self.parts.catalog.runnable(name, version).await? {
            Some(function) if function.target.is_some() => function,
            found => return Ok(Plan::end(self.invalidate(&invocation, found.is_some()))),
        };
        let Ok(slot) = self.slots.for_function(slot, name, &function) else {
            return Ok(later(None));
        };
        let now = self.parts.clock.now();
        let started = invocation
            .claim(self.worker, now)
            .and_then(|claim| claim.then(|claimed| claimed.start(function.timeout, now)));
        let step = match started {
            Ok(step) => step,
            Err(Refused::NotDue { due_at }) => return Ok(later(Some(due_at))),
            Err(Refused::AgePassed { .. }) => return Ok(Plan::end(invocation.expire(now))),
            // Where it is this worker's own, the answer to its claim was lost: the heart gives it up.
            Err(Refused::IllegalStep { .. } | Refused::NotExpired { .. }) => {
                return Ok(Plan::only(Claimed::Settled));
            }
        };
        let started = Started {
            invocation: step.after.clone(),
            payload: payload.unwrap_or_default(),
            function,
            published: ticket.trace.clone(),
            run,
            _slot: slot,
        };
        Ok(Plan {
            step: Some(step),
            then: Claimed::Run(Box::new(started)),
        })
    }

    /// The attempt's part in its trace: beneath the publishing that led to it, if that is known.
    fn part(&self, invocation: &Invocation, published: Option<&TraceContext>) -> Part {
        Part::of(published.or(invocation.trace.as_ref()), || {
            let lane = &invocation.policy.lane;
            span!(
                "attempt",
                otel.name = format!("process {lane}"),
                otel.kind = "consumer",
                messaging.system = self.parts.broker.system(),
                messaging.operation.name = "process",
                "messaging.operation.type" = "process",
                messaging.destination.name = lane.as_str(),
                faas.invoked_name = invocation.function.as_str(),
                faas.invocation_id = %invocation.request_id,
                ekiden.attempt = invocation.attempts,
            )
        })
    }

    fn invalidate(
        &self,
        invocation: &Invocation,
        is_registered: bool,
    ) -> Result<Transition, Refused> {
        let Invocation {
            function, version, ..
        } = invocation;
        let message = if is_registered {
            format!(
                "the function '{function}' has no target that Ekiden can reach: set the environment \
                 variable EKIDEN_TARGET of the function to the http:// or https:// URL of its server"
            )
        } else if version.is_version() {
            format!("the function '{function}' has no version {version} any more")
        } else {
            format!("the function '{function}' does not exist")
        };
        invocation.invalidate(&message, self.parts.clock.now())
    }

    /// Calls the function and records what became of it. The slot is freed only when that is
    /// durable, or when the lease turns out to be another's.
    pub(crate) async fn run(self: Arc<Self>, mut started: Box<Started>) {
        metrics::counter!("ekiden_claims_total").increment(1);
        let part = self.part(&started.invocation, started.published.as_ref());
        let cancel = &started.run.cancel;
        let attempt = started.attempt(part.context().cloned());
        let end = self.parts.executor.run(attempt, cancel.token.clone()).await;
        let cause = cancel.cause();
        if let Some(Cause::Stop(stopping)) = &cause {
            started.invocation.clone_from(stopping);
        }
        if let Some(error) = end.error() {
            part.fail(error);
        }
        if let End::Done(Execution { outcome, .. }) = &end {
            self.troubles.note(&started.invocation.function, outcome);
        }
        self.finish(&mut started.invocation, &end, cause.as_ref())
            .await;
        drop((part, started));
    }

    async fn finish(&self, invocation: &mut Invocation, end: &End, cause: Option<&Cause>) {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.dead.is_cancelled() {
                return ignored(invocation, "this worker was declared dead");
            }
            let transition = match step(invocation, end, cause, self.parts.clock.now()) {
                Ok(transition) => transition,
                Err(refused) => return ignored(invocation, &refused.to_string()),
            };
            let status = transition.after.status();
            match self.parts.store.commit(transition).await {
                Ok(Commit::Written) => {
                    metrics::counter!("ekiden_attempts_total", "status" => status.as_str())
                        .increment(1);
                    tracing::debug!(
                        request_id = %invocation.request_id, attempt = invocation.attempts, %status,
                        "an attempt ended"
                    );
                    return;
                }
                // A stop came in between: the same lease, one status further.
                Ok(Commit::Conflict(Some(now))) if now.lease == invocation.lease => {
                    if now.version() == invocation.version() {
                        return ignored(invocation, "its row does not change");
                    }
                    *invocation = *now;
                }
                Ok(Commit::Conflict(_)) => return ignored(invocation, "its lease is another's"),
                Err(error) => {
                    tracing::warn!(
                        request_id = %invocation.request_id, %error, "a result waits for the store"
                    );
                    if self
                        .dead
                        .run_until_cancelled(tokio::time::sleep(pause))
                        .await
                        .is_none()
                    {
                        continue;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// Which step the end of a run is: its result; or, where it was cancelled, the stop that was asked
/// for, or else what this worker cancelled it for.
fn step(
    invocation: &Invocation,
    end: &End,
    cause: Option<&Cause>,
    now: Timestamp,
) -> Result<Box<Transition>, Refused> {
    let fault = match (end, cause) {
        (
            End::Done(Execution {
                outcome,
                output,
                log,
            }),
            _,
        ) => {
            let finish = invocation.finish(outcome.clone(), now)?;
            return Ok(Box::new(finish.leaving(output.clone(), log.clone())));
        }
        (End::Cancelled, _) if invocation.status() == Status::Stopping => {
            return invocation.stopped(now).map(Box::new);
        }
        // The worker lives after all, or the result would not be wanted.
        (End::Cancelled, Some(Cause::Dead)) => Fault::database_lost(),
        (End::Cancelled, _) => Fault::worker_draining(),
    };
    invocation.finish(Outcome::Failed(fault), now).map(Box::new)
}

fn ignored(invocation: &Invocation, why: &str) {
    metrics::counter!("ekiden_results_ignored_total").increment(1);
    tracing::warn!(
        request_id = %invocation.request_id, lease = %invocation.lease, why, "a result is ignored"
    );
}
