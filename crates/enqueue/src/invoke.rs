//! Accepts an invocation: durable, with its dispatch, before the producer is told so. A synchronous
//! one is handed on to be run.

use crate::{Enqueue, failed, sync::Call};
use axum::{Extension, Json, extract::State};
use bytes::Bytes;
use ekiden_domain::{
    Invocation, InvocationId, NewInvocation, Qualifier, RequestId, Resolved, Scope, TraceContext,
};
use ekiden_store::{Acceptance, Accepted, StoreError};
use ekiden_wire::{
    Caller, FunctionPath, InvokeMode, InvokeRequest, Invoked, Patience, Problem, Traced,
    invoke::AsyncHeaders,
    native::{BatchAnswer, BatchOutcome, BatchRequest},
};

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
    let Acceptance {
        invocation,
        payload,
        message,
    } = api.acceptance(
        request_id,
        &path,
        (qualifier, resolved),
        asked,
        payload,
        trace,
    )?;
    let id = invocation.invocation_id.clone();
    let accepted = api.store.accept(invocation, payload, message).await;
    told(&path, id, accepted).map(Invoked::Accepted)
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
    let (mut acceptances, mut answers) = (Vec::new(), Vec::with_capacity(asked.len()));
    for (asked, payload) in asked {
        let request_id = RequestId::generate(api.clock.now());
        // Each for itself, as an alias may stand for a mix of versions.
        let acceptance = match api.resolve(&path).await {
            Ok(meant) => api.acceptance(request_id, &path, meant, asked, payload, trace.clone()),
            Err(problem) => Err(problem),
        };
        let answer = acceptance.map(|acceptance| {
            let id = acceptance.invocation.invocation_id.clone();
            acceptances.push(acceptance);
            id
        });
        answers.push((request_id, answer));
    }
    let mut accepted = api.store.accept_all(acceptances).await.into_iter();
    let outcomes = answers.into_iter().map(|(request_id, answer)| {
        let answer = answer.and_then(|id| {
            let accepted = accepted.next().unwrap_or(Err(StoreError::Closed));
            told(&path, id, accepted)
        });
        BatchOutcome::of(request_id, answer)
    });
    Ok(Json(BatchAnswer {
        invocations: outcomes.collect(),
    }))
}

impl Enqueue {
    /// What is to be made durable for one invocation, if there is room for it.
    fn acceptance(
        &self,
        request_id: RequestId,
        path: &FunctionPath,
        (qualifier, resolved): (Qualifier, Resolved),
        asked: AsyncHeaders,
        payload: Bytes,
        trace: Option<TraceContext>,
    ) -> Result<Acceptance, Problem> {
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
        Ok(Acceptance {
            invocation,
            payload,
            message,
        })
    }
}

/// What a producer is told of the invocation of this id: that it is durable, or why not.
fn told(
    path: &FunctionPath,
    id: InvocationId,
    accepted: Result<Accepted, StoreError>,
) -> Result<InvocationId, Problem> {
    match accepted {
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
