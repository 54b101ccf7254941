//! A try's part in the trace of the invocation whose result it hands on.

use super::Tried;
use ekiden_domain::{Delivery, Record, Route, delivery::Verdict};
use ekiden_store::StoreError;
use ekiden_trace::{Part, span};
use tracing::field::Empty;

/// The part of a try that begins. Where it goes is not told: a URL may hold a secret.
pub(super) fn begin(record: &Record, delivery: &Delivery) -> Part {
    let (kind, to) = match delivery.destination.route() {
        Route::Webhook(_) => ("client", "webhook"),
        Route::Amqp { .. } => ("producer", "exchange"),
        Route::Function { .. } => ("producer", "function"),
    };
    let invocation = &record.invocation;
    Part::of(invocation.trace.as_ref(), || {
        span!(
            "deliver",
            otel.name = format!("deliver {to}"),
            otel.kind = kind,
            faas.invocation_id = %invocation.request_id,
            ekiden.attempt = delivery.attempts,
            http.response.status_code = Empty,
        )
    })
}

/// Says what the try came to.
pub(super) fn end(part: &Part, tried: &Result<Tried, StoreError>) {
    match tried {
        Ok(tried) if tried.verdict == Verdict::Delivered => {}
        _ => part.fail("NotDelivered"),
    }
    let status = tried.as_ref().ok().and_then(|tried| tried.http_status);
    if let Some(status) = status {
        part.record("http.response.status_code", status);
    }
}
