//! The bound on what has been accepted and has not ended.

use ekiden_store::Store;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// The shortest time from one count to the next.
const INTERVAL: Duration = Duration::from_millis(500);
/// How much longer than a count the pause after it is, so that counting stays a small part of the
/// database's work however many there are.
const REST: u32 = 20;

/// How many more invocations may be accepted. Every process counts for itself, so what is accepted
/// between two counts, about half a second, can go beyond the bound. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Backlog(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    bound: u32,
    room: AtomicU32,
}

impl Backlog {
    /// At most `bound` invocations that have not ended; [`Backlog::watch`] counts them.
    #[must_use]
    pub fn up_to(bound: u32) -> Self {
        let room = AtomicU32::new(bound);
        Self(Arc::new(Kept { bound, room }))
    }

    /// Counts until `stop`. While the database does not answer, the last count holds.
    pub async fn watch(self, store: Store, stop: CancellationToken) {
        let mut is_known = true;
        loop {
            let began = Instant::now();
            match store.count_live_up_to(self.0.bound).await {
                Ok(count) => {
                    self.counted(count);
                    is_known = true;
                }
                Err(error) => {
                    // Once, and not at every look.
                    if std::mem::take(&mut is_known) {
                        tracing::warn!(%error, "the backlog cannot be counted");
                    }
                }
            }
            let pause = INTERVAL.max(began.elapsed() * REST);
            let next = stop.run_until_cancelled(tokio::time::sleep(pause));
            if next.await.is_none() {
                return;
            }
        }
    }

    fn counted(&self, count: u32) {
        let room = self.0.bound.saturating_sub(count);
        self.0.room.store(room, Ordering::Relaxed);
        metrics::gauge!("ekiden_backlog").set(f64::from(count));
    }

    /// The bound, if there is no room for one more; else one more has taken it.
    pub(crate) fn add(&self) -> Result<(), u32> {
        let less = |room: u32| room.checked_sub(1);
        let added = self
            .0
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        added.map(drop).map_err(|_| self.0.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_up_to_the_bound() {
        let backlog = Backlog::up_to(2);
        assert_eq!((backlog.add(), backlog.add()), (Ok(()), Ok(())));
        assert_eq!((backlog.add(), backlog.add()), (Err(2), Err(2)));
        backlog.counted(1);
        assert_eq!((backlog.add(), backlog.add()), (Ok(()), Err(2)));
        backlog.counted(7);
        assert_eq!(backlog.add(), Err(2));
    }
}
