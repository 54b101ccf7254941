//! Stops one invocation: at once where nobody holds it, else through its worker.

use crate::{Enqueue, failed};
use axum::{extract::State, response::NoContent};
use ekiden_domain::{Scope, State as Step, Status};
use ekiden_store::Commit;
use ekiden_wire::{Caller, InvocationPath, Problem};

/// How often the invocation may move on between the look and the write before the caller is asked
/// to try again.
const ROUNDS: usize = 20;

pub(crate) async fn stop(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<NoContent, Problem> {
    let InvocationPath { function, id } = path;
    caller.may(Scope::Invoke, &function.name)?;
    let mut invocation = api.task(&function, &id).await?.invocation;
    for _ in 0..ROUNDS {
        match &invocation.state {
            // It was asked for before: nothing is left to do.
            Step::Stopping { .. } => return Ok(NoContent),
            Step::Ended { status, .. } => {
                let (name, qualifier) = (&invocation.function, &invocation.qualifier);
                let id = &invocation.invocation_id;
                return Err(Problem::already_ended(name, qualifier, id, *status));
            }
            Step::Enqueued { .. }
            | Step::Dequeued { .. }
            | Step::Running { .. }
            | Step::Retrying { .. } => {}
        }
        let Ok(transition) = invocation.stop(api.clock.now()) else {
            return Err(Problem::internal());
        };
        let is_stopped = transition.after.status() == Status::Stopped;
        match api.store.commit(transition).await.map_err(failed)? {
            Commit::Written => {
                metrics::counter!("ekiden_stops_total", "at_once" => is_stopped.to_string())
                    .increment(1);
                return Ok(NoContent);
            }
            Commit::Conflict(Some(now)) => invocation = *now,
            Commit::Conflict(None) => {
                let dialect = function.dialect;
                return Err(Problem::invocation_not_found(dialect, &function.name, &id));
            }
        }
    }
    Err(Problem::unavailable(
        "the invocation changes too fast to be stopped; try again",
    ))
}
