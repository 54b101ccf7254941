//! Logs, metrics and traces.

mod traces;

pub(crate) use traces::Traces;

use crate::settings::Problems;
use anyhow::Context;
use clap::ValueEnum;
use ekiden_domain::Invalid;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::{self, IsTerminal};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged where `RUST_LOG` says nothing: our own steps, and others' warnings.
const FILTER: &str = "warn,ekiden=info,ekiden_worker=info,ekiden_dispatch=info,ekiden_broker=info";

/// The bounds of the histograms' buckets, in seconds.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The same of how many share a commit.
const BATCHES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Starts the log, on standard error. Each line has its request's span, and never a payload.
/// Where `traces` go somewhere, the spans that are exported go there and into no line.
pub(crate) fn start_log(format: LogFormat, traces: &Traces) -> anyhow::Result<()> {
    let given = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = filter(&given)?.and(filter_fn(|metadata| !ekiden_trace::is_part(metadata)));
    let log = fmt::layer().with_writer(io::stderr);
    let log = match format {
        LogFormat::Human => log.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    let log = registry()
        .with(log.with_filter(filter))
        .with(traces.layer());
    log.try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

fn filter(given: &str) -> Result<EnvFilter, Problems> {
    // Empty counts as not set, as every variable.
    let filter = if given.is_empty() { FILTER } else { given };
    let allowed = "levels, such as debug or warn,ekiden=debug";
    EnvFilter::try_new(filter).map_err(|_| Problems::of(Invalid::new("RUST_LOG", given, allowed)))
}

/// Starts the metrics, which `/metrics` renders.
pub(crate) fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
        .and_then(|builder| {
            let batches = Matcher::Suffix("_batch_items".to_owned());
            builder.set_buckets_for_metric(batches, BATCHES)
        })
        .context("the metrics' buckets")?
        .install_recorder()
        .context("the metrics cannot be started")
}
