//! An API that accepts and does nothing else: each 202 once its row set is durable.

use crate::{
    tables::{Accepted, Tables},
    tasks::now,
};
use anyhow::{Context, bail};
use axum::{Router, extract::State, routing::post};
use bytes::Bytes;
use ekiden_domain::{OutboxId, RequestId};
use http::StatusCode;
use serde_json::{Map, Value};
use std::{net::Ipv4Addr, path::Path, sync::Arc};
use tokio::{
    net::TcpListener,
    process::Command,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

/// Where `ekiden` serves it too.
const ROUTE: &str = "/services/{service}/functions/{function}/invocations";
const ID: &str = "x-fc-invocation-id";
/// The most in one commit, how many commits may be under way at once, and how many requests may
/// wait: as Ekiden has them.
const BATCH: usize = 500;
const FLIGHTS: usize = 2;
const WAITING: usize = 10_000;

/// How many requests, over how many connections, with how many bytes each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) tasks: usize,
    pub(crate) connections: usize,
    pub(crate) payload: usize,
}

/// A request that waits for its commit.
struct Waiting {
    id: Uuid,
    payload: Bytes,
    durable: oneshot::Sender<()>,
}

/// Serves while `sender` sends, and returns what it tells of that.
pub(crate) async fn measure(
    tables: &Arc<Tables>,
    sender: &Path,
    load: Load,
) -> anyhow::Result<Map<String, Value>> {
    let (requests, waiting) = mpsc::channel(WAITING);
    let committing = tokio::spawn(commit(Arc::clone(tables), waiting));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route(ROUTE, post(invoke))
        .with_state(requests);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let sent = Command::new(sender)
        .args(["bench-part", "load", &address.to_string()])
        .args(["--tasks", &load.tasks.to_string()])
        .args(["--connections", &load.connections.to_string()])
        .args(["--payload", &load.payload.to_string()])
        .stderr(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot run {}", sender.display()))?;
    serving.abort();
    // Ended by us, with all that it had.
    drop(serving.await);
    committing.abort();
    if !sent.status.success() {
        bail!("{} failed", sender.display());
    }
    Ok(serde_json::from_slice(&sent.stdout)?)
}

async fn invoke(
    State(requests): State<mpsc::Sender<Waiting>>,
    payload: Bytes,
) -> Result<(StatusCode, [(&'static str, String); 1]), StatusCode> {
    let id = RequestId::generate(now()).as_uuid();
    let (durable, is_durable) = oneshot::channel();
    let waiting = Waiting {
        id,
        payload,
        durable,
    };
    if requests.send(waiting).await.is_err() || is_durable.await.is_err() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok((StatusCode::ACCEPTED, [(ID, id.to_string())]))
}

/// Commits whatever waits, together; the next commit begins when one of those before has ended.
async fn commit(tables: Arc<Tables>, mut waiting: mpsc::Receiver<Waiting>) -> anyhow::Result<()> {
    let mut flights: Vec<JoinHandle<anyhow::Result<()>>> = Vec::new();
    loop {
        if flights.len() == FLIGHTS {
            let (ended, _, others) = futures::future::select_all(flights).await;
            flights = others;
            ended??;
        }
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, BATCH).await == 0 {
            return Ok(());
        }
        flights.push(tokio::spawn(commit_batch(Arc::clone(&tables), batch)));
    }
}

async fn commit_batch(tables: Arc<Tables>, batch: Vec<Waiting>) -> anyhow::Result<()> {
    let now = now();
    let new = Accepted {
        ids: batch.iter().map(|waiting| waiting.id).collect(),
        messages: (0..batch.len())
            .map(|_| OutboxId::generate(now).as_uuid())
            .collect(),
        payloads: batch
            .iter()
            .map(|waiting| waiting.payload.as_ref())
            .collect(),
        now: now.as_millis(),
    };
    tables.accept(&new).await?;
    for waiting in batch {
        // Whoever asked may have gone.
        let _: Result<(), ()> = waiting.durable.send(());
    }
    Ok(())
}
