//! Functions behind HTTP: the caller's side of FC's custom-runtime contract.
//!
//! What was certainly not sent is the platform's fault: a target that cannot be reached, or a
//! connection that broke before anything was written to it. A kept connection that the target
//! closed while it was idle is not even that: hyper takes another one. Once any of a request was
//! written, a connection that breaks is the function's fault, for nothing tells whether it ran;
//! that connections are not kept idle for long makes it rare that a healthy target is met while
//! it closes one.

mod fault;

use crate::{Attempt, Execution, too_large};
use bytes::Bytes;
use ekiden_domain::{Fault, Origin, TraceContext};
use ekiden_reach::{Allowed, Client, Reach, innermost};
use fault::{reported, text, unanswered, unreachable, unsent};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use reqwest::{Response, Url};
use std::time::Duration;

/// By which the owner allows targets that somebody else gave to be local.
const ALLOWS: &str = "targets.allow";

/// The clients, by who gave the target.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    owner: Client,
    neighbour: Client,
    stranger: Client,
}

impl Http {
    pub(crate) fn new(allow: &[Allowed], connect_timeout: Duration) -> Self {
        let client = |reach| Client::new(reach, connect_timeout);
        let allow = || allow.iter().cloned();
        let with_loopback = allow().chain(Allowed::loopback());
        Self {
            owner: client(Reach::anywhere()),
            neighbour: client(Reach::beyond_this_machine(ALLOWS, with_loopback)),
            stranger: client(Reach::beyond_this_machine(ALLOWS, allow())),
        }
    }

    pub(crate) async fn call(&self, url: &str, attempt: &Attempt) -> Result<Execution, Fault> {
        let client = self.client(attempt.function.target_origin);
        let request = client.post(invoke_url(url)?).map_err(|why| unsent(&why))?;
        let mut request = request.header(CONTENT_TYPE, "application/octet-stream");
        for (name, value) in headers(attempt) {
            request = request.header(name, value);
        }
        for (name, value) in attempt.trace.iter().flat_map(TraceContext::fields) {
            request = request.header(name, value);
        }
        let sent = request.body(attempt.payload.clone()).send().await;
        let response = sent.map_err(|error| unanswered(&error))?;
        match failure(&response) {
            None => {
                let output = output(response, attempt.function.max_output).await;
                output.map(Execution::succeeded)
            }
            Some(Failure::System(error)) => {
                // The body may never come, and the status alone decides.
                let status = response.status();
                Err(Fault::system(error, &text(status)).with_http_status(status.as_u16()))
            }
            Some(Failure::Function { handled }) => Ok(reported(response, handled).await),
        }
    }

    const fn client(&self, origin: Origin) -> &Client {
        match origin {
            Origin::Owner => &self.owner,
            Origin::Neighbour => &self.neighbour,
            Origin::Stranger => &self.stranger,
        }
    }
}

fn invoke_url(url: &str) -> Result<Url, Fault> {
    let invalid = |cause: &str| unreachable("the target's URL is not valid", cause);
    let mut url = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
    url.path_segments_mut()
        .map_err(|()| invalid("it has no path"))?
        .pop_if_empty()
        .push("invoke");
    Ok(url)
}

fn headers(attempt: &Attempt) -> [(&'static str, String); 12] {
    let invocation_id = attempt.invocation_id.to_string();
    [
        ("x-fc-control-path", "/invoke".to_owned()),
        ("x-fc-request-id", attempt.request_id.to_string()),
        ("x-fc-service-name", attempt.name.service().to_owned()),
        ("x-fc-function-name", attempt.name.function().to_owned()),
        (
            "x-fc-function-timeout",
            attempt.timeout.as_secs().max(1).to_string(),
        ),
        ("x-fc-qualifier", attempt.qualifier.to_string()),
        ("x-fc-version-id", attempt.version.to_string()),
        ("x-fc-retry-count", attempt.retries.to_string()),
        ("x-fc-async-task-id", invocation_id.clone()),
        ("x-fc-stateful-async-invocation-id", invocation_id),
        ("x-ekiden-lease", attempt.lease.to_string()),
        ("x-ekiden-attempt", attempt.number.to_string()),
    ]
}

/// Whose failure a response tells.
enum Failure {
    System(&'static str),
    Function {
        /// Whether it is the contract's own way to report an error, which needs no body.
        handled: bool,
    },
}

fn failure(response: &Response) -> Option<Failure> {
    let fc_status = response.headers().get("x-fc-status");
    if fc_status.is_some_and(|status| !is_200(status)) {
        return Some(Failure::Function { handled: true });
    }
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => Some(Failure::System("TargetThrottled")),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
            Some(Failure::System("TargetUnavailable"))
        }
        status if status.as_u16() >= 400 => Some(Failure::Function {
            handled: status == StatusCode::NOT_FOUND,
        }),
        _ => None,
    }
}

fn is_200(status: &HeaderValue) -> bool {
    status.as_bytes().trim_ascii() == b"200"
}

async fn output(mut response: Response, most: usize) -> Result<Bytes, Fault> {
    let announced = response.content_length().unwrap_or(0);
    if announced > most as u64 {
        return Err(too_large(most));
    }
    let status = response.status().as_u16();
    let read = read(&mut response, most).await;
    read.map_err(|error| match error {
        Unread::TooLarge => too_large(most),
        Unread::Cut(error) => {
            let message = format!("the response was cut short: {}", innermost(&error));
            Fault::function("UnhandledInvocationError", &message).with_http_status(status)
        }
    })
}

/// Why a body could not be read to its end.
enum Unread {
    TooLarge,
    Cut(reqwest::Error),
}

async fn read(response: &mut Response, most: usize) -> Result<Bytes, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Cut)? {
        if body.len() + chunk.len() > most {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
