//! A request's part in its caller's trace.

use axum::extract::Request;
use ekiden_trace::{Part, span};
use ekiden_wire::Traced;
use http::{Method, StatusCode};
use tracing::field::Empty;

/// The part of a request that asks for something to be done; it tells its handler what the trace goes on
/// with. Without a caller's trace, one begins here. Those who only look have none, so that whoever
/// polls does not fill the collector.
pub(super) fn begin(request: &mut Request, id: &str, route: &str) -> Option<Part> {
    if request.method() != Method::POST {
        return None;
    }
    let part = Part::first(
        Traced::by(request.headers()).0.as_ref(),
        span!(
            "request",
            otel.name = format!("POST {route}"),
            otel.kind = "server",
            http.request.method = "POST",
            http.route = route,
            http.response.status_code = Empty,
            faas.invocation_id = id,
        ),
    );
    if let Some(context) = part.context().cloned() {
        request.extensions_mut().insert(Traced(Some(context)));
    }
    Some(part)
}

/// Says how the request was answered. What is its caller's fault is no failure here.
pub(super) fn end(part: &Part, status: StatusCode) {
    part.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        part.fail(status.as_str());
    }
}
