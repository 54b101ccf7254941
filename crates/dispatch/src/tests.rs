use super::*;
use crate::sample::World;
use ekiden_domain::{Lane, RequestId};

impl World {
    fn dispatcher(&self) -> Dispatcher {
        let config = DispatchConfig {
            batch: 1,
            sends: 1,
            ..DispatchConfig::default()
        };
        Dispatcher::new(
            self.store.clone(),
            self.broker.clone(),
            self.clock.clone(),
            config,
        )
    }

    async fn next(&self, consumer: &mut ekiden_broker::Consumer) -> RequestId {
        let delivery = consumer.next().await.unwrap();
        let id = delivery.ids()[0];
        delivery.ack().await;
        id
    }
}

#[tokio::test]
async fn what_the_poll_finds_does_not_wait_until_nothing_more_is_offered() {
    let world = World::new().await;
    // Nobody is offered this one.
    let (left_behind, _) = world.accepted().await;
    world.set_second(60);
    let dispatcher = world.dispatcher();
    for _ in 0..20 {
        world.accepted().await;
    }
    let stop = CancellationToken::new();
    let mut consumer = world.broker.consume(&Lane::shared(), 100).await.unwrap();
    let dispatching = tokio::spawn(dispatcher.run(stop.clone()));
    let mut place = 0;
    while world.next(&mut consumer).await != left_behind.request_id {
        place += 1;
    }
    assert!(place < 3, "it came after {place} others");
    stop.cancel();
    dispatching.await.unwrap();
    // What was confirmed last is not left behind.
    assert_eq!(world.store.oldest_untaken().await.unwrap(), None);
}
