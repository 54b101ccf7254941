//! An invocation as it is answered.

use super::{INVOCATION_ID, STATEFUL_ID, TASK_ID};
use crate::openapi::{
    Describe, JSON, OCTETS, Operation, header,
    schema::{anything, octets, one_of, qualifier, text, whole},
};
use axum::response::{IntoResponse, Response};
use ekiden_domain::InvocationId;
use http::{HeaderName, StatusCode};
use utoipa::openapi::{Content, ObjectBuilder, ResponseBuilder};

/// Tells that a synchronous invocation ended in an error of the function: [`HANDLED`] or
/// [`UNHANDLED`].
pub const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fc-error-type");
/// The function itself told the error.
pub const HANDLED: &str = "HandledInvocationError";
/// The function did not get to tell the error.
pub const UNHANDLED: &str = "UnhandledInvocationError";
/// Tells how long a synchronous invocation took, in milliseconds.
pub const DURATION: HeaderName = HeaderName::from_static("x-fc-invocation-duration");
/// Tells the version that a synchronous invocation ran.
pub const VERSION: HeaderName = HeaderName::from_static("x-fc-invocation-service-version");
/// Tells the end of a synchronous invocation's log, as Base64.
pub const LOG_RESULT: HeaderName = HeaderName::from_static("x-fc-log-result");

/// What is answered to an invocation that is not refused.
#[derive(Debug)]
pub enum Invoked {
    /// It was accepted under this id, and is run later.
    Accepted(InvocationId),
    /// It was run, and this is what the function gave.
    Ran(Response),
}

impl IntoResponse for Invoked {
    fn into_response(self) -> Response {
        match self {
            Self::Accepted(id) => {
                let echo = [INVOCATION_ID, STATEFUL_ID, TASK_ID].map(|name| (name, id.to_string()));
                (StatusCode::ACCEPTED, echo).into_response()
            }
            Self::Ran(response) => response,
        }
    }
}

impl Describe for Invoked {
    fn describe(operation: &mut Operation) {
        let mut accepted =
            ResponseBuilder::new().description("It is durable under this id, and is run later.");
        for name in [INVOCATION_ID, STATEFUL_ID, TASK_ID] {
            accepted = accepted.header(name.as_str(), header(text(), "Its id."));
        }
        operation.answers(StatusCode::ACCEPTED, accepted);
        let mut ran = ResponseBuilder::new()
            .description(format!(
                "It was run. `{OCTETS}` is the function's output; `{JSON}` is an error of the \
                 function, which `X-Fc-Error-Type` says as well."
            ))
            .content(OCTETS, Content::new(Some(octets())))
            .content(JSON, Content::new(Some(function_error())));
        let millis = whole(0..=i64::MAX);
        for (name, schema, says) in [
            (
                ERROR_TYPE,
                one_of([HANDLED, UNHANDLED]),
                "Who told the error.",
            ),
            (DURATION, millis, "How long it took, in ms."),
            (VERSION, qualifier(), "The version that was run."),
            (
                LOG_RESULT,
                text(),
                "The end of the log, if that is asked for.",
            ),
        ] {
            ran = ran.header(name.as_str(), header(schema, says));
        }
        operation.answers(StatusCode::OK, ran);
    }
}

/// Where a function tells an error itself, only the message is sure.
fn function_error() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("errorMessage", text())
        .required("errorMessage")
        .property("errorType", anything())
        .property("stackTrace", anything())
}
