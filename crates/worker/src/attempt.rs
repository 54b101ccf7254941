//! One invocation's way through a worker: claim, start, run, finish.

use crate::{
    Parts,
    parcel::Ticket,
    pulse::Pulse,
    runs::{Cause, Run, Runs},
};
use bytes::Bytes;
use ekiden_domain::{
    Fault, Function, Invocation, Outcome, Record, Refused, RequestId, Status, Timestamp,
    TraceContext, Transition, WorkerId,
};
use ekiden_executor::{Attempt, End, Slot, Slots};
use ekiden_store::{Commit, StoreError};
use ekiden_trace::{Part, span};
use futures::future::join_all;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The first pause before a result is offered to the store again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before a result is offered to the store again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One life of a worker, as far as an attempt needs it.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) parts: Parts,
    pub(crate) worker: WorkerId,
    pub(crate) runs: Runs,
    pub(crate) slots: Slots,
    pub(crate) pulse: Pulse,
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
    run: Run,
    slot: Slot,
    part: Part,
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
        // An id that comes twice is taken once: its record is gone the second time.
        let claims = tickets.iter().zip(slots).map(|(ticket, slot)| {
            let record = records.remove(&ticket.id);
            async move {
                match record {
                    Some(record) => self.claim_one(record, ticket.trace.as_ref(), slot).await,
                    None => Ok(Claimed::Settled),
                }
            }
        });
        join_all(claims).await
    }

    async fn claim_one(
        &self,
        record: Record,
        published: Option<&TraceContext>,
        slot: OwnedSemaphorePermit,
    ) -> Result<Claimed, StoreError> {
        let Record {
            invocation,
            payload,
            ..
        } = record;
        let Some(run) = self.runs.reserve(invocation.request_id) else {
            return Ok(Claimed::Later(Box::new(invocation), None));
        };
        let (name, version) = (&invocation.function, &invocation.version);
        let function = match self.parts.catalog.runnable(name, version).await? {
            Some(function) if function.target.is_some() => function,
            found => {
                return self
                    .end(self.invalidate(&invocation, found.is_some()))
                    .await;
            }
        };
        let Ok(slot) = self
            .slots
            .for_function(slot, &invocation.function, &function)
        else {
            return Ok(Claimed::Later(Box::new(invocation), None));
        };
        let payload = payload.unwrap_or_default();
        let now = self.parts.clock.now();
        let started = invocation
            .claim(self.worker, now)
            .and_then(|claim| claim.then(|claimed| claimed.start(function.timeout, now)));
        let transition = match started {
            Ok(transition) => transition,
            Err(Refused::NotDue { due_at }) => {
                return Ok(Claimed::Later(Box::new(invocation), Some(due_at)));
            }
            Err(Refused::AgePassed { .. }) => return self.end(invocation.expire(now)).await,
            // Where it is this worker's own, the answer to its claim was lost: the heart gives it up.
            Err(Refused::IllegalStep { .. } | Refused::NotExpired { .. }) => {
                return Ok(Claimed::Settled);
            }
        };
        let invocation = transition.after.clone();
        match self.parts.store.commit(transition).await? {
            Commit::Written => {
                metrics::counter!("ekiden_claims_total").increment(1);
                Ok(Claimed::Run(Box::new(Started {
                    part: self.part(&invocation, published),
                    invocation,
                    payload,
                    function,
                    run,
                    slot,
                })))
            }
            // Whoever changed it has it, or wrote a dispatch with the change.
            Commit::Conflict(_) => Ok(Claimed::Settled),
        }
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

    async fn end(&self, step: Result<Transition, Refused>) -> Result<Claimed, StoreError> {
        if let Ok(transition) = step {
            let _: Commit = self.parts.store.commit(transition).await?;
        }
        Ok(Claimed::Settled)
    }

    /// Calls the function and records what became of it. The slot is freed only when that is
    /// durable, or when the lease turns out to be another's.
    pub(crate) async fn run(self, started: Started) {
        let Started {
            invocation,
            payload,
            function,
            run,
            slot,
            part,
        } = started;
        let name = invocation.function.clone();
        let attempt = Attempt {
            timeout: function.timeout,
            function,
            name,
            qualifier: invocation.qualifier.clone(),
            request_id: invocation.request_id,
            invocation_id: invocation.invocation_id.clone(),
            lease: invocation.lease,
            number: invocation.attempts,
            retries: invocation.retries,
            trace: part.context().cloned(),
            payload,
        };
        let end = self
            .parts
            .executor
            .run(attempt, run.cancel.token.clone())
            .await;
        let cause = run.cancel.cause();
        let invocation = match &cause {
            Some(Cause::Stop(stopping)) => (**stopping).clone(),
            Some(Cause::Drain | Cause::Dead) | None => invocation,
        };
        if let Some(error) = end.error() {
            part.fail(error);
        }
        self.finish(invocation, &end, cause.as_ref()).await;
        drop((part, run, slot));
    }

    async fn finish(&self, mut invocation: Invocation, end: &End, cause: Option<&Cause>) {
        let mut pause = FIRST_PAUSE;
        loop {
            if self.dead.is_cancelled() {
                return ignored(&invocation, "this worker was declared dead");
            }
            let transition = match step(&invocation, end, cause, self.parts.clock.now()) {
                Ok(transition) => transition,
                Err(refused) => return ignored(&invocation, &refused.to_string()),
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
                        return ignored(&invocation, "its row does not change");
                    }
                    invocation = *now;
                }
                Ok(Commit::Conflict(_)) => return ignored(&invocation, "its lease is another's"),
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
) -> Result<Transition, Refused> {
    let fault = match (end, cause) {
        (End::Done(execution), _) => {
            let finish = invocation.finish(execution.outcome.clone(), now);
            return finish
                .map(|step| step.leaving(execution.output.clone(), execution.log.clone()));
        }
        (End::Cancelled, _) if invocation.status() == Status::Stopping => {
            return invocation.stopped(now);
        }
        // The worker lives after all, or the result would not be wanted.
        (End::Cancelled, Some(Cause::Dead)) => Fault::database_lost(),
        (End::Cancelled, _) => Fault::worker_draining(),
    };
    invocation.finish(Outcome::Failed(fault), now)
}

fn ignored(invocation: &Invocation, why: &str) {
    metrics::counter!("ekiden_results_ignored_total").increment(1);
    tracing::warn!(
        request_id = %invocation.request_id, lease = %invocation.lease, why, "a result is ignored"
    );
}
