//! A collector of traces, as far as a test needs one: OTLP over HTTP.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
    trace::v1::Span as Told,
};
use prost::Message;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

/// The server. Cheap to clone; it serves until the test ends.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    pub(super) url: String,
    state: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    /// Whether it takes nothing.
    is_down: bool,
    refused: usize,
}

/// A span as the collector was told of it; ids in hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty if it is the first of its trace.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) start: u64,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) has_failed: bool,
    /// Of which service.
    pub(super) service: String,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            state: Arc::default(),
        };
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        collector
    }

    pub(super) fn be_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    /// How many batches were refused.
    pub(super) fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    /// The spans of a trace, if it has so many.
    pub(super) fn trace(&self, id: &str, count: usize) -> Option<Vec<Span>> {
        let mut spans = self.state.lock().unwrap().spans.clone();
        spans.retain(|span| span.trace == id);
        (spans.len() >= count).then_some(spans)
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut kept = collector.state.lock().unwrap();
    if kept.is_down {
        kept.refused += 1;
        // A status that is final for the batch.
        return StatusCode::BAD_REQUEST;
    }
    for of_resource in ExportTraceServiceRequest::decode(body)
        .unwrap()
        .resource_spans
    {
        let resource = of_resource.resource.unwrap();
        let service = texts(resource.attributes)["service.name"].clone();
        let spans = of_resource.scope_spans.into_iter().flat_map(|it| it.spans);
        kept.spans.extend(spans.map(|it| span(it, &service)));
    }
    StatusCode::OK
}

fn span(told: Told, service: &str) -> Span {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];
    assert!(told.events.is_empty() && told.links.is_empty(), "{told:?}");
    Span {
        trace: hex(told.trace_id),
        id: hex(told.span_id),
        parent: hex(told.parent_span_id),
        name: told.name,
        kind: KINDS[usize::try_from(told.kind).unwrap()],
        start: told.start_time_unix_nano,
        attributes: texts(told.attributes),
        has_failed: told.status.is_some_and(|status| status.code == 2),
        service: service.to_owned(),
    }
}

fn texts(
    attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let attributes = attributes.into_iter();
    attributes
        .map(|it| (it.key, text(it.value.unwrap().value.unwrap())))
        .collect()
}
