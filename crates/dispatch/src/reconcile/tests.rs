use super::*;
use bytes::Bytes;
use ekiden_domain::{AsyncConfig, Invocation, NewInvocation};
use ekiden_store::{Commit, Database, StoreConfig};
use std::sync::atomic::{AtomicI64, Ordering};

/// The time in seconds, as a test sets it.
#[derive(Debug, Default)]
struct Seconds(AtomicI64);

impl Clock for Seconds {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_763_800_000_000 + 1000 * self.0.load(Ordering::Relaxed))
    }
}

struct World {
    store: Store,
    clock: Arc<Seconds>,
    reconciler: Reconciler,
    _place: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ekiden.db");
        let store = Store::open(StoreConfig::new(Database::Sqlite { path }))
            .await
            .unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::<Seconds>::default();
        let function = r#"{"service":"media","name":"thumbnail","target":{"handler":"h"}}"#;
        let function = serde_json::from_str(function).unwrap();
        store.put_function(&function, clock.now()).await.unwrap();
        let reconciler = Reconciler::new(
            store.clone(),
            Broker::in_process(),
            Catalog::new(store.clone()),
            clock.clone(),
            ReconcileConfig::default(),
        );
        Self {
            store,
            clock,
            reconciler,
            _place: place,
        }
    }

    /// Accepts an invocation at a second, which the broker then has.
    async fn accepted(&self, second: i64) -> Invocation {
        self.clock.0.store(second, Ordering::Relaxed);
        let new = NewInvocation {
            function: "media/thumbnail".parse().unwrap(),
            qualifier: "LATEST".parse().unwrap(),
            version: "LATEST".parse().unwrap(),
            invocation_id: None,
            delay: Duration::ZERO,
            stateful: true,
            hops: 0,
            trace: None,
        };
        let now = self.clock.now();
        let (invocation, message) = Invocation::accept(
            RequestId::generate(now),
            new,
            &AsyncConfig::default(),
            Lane::shared(),
            now,
        );
        let sent = [(message.request_id, message.id)];
        let accepted = self.store.accept(invocation.clone(), Bytes::new(), message);
        accepted.await.unwrap();
        self.store.delete_messages(&sent).await.unwrap();
        invocation
    }

    async fn claim(&self, invocation: &Invocation) {
        let worker = WorkerId::generate(self.clock.now());
        let claim = invocation.claim(worker, self.clock.now()).unwrap();
        assert_eq!(self.store.commit(claim).await.unwrap(), Commit::Written);
    }

    /// What a look at a second dispatches again; that is with the broker then.
    async fn dispatched(&mut self, second: i64) -> Vec<RequestId> {
        self.clock.0.store(second, Ordering::Relaxed);
        self.reconciler.look().await.unwrap();
        let now = self.clock.now();
        let hour = now.after(Duration::from_secs(3600));
        let taken = self.store.take_messages(EVER..=hour, hour, 100).await;
        let sent: Vec<_> = taken
            .unwrap()
            .iter()
            .map(|it| (it.request_id, it.id))
            .collect();
        self.store.delete_messages(&sent).await.unwrap();
        sent.into_iter().map(|(id, _)| id).collect()
    }
}

#[tokio::test]
async fn what_a_new_queue_cannot_have_is_dispatched_once_and_its_last_seconds_at_the_next_look() {
    let mut world = World::new().await;
    let first = world.accepted(0).await.request_id;
    let second = world.accepted(7).await.request_id;
    let anew = Look {
        anew: Some(EVER),
        ..Look::default()
    };
    world.reconciler.looks.insert(Lane::shared(), anew);
    // The second had fallen due just before.
    assert_eq!(world.dispatched(10).await, [first]);
    assert_eq!(world.dispatched(15).await, [second]);
    assert_eq!(world.dispatched(20).await, []);
}

#[tokio::test]
async fn what_waits_while_its_queue_is_empty_is_dispatched_again_once_a_period() {
    let mut world = World::new().await;
    assert_eq!(world.dispatched(0).await, []);
    assert_eq!(world.dispatched(5).await, []);
    let waiting = [world.accepted(10).await.request_id];
    assert_eq!(world.dispatched(11).await, [], "it is too young");
    let mut found = Vec::new();
    for second in (15..115).step_by(5) {
        found.extend(world.dispatched(second).await);
    }
    assert!((2..=4).contains(&found.len()), "{found:?}");
    assert!(found.iter().all(|id| waiting.contains(id)));
}

#[tokio::test]
async fn what_was_overtaken_is_dispatched_again_once_until_that_is_overtaken_as_well() {
    let mut world = World::new().await;
    // Something is in the queue, which is there already.
    assert_eq!(world.dispatched(0).await, []);
    world.dispatched(5).await;
    let broker = world.reconciler.broker.clone();
    let other = RequestId::generate(world.clock.now());
    broker
        .publish(&Lane::shared(), &[other], None)
        .await
        .unwrap();
    world.claim(&world.accepted(600).await).await;
    assert_eq!(world.dispatched(1000).await, []);
    let old = world.accepted(100).await.request_id;
    assert_eq!(world.dispatched(1010).await, [], "it looked just before");
    assert_eq!(world.dispatched(1030).await, [old]);
    for second in [1035, 1060, 1065, 1100] {
        assert_eq!(world.dispatched(second).await, [], "at {second}");
    }
    // It stands behind what was dispatched before 1030; this one came after it, by a period.
    world.claim(&world.accepted(1061).await).await;
    assert_eq!(world.dispatched(1130).await, [old]);
}
