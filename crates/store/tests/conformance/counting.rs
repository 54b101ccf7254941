//! How many invocations there are.

use crate::fixture::{NOW, accepted, at, started};
use ekiden_domain::{FunctionName, Status};
use ekiden_store::{Commit, Counts, Store};

pub(crate) async fn functions_are_counted_by_status_and_the_ended_ones_by_their_end(store: Store) {
    store.migrate().await.unwrap();
    let counts = store.counts(NOW, 10).await.unwrap();
    assert_eq!((counts.counts.len(), counts.is_partial), (0, false));
    accepted(&store, None, NOW).await;
    started(&store, &accepted(&store, None, NOW).await, at(1)).await;
    for ended_at in [at(10), at(20), at(30)] {
        let stopped = accepted(&store, None, NOW).await.stop(ended_at).unwrap();
        assert_eq!(store.commit(stopped).await.unwrap(), Commit::Written);
    }
    for (most, count) in [(1, 1), (2, 2), (10, 2)] {
        assert_eq!(store.count_live_up_to(most).await.unwrap(), count);
    }
    let live = [(Status::Enqueued, 1), (Status::Running, 1)];
    for (ended_from, most, stopped, is_partial) in [
        (at(10), 10, Some(3), false),
        (at(11), 10, Some(2), false),
        (at(31), 10, None, false),
        (at(10), 2, Some(2), true),
    ] {
        let counts = store.counts(ended_from, most).await.unwrap();
        let ended = stopped.map(|count| (Status::Stopped, count));
        assert_eq!(
            told(&counts),
            live.into_iter().chain(ended).collect::<Vec<_>>()
        );
        assert_eq!(counts.is_partial, is_partial, "{ended_from:?} {most}");
    }
}

fn told(counts: &Counts) -> Vec<(Status, u64)> {
    let function: FunctionName = crate::fixture::function();
    assert!(counts.counts.iter().all(|count| count.function == function));
    let counts = counts.counts.iter();
    counts.map(|count| (count.status, count.count)).collect()
}
