//! Runs a function while its caller waits. Such a call is no task: nothing of it is kept, and
//! nothing is retried.

use crate::Enqueue;
use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ekiden_domain::{
    Fault, FaultKind, FunctionName, Lease, Outcome, Qualifier, RequestId, Resolved, TraceContext,
};
use ekiden_executor::{Attempt, End, Execution};
use ekiden_wire::{
    Problem,
    invoke::{DURATION, ERROR_TYPE, HANDLED, LOG_RESULT, SyncHeaders, UNHANDLED, VERSION},
    openapi::{JSON, OCTETS},
};
use http::{StatusCode, header};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a call may take beyond the function's timeout: for a command to be ended, and for the
/// answer.
const BEYOND: Duration = Duration::from_secs(15);

/// One synchronous call.
pub(crate) struct Call {
    pub(crate) request_id: RequestId,
    pub(crate) name: FunctionName,
    pub(crate) qualifier: Qualifier,
    pub(crate) resolved: Resolved,
    pub(crate) payload: Bytes,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) asked: SyncHeaders,
}

impl Call {
    /// How long it may take altogether.
    pub(crate) fn longest(&self) -> Duration {
        self.resolved.function.timeout + BEYOND
    }

    fn attempt(self) -> Attempt {
        let function = self.resolved.function;
        Attempt {
            timeout: function.timeout,
            function,
            name: self.name,
            qualifier: self.qualifier,
            version: self.resolved.version,
            request_id: self.request_id,
            invocation_id: self.request_id.into(),
            lease: Lease::default().next(),
            number: 1,
            retries: 0,
            trace: self.trace,
            payload: self.payload,
        }
    }
}

impl Enqueue {
    /// Runs the call, and answers as FC does: what the function gave, or how it failed.
    pub(crate) async fn call(&self, call: Call) -> Result<Response, Problem> {
        let (asked, version) = (call.asked, call.resolved.version.to_string());
        let function = &call.resolved.function;
        let slot = self.slots.try_process();
        let slot = slot.ok_or_else(|| too_many("this process"))?;
        let slot = self.slots.for_function(slot, &call.name, function);
        let slot = slot.map_err(|_| too_many(call.name.as_str()))?;
        let began = Instant::now();
        let end = self
            .executor
            .run(call.attempt(), CancellationToken::new())
            .await;
        drop(slot);
        let logged;
        let mut response = match end {
            End::Done(Execution {
                outcome: Outcome::Succeeded,
                output,
                log,
            }) => {
                logged = log;
                metrics::counter!("ekiden_sync_total", "outcome" => "succeeded").increment(1);
                let kind = [(header::CONTENT_TYPE, OCTETS)];
                (kind, output).into_response()
            }
            End::Done(Execution {
                outcome: Outcome::Failed(fault),
                output,
                log,
            }) => {
                logged = log;
                failure(&fault, output)?
            }
            // Nothing cancels it.
            End::Cancelled => return Err(Problem::internal()),
        };
        let headers = response.headers_mut();
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        headers.insert(DURATION, millis.into());
        if let Ok(version) = version.try_into() {
            headers.insert(VERSION, version);
        }
        if asked.log_tail {
            // The contract gives no log over HTTP: what is asked for is there, and empty.
            if let Ok(log) = STANDARD.encode(logged).try_into() {
                headers.insert(LOG_RESULT, log);
            }
        }
        Ok(response)
    }
}

fn too_many(what: &str) -> Problem {
    metrics::counter!("ekiden_sync_total", "outcome" => "refused").increment(1);
    let message = format!("too many synchronous invocations of {what} run already; try again");
    let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "ResourceExhausted", message);
    problem.retry_after = Some(Duration::from_secs(1));
    problem
}

/// FC answers a function's own error with 200, says so in a header, and tells it in the words that the
/// function `told` it in, if any; what kept the function from running is a 503.
fn failure(fault: &Fault, told: Bytes) -> Result<Response, Problem> {
    metrics::counter!("ekiden_sync_total", "outcome" => "failed").increment(1);
    if fault.kind != FaultKind::Function {
        let message = format!("{}: {}", fault.error, fault.message);
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, "FunctionNotStarted");
        return Err(Problem::new(status, code, message));
    }
    let error_type = if fault.error == HANDLED {
        HANDLED
    } else {
        UNHANDLED
    };
    let headers = [(ERROR_TYPE, error_type), (header::CONTENT_TYPE, JSON)];
    if is_fc_error(&told) {
        return Ok((headers, told).into_response());
    }
    let body = json!({
        "errorMessage": fault.message,
        "errorType": fault.error,
        "stackTrace": [],
    });
    Ok((headers, body.to_string()).into_response())
}

/// Whether `told` is an error in FC's form; anything else that a failed function gave is no answer.
fn is_fc_error(told: &[u8]) -> bool {
    let told: Option<serde_json::Value> = serde_json::from_slice(told).ok();
    told.is_some_and(|told| told["errorMessage"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    async fn answered(fault: &Fault, told: &'static str) -> (Response<()>, String) {
        let response = failure(fault, Bytes::from_static(told.as_bytes())).unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1000).await.unwrap();
        let body = String::from_utf8(body.into()).unwrap();
        (Response::from_parts(parts, ()), body)
    }

    #[tokio::test]
    async fn a_function_s_error_is_told_in_its_own_words() {
        let told = r#"{"errorMessage":"no such file","errorType":"IOError","stackTrace":["a"]}"#;
        let fault = Fault::function("HandledInvocationError", "IOError: no such file");
        let (response, body) = answered(&fault, told).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[ERROR_TYPE], "HandledInvocationError");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(body, told);
    }

    #[tokio::test]
    async fn an_error_without_words_is_told_in_ours() {
        let fault = Fault::timed_out(Duration::from_secs(3));
        let (response, body) = answered(&fault, "").await;
        assert_eq!(response.headers()[ERROR_TYPE], "UnhandledInvocationError");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "errorMessage": fault.message, "errorType": fault.error, "stackTrace": [],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn what_kept_the_function_from_running_is_no_answer_of_it() {
        let fault = Fault::system("TargetUnreachable", "nobody is there");
        let problem = failure(&fault, Bytes::new()).unwrap_err();
        assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem.code, "FunctionNotStarted");
    }
}
