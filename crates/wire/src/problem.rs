//! What is answered when something is wrong: FC's error codes, in an envelope every SDK can read.

mod manage;
mod native;

use crate::{Dialect, openapi::schema};
use axum::response::{IntoResponse, Response};
use ekiden_domain::{
    FunctionName, Invalid, InvocationId, Qualifier, RequestId, Status, text::clean,
};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 2048;

/// An error answer: an HTTP status, FC's code, and what a person should read.
///
/// As a response it is empty but for its status, and carries itself as an extension:
/// [`envelope`](crate::envelope()) writes the body, which needs the request's id.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// FC's error code, such as `FunctionNotFound`.
    pub code: &'static str,
    /// What is wrong, and with what; never holds a payload or a secret.
    pub message: String,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
    /// What is there already, where that is what is wrong.
    pub existing: Option<Existing>,
}

/// The body of an error: a superset of what each generation of SDKs reads. Those that sign with ACS3
/// read `Code`, `Message` and `RequestId`, the older ones `ErrorCode` and `ErrorMessage`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Error)]
pub struct Envelope {
    /// Names the request, as `X-Fc-Request-Id` does.
    request_id: String,
    /// FC's error code.
    code: &'static str,
    /// What is wrong, with which value, and what is allowed.
    message: String,
    /// The code once more.
    error_code: &'static str,
    /// The message once more.
    error_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    existing: Option<Existing>,
}

/// The invocation that has an id already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Existing {
    /// Its request id.
    request_id: String,
    /// What has become of it.
    #[schema(schema_with = schema::status)]
    status: &'static str,
}

impl Problem {
    /// A problem of this status and code. The message is cut to [`MAX_MESSAGE`] bytes: it may quote a
    /// name or a word of any length.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: clean(&message.into(), MAX_MESSAGE),
            retry_after: None,
            existing: None,
        }
    }

    /// 400: a value is not allowed.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
    }

    /// 400: no operation has this method and path.
    #[must_use]
    pub fn path_not_supported(method: &http::Method, path: &str) -> Self {
        let path = clean(path, 256);
        let message = format!("'{method}' against '{path}' is not supported");
        Self::new(StatusCode::BAD_REQUEST, "PathNotSupported", message)
    }

    /// 400: another process has this operation, one that has `role`.
    #[must_use]
    pub fn lacks_role(method: &http::Method, path: &str, role: &str) -> Self {
        let mut problem = Self::path_not_supported(method, path);
        problem.message += &format!(" here: this process does not have the role '{role}'");
        problem
    }

    /// 400 (not 413, as FC answers): the payload has more than `max` bytes.
    #[must_use]
    pub fn entity_too_large(max: usize) -> Self {
        let message = format!("payload size exceeds maximum allowed size ({max} bytes)");
        Self::new(StatusCode::BAD_REQUEST, "EntityTooLarge", message)
    }

    /// 429: as many invocations as are allowed, `bound`, have not ended.
    #[must_use]
    pub fn throttled(bound: u32) -> Self {
        let message = format!(
            "{bound} invocations, as many as enqueue.max_backlog allows, have not ended; try again later"
        );
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "ResourceThrottled", message)
        }
    }

    /// 404: there is no such function; in FC 2.0 the service is named where there is none of it.
    #[must_use]
    pub fn function_not_found(dialect: Dialect, name: &FunctionName, has_service: bool) -> Self {
        let (service, function) = (name.service(), name.function());
        let (code, message) = if dialect.is_fc3() {
            let message = format!("function '{function}' does not exist");
            ("FunctionNotFound", message)
        } else if has_service {
            let message = format!("function '{function}' does not exist in service '{service}'");
            ("FunctionNotFound", message)
        } else {
            return Self::service_not_found(service);
        };
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 404: the function has no such invocation (or retention removed it).
    #[must_use]
    pub fn invocation_not_found(dialect: Dialect, name: &FunctionName, id: &str) -> Self {
        let id = ekiden_domain::text::clean(id, 128);
        let (code, kind) = if dialect.is_fc3() {
            ("AsyncTaskNotFound", "async task")
        } else {
            ("StatefulAsyncInvocationNotFound", "async invocation")
        };
        let message = format!("{kind} '{id}' of function '{name}' does not exist");
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409: the function has an invocation of this id already; tells the first one's request id and
    /// status.
    #[must_use]
    pub fn already_exists(
        dialect: Dialect,
        name: &FunctionName,
        id: &InvocationId,
        first: RequestId,
        status: Status,
    ) -> Self {
        let (code, kind) = if dialect.is_fc3() {
            ("AsyncTaskAlreadyExists", "async task")
        } else {
            ("StatefulAsyncInvocationAlreadyExists", "async invocation")
        };
        let message = format!(
            "{kind} '{id}' of function '{name}' already exists: its request id is {first}, its \
             status {status}"
        );
        let mut problem = Self::new(StatusCode::CONFLICT, code, message);
        problem.existing = Some(Existing {
            request_id: first.to_string(),
            status: status.as_str(),
        });
        problem
    }

    /// 412: a stop came too late.
    #[must_use]
    pub fn already_ended(
        name: &FunctionName,
        qualifier: &Qualifier,
        id: &InvocationId,
        status: Status,
    ) -> Self {
        let what = format!("{}:{qualifier}:{}", name.service(), name.function());
        let (code, message) = if status == Status::Stopped {
            let message = format!("The async invocation for {what} has been stopped");
            ("AsyncInvocationStopped", message)
        } else {
            let message = format!("The async invocation '{id}' for {what} has ended as {status}");
            ("PreconditionFailed", message)
        };
        Self::new(StatusCode::PRECONDITION_FAILED, code, message)
    }

    /// 500: a defect of Ekiden's or of its database; the cause is in the log under the request id.
    #[must_use]
    pub fn internal() -> Self {
        let message = "an internal error has occurred. Please retry.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            message,
        )
    }

    /// 503: something Ekiden needs does not answer; worth trying again in a second.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message,
        );
        problem.retry_after = Some(Duration::from_secs(1));
        problem
    }

    /// The body that tells it.
    #[must_use]
    pub fn body(&self, request_id: RequestId) -> Envelope {
        Envelope {
            request_id: request_id.to_string(),
            code: self.code,
            message: self.message.clone(),
            error_code: self.code,
            error_message: self.message.clone(),
            existing: self.existing.clone(),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid_argument(invalid.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
