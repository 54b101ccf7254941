//! What FC has no word for: an invocation's attempts, result, log and deliveries; and to run it, or
//! to hand its result on, once more.

use crate::{Enqueue, failed, invoke::invoke_many};
use axum::{Extension, Json, extract::State};
use ekiden_domain::{Attempt, Delivery, Invocation, NewInvocation, Record, RequestId, Scope};
use ekiden_store::Accepted;
use ekiden_wire::{
    Caller, DeliveryPath, FunctionPath, InvocationPath, Problem, Traced,
    native::{self, Attempts, DELIVERY, Deliveries, Log, Output, Rerun, Resent},
    openapi::{Api, Endpoint},
};
use http::StatusCode;
use std::time::Duration;

const ALL: &str = "/services/{service}/functions/{function}/invocations";
const ONE: &str = "/services/{service}/functions/{function}/invocations/{id}";

pub(crate) fn api() -> Api<Enqueue> {
    let at = |end: &str| format!("{ONE}{end}");
    let summary = "Enqueues many invocations, each for itself.";
    let batch = Endpoint::post("InvokeMany", summary, invoke_many);
    let show = Endpoint::get("GetInvocation", "Shows everything of a task.", show);
    let result = Endpoint::get("GetResult", "Gives a task's result.", result);
    let log = Endpoint::get("GetLog", "Gives the last attempt's log.", log);
    let attempts = Endpoint::get("ListAttempts", "Lists a task's attempts.", attempts);
    let summary = "Lists what became of handing a task's result on.";
    let deliveries = Endpoint::get("ListDeliveries", summary, deliveries);
    let summary = "Hands a task's result on once more.";
    let resend = Endpoint::post("ResendDelivery", summary, resend).refuses(StatusCode::CONFLICT);
    let rerun = Endpoint::post(
        "RerunInvocation",
        "Runs a task once more, as another.",
        rerun,
    )
    .refuses(StatusCode::TOO_MANY_REQUESTS);
    Api::default()
        .native(ALL, [batch])
        .native(&at(""), [show])
        .native(&at("/result"), [result])
        .native(&at("/log"), [log])
        .native(&at("/attempts"), [attempts])
        .native(&at("/deliveries"), [deliveries])
        .native(&at("/deliveries/{number}/resend"), [resend])
        .native(&at("/rerun"), [rerun])
}

/// The record, its attempts and its deliveries.
async fn show(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<native::Invocation>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let id = record.invocation.request_id;
    let (attempts, delivery) = (api.attempts(id).await?, api.delivery(id).await?);
    let told = native::Invocation::of(&record, &attempts, delivery.as_ref());
    Ok(Json(told))
}

/// What the last attempt gave.
async fn result(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Output, Problem> {
    let record = api.readable(&caller, &path).await?;
    check_ended(&record.invocation)?;
    Ok(Output(record.output.unwrap_or_default()))
}

/// The end of what the last attempt logged.
async fn log(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Log, Problem> {
    let record = api.readable(&caller, &path).await?;
    let attempts = api.attempts(record.invocation.request_id).await?;
    let last = attempts.into_iter().next_back();
    let last = last.filter(|last| last.number == record.invocation.attempts);
    Ok(Log(last.map(|last| last.log).unwrap_or_default()))
}

/// The attempts that have something to tell, in order.
async fn attempts(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Attempts>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let attempts = api.attempts(record.invocation.request_id).await?;
    Ok(Json(Attempts::of(&attempts)))
}

async fn deliveries(
    State(api): State<Enqueue>,
    caller: Caller,
    path: InvocationPath,
) -> Result<Json<Deliveries>, Problem> {
    let record = api.readable(&caller, &path).await?;
    let delivery = api.delivery(record.invocation.request_id).await?;
    Ok(Json(Deliveries::of(delivery.as_ref())))
}

/// Has the result handed on once more, whatever became of it before, also where the destination was
/// disabled.
async fn resend(
    State(api): State<Enqueue>,
    caller: Caller,
    path: DeliveryPath,
) -> Result<Resent, Problem> {
    let DeliveryPath { invocation, number } = path;
    caller.may(Scope::Invoke, &invocation.function.name)?;
    let record = api.task(&invocation.function, &invocation.id).await?;
    let delivery = api.delivery(record.invocation.request_id).await?;
    let delivery = delivery.filter(|_| number == DELIVERY.to_string());
    let delivery = delivery.ok_or_else(|| Problem::delivery_not_found(&invocation.id, &number))?;
    api.enable(&invocation.function.name, &delivery.destination)
        .await?;
    let again = delivery.again(api.clock.now());
    let is_written = api.store.report_delivery(again.clone()).await;
    if !is_written.map_err(failed)? {
        return Err(Problem::concurrent_update());
    }
    Ok(Resent(native::Delivery::of(&again)))
}

/// Enqueues an invocation with the same function, qualifier and payload.
async fn rerun(
    State(api): State<Enqueue>,
    Extension(request_id): Extension<RequestId>,
    Traced(trace): Traced,
    caller: Caller,
    path: InvocationPath,
) -> Result<Rerun, Problem> {
    caller.may(Scope::Invoke, &path.function.name)?;
    let record = api.task(&path.function, &path.id).await?;
    let Record {
        invocation,
        payload,
        ..
    } = record;
    api.make_room()?;
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
        trace,
    };
    let now = api.clock.now();
    let (invocation, message) = Invocation::accept(request_id, new, &resolved.config, lane, now);
    let rerun = Rerun::as_one(&invocation.invocation_id);
    let accepted = api
        .store
        .accept(invocation, payload.unwrap_or_default(), message);
    match accepted.await.map_err(failed)? {
        Accepted::New => Ok(rerun),
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

fn check_ended(invocation: &Invocation) -> Result<(), Problem> {
    if invocation.status().is_final() {
        return Ok(());
    }
    Err(Problem::result_not_found(
        &invocation.invocation_id,
        invocation.status(),
    ))
}
