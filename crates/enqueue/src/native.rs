//! What FC has no word for: an invocation's attempts, result, log and deliveries; and to run it, or
//! to hand its result on, once more.

use crate::{Enqueue, failed};
use axum::{
    Extension, Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ekiden_domain::{Attempt, Delivery, Invocation, NewInvocation, Record, RequestId, Scope};
use ekiden_store::Accepted;
use ekiden_wire::{
    Caller, DeliveryPath, FunctionPath, InvocationPath, Problem,
    invoke::INVOCATION_ID,
    native::{self, PREFIX},
    record,
};
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

const ONE: &str = "/services/{service}/functions/{function}/invocations/{id}";

pub(crate) fn router() -> Router<Enqueue> {
    let path = |end: &str| format!("{PREFIX}{ONE}{end}");
    Router::new()
        .route(&path(""), get(show))
        .route(&path("/result"), get(result))
        .route(&path("/log"), get(log))
        .route(&path("/attempts"), get(attempts))
        .route(&path("/deliveries"), get(deliveries))
        .route(&path("/deliveries/{number}/resend"), post(resend))
        .route(&path("/rerun"), post(rerun))
}

/// The record, its attempts and its deliveries.
async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Value>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let id = record.invocation.request_id;
    let mut json = record::json(path.function.dialect, &record);
    json["version"] = record.invocation.version.as_str().into();
    json["attempts"] = told(&api.attempts(id).await?);
    json["deliveries"] = handed_on(api.delivery(id).await?.as_ref());
    Ok(Json(json))
}

/// What the last attempt gave, byte for byte.
async fn result(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Response, Problem> {
    let record = api.readable(&caller, &path).await?;
    check_ended(&record.invocation)?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, record.output.unwrap_or_default()).into_response())
}

/// The end of what the last attempt logged.
async fn log(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Response, Problem> {
    let record = api.readable(&caller, &path).await?;
    let attempts = api.attempts(record.invocation.request_id).await?;
    let last = attempts.into_iter().next_back();
    let last = last.filter(|last| last.number == record.invocation.attempts);
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, last.map(|last| last.log).unwrap_or_default()).into_response())
}

/// The attempts that have something to tell, in order.
async fn attempts(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Value>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let attempts = api.attempts(record.invocation.request_id).await?;
    Ok(Json(json!({ "attempts": told(&attempts) })))
}

async fn deliveries(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Value>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let delivery = api.delivery(record.invocation.request_id).await?;
    Ok(Json(json!({ "deliveries": handed_on(delivery.as_ref()) })))
}

/// Has the result handed on once more, whatever became of it before, also where the destination was
/// disabled.
async fn resend(
    State(api): State<Enqueue>,
    caller: Caller,
    path: DeliveryPath,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let DeliveryPath { invocation, number } = path;
    caller.may(Scope::Invoke, &invocation.function.name)?;
    let record = api.task(&invocation.function, &invocation.id).await?;
    let delivery = api.delivery(record.invocation.request_id).await?;
    let delivery = delivery.filter(|_| number == native::DELIVERY);
    let delivery = delivery.ok_or_else(|| Problem::delivery_not_found(&invocation.id, &number))?;
    api.enable(&invocation.function.name, &delivery.destination)
        .await?;
    let again = delivery.again(api.clock.now());
    let is_written = api.store.report_delivery(again.clone()).await;
    if !is_written.map_err(failed)? {
        return Err(Problem::concurrent_update());
    }
    Ok((StatusCode::ACCEPTED, Json(native::delivery(&again))))
}

/// Enqueues an invocation with the same function, qualifier and payload.
async fn rerun(
    State(api): State<Enqueue>,
    Extension(request_id): Extension<RequestId>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Response, Problem> {
    caller.may(Scope::Invoke, &path.function.name)?;
    let record = api.task(&path.function, &path.id).await?;
    let Record {
        invocation,
        payload,
        ..
    } = record;
    let function = FunctionPath {
        qualifier: Some(invocation.qualifier),
        ..path.function
    };
    let (qualifier, resolved) = api.resolve(&function).await?;
    let lane = resolved.function.effective_lane(&function.name);
    let new = NewInvocation {
        function: function.name,
        qualifier,
        version: resolved.version,
        invocation_id: None,
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
    };
    let now = api.clock.now();
    let (invocation, message) = Invocation::accept(request_id, new, &resolved.config, lane, now);
    let id = invocation.invocation_id.to_string();
    let accepted = api
        .store
        .accept(invocation, payload.unwrap_or_default(), message);
    match accepted.await.map_err(failed)? {
        Accepted::New => {
            let body = Json(json!({ "invocationId": id }));
            Ok((StatusCode::ACCEPTED, [(INVOCATION_ID, id)], body).into_response())
        }
        // Its id is the request's, which nobody had before.
        Accepted::Duplicate { .. } => Err(Problem::internal()),
    }
}

impl Enqueue {
    async fn readable(&self, caller: &Caller, path: &InvocationPath) -> Result<Record, Problem> {
        caller.may(Scope::Read, &path.function.name)?;
        self.task(&path.function, &path.id).await
    }

    async fn attempts(&self, id: RequestId) -> Result<Vec<Attempt>, Problem> {
        self.store.attempts(id).await.map_err(failed)
    }

    async fn delivery(&self, id: RequestId) -> Result<Option<Delivery>, Problem> {
        self.store.delivery(id).await.map_err(failed)
    }
}

fn told(attempts: &[Attempt]) -> Value {
    attempts.iter().map(native::attempt).collect()
}

fn handed_on(delivery: Option<&Delivery>) -> Value {
    delivery.into_iter().map(native::delivery).collect()
}

fn check_ended(invocation: &Invocation) -> Result<(), Problem> {
    if invocation.status().is_final() {
        return Ok(());
    }
    Err(Problem::result_not_found(
        &invocation.invocation_id,
        invocation.status(),
    ))
}
