//! Producers under load.

use crate::{client::Client, spelling::UNVERSIONED};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How many requests are under way at once.
const AT_ONCE: usize = 64;
/// How long one producer tries before it gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where producers go, and how far they are.
#[derive(Debug)]
pub(crate) struct Way {
    /// Changes when a process is started anew.
    pub(crate) client: Mutex<Client>,
    pub(crate) accepted: AtomicUsize,
}

impl Way {
    pub(crate) fn to(client: &Client) -> Arc<Self> {
        Arc::new(Self {
            client: Mutex::new(client.clone()),
            accepted: AtomicUsize::new(0),
        })
    }
}

/// Enqueues a task under each of these ids, each until it is accepted: as the producers of an
/// unreliable network do, who repeat a request of the same id until they have an answer.
pub(crate) async fn enqueue(way: Arc<Way>, ids: Vec<String>, payload: Bytes) {
    let requests = stream::iter(ids).map(|id| {
        let (way, payload) = (Arc::clone(&way), payload.clone());
        async move { enqueue_one(&way, &id, payload).await }
    });
    requests
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

async fn enqueue_one(way: &Way, id: &str, payload: Bytes) {
    let named = [("x-fc-async-task-id", id)];
    let give_up = Instant::now() + PATIENCE;
    loop {
        let client = way.client.lock().unwrap().clone();
        let sent = client
            .try_post(&UNVERSIONED.invoke("f"), &named, payload.clone())
            .await;
        match sent.map(|answer| answer.status) {
            // Of the same id: the first of these requests was accepted, its answer was lost.
            Ok(202 | 409) => {
                way.accepted.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(503) | Err(_) => {}
            Ok(other) => panic!("{id} was answered {other}"),
        }
        assert!(Instant::now() < give_up, "{id} was not accepted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
