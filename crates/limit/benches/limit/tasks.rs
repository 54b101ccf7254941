//! Enqueuing and draining, each with a few batches under way.

use crate::{
    queue::{Publisher, Queue, Receiver},
    tables::{Accepted, Tables},
};
use anyhow::bail;
use ekiden_domain::{OutboxId, RequestId, Timestamp, WorkerId};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What is carried, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) tasks: usize,
    /// In bytes.
    pub(crate) payload: usize,
    pub(crate) batch: usize,
    pub(crate) flights: usize,
    pub(crate) ids_per_message: usize,
}

/// How many tasks are followed one by one.
const FOLLOWED: usize = 300;

/// How many tasks a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) enqueue: f64,
    pub(crate) drain: f64,
    pub(crate) both: f64,
}

/// Enqueues and drains one after the other, and then at once.
pub(crate) async fn measure(
    tables: &Arc<Tables>,
    queue: &Queue,
    load: Load,
) -> anyhow::Result<Rates> {
    let per_second = |took: Duration| load.tasks as f64 / took.as_secs_f64();
    tables.empty().await?;
    let enqueue = enqueue(tables, queue, load).await?;
    let drain = drain(tables, queue, load).await?;
    check(tables, load).await?;
    tables.empty().await?;
    let started = Instant::now();
    tokio::try_join!(
        self::enqueue(tables, queue, load),
        self::drain(tables, queue, load)
    )?;
    let both = started.elapsed();
    check(tables, load).await?;
    Ok(Rates {
        enqueue: per_second(enqueue),
        drain: per_second(drain),
        both: per_second(both),
    })
}

/// How long each of some tasks takes, one after the other and without HTTP: from before its acceptance to
/// its durable end.
pub(crate) async fn follow(
    tables: &Tables,
    queue: &Queue,
    load: Load,
) -> anyhow::Result<Vec<Duration>> {
    let load = Load {
        batch: 1,
        ids_per_message: 1,
        ..load
    };
    let publisher = queue.publisher().await?;
    let mut receiver = queue.receiver(1).await?;
    let worker = WorkerId::generate(now());
    let mut took = Vec::with_capacity(FOLLOWED);
    for _ in 0..FOLLOWED {
        let started = Instant::now();
        let ended = async {
            drain_batch(tables, &mut receiver, worker, load).await?;
            anyhow::Ok(started.elapsed())
        };
        let ((), ended) = tokio::try_join!(enqueue_batch(tables, &publisher, load, 1), ended)?;
        took.push(ended);
    }
    took.sort_unstable();
    Ok(took)
}

async fn check(tables: &Tables, load: Load) -> anyhow::Result<()> {
    let ended = tables.ended().await?;
    if ended != load.tasks as u64 {
        bail!("{ended} of {} tasks ended", load.tasks);
    }
    Ok(())
}

/// Until every task is durable and its message confirmed and forgotten.
async fn enqueue(tables: &Arc<Tables>, queue: &Queue, load: Load) -> anyhow::Result<Duration> {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut publishers = Vec::new();
    for _ in 0..load.flights {
        publishers.push(queue.publisher().await?);
    }
    let started = Instant::now();
    let mut flights = JoinSet::new();
    for publisher in publishers {
        let (tables, taken) = (Arc::clone(tables), Arc::clone(&taken));
        flights.spawn(async move {
            loop {
                let from = taken.fetch_add(load.batch, Ordering::Relaxed);
                if from >= load.tasks {
                    return anyhow::Ok(());
                }
                let count = load.batch.min(load.tasks - from);
                enqueue_batch(&tables, &publisher, load, count).await?;
            }
        });
    }
    all(flights).await?;
    Ok(started.elapsed())
}

async fn enqueue_batch(
    tables: &Tables,
    publisher: &Publisher,
    load: Load,
    count: usize,
) -> anyhow::Result<()> {
    let payload = vec![b'x'; load.payload];
    let now = now();
    let new = Accepted {
        ids: (0..count)
            .map(|_| RequestId::generate(now).as_uuid())
            .collect(),
        messages: (0..count)
            .map(|_| OutboxId::generate(now).as_uuid())
            .collect(),
        payloads: vec![&payload; count],
        now: now.as_millis(),
    };
    tables.accept(&new).await?;
    publisher.publish(&new.ids, load.ids_per_message).await?;
    tables.sent(&new.ids, &new.messages).await
}

/// Until every task has ended.
async fn drain(tables: &Arc<Tables>, queue: &Queue, load: Load) -> anyhow::Result<Duration> {
    let left = Arc::new(AtomicUsize::new(load.tasks));
    let done = CancellationToken::new();
    let started = Instant::now();
    let mut flights = JoinSet::new();
    for _ in 0..load.flights {
        // A batch runs while the next one comes.
        let prefetch = (2 * load.batch).div_ceil(load.ids_per_message);
        let mut receiver = queue.receiver(prefetch).await?;
        let (tables, left, done) = (Arc::clone(tables), Arc::clone(&left), done.clone());
        flights.spawn(async move {
            let worker = WorkerId::generate(now());
            loop {
                let batch = drain_batch(&tables, &mut receiver, worker, load);
                // None is under way when the last has ended.
                let Some(ended) = done.run_until_cancelled(batch).await else {
                    return Ok(());
                };
                let ended = ended?;
                if left.fetch_sub(ended, Ordering::Relaxed) == ended {
                    done.cancel();
                }
            }
        });
    }
    all(flights).await?;
    Ok(started.elapsed())
}

/// Runs what came; returns how many tasks that was.
async fn drain_batch(
    tables: &Tables,
    receiver: &mut Receiver,
    worker: WorkerId,
    load: Load,
) -> anyhow::Result<usize> {
    let batch = receiver.next(load.batch).await?;
    let started = now().as_millis();
    let runs = tables.start(&batch.ids, worker.as_uuid(), started).await?;
    batch.acknowledge().await?;
    let read: usize = runs.iter().map(|run| run.payload.len()).sum();
    if read != runs.len() * load.payload {
        bail!(
            "payloads of {read} bytes were read for {} tasks",
            runs.len()
        );
    }
    let ended = runs.len();
    tables.end(runs, now().as_millis()).await?;
    Ok(ended)
}

async fn all(mut flights: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(flight) = flights.join_next().await {
        flight??;
    }
    Ok(())
}

/// The time, as the tables have it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
