use super::*;
use crate::sample::World;
use ekiden_domain::Invocation;
use ekiden_store::Commit;

struct Reconciling {
    world: World,
    reconciler: Reconciler,
}

impl Reconciling {
    async fn new() -> Self {
        let world = World::new().await;
        let reconciler = Reconciler::new(
            world.store.clone(),
            world.broker.clone(),
            Catalog::new(world.store.clone()),
            world.clock.clone(),
            ReconcileConfig::default(),
        );
        Self { world, reconciler }
    }

    /// Accepts an invocation at a second, which the broker then has.
    async fn accepted(&self, second: i64) -> Invocation {
        self.world.set_second(second);
        let (invocation, id) = self.world.accepted().await;
        let sent = [(invocation.request_id, id)];
        self.world.store.delete_messages(&sent).await.unwrap();
        invocation
    }

    async fn claim(&self, invocation: &Invocation) {
        let now = self.world.clock.now();
        let claim = invocation.claim(WorkerId::generate(now), now).unwrap();
        let claimed = self.world.store.commit(claim).await.unwrap();
        assert_eq!(claimed, Commit::Written);
    }

    /// What a look at a second dispatches again; that is with the broker then.
    async fn dispatched(&mut self, second: i64) -> Vec<RequestId> {
        self.world.set_second(second);
        // However long the last walk took.
        self.reconciler.rests_until = Instant::now();
        self.reconciler.look().await.unwrap();
        let now = self.world.clock.now();
        let store = &self.world.store;
        let hour = now.after(Duration::from_secs(3600));
        let taken = store.take_messages(EVER..=hour, hour, 100).await;
        let sent: Vec<_> = taken
            .unwrap()
            .iter()
            .map(|it| (it.request_id, it.id))
            .collect();
        store.delete_messages(&sent).await.unwrap();
        sent.into_iter().map(|(id, _)| id).collect()
    }
}

#[tokio::test]
async fn what_a_new_queue_cannot_have_is_dispatched_once_and_its_last_seconds_at_the_next_look() {
    let mut test = Reconciling::new().await;
    let first = test.accepted(0).await.request_id;
    let second = test.accepted(7).await.request_id;
    let anew = Look {
        anew: Some(EVER),
        ..Look::default()
    };
    test.reconciler.looks.insert(Lane::shared(), anew);
    // The second had fallen due just before.
    assert_eq!(test.dispatched(10).await, [first]);
    assert_eq!(test.dispatched(15).await, [second]);
    assert_eq!(test.dispatched(20).await, []);
}

#[tokio::test]
async fn what_waits_while_its_queue_is_empty_is_dispatched_again_once_a_period() {
    let mut test = Reconciling::new().await;
    assert_eq!(test.dispatched(0).await, []);
    assert_eq!(test.dispatched(5).await, []);
    let waiting = [test.accepted(10).await.request_id];
    assert_eq!(test.dispatched(11).await, [], "it is too young");
    let mut found = Vec::new();
    for second in (15..115).step_by(5) {
        found.extend(test.dispatched(second).await);
    }
    assert!((2..=4).contains(&found.len()), "{found:?}");
    assert!(found.iter().all(|id| waiting.contains(id)));
}

#[tokio::test]
async fn what_was_overtaken_is_dispatched_again_once_until_that_is_overtaken_as_well() {
    let mut test = Reconciling::new().await;
    // Something is in the queue, which is there already.
    assert_eq!(test.dispatched(0).await, []);
    test.dispatched(5).await;
    let other = RequestId::generate(test.world.clock.now());
    test.world
        .broker
        .publish(&Lane::shared(), &[other], None)
        .await
        .unwrap();
    test.claim(&test.accepted(600).await).await;
    assert_eq!(test.dispatched(1000).await, []);
    let old = test.accepted(100).await.request_id;
    assert_eq!(test.dispatched(1030).await, [old]);
    for second in [1035, 1060, 1065, 1100] {
        assert_eq!(test.dispatched(second).await, [], "at {second}");
    }
    // It stands behind what was dispatched before 1030; this one came after it, by a period.
    test.claim(&test.accepted(1061).await).await;
    assert_eq!(test.dispatched(1130).await, [old]);
}
