//! Functions as their authors write them: an HTTP server that speaks the custom-runtime contract. It
//! records its calls, and does what the payload's first word says.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::watch};

/// One call, as the function saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) invocation_id: String,
    pub(crate) qualifier: String,
    pub(crate) version: String,
    pub(crate) lease: u64,
    pub(crate) attempt: u64,
    pub(crate) payload: Bytes,
    /// Empty if it was told none.
    pub(crate) traceparent: String,
    pub(crate) tracestate: String,
    /// When it answered, or its caller went away.
    pub(crate) ended: Option<Instant>,
    /// Whether it came to answer.
    pub(crate) answered: bool,
}

/// The server. Cheap to clone; it serves until the test ends.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    released: watch::Sender<bool>,
}

impl Functions {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let functions = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            calls: Arc::default(),
            released: watch::Sender::new(false),
        };
        let routes = Router::new()
            .route("/invoke", post(invoke))
            .with_state(functions.clone());
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        functions
    }

    /// Lets everything end that was told to hang, now and later.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// Every call so far, in the order in which they began.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How many calls have been answered.
    pub(crate) fn answered(&self) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.answered)
            .count()
    }

    /// The calls of one invocation.
    pub(crate) fn calls_of(&self, id: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.invocation_id == id);
        calls
    }

    /// The calls of each invocation.
    pub(crate) fn calls_by_id(&self) -> HashMap<String, Vec<Call>> {
        let mut by_id: HashMap<String, Vec<Call>> = HashMap::new();
        for call in self.calls() {
            by_id
                .entry(call.invocation_id.clone())
                .or_default()
                .push(call);
        }
        by_id
    }

    fn begin(&self, headers: &HeaderMap, payload: &Bytes) -> Ending {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let trace = |name: &str| match headers.get(name) {
            Some(value) => value.to_str().unwrap().to_owned(),
            None => String::new(),
        };
        let mut calls = self.calls.lock().unwrap();
        calls.push(Call {
            invocation_id: text("x-fc-async-task-id"),
            qualifier: text("x-fc-qualifier"),
            version: text("x-fc-version-id"),
            lease: text("x-ekiden-lease").parse().unwrap(),
            attempt: text("x-ekiden-attempt").parse().unwrap(),
            payload: payload.clone(),
            traceparent: trace("traceparent"),
            tracestate: trace("tracestate"),
            ended: None,
            answered: false,
        });
        Ending {
            calls: Arc::clone(&self.calls),
            place: calls.len() - 1,
            answered: false,
        }
    }
}

/// Records a call's end, also where the call is dropped because its caller went away.
struct Ending {
    calls: Arc<Mutex<Vec<Call>>>,
    place: usize,
    answered: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut calls = self.calls.lock().unwrap();
        calls[self.place].ended = Some(Instant::now());
        calls[self.place].answered = self.answered;
    }
}

async fn invoke(
    State(functions): State<Functions>,
    headers: HeaderMap,
    payload: Bytes,
) -> Response {
    let mut ending = functions.begin(&headers, &payload);
    let attempt = headers["x-ekiden-attempt"]
        .to_str()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    let text = String::from_utf8_lossy(&payload).into_owned();
    let mut words = text.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let number = words
        .next()
        .and_then(|word| word.parse::<u64>().ok())
        .unwrap_or(0);
    let answer = match verb {
        "fail" => failed(),
        "flaky" if attempt <= number => failed(),
        "busy" if attempt <= number => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "hang" => {
            let mut released = functions.released.subscribe();
            released.wait_for(|released| *released).await.unwrap();
            payload.into_response()
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            payload.into_response()
        }
        _ => payload.into_response(),
    };
    ending.answered = true;
    answer
}

fn failed() -> Response {
    let body = r#"{"errorMessage":"as it was told","errorType":"Told"}"#;
    (StatusCode::NOT_FOUND, [("x-fc-status", "404")], body).into_response()
}
