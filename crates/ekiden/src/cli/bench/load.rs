//! Who sends the tasks, as a process of its own: a few connections, each with one request under way.

use super::platform::FUNCTION;
use crate::{cli::Failure, clock::SystemClock};
use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use ekiden_domain::{Clock, InvocationId};
use futures::future::try_join_all;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, task::JoinSet};

/// Enqueue tasks as fast as they are accepted, or at a pace; prints one JSON line
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Load {
    /// Where the API is; connections take turns
    #[arg(required = true)]
    pub(super) addresses: Vec<SocketAddr>,
    /// How many invocations
    #[arg(long)]
    pub(super) tasks: usize,
    /// Over how many connections
    #[arg(long)]
    pub(super) connections: usize,
    /// How long each payload is, in bytes
    #[arg(long)]
    pub(super) payload: usize,
    /// How many invocations are in a request
    #[arg(long, default_value = "1")]
    pub(super) batch: usize,
    /// From one request to the next, in nanoseconds
    #[arg(long, default_value = "0")]
    pub(super) pace: u64,
}

/// What became of a load: each request waited for its 202.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// How many invocations were accepted a second.
    pub(super) per_s: f64,
    /// How long requests took.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// When the first was sent, in milliseconds since 1970.
    pub(super) began_at: i64,
}

impl Load {
    /// What makes another process do this.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["load".to_owned()];
        arguments.extend(self.addresses.iter().map(SocketAddr::to_string));
        for (name, value) in [
            ("--tasks", self.tasks),
            ("--connections", self.connections),
            ("--payload", self.payload),
            ("--batch", self.batch),
        ] {
            arguments.extend([name.to_owned(), value.to_string()]);
        }
        arguments.extend(["--pace".to_owned(), self.pace.to_string()]);
        arguments
    }

    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let sent = Arc::new(self).send().await?;
        outln!("{}", json!(sent));
        Ok(ExitCode::SUCCESS)
    }

    async fn send(self: Arc<Self>) -> anyhow::Result<Sent> {
        let addresses = self.addresses.iter().cycle().take(self.connections.max(1));
        let senders = try_join_all(addresses.map(|address| Sender::connect(*address))).await?;
        let body = self.body(self.batch);
        let taken = Arc::new(AtomicUsize::new(0));
        let (began_at, started) = (SystemClock.now().as_millis(), Instant::now());
        let mut sending = JoinSet::new();
        for sender in senders {
            let (load, body, taken) = (Arc::clone(&self), body.clone(), Arc::clone(&taken));
            sending.spawn(load.send_over(sender, body, taken, started));
        }
        let mut each = Vec::new();
        while let Some(done) = sending.join_next().await {
            each.extend(done??);
        }
        let took = started.elapsed();
        let each = Timings::new(each);
        Ok(Sent {
            per_s: (self.tasks as f64 / took.as_secs_f64()).round(),
            p50_ms: each.percentile(0.50),
            p99_ms: each.percentile(0.99),
            began_at,
        })
    }

    /// One request after the other, until there were enough on all connections together.
    async fn send_over(
        self: Arc<Self>,
        mut sender: Sender,
        body: Bytes,
        taken: Arc<AtomicUsize>,
        started: Instant,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut each = Vec::new();
        loop {
            let number = taken.fetch_add(self.batch, Ordering::Relaxed);
            if number >= self.tasks {
                return Ok(each);
            }
            if self.pace > 0 {
                let due = started + Duration::from_nanos(self.pace).mul_f64(number as f64);
                tokio::time::sleep_until(due.into()).await;
            }
            let asked = Instant::now();
            let count = self.batch.min(self.tasks - number);
            if self.batch == 1 {
                sender.invoke(body.clone()).await?;
            } else if count == self.batch {
                sender.invoke_many(count, body.clone()).await?;
            } else {
                sender.invoke_many(count, self.body(count)).await?;
            }
            each.push(asked.elapsed());
        }
    }

    fn body(&self, count: usize) -> Bytes {
        let payload = "x".repeat(self.payload);
        if self.batch == 1 {
            return payload.into();
        }
        let one = json!({ "payload": payload });
        json!({ "invocations": vec![one; count] })
            .to_string()
            .into()
    }
}

/// How long each of some things took, in order.
pub(super) struct Timings(Vec<Duration>);

impl Timings {
    pub(super) fn new(mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        Self(each)
    }

    /// The time that this share (0 to 1) of them took at most, in milliseconds to three places.
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        let time = self.0.get(index).copied().unwrap_or_default();
        (time.as_secs_f64() * 1e6).round() / 1e3
    }
}

/// One connection to the API.
pub(super) struct Sender(SendRequest<Full<Bytes>>);

impl Sender {
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(super) async fn invoke(&mut self, payload: Bytes) -> anyhow::Result<InvocationId> {
        let (service, function) = FUNCTION;
        let request = Request::post(format!(
            "/services/{service}/functions/{function}/invocations"
        ))
        .header("host", "bench")
        .header("x-fc-invocation-type", "Async")
        .body(Full::new(payload))?;
        let (head, _) = self.ask(request, StatusCode::ACCEPTED).await?;
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
        let (_, body) = self.ask(request, StatusCode::OK).await?;
        let answer: Value = serde_json::from_slice(&body)?;
        let accepted = answer["invocations"].as_array().map_or(0, |invocations| {
            let is_accepted = |it: &&Value| it["status"] == StatusCode::ACCEPTED.as_u16();
            invocations.iter().filter(is_accepted).count()
        });
        if accepted != count {
            bail!("{accepted} of {count} were accepted");
        }
        Ok(())
    }

    /// What is at this path.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<Bytes> {
        let request = Request::get(path)
            .header("host", "bench")
            .body(Full::default())?;
        Ok(self.ask(request, StatusCode::OK).await?.1)
    }

    async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> anyhow::Result<(http::response::Parts, Bytes)> {
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        if head.status != expected {
            bail!("{}: {}", head.status, String::from_utf8_lossy(&body));
        }
        Ok((head, body))
    }
}
