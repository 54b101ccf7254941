//! `/healthz`, `/readyz` and `/metrics`.

use super::Gate;
use axum::{
    Json, Router, extract::State, response::IntoResponse, response::Response, routing::get,
};
use ekiden_broker::Broker;
use ekiden_store::Store;
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use std::time::Duration;

/// How long a part may take to answer before it counts as not answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// What health is asked of. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) gate: Gate,
    pub(crate) store: Store,
    /// `None` in a process that needs none.
    pub(crate) broker: Option<Broker>,
    pub(crate) metrics: PrometheusHandle,
}

impl Health {
    /// Its routes, which answer whether or not the process is ready.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(async || Json(json!({ "status": "alive" }))))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self)
    }

    /// Why this process cannot do its work now; `None` if it can.
    async fn trouble(&self) -> Option<String> {
        if let Some(reason) = self.gate.reason() {
            return Some(reason);
        }
        match tokio::time::timeout(PATIENCE, self.store.schema()).await {
            Err(_) => return Some("the database does not answer".to_owned()),
            Ok(Err(error)) => return Some(error.to_string()),
            Ok(Ok(schema)) => {
                if let Err(error) = schema.check() {
                    return Some(error.to_string());
                }
            }
        }
        let broker = self.broker.as_ref()?;
        match tokio::time::timeout(PATIENCE, broker.ping()).await {
            Err(_) => Some("the broker does not answer".to_owned()),
            Ok(answer) => answer.err().map(|error| error.to_string()),
        }
    }
}

async fn ready(State(health): State<Health>) -> Response {
    match health.trouble().await {
        None => Json(json!({ "status": "ready" })).into_response(),
        Some(reason) => {
            let body = Json(json!({ "status": "not ready", "reason": reason }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    health.metrics.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, health.metrics.render()).into_response()
}
