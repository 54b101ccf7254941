use super::*;
use futures::future::join_all;
use std::sync::Mutex as StdMutex;

/// Answers each item with itself; fails as it is told.
#[derive(Default)]
struct Fake {
    flushes: StdMutex<Vec<(Vec<u32>, bool)>>,
    /// How many of the first flushes are lost on the way.
    losses: usize,
    /// Whether no connection comes free.
    is_hindered: bool,
    /// The item that no database takes.
    bad: Option<u32>,
}

impl Flush for Arc<Fake> {
    type Item = u32;
    type Answer = u32;
    type Key = u32;

    fn key(item: &u32) -> u32 {
        item % 10
    }

    async fn flush(&self, items: &[&u32], repeated: bool) -> Result<Vec<u32>, sqlx::Error> {
        let items: Vec<u32> = items.iter().map(|item| **item).collect();
        let flushes = {
            let mut flushes = self.flushes.lock().unwrap();
            flushes.push((items.clone(), repeated));
            flushes.len()
        };
        if flushes <= self.losses {
            return Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        }
        if self.is_hindered {
            return Err(sqlx::Error::PoolTimedOut);
        }
        if self.bad.is_some_and(|bad| items.contains(&bad)) {
            return Err(sqlx::Error::Encode("a value is refused".into()));
        }
        Ok(items)
    }
}

fn limits(items: usize) -> Limits {
    Limits {
        items,
        flushes: 2,
        patience: Duration::from_secs(5),
        trial: Trial::default(),
    }
}

async fn write(fake: &Arc<Fake>, count: u32) -> Vec<Result<u32, StoreError>> {
    let batcher = Batcher::start(Arc::clone(fake), limits(16));
    join_all((0..count).map(|item| batcher.write(item))).await
}

#[tokio::test]
async fn each_caller_has_its_own_answer_and_no_flush_holds_a_key_twice() {
    let fake = Arc::new(Fake::default());
    for (item, answer) in (0..).zip(write(&fake, 200).await) {
        assert_eq!(answer.unwrap(), item);
    }
    let flushes = fake.flushes.lock().unwrap();
    assert!(flushes.len() < 200, "nothing was gathered");
    for (items, _) in flushes.iter() {
        let keys: std::collections::HashSet<u32> = items.iter().map(|item| item % 10).collect();
        assert_eq!(keys.len(), items.len(), "{items:?}");
    }
}

#[tokio::test]
async fn a_bad_row_fails_alone() {
    let fake = Arc::new(Fake {
        bad: Some(7),
        ..Fake::default()
    });
    for (item, answer) in (0..).zip(write(&fake, 40).await) {
        match answer {
            Ok(answer) => assert_eq!((answer, item == 7), (item, false)),
            Err(error) => assert!(
                item == 7 && matches!(error, StoreError::Rejected(_)),
                "{item}"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_flush_is_repeated_and_says_so() {
    let fake = Arc::new(Fake {
        losses: 3,
        ..Fake::default()
    });
    let batcher = Batcher::start(
        Arc::clone(&fake),
        Limits {
            flushes: 1,
            ..limits(16)
        },
    );
    assert_eq!(batcher.write(3).await.unwrap(), 3);
    assert_eq!(
        *fake.flushes.lock().unwrap(),
        [false, true, true, true].map(|repeated| (vec![3], repeated))
    );
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_stays_lost_is_an_unknown_outcome_for_every_caller_within_its_patience() {
    let fake = Arc::new(Fake {
        losses: usize::MAX,
        ..Fake::default()
    });
    let began = Instant::now();
    for answer in write(&fake, 5).await {
        assert!(matches!(answer, Err(StoreError::Unknown(_))));
    }
    let (took, patience) = (began.elapsed(), limits(16).patience);
    assert!((patience / 2..=patience).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_stays_hindered_wrote_nothing_and_says_so() {
    let fake = Arc::new(Fake {
        is_hindered: true,
        ..Fake::default()
    });
    for answer in write(&fake, 5).await {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    }
    let flushes = fake.flushes.lock().unwrap();
    assert!(flushes.iter().all(|(_, repeated)| !repeated));
}

#[tokio::test]
async fn flushing_ends_with_the_last_who_writes() {
    let fake = Arc::new(Fake::default());
    write(&fake, 5).await;
    for _ in 0..1000 {
        if Arc::strong_count(&fake) == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("somebody still flushes");
}
