//! Accepts an invocation: durable, with its dispatch, before the producer is told so. A synchronous
//! one is handed on to be run.

use crate::{Enqueue, failed, sync::Call};
use axum::{Extension, Json, extract::State};
use bytes::Bytes;
use ekiden_domain::{
    Invocation, InvocationId, NewInvocation, Qualifier, RequestId, Resolved, Scope, TraceContext,
};
use ekiden_store::Accepted;
use ekiden_wire::{
    Caller, FunctionPath, InvokeMode, InvokeRequest, Invoked, Patience, Problem, Traced,
    invoke::AsyncHeaders,
    native::{BatchAnswer, BatchOutcome, BatchRequest},
};
use futures::future::join_all;

pub(crate) async fn invoke(
    State(api): State<Enqueue>,
    Extension(request_id): Extension<RequestId>,
    Traced(trace): Traced,
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
                trace,
                asked,
            };
            patience.ask(call.longest());
            return api.call(call).await.map(Invoked::Ran);
        }
    };
    let accepted = api.accept(
        request_id,
        &path,
        (qualifier, resolved),
        asked,
        payload,
        trace,
    );
    accepted.await.map(Invoked::Accepted)
}

/// Accepts many invocations of one function, each for itself, in as few commits as they fit in.
pub(crate) async fn invoke_many(
    State(api): State<Enqueue>,
    Traced(trace): Traced,
    caller: Caller,
    path: FunctionPath,
    BatchRequest(asked): BatchRequest,
) -> Result<Json<BatchAnswer>, Problem> {
    caller.may(Scope::Invoke, &path.name)?;
    let accepted = asked.into_iter().map(async |(asked, payload)| {
        let request_id = RequestId::generate(api.clock.now());
        // Each for itself, as an alias may stand for a mix of versions.
        let accepted = async {
            let meant = api.resolve(&path).await?;
            let trace = trace.clone();
            api.accept(request_id, &path, meant, asked, payload, trace)
                .await
        };
        BatchOutcome::of(request_id, accepted.await)
    });
    let invocations = join_all(accepted).await;
    Ok(Json(BatchAnswer { invocations }))
}

impl Enqueue {
    /// Makes an invocation durable, with its dispatch; the id that it is known by.
    async fn accept(
        &self,
        request_id: RequestId,
        path: &FunctionPath,
        (qualifier, resolved): (Qualifier, Resolved),
        asked: AsyncHeaders,
        payload: Bytes,
        trace: Option<TraceContext>,
    ) -> Result<InvocationId, Problem> {
        self.make_room()?;
        let lane = resolved.function.effective_lane(&path.name);
        let new = NewInvocation {
            function: path.name.clone(),
            qualifier,
            version: resolved.version,
            invocation_id: asked.invocation_id,
            delay: asked.delay,
            stateful: asked.stateful,
            hops: 0,
            trace,
        };
        let now = self.clock.now();
        let (invocation, message) =
            Invocation::accept(request_id, new, &resolved.config, lane, now);
        let id = invocation.invocation_id.clone();
        match self.store.accept(invocation, payload, message).await {
            Ok(Accepted::New) => {
                metrics::counter!("ekiden_accepted_total").increment(1);
                Ok(id)
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
}
