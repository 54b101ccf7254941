//! What both brokers do alike.

use crate::fixture::{NEVER, SOON, ids, lane, next, other_lane, ready, soon};
use ekiden_broker::{Broker, BrokerError, MAX_IDS};
use ekiden_domain::{RequestId, TraceContext};
use futures::future::{join_all, try_join_all};
use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub(crate) async fn a_confirmed_message_is_in_the_queue_and_keeps_its_place(broker: Broker) {
    let sent = ids(5);
    for (before, id) in sent.iter().enumerate() {
        broker.publish(&lane(), &[*id], None).await.unwrap();
        ready(&broker, &lane(), before as u64 + 1).await;
    }
    let mut consumer = broker.consume(&lane(), 10).await.unwrap();
    for id in sent {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.ids(), [id]);
        delivery.ack().await;
    }
}

pub(crate) async fn a_dropped_delivery_comes_again(broker: Broker) {
    let sent = ids(1);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::new(parent, "vendor=a value");
    let published = broker.publish(&lane(), &sent, trace.as_ref()).await;
    published.unwrap();
    let mut consumer = broker.consume(&lane(), 1).await.unwrap();
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        assert_eq!(
            (delivery.ids(), delivery.trace()),
            (&sent[..], trace.as_ref())
        );
        drop(delivery);
    }
    next(&mut consumer).await.ack().await;
    drop(consumer);
    // Acknowledged, it does not come again.
    let mut consumer = broker.consume(&lane(), 1).await.unwrap();
    assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
    ready(&broker, &lane(), 0).await;
}

pub(crate) async fn the_prefetch_bounds_what_is_unacknowledged(broker: Broker) {
    for id in ids(10) {
        broker.publish(&lane(), &[id], None).await.unwrap();
    }
    let mut consumer = broker.consume(&lane(), 3).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut consumer).await);
    }
    assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
    ready(&broker, &lane(), 7).await;
    for left in (0..7).rev() {
        held.remove(0).ack().await;
        held.push(next(&mut consumer).await);
        ready(&broker, &lane(), left).await;
    }
}

pub(crate) async fn a_cancelled_consumer_returns_what_it_has_not_handed_out(broker: Broker) {
    let sent = ids(5);
    for id in &sent {
        broker.publish(&lane(), &[*id], None).await.unwrap();
    }
    let mut consumer = broker.consume(&lane(), 5).await.unwrap();
    let first = next(&mut consumer).await;
    if !broker.is_in_process() {
        ready(&broker, &lane(), 0).await;
    }
    let rest = soon(consumer.cancel()).await;
    // Not one was handed out that was not asked for; nor is one lost between here and the queue.
    let still_ready = broker.inspect(&lane()).await.unwrap().ready;
    assert_eq!(rest.len() as u64 + still_ready, 4);
    if !broker.is_in_process() {
        assert_eq!(rest.len(), 4);
    }
    let mut seen: HashSet<RequestId> = HashSet::new();
    for delivery in rest.into_iter().chain([first]) {
        seen.extend(delivery.ids());
        delivery.ack().await;
    }
    let mut consumer = broker.consume(&lane(), 5).await.unwrap();
    for _ in 0..still_ready {
        let delivery = next(&mut consumer).await;
        seen.extend(delivery.ids());
        delivery.ack().await;
    }
    assert_eq!(seen, HashSet::from_iter(sent));
    assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
}

pub(crate) async fn a_dropped_consumer_leaves_its_messages_to_others(broker: Broker) {
    let sent = ids(3);
    for id in &sent {
        broker.publish(&lane(), &[*id], None).await.unwrap();
    }
    let mut first = broker.consume(&lane(), 3).await.unwrap();
    let held = next(&mut first).await;
    drop(first);
    held.ack().await;
    let mut second = broker.consume(&lane(), 3).await.unwrap();
    for id in &sent[1..] {
        let delivery = next(&mut second).await;
        assert_eq!(delivery.ids(), [*id]);
        delivery.ack().await;
    }
}

pub(crate) async fn an_acknowledgement_is_not_overtaken_by_the_end_of_its_consumer(broker: Broker) {
    for id in ids(50) {
        broker.publish(&lane(), &[id], None).await.unwrap();
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.ids(), [id], "one that was acknowledged came again");
        drop(consumer);
        delivery.ack().await;
    }
}

pub(crate) async fn a_consumer_that_is_dropped_disturbs_no_other(broker: Broker) {
    broker.publish(&lane(), &ids(1), None).await.unwrap();
    let mut other = broker.consume(&lane(), 1).await.unwrap();
    let held = next(&mut other).await;
    for _ in 0..100 {
        drop(broker.consume(&lane(), 1).await.unwrap());
    }
    // Had a connection been lost, what is held would be delivered again.
    let mut third = broker.consume(&lane(), 1).await.unwrap();
    assert!(tokio::time::timeout(NEVER, third.next()).await.is_err());
    held.ack().await;
    ready(&broker, &lane(), 0).await;
}

