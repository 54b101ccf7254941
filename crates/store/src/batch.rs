//! Group commit: callers hand in one item each and await its answer; whatever has gathered while
//! the last flush was under way goes out together, as one statement and one commit. No timer: at
//! low load an item goes out at once.

use crate::{StoreError, error::Fate};
use ekiden_domain::{Trial, trial::Lost};
use std::{
    collections::HashMap, future::Future, hash::Hash, io::ErrorKind, sync::Arc, time::Duration,
};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::Instant,
};

/// How many items may wait for a flush before callers wait for room.
const QUEUE: usize = 10_000;
/// The first pause before a flush is tried again; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest pause before a flush is tried again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A kind of write that can be done for many items at once.
pub(crate) trait Flush: Send + Sync + 'static {
    /// What one caller wants written.
    type Item: Send + Sync + 'static;
    /// What that caller is told.
    type Answer: Send + 'static;
    /// What two items must not share within one flush.
    type Key: Eq + Hash;

    /// The key of an item.
    fn key(item: &Self::Item) -> Self::Key;

    /// Writes all items in one transaction, or none. Answers in their order. `repeated` says that
    /// an earlier try was lost on the way, so that what it wanted may be written already: then that
    /// is a success.
    fn flush(
        &self,
        items: &[&Self::Item],
        repeated: bool,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, sqlx::Error>> + Send;
}

/// How a batcher works.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The most items in one flush.
    pub(crate) items: usize,
    /// How many flushes may be under way at once.
    pub(crate) flushes: usize,
    /// For how long a flush is tried.
    pub(crate) patience: Duration,
    /// What is in the way of a flush.
    pub(crate) trial: Trial,
}

struct Waiting<F: Flush> {
    item: F::Item,
    answer: oneshot::Sender<Result<F::Answer, StoreError>>,
}

/// The callers' side of a group commit.
pub(crate) struct Batcher<F: Flush> {
    queue: mpsc::Sender<Waiting<F>>,
}

impl<F: Flush> Clone for Batcher<F> {
    fn clone(&self) -> Self {
        let queue = self.queue.clone();
        Self { queue }
    }
}

impl<F: Flush> Batcher<F> {
    /// Starts the flushing tasks; they end when the last clone is dropped and the queue is empty.
    pub(crate) fn start(flush: F, limits: Limits) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let flush = Arc::new(flush);
        for _ in 0..limits.flushes {
            tokio::spawn(flush_forever(
                Arc::clone(&flush),
                Arc::clone(&waiting),
                limits.clone(),
            ));
        }
        Self { queue }
    }

    /// Writes one item with whatever else is on its way, and answers for this one alone.
    pub(crate) async fn write(&self, item: F::Item) -> Result<F::Answer, StoreError> {
        self.submit(item).await.answer().await
    }

    /// Hands in one item, as soon as there is room for it.
    pub(crate) async fn submit(&self, item: F::Item) -> Pending<F::Answer> {
        let (answer, answered) = oneshot::channel();
        // Where nobody flushes any more, the answer's end goes with the item.
        drop(self.queue.send(Waiting { item, answer }).await);
        Pending(answered)
    }
}

/// The answer that an item will have.
pub(crate) struct Pending<T>(oneshot::Receiver<Result<T, StoreError>>);

impl<T> Pending<T> {
    pub(crate) async fn answer(self) -> Result<T, StoreError> {
        self.0.await.map_err(|_| StoreError::Closed)?
    }
}

async fn flush_forever<F: Flush>(
    flush: Arc<F>,
    waiting: Arc<Mutex<mpsc::Receiver<Waiting<F>>>>,
    limits: Limits,
) {
    let mut batch = Vec::with_capacity(limits.items);
    while waiting
        .lock()
        .await
        .recv_many(&mut batch, limits.items)
        .await
        > 0
    {
        metrics::histogram!("ekiden_store_batch_items").record(batch.len() as f64);
        for round in rounds::<F>(std::mem::take(&mut batch)) {
            let (items, callers): (Vec<_>, Vec<_>) = round
                .into_iter()
                .map(|waiting| (waiting.item, waiting.answer))
                .unzip();
            let items: Vec<&F::Item> = items.iter().collect();
            let answers = flush_all(&*flush, &items, &limits).await;
            for (caller, answer) in callers.into_iter().zip(answers) {
                // A caller that no longer waits (its request was dropped) has nothing to be told.
                drop(caller.send(answer));
            }
        }
    }
}

/// Splits a batch so that no round holds two items of one key, keeping each key's order.
fn rounds<F: Flush>(batch: Vec<Waiting<F>>) -> Vec<Vec<Waiting<F>>> {
    let mut rounds: Vec<Vec<Waiting<F>>> = Vec::with_capacity(1);
    let mut seen: HashMap<F::Key, usize> = HashMap::with_capacity(batch.len());
    for waiting in batch {
        let round = seen
            .entry(F::key(&waiting.item))
            .and_modify(|n| *n += 1)
            .or_insert(0);
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(waiting);
    }
    rounds
}

/// Flushes until every item has its answer: a lost or hindered flush is repeated whole while
/// patience lasts, a batch with a bad row is halved until that row stands alone.
async fn flush_all<F: Flush>(
    flush: &F,
    items: &[&F::Item],
    limits: &Limits,
) -> Vec<Result<F::Answer, StoreError>> {
    let mut answers = Vec::with_capacity(items.len());
    let mut parts = vec![items];
    while let Some(part) = parts.pop() {
        match flush_part(flush, part, limits).await {
            Ok(part) => answers.extend(part.into_iter().map(Ok)),
            Err((Fate::BadRow, _)) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err((_, error)) => answers.extend(part.iter().map(|_| Err(error.clone()))),
        }
    }
    answers
}

async fn flush_part<F: Flush>(
    flush: &F,
    items: &[&F::Item],
    limits: &Limits,
) -> Result<Vec<F::Answer>, (Fate, StoreError)> {
    let patience = limits.patience;
    let give_up = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    let mut lost = false;
    loop {
        let flushed = limits.trial.meet(flush.flush(items, lost));
        let error = match tokio::time::timeout(patience, flushed).await {
            Ok(Ok(Ok(answers))) => return Ok(answers),
            Ok(Ok(Err(error))) => error,
            Ok(Err(Lost)) => sqlx::Error::Io(ErrorKind::ConnectionReset.into()),
            Err(_) => sqlx::Error::Io(ErrorKind::TimedOut.into()),
        };
        let fate = Fate::of(&error);
        metrics::counter!("ekiden_store_flush_failures_total").increment(1);
        tracing::warn!(items = items.len(), ?fate, %error, "a group commit failed");
        lost |= fate == Fate::Lost;
        let hopeless = matches!(fate, Fate::BadRow | Fate::Refused);
        if hopeless || Instant::now() + pause >= give_up {
            let error = Arc::new(error);
            return Err((
                fate,
                match (hopeless, lost) {
                    (_, true) => StoreError::Unknown(error),
                    (true, false) => StoreError::Rejected(error),
                    (false, false) => StoreError::Unavailable(error),
                },
            ));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests;
