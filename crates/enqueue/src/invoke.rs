//! Accepts an invocation: durable, with its dispatch, before the producer is told so. A synchronous
//! one is handed on to be run.

use crate::{Enqueue, failed, sync::Call};
use axum::{Extension, extract::State};
use ekiden_domain::{Invocation, NewInvocation, RequestId, Scope};
use ekiden_store::Accepted;
use ekiden_wire::{Caller, FunctionPath, InvokeMode, InvokeRequest, Invoked, Patience, Problem};

pub(crate) async fn invoke(
    State(api): State<Enqueue>,
    Extension(request_id): Extension<RequestId>,
    caller: Caller,
    path: FunctionPath,
    patience: Patience,
    request: InvokeRequest,
) -> Result<Invoked, Problem> {
    caller.may(Scope::Invoke, &path.name)?;
    let (qualifier, resolved) = api.resolve(&path).await?;
    let InvokeRequest { mode, payload } = request;
    let asked = match mode {
        InvokeMode::Async(asked) => asked,
        InvokeMode::Sync(asked) => {
            let call = Call {
                request_id,
                name: path.name,
                qualifier,
                resolved,
                payload,
                asked,
            };
            patience.ask(call.longest());
            return api.call(call).await.map(Invoked::Ran);
        }
    };
    let lane = resolved.function.effective_lane(&path.name);
    let new = NewInvocation {
        function: path.name.clone(),
        qualifier,
        version: resolved.version,
        invocation_id: asked.invocation_id,
        delay: asked.delay,
        stateful: asked.stateful,
        hops: 0,
    };
    let now = api.clock.now();
    let (invocation, message) = Invocation::accept(request_id, new, &resolved.config, lane, now);
    let id = invocation.invocation_id.clone();
    match api.store.accept(invocation, payload, message).await {
        Ok(Accepted::New) => {
            metrics::counter!("ekiden_accepted_total").increment(1);
            Ok(Invoked::Accepted(id))
        }
        Ok(Accepted::Duplicate { request_id, status }) => Err(Problem::already_exists(
            path.dialect,
            &path.name,
            &id,
            request_id,
            status,
        )),
        Err(error) => Err(failed(error)),
    }
}
