//! The functions: an HTTP server that does what the payload says and records every call. As functions
//! do, it works on when its caller is gone.

use crate::record::{Call, now};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;

/// The server. Cheap to clone; it serves until the run ends.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// What a payload asks for: how long the work takes in milliseconds, how many attempts fail, and with
/// which status.
type Wish = (u64, i64, u16);

impl Functions {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let functions = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            calls: Arc::default(),
        };
        let routes = Router::new()
            .route("/invoke", post(invoke))
            .with_state(functions.clone());
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        functions
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn begin(&self, headers: &HeaderMap) -> (usize, i64) {
        let text = |name: &str| headers[name].to_str().unwrap();
        let attempt = text("x-ekiden-attempt").parse().unwrap();
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call {
            id: text("x-fc-async-task-id").to_owned(),
            lease: text("x-ekiden-lease").parse().unwrap(),
            attempt,
            started_at: now(),
            ended_at: None,
            succeeded: false,
        });
        (calls.len() - 1, attempt)
    }
}

async fn invoke(
    State(functions): State<Functions>,
    headers: HeaderMap,
    payload: String,
) -> Response {
    let (place, attempt) = functions.begin(&headers);
    let (takes, failing, status): Wish = serde_json::from_str(&payload).unwrap();
    let fails = attempt <= failing;
    let work = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(takes)).await;
        let mut calls = functions.calls.lock().unwrap();
        calls[place].ended_at = Some(now());
        calls[place].succeeded = !fails;
    });
    work.await.unwrap();
    if fails {
        StatusCode::from_u16(status).unwrap().into_response()
    } else {
        payload.into_response()
    }
}
