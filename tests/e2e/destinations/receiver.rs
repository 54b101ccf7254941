//! A webhook's receiver: keeps what it gets, and answers as it is told.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Two keys: one is being replaced by the other.
pub(super) const SECRETS: [&str; 2] = [
    "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=",
];

/// What a receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(crate) traceparent: String,
    pub(super) body: Bytes,
}

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Down,
    Gone,
    /// Never answers.
    Hanging,
    /// Answers without an end.
    Talkative,
    /// Sends its callers to itself, by another path.
    Redirecting,
}

/// The server. Cheap to clone; it serves until the test ends.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(super) port: u16,
    got: Arc<Mutex<Vec<Received>>>,
    mood: Arc<Mutex<Mood>>,
}

impl Receiver {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = Self {
            url: format!("http://127.0.0.1:{port}/hook"),
            port,
            got: Arc::default(),
            mood: Arc::new(Mutex::new(mood)),
        };
        let routes = Router::new()
            .route("/{*any}", post(receive))
            .with_state(receiver.clone());
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        receiver
    }

    pub(super) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Everything that came, also what was answered badly.
    pub(crate) fn got(&self) -> Vec<Received> {
        self.got.lock().unwrap().clone()
    }
}

impl Received {
    /// Checks the signatures of both keys, and returns the content.
    pub(super) fn verified(&self) -> Value {
        let signatures: Vec<&str> = self.signature.split(' ').collect();
        let expected = SECRETS.map(|secret| {
            let key = STANDARD
                .decode(secret.strip_prefix("whsec_").unwrap())
                .unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("{}.{}.", self.id, self.timestamp).as_bytes());
            mac.update(&self.body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        });
        assert_eq!(signatures, expected);
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| match headers.get(name) {
        Some(value) => value.to_str().unwrap().to_owned(),
        None => String::new(),
    };
    receiver.got.lock().unwrap().push(Received {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        traceparent: text("traceparent"),
        body,
    });
    let mood = *receiver.mood.lock().unwrap();
    match mood {
        Mood::Fine => "thank you".into_response(),
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Gone => (StatusCode::GONE, "no more").into_response(),
        Mood::Hanging => std::future::pending().await,
        Mood::Talkative => {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            let chunks = stream::repeat(chunk).map(Ok::<_, std::io::Error>);
            Body::from_stream(chunks).into_response()
        }
        Mood::Redirecting => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
    }
}
