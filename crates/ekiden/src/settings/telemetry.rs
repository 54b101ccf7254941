//! `[telemetry]`: where traces go.

use super::source::Source;
use ekiden_domain::Secret;
use reqwest::Url;

const OTLP_ENDPOINT: &str = "a well-formed URL: http://HOST:PORT or https://HOST:PORT";
const SERVICE_NAME: &str = "1 to 100 visible ASCII characters";

/// Where traces go.
#[derive(Clone, Debug)]
pub(crate) struct TelemetrySettings {
    /// The collector's URL; may hold a password. Default `None`: nothing is traced.
    pub(crate) otlp_endpoint: Option<Secret>,
    /// Which part of the traces that begin here is sampled: 0 to 1, default 1.
    pub(crate) sample_ratio: f64,
    /// What the platform calls itself in traces. Default `ekiden`.
    pub(crate) service_name: String,
}

pub(super) fn read(source: &mut Source) -> TelemetrySettings {
    let name = "ekiden".to_owned();
    TelemetrySettings {
        otlp_endpoint: source.url("telemetry.otlp_endpoint", OTLP_ENDPOINT, collector),
        sample_ratio: source.ratio("telemetry.sample_ratio", 1.0),
        service_name: source.text("telemetry.service_name", name, SERVICE_NAME, service_name),
    }
}

fn collector(url: &str) -> Option<Secret> {
    let parsed = Url::parse(url).ok()?;
    // A path is added to it.
    let is_base = parsed.query().is_none() && parsed.fragment().is_none();
    let is_right = matches!(parsed.scheme(), "http" | "https") && is_base;
    is_right.then(|| Secret::new(url))
}

fn service_name(text: &str) -> Option<String> {
    let is_right = (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    is_right.then(|| text.to_owned())
}
