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
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};

/// How many invocations are in a batch.
const BATCH: usize = 1000;
/// How many batches are under way at once.
const MOST_BATCHES: usize = 4;
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

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// How many invocations.
    pub(super) tasks: usize,
    /// Over how many connections.
    pub(super) connections: usize,
    /// How long each payload is, in bytes.
    pub(super) payload: usize,
    /// The time from one to the next; zero for as fast as they are accepted.
    pub(super) pace: Duration,
}

/// Sends a load, each connection waiting for one 202 after the other. Ends with whoever waits for it.
pub(super) async fn enqueue(address: SocketAddr, load: Load) -> anyhow::Result<Timings> {
    let sent = Arc::new(AtomicUsize::new(0));
    let connections = 0..load.connections.max(1);
    let senders = try_join_all(connections.map(|_| Sender::connect(address))).await?;
    let payload = Bytes::from(vec![b'x'; load.payload]);
    let started = Instant::now();
    let mut sending = JoinSet::new();
    for mut sender in senders {
        let (sent, payload) = (Arc::clone(&sent), payload.clone());
        sending.spawn(async move {
            let mut each = Vec::new();
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                if number >= load.tasks {
                    return anyhow::Ok(each);
                }
                if !load.pace.is_zero() {
                    let due = started + load.pace.mul_f64(number as f64);
                    tokio::time::sleep_until(due.into()).await;
                }
                let asked = Instant::now();
                sender.invoke(payload.clone()).await?;
                each.push(asked.elapsed());
            }
        });
    }
    let mut each = Vec::new();
    while let Some(done) = sending.join_next().await {
        each.extend(done??);
    }
    Ok(Timings::new(started.elapsed(), each))
}

/// Sends batches of 1,000 over these connections until there were `tasks`, and checks that each was
/// accepted.
pub(super) async fn enqueue_batches(
    address: SocketAddr,
    Load {
        tasks,
        connections,
        payload,
        ..
    }: Load,
) -> anyhow::Result<Duration> {
    let one = json!({ "payload": "x".repeat(payload) });
    let body = |count: usize| Bytes::from(json!({ "invocations": vec![&one; count] }).to_string());
    let whole = body(BATCH);
    let counts = (0..tasks)
        .step_by(BATCH)
        .map(|from| (tasks - from).min(BATCH));
    let batches: Vec<(usize, Bytes)> = counts
        .map(|count| {
            (
                count,
                if count == BATCH {
                    whole.clone()
                } else {
                    body(count)
                },
            )
        })
        .collect();
    let batches = Arc::new(Mutex::new(batches));
    let connections = 0..connections.clamp(1, MOST_BATCHES);
    let senders = try_join_all(connections.map(|_| Sender::connect(address))).await?;
    let started = Instant::now();
    let mut sending = JoinSet::new();
    for mut sender in senders {
        let batches = Arc::clone(&batches);
        sending.spawn(async move {
            loop {
                let next = batches.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some((count, body)) = next else {
                    return anyhow::Ok(());
                };
                sender.invoke_many(count, body).await?;
            }
        });
    }
    while let Some(done) = sending.join_next().await {
        done??;
    }
    Ok(started.elapsed())
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

    async fn invoke_many(&mut self, count: usize, body: Bytes) -> anyhow::Result<()> {
        let (service, function) = FUNCTION;
        let request = Request::post(format!(
            "/ekiden/v1/services/{service}/functions/{function}/invocations"
        ))
        .header("host", "bench")
        .body(Full::new(body))?;
        let response = self.0.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let answer: Value = serde_json::from_slice(&body)?;
        let accepted = answer["invocations"].as_array().map_or(0, |invocations| {
            let is_accepted = |it: &&Value| it["status"] == StatusCode::ACCEPTED.as_u16();
            invocations.iter().filter(is_accepted).count()
        });
        if accepted != count {
            bail!("{}: {accepted} of {count} were accepted", head.status);
        }
        Ok(())
    }
}