pub(crate) async fn next_may_be_given_up_and_asked_again(broker: Broker) {
    let sent = ids(100);
    let mut consumer = broker.consume(&lane(), 10).await.unwrap();
    let publisher = broker.clone();
    let to_send = sent.clone();
    let publishing = tokio::spawn(async move {
        for id in to_send {
            publisher.publish(&lane(), &[id], None).await.unwrap();
        }
    });
    let mut seen = Vec::new();
    soon(async {
        while seen.len() < sent.len() {
            let patience = Duration::from_micros(200);
            if let Ok(delivery) = tokio::time::timeout(patience, consumer.next()).await {
                let delivery = delivery.unwrap();
                seen.extend_from_slice(delivery.ids());
                delivery.ack().await;
            }
        }
    })
    .await;
    publishing.await.unwrap();
    assert_eq!(seen, sent);
}

pub(crate) async fn a_full_message_arrives_whole_and_others_are_refused(broker: Broker) {
    for bad in [0, MAX_IDS + 1] {
        let refused = broker.publish(&lane(), &ids(bad), None).await;
        assert_eq!(refused, Err(BrokerError::Size(bad)));
    }
    let sent = ids(MAX_IDS);
    broker.publish(&lane(), &sent, None).await.unwrap();
    let mut consumer = broker.consume(&lane(), 1).await.unwrap();
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.ids(), sent);
    delivery.ack().await;
}

pub(crate) async fn lanes_are_apart(broker: Broker) {
    let (here, there) = (ids(1), ids(1));
    broker.publish(&lane(), &here, None).await.unwrap();
    broker.publish(&other_lane(), &there, None).await.unwrap();
    for (lane, sent) in [(other_lane(), there), (lane(), here)] {
        let mut consumer = broker.consume(&lane, 5).await.unwrap();
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.ids(), sent);
        delivery.ack().await;
        assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
    }
}

pub(crate) async fn each_message_of_many_publishers_reaches_one_of_many_consumers(broker: Broker) {
    const PUBLISHERS: usize = 200;
    const MESSAGES: usize = 10;
    const CONSUMERS: usize = 4;
    let sent: Vec<Vec<RequestId>> = (0..PUBLISHERS * MESSAGES).map(|n| ids(1 + n % 3)).collect();
    let publishing = try_join_all(sent.chunks(MESSAGES).map(async |messages| {
        for message in messages {
            broker.publish(&lane(), message, None).await?;
        }
        Ok::<_, BrokerError>(())
    }));
    let unseen = AtomicUsize::new(sent.len());
    let all_seen = CancellationToken::new();
    let consuming = join_all((0..CONSUMERS).map(async |_| {
        let mut consumer = broker.consume(&lane(), 16).await.unwrap();
        let mut seen = Vec::new();
        while let Some(Some(delivery)) = all_seen.run_until_cancelled(consumer.next()).await {
            seen.push(delivery.ids().to_vec());
            delivery.ack().await;
            if unseen.fetch_sub(1, Ordering::SeqCst) == 1 {
                // A moment longer: one that was doubled would come now.
                tokio::time::sleep(NEVER).await;
                all_seen.cancel();
            }
        }
        seen
    }));
    let (published, seen) = soon(async { tokio::join!(publishing, consuming) }).await;
    published.unwrap();
    let mut seen: Vec<_> = seen.into_iter().flatten().collect();
    let mut sent = sent;
    seen.sort();
    sent.sort();
    assert_eq!(seen.len(), sent.len());
    assert!(
        seen == sent,
        "the same number of messages, but not the same ones"
    );
}

pub(crate) async fn every_listener_hears_every_stop(broker: Broker) {
    let mut listeners = [
        broker.stop_notices().await.unwrap(),
        broker.stop_notices().await.unwrap(),
    ];
    let stopped = ids(20);
    for id in &stopped {
        broker.notify_stop(*id).await.unwrap();
    }
    for listener in &mut listeners {
        for id in &stopped {
            assert_eq!(soon(listener.next()).await, Some(*id));
        }
    }
    drop(listeners);
    // Nobody listening is no error.
    broker.notify_stop(stopped[0]).await.unwrap();
}

pub(crate) async fn a_closed_broker_ends_its_consumers_and_refuses_the_rest(broker: Broker) {
    let mut consumer = broker.consume(&lane(), 1).await.unwrap();
    let mut notices = broker.stop_notices().await.unwrap();
    broker.ping().await.unwrap();
    let closer = broker.clone();
    let (ended, heard, ()) = tokio::time::timeout(SOON, async {
        tokio::join!(consumer.next(), notices.next(), closer.close())
    })
    .await
    .unwrap();
    assert!(ended.is_none() && heard.is_none());
    assert!(
        soon(consumer.next()).await.is_none(),
        "nor when asked again"
    );
    let id = ids(1);
    assert_eq!(
        broker.publish(&lane(), &id, None).await,
        Err(BrokerError::Closed)
    );
    assert_eq!(broker.notify_stop(id[0]).await, Err(BrokerError::Closed));
    assert_eq!(broker.inspect(&lane()).await, Err(BrokerError::Closed));
    assert_eq!(broker.ping().await, Err(BrokerError::Closed));
    assert_eq!(
        broker.consume(&lane(), 1).await.err(),
        Some(BrokerError::Closed)
    );
}
