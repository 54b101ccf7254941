//! Traces: where they go, if anywhere.

use crate::settings::TelemetrySettings;
use anyhow::Context;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
    },
};
use reqwest::{Client, ClientBuilder};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// How many spans wait for the collector at most; further ones are dropped.
const QUEUE: usize = 8192;
/// The most spans that are sent at once.
const BATCH: usize = 512;
/// How long spans gather before they are sent.
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector has to take a batch.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the collector to take the last.
const LAST: Duration = Duration::from_secs(3);

/// The export of traces; none, the default, where nothing says where to.
#[derive(Default)]
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Begins to export as `settings` say. The collector may come and go.
    pub(crate) fn start(settings: &TelemetrySettings) -> anyhow::Result<Self> {
        let Some(endpoint) = &settings.otlp_endpoint else {
            return Ok(Self(None));
        };
        // As OpenTelemetry has it, the endpoint is what all kinds of telemetry have in common.
        let endpoint = format!("{}/v1/traces", endpoint.expose().trim_end_matches('/'));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(client()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .build()
            .context("traces cannot be exported")?;
        let collector = Collector {
            exporter: Arc::new(exporter),
            runtime: Handle::current(),
            is_out_of_reach: AtomicBool::new(false),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let processor = BatchSpanProcessor::builder(collector).with_batch_config(batches);
        // Whether a trace is sampled is decided once, by whoever begins it.
        let ratio = Sampler::TraceIdRatioBased(settings.sample_ratio);
        let resource = Resource::builder()
            .with_service_name(settings.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor.build())
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_resource(resource)
            .build();
        Ok(Self(Some(provider)))
    }

    /// What the subscriber needs to export spans.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let provider = self.0.as_ref()?;
        Some(ekiden_trace::layer(provider.tracer("ekiden")))
    }

    /// Sends what waits, if the collector takes it soon.
    pub(crate) async fn end(self) {
        let Some(provider) = self.0 else {
            return;
        };
        let ending = move || provider.shutdown_with_timeout(LAST);
        // Whoever cannot be told has been complained of already.
        drop(tokio::task::spawn_blocking(ending).await);
    }
}

fn client() -> anyhow::Result<Client> {
    // It fails where the program has chosen a provider already: then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || -> ClientBuilder { Client::builder().timeout(TIMEOUT).no_proxy() };
    // Where the system has no certificates, a collector without TLS still works.
    let made = builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build());
    made.context("no HTTP client can be made for traces")
}

/// A collector that may be out of reach, which is told once and not for each batch.
#[derive(Debug)]
struct Collector {
    exporter: Arc<opentelemetry_otlp::SpanExporter>,
    /// The thread that sends batches is none of this runtime's, which the client needs.
    runtime: Handle,
    is_out_of_reach: AtomicBool,
}

impl Collector {
    fn tell(&self, sent: &OTelSdkResult) {
        let was_out_of_reach = self.is_out_of_reach.swap(sent.is_err(), Ordering::Relaxed);
        match sent {
            Err(error) if !was_out_of_reach => {
                tracing::warn!(%error, "traces are lost: the collector does not take them");
            }
            Ok(()) if was_out_of_reach => tracing::info!("the collector takes traces again"),
            _ => {}
        }
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let sending = self
            .runtime
            .spawn(async move { exporter.export(batch).await });
        let sent = sending.await;
        let sent = sent.map_err(|error| OTelSdkError::InternalFailure(error.to_string()));
        let sent = sent.flatten();
        self.tell(&sent);
        sent
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Nothing is sent before.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}
