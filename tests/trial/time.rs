//! Time that runs only while nothing else does.

use ekiden_domain::{Clock, Timestamp};
use std::{future::poll_fn, task::Poll, time::Duration};
use tokio::time::Instant;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The runtime's paused clock.
#[derive(Debug)]
pub(crate) struct PausedClock(Instant);

impl PausedClock {
    /// At the beginning of time.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        START.after(self.elapsed())
    }
}

/// Lets whoever is ready have its turn, until `is_over`, while time stands still.
pub(crate) async fn turns_until(mut is_over: impl FnMut() -> bool + Send + 'static) {
    let turns = poll_fn(move |context| {
        if is_over() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    // A task of its own, so that nothing else is looked at with it each time.
    tokio::spawn(turns).await.unwrap();
}
