//! Who sends the tasks: a few connections, each with one request under way.

use super::stage::{FUNCTION, Stage};
use anyhow::{Context, bail};
use bytes::Bytes;
use ekiden_domain::InvocationId;
use futures::future::try_join_all;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// How often a followed task is looked at.
const LOOK: Duration = Duration::from_micros(500);
/// How long a followed task may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long requests took.
pub(super) struct Timings {
    /// From the first to the last.
    pub(super) took: Duration,
    /// Each, sorted.
    each: Vec<Duration>,
}

impl Timings {
    fn new(took: Duration, mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        Self { took, each }
    }

    /// The time that this share (0 to 1) of them took at most.
    pub(super) fn percentile(&self, share: f64) -> Duration {
        let last = self.each.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.each.get(index).copied().unwrap_or_default()
    }
}

/// Sends `tasks` invocations over `connections`, each waiting for its 202.
pub(super) async fn enqueue(
    address: SocketAddr,
    tasks: usize,
    connections: usize,
    payload: usize,
) -> anyhow::Result<Timings> {
    let left = Arc::new(AtomicUsize::new(tasks));
    let senders = try_join_all((0..connections.max(1)).map(|_| Sender::connect(address))).await?;
    let payload = Bytes::from(vec![b'x'; payload]);
    let started = Instant::now();
    let sending = senders.into_iter().map(|mut sender| {
        let (left, payload) = (Arc::clone(&left), payload.clone());
        tokio::spawn(async move {
            let mut each = Vec::new();
            let is_left = |left: usize| left.checked_sub(1);
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_left)
                .is_ok()
            {
                let sent = Instant::now();
                sender.invoke(payload.clone()).await?;
                each.push(sent.elapsed());
            }
            anyhow::Ok(each)
        })
    });
    let mut each = Vec::with_capacity(tasks);
    for sent in try_join_all(sending).await? {
        each.extend(sent?);
    }
    Ok(Timings::new(started.elapsed(), each))
}

/// Sends `tasks` invocations, each only when the one before was seen to have ended.
pub(super) async fn follow(stage: &Stage, tasks: usize, payload: usize) -> anyhow::Result<Timings> {
    let mut sender = Sender::connect(stage.address()).await?;
    let payload = Bytes::from(vec![b'x'; payload]);
    let mut each = Vec::with_capacity(tasks);
    let started = Instant::now();
    for _ in 0..tasks {
        let sent = Instant::now();
        let id = sender.invoke(payload.clone()).await?;
        while !stage.has_ended(&id).await? {
            if sent.elapsed() > PATIENCE {
                bail!("the task {id} did not end within {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        each.push(sent.elapsed());
    }
    Ok(Timings::new(started.elapsed(), each))
}

/// One connection to the API.
struct Sender(SendRequest<Full<Bytes>>);

impl Sender {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    async fn invoke(&mut self, payload: Bytes) -> anyhow::Result<InvocationId> {
        let (service, function) = FUNCTION;
        let request = Request::post(format!(
            "/services/{service}/functions/{function}/invocations"
        ))
        .header("host", "bench")
        .header("x-fc-invocation-type", "Async")
        .body(Full::new(payload))?;
        let response = self.0.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        if head.status != StatusCode::ACCEPTED {
            bail!("{}: {}", head.status, String::from_utf8_lossy(&body));
        }
        let id = head.headers.get("x-fc-invocation-id").context("an id")?;
        Ok(InvocationId::lookup(id.to_str()?)?)
    }
}
