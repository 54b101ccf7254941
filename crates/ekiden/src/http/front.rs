//! What stands before every route: request ids and the error envelope, the log's span, limits.

use super::{auth::Auth, framing::close_after_chunks, remainder::read_remainder, trace};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use ekiden_domain::{Clock, RequestId};
use ekiden_wire::{Patience, Problem, envelope};
use futures::FutureExt;
use http::{Method, StatusCode, Uri};
use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tracing::Instrument;

/// The longest path and query, in bytes (FC: 4 KB).
const MAX_TARGET: usize = 4096;
/// The longest header block, in bytes: twice FC's 8 KB, for proxies that add their own.
const MAX_HEAD: usize = 16 * 1024;

/// Where the process stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for something, which is told.
    Starting(String),
    /// It works.
    Ready,
    /// It ends.
    Stopping,
}

/// Holds requests off until the process is ready.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<watch::Sender<Phase>>);

impl Gate {
    pub(crate) fn closed(reason: &str) -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Starting(
            reason.to_owned(),
        ))))
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.0.send_replace(phase);
    }

    /// Why requests are held off; `None` if they are not.
    pub(crate) fn reason(&self) -> Option<String> {
        match &*self.0.borrow() {
            Phase::Ready => None,
            Phase::Starting(reason) => Some(reason.clone()),
            Phase::Stopping => Some("shutting down".to_owned()),
        }
    }
}

/// What stands before the routes.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) gate: Gate,
    pub(crate) auth: Auth,
    /// How long one request may take.
    pub(crate) timeout: Duration,
}

impl Front {
    /// `api`, held off until the process is ready and then for holders of access keys, and `open`,
    /// which answers always; both behind limits, with ids and envelopes.
    pub(crate) fn before(self, api: Router, open: Router) -> Router {
        // A layer copies the whole of what it is around for each request, so there are as few as can be.
        // They are around the whole, as a route's own run only where that matches.
        let front = Arc::new(self);
        api.layer(from_fn_with_state(Arc::clone(&front), admit))
            .merge(open)
            .fallback(unsupported)
            .method_not_allowed_fallback(unsupported)
            .layer(from_fn_with_state(front, stand))
    }
}

async fn unsupported(method: Method, uri: Uri) -> Problem {
    Problem::path_not_supported(&method, uri.path())
}

async fn admit(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    if let Some(reason) = front.gate.reason() {
        return Problem::unavailable(format!("not ready: {reason}")).into_response();
    }
    match front.auth.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Everything that every request goes through, from the outermost on.
async fn stand(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    envelope(&*front.clock, request, async |request| {
        observe(request, async |request| {
            close_after_chunks(request, async |request| {
                read_remainder(request, async |request| match limits(&request) {
                    Ok(()) => unless_it_panics(within(front.timeout, request, next)).await,
                    Err(problem) => problem.into_response(),
                })
                .await
            })
            .await
        })
        .await
    })
    .await
}

async fn within(usual: Duration, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let patience = Patience::default();
    request.extensions_mut().insert(patience.clone());
    let mut running = pin!(next.run(request));
    let mut allowed = usual;
    loop {
        let left = allowed.saturating_sub(started.elapsed());
        if let Ok(response) = tokio::time::timeout(left, &mut running).await {
            return response;
        }
        match patience.asked() {
            Some(asked) if asked > allowed => allowed = asked,
            _ => break,
        }
    }
    tracing::warn!("a request took too long");
    let message = format!("the request took longer than {allowed:?}");
    Problem::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message).into_response()
}

fn limits(request: &Request) -> Result<(), Problem> {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |it| it.as_str().len());
    if target > MAX_TARGET {
        let message = format!("path and query have {target} bytes, {MAX_TARGET} are allowed");
        return Err(Problem::invalid_argument(message));
    }
    // As on the wire: name, colon, space, value, line end.
    let headers = request.headers().iter();
    let head: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if head > MAX_HEAD {
        let message = format!("the headers have {head} bytes, {MAX_HEAD} are allowed");
        return Err(Problem::invalid_argument(message));
    }
    Ok(())
}

async fn unless_it_panics(answering: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answering).catch_unwind().await {
        Ok(response) => response,
        Err(_cause) => {
            // The cause is not shown: it may quote what the request held. The panic hook has told where.
            tracing::error!("a handler panicked");
            Problem::internal().into_response()
        }
    }
}

/// A method by its name, or as one of the others: anyone may make up names, and each would be counted for
/// itself for ever.
fn known(method: &Method) -> &str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
    ];
    if KNOWN.contains(method) {
        method.as_str()
    } else {
        "other"
    }
}

/// Gives the log of each request a span with its id, has its part in a trace told, and counts and times
/// it by its route.
async fn observe(mut request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let started = Instant::now();
    let id = request.extensions().get::<RequestId>().copied();
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let method = request.method().clone();
    let span =
        tracing::info_span!("request", request_id = id, %method, path = request.uri().path());
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let part = trace::begin(&mut request, &id, &route);
    let response = answer(request).instrument(span.clone()).await;
    if let Some(part) = part {
        trace::end(&part, response.status());
    }
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, elapsed = ?started.elapsed(), "answered"));
    let labels = [
        ("method", known(&method).to_owned()),
        ("route", route),
        ("status", status.to_string()),
    ];
    metrics::counter!("ekiden_http_requests_total", &labels).increment(1);
    metrics::histogram!("ekiden_http_request_duration_seconds", &labels[..2])
        .record(started.elapsed().as_secs_f64());
    response
}
