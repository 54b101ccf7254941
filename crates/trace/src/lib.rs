//! Joins the platform's spans to the traces of its producers.
//!
//! A trace passes through rows and messages, whose [`TraceContext`] says where it goes on. A [`Part`] is
//! what this process adds to it: a span beneath the one that it came from. Spans are made only where the
//! subscriber has a [`layer`], which exports them; anywhere else what came is handed on as it is.
//!
//! The spans are not those of the log: they are of a target of their own, and are never entered.

use ekiden_domain::TraceContext;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, Tracer},
};
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

#[doc(hidden)]
pub use tracing;

/// The target of every span that is exported, and of nothing else.
pub const TARGET: &str = "trace";

/// A span for a [`Part`]: its name and its fields, which are `otel.name` and `otel.kind` and what the
/// semantic conventions of OpenTelemetry have; never what a payload, a result or a secret may be in.
#[macro_export]
macro_rules! span {
    ($name:literal, $($fields:tt)*) => {
        $crate::tracing::info_span!(
            target: $crate::TARGET,
            parent: None,
            $name,
            "error.type" = $crate::tracing::field::Empty,
            otel.status_code = $crate::tracing::field::Empty,
            $($fields)*
        )
    };
}

/// Exports the spans of all [`Part`]s through `tracer`.
pub fn layer<S, T>(tracer: T) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_part))
}

/// Whether this is of the span of a [`Part`]; no log shows those.
#[must_use]
pub fn is_part(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}

/// A process's part in a trace: from its making until it is dropped.
#[derive(Debug)]
pub struct Part {
    span: Span,
    context: Option<TraceContext>,
}

impl Part {
    /// A part in the trace that goes on with `parent`; in none if that is `None`.
    #[must_use]
    pub fn of(parent: Option<&TraceContext>, span: impl FnOnce() -> Span) -> Self {
        let span = if parent.is_some() {
            span()
        } else {
            Span::none()
        };
        Self::first(parent, span)
    }

    /// A part in the trace that goes on with `parent`; in one that begins here if that is `None`.
    #[must_use]
    pub fn first(parent: Option<&TraceContext>, span: Span) -> Self {
        if let Some(parent) = parent.and_then(remote) {
            let parent = Context::new().with_remote_span_context(parent);
            // It fails where there is no layer, and nothing to be a parent of.
            drop(span.set_parent(parent));
        }
        let context = context(&span).or_else(|| parent.cloned());
        Self { span, context }
    }

    /// What the trace goes on with: beneath this part or, where nothing is exported, as it came.
    #[must_use]
    pub const fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// Says what came of it; `field` is one that the span was made with, as `Empty`.
    pub fn record(&self, field: &str, value: impl tracing::Value) {
        self.span.record(field, value);
    }

    /// Says that it failed, with an error of this type.
    pub fn fail(&self, error: &str) {
        self.record("error.type", error);
        self.record("otel.status_code", "ERROR");
    }
}

fn remote(context: &TraceContext) -> Option<SpanContext> {
    let mut fields = context.parent().split('-').skip(1);
    let trace = TraceId::from_hex(fields.next()?).ok()?;
    let span = SpanId::from_hex(fields.next()?).ok()?;
    let flags = u8::from_str_radix(fields.next()?, 16).ok()?;
    let state = context.state().parse().unwrap_or_default();
    let flags = TraceFlags::new(flags);
    Some(SpanContext::new(trace, span, flags, true, state))
}

/// What names `span`, if it has a layer.
fn context(span: &Span) -> Option<TraceContext> {
    if span.is_none() {
        return None;
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    let (trace, span) = (context.trace_id(), context.span_id());
    let parent = format!("00-{trace}-{span}-{:02x}", context.trace_flags());
    TraceContext::new(&parent, &context.trace_state().header())
}

#[cfg(test)]
mod tests;
