//! How many invocations there are, by function and status.

use crate::{List, failed};
use axum::{Json, extract::State};
use ekiden_domain::{Scope, Timestamp};
use ekiden_store::{Counts, Store, StoreError};
use ekiden_wire::{Caller, Problem, native};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long ago an invocation may have ended to be counted.
const RECENT: Duration = Duration::from_secs(5 * 60);
/// How many of those are counted at most.
const MOST: u32 = 100_000;
/// How old an answer may be, so that many who look cost as much as one.
const LAG: Duration = Duration::from_secs(1);

/// Counts for all who ask. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<Mutex<Option<Counted>>>);

/// The last counts, and since when they are known.
#[derive(Debug)]
struct Counted {
    at: Instant,
    counts: Arc<Counts>,
}

impl Counter {
    /// Counts, or waits for who counts already.
    async fn counts(&self, store: &Store, now: Timestamp) -> Result<Arc<Counts>, StoreError> {
        let mut last = self.0.lock().await;
        if let Some(Counted { at, counts }) = &*last
            && at.elapsed() < LAG
        {
            return Ok(Arc::clone(counts));
        }
        let counts = Arc::new(store.counts(now.before(RECENT), MOST).await?);
        *last = Some(Counted {
            at: Instant::now(),
            counts: Arc::clone(&counts),
        });
        Ok(counts)
    }
}

/// Those that have not ended, and those that ended lately; of the functions that the caller may read.
pub(crate) async fn counts(
    State(list): State<List>,
    caller: Caller,
) -> Result<Json<native::Counts>, Problem> {
    caller.may_somewhere(Scope::Read)?;
    let counted = list.counter.counts(&list.store, list.clock.now());
    let counted = counted.await.map_err(failed)?;
    let counts = counted.counts.iter();
    let readable = counts.filter(|count| caller.may(Scope::Read, &count.function).is_ok());
    let told = readable.map(|count| native::Count::new(&count.function, count.status, count.count));
    Ok(Json(native::Counts::new(RECENT, counted.is_partial, told)))
}
