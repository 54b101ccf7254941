use super::*;
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use std::sync::{Arc, Mutex};
use tracing_subscriber::{Registry, layer::SubscriberExt};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// What is exported of `parts`, where new traces are sampled at `ratio`.
fn exported(ratio: f64, parts: impl FnOnce()) -> Vec<SpanData> {
    let kept = Kept::default();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(kept.clone())
        .with_sampler(sampler)
        .build();
    let subscriber = Registry::default().with(layer(provider.tracer("test")));
    tracing::subscriber::with_default(subscriber, parts);
    std::mem::take(&mut *kept.0.lock().unwrap())
}

fn came(flags: &str) -> TraceContext {
    TraceContext::new(&format!("{PARENT}{flags}"), "vendor=1").unwrap()
}

/// A part with a field of its own, which fails.
fn failing(parent: Option<&TraceContext>) -> Part {
    let part = Part::of(parent, || span!("work", otel.kind = "client", count = 2));
    part.fail("Broken");
    part
}

#[test]
fn a_part_is_beneath_the_one_that_it_came_from() {
    let came = came("01");
    let spans = exported(0.0, || {
        let first = Part::first(Some(&came), span!("first",));
        let second = failing(first.context());
        let context = second.context().unwrap();
        assert_eq!(context.parent()[..36], came.parent()[..36]);
        assert_eq!(context.state(), "vendor=1");
        assert_ne!(context.parent(), first.context().unwrap().parent());
    });
    let [second, first] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(first.parent_span_id.to_string(), came.parent()[36..52]);
    assert_eq!(second.parent_span_id, first.span_context.span_id());
    assert_eq!(second.span_kind, SpanKind::Client);
    assert!(matches!(second.status, Status::Error { .. }));
    let mut fields: Vec<_> = second.attributes.iter().map(|it| it.key.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["count", "error.type"]);
}

#[test]
fn a_trace_begins_where_it_may_and_at_the_ratio() {
    let begun = |ratio| {
        exported(ratio, || {
            let part = Part::first(None, span!("first",));
            let sampled = part.context().unwrap().parent().ends_with("-01");
            assert_eq!(sampled, ratio == 1.0);
            assert!(failing(None).context().is_none());
        })
    };
    assert_eq!(begun(1.0).len(), 1);
    assert_eq!(begun(0.0).len(), 0);
}

#[test]
fn who_was_not_sampled_is_not_exported_but_known() {
    let came = came("00");
    let spans = exported(1.0, || {
        let part = Part::first(Some(&came), span!("first",));
        let context = part.context().unwrap();
        assert_eq!(context.parent()[..36], came.parent()[..36]);
        assert!(context.parent().ends_with("-00"));
    });
    assert!(spans.is_empty());
}

#[test]
fn without_a_layer_what_came_goes_on_as_it_is() {
    let came = came("01");
    for part in [
        Part::first(Some(&came), span!("first",)),
        failing(Some(&came)),
    ] {
        assert_eq!(part.context(), Some(&came));
    }
    assert!(Part::first(None, span!("first",)).context().is_none());
}
