//! What only RabbitMQ can go through.

use crate::{
    fixture::{NEVER, Rabbit, ids, lane, next, other_lane, ready, soon, with_rabbit},
    proxy::Proxy,
};
use bytes::Bytes;
use ekiden_broker::{AmqpConfig, Broker, BrokerError};
use ekiden_domain::RequestId;
use futures::future::try_join_all;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::{collections::HashSet, time::Duration};
use tokio_util::sync::CancellationToken;

/// A broker that reaches RabbitMQ through a proxy.
async fn through_a_proxy(rabbit: &Rabbit) -> (Broker, Proxy) {
    let (credentials, rest) = rabbit
        .config
        .url
        .rsplit_once('@')
        .expect("a user in the URL");
    let (upstream, vhost) = rest.split_once('/').unwrap_or((rest, "%2f"));
    let proxy = Proxy::start(upstream.to_owned()).await;
    let config = AmqpConfig {
        url: format!("{credentials}@127.0.0.1:{}/{vhost}", proxy.port()),
        ..rabbit.config.clone()
    };
    (Broker::amqp(config).unwrap(), proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_ours_is_counted_and_dropped_and_its_neighbours_arrive() {
    // The only test in this binary that looks at metrics.
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let sent = ids(2);
        broker.publish(&lane(), &sent[..1], None).await.unwrap();
        let garbage = rabbit.raw.publish_garbage(&rabbit.queue(&lane())).await;
        broker.publish(&lane(), &sent[1..], None).await.unwrap();
        // What is dropped must not use up the prefetch.
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        for id in sent {
            let delivery = next(&mut consumer).await;
            assert_eq!(delivery.ids(), [id]);
            delivery.ack().await;
        }
        consumer.cancel().await;
        ready(&broker, &lane(), 0).await;
        let counted = format!("ekiden_broker_unparsable_total {garbage}\n");
        assert!(metrics.render().contains(&counted), "{}", metrics.render());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_deleted_under_a_publisher_is_made_again_and_that_is_told_once() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        broker.publish(&lane(), &ids(1), None).await.unwrap();
        assert!(broker.inspect(&lane()).await.unwrap().created);
        for _ in 0..3 {
            assert!(!broker.inspect(&lane()).await.unwrap().created);
            rabbit.delete_queue(&lane()).await;
            broker.publish(&lane(), &ids(1), None).await.unwrap();
            let state = broker.inspect(&lane()).await.unwrap();
            assert!(state.created && state.ready == 1, "{state:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_confirmed_after_the_queue_was_deleted_is_in_the_new_one() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        for _ in 0..5 {
            // With the channel open already, all these go out as mandatory messages without a queue.
            broker.publish(&lane(), &ids(1), None).await.unwrap();
            rabbit.delete_queue(&lane()).await;
            let sent = ids(500);
            try_join_all(
                sent.iter()
                    .map(async |id| broker.publish(&lane(), &[*id], None).await),
            )
            .await
            .unwrap();
            let mut missing: HashSet<RequestId> = HashSet::from_iter(sent);
            let mut consumer = broker.consume(&lane(), 100).await.unwrap();
            while !missing.is_empty() {
                let delivery = next(&mut consumer).await;
                missing.remove(&delivery.ids()[0]);
                delivery.ack().await;
            }
            for delivery in consumer.cancel().await {
                delivery.ack().await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_gone_and_can_be_removed_again() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        broker.publish(&lane(), &ids(1), None).await.unwrap();
        broker.publish(&other_lane(), &ids(1), None).await.unwrap();
        for _ in 0..2 {
            broker.remove(&[lane()]).await.unwrap();
        }
        // Another process, which knows of nothing, has to make the queue.
        let other = Broker::amqp(rabbit.config.clone()).unwrap();
        let state = soon(other.inspect(&lane())).await.unwrap();
        assert_eq!((state.ready, state.created), (0, true));
        assert_eq!(other.inspect(&other_lane()).await.unwrap().ready, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_deleted_under_a_consumer_is_made_again_and_consumed() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let mut consumer = broker.consume(&lane(), 5).await.unwrap();
        assert!(broker.inspect(&lane()).await.unwrap().created);
        rabbit.delete_queue(&lane()).await;
        // Nobody publishes yet: it is the consumer that makes the queue.
        assert!(
            tokio::time::timeout(NEVER * 3, consumer.next())
                .await
                .is_err()
        );
        assert!(broker.inspect(&lane()).await.unwrap().created);
        let sent = ids(1);
        broker.publish(&lane(), &sent, None).await.unwrap();
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.ids(), sent);
        delivery.ack().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_queue_can_be_consumed_while_others_are_making_it() {
    with_rabbit(async |rabbit| {
        let brokers: Vec<_> = (0..6)
            .map(|_| Broker::amqp(rabbit.config.clone()).unwrap())
            .collect();
        for _ in 0..10 {
            let (lane, id) = (lane(), ids(1));
            let consumers = try_join_all(brokers.iter().map(|broker| broker.consume(&lane, 1)));
            let published = brokers[0].publish(&lane, &id, None);
            let (consumers, published) = soon(async { tokio::join!(consumers, published) }).await;
            for consumer in consumers.unwrap() {
                consumer.cancel().await;
            }
            published.unwrap();
            rabbit.delete_queue(&lane).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_runs_out_of_channels_is_made_anew() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(AmqpConfig {
            url: format!("{}?channel_max=10", rabbit.config.url),
            ..rabbit.config.clone()
        })
        .unwrap();
        // Each look at a queue that is not there costs a channel.
        for _ in 0..30 {
            soon(async { while broker.inspect(&lane()).await.is_err() {} }).await;
            rabbit.delete_queue(&lane()).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_and_consumers_go_on_through_lost_connections() {
    with_rabbit(async |rabbit| {
        let (broker, proxy) = through_a_proxy(&rabbit).await;
        let mut consumer = broker.consume(&lane(), 20).await.unwrap();
        let sent = ids(2000);
        let mut missing: HashSet<RequestId> = sent.iter().copied().collect();
        let all_arrived = CancellationToken::new();
        let publishing = async {
            for batch in sent.chunks(50) {
                let published = batch
                    .iter()
                    .map(async |id| broker.publish(&lane(), &[*id], None).await);
                try_join_all(published).await.unwrap();
            }
        };
        let consuming = async {
            while !missing.is_empty() {
                let delivery = next(&mut consumer).await;
                missing.remove(&delivery.ids()[0]);
                delivery.ack().await;
            }
            all_arrived.cancel();
        };
        let cutting = all_arrived.run_until_cancelled(async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(150)).await;
                proxy.cut();
            }
            std::future::pending::<()>().await;
        });
        soon(async { tokio::join!(publishing, consuming, cutting) }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_after_the_connection_was_lost_does_no_harm() {
    with_rabbit(async |rabbit| {
        let (broker, proxy) = through_a_proxy(&rabbit).await;
        let sent = ids(2);
        for id in &sent {
            broker.publish(&lane(), &[*id], None).await.unwrap();
        }
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        let stale = next(&mut consumer).await;
        assert_eq!(stale.ids(), &sent[..1]);
        proxy.cut();
        // It is delivered again through the new connection, with the tag the stale one had.
        let again = next(&mut consumer).await;
        stale.ack().await;
        assert_eq!(again.ids(), &sent[..1]);
        assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
        again.ack().await;
        let last = next(&mut consumer).await;
        assert_eq!(last.ids(), &sent[1..]);
        last.ack().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_notices_are_heard_again_after_a_lost_connection() {
    with_rabbit(async |rabbit| {
        let (broker, proxy) = through_a_proxy(&rabbit).await;
        let mut notices = broker.stop_notices().await.unwrap();
        let (before, after) = (ids(1)[0], ids(1)[0]);
        broker.notify_stop(before).await.unwrap();
        assert_eq!(soon(notices.next()).await, Some(before));
        proxy.cut();
        // One that is told while nobody listens is not heard: tell it until it is.
        let telling = async {
            loop {
                broker.notify_stop(after).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            heard = soon(notices.next()) => assert_eq!(heard, Some(after)),
            () = telling => unreachable!("it tells for ever"),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_broker_fails_in_time_with_the_reason_and_is_found_when_it_is_back() {
    with_rabbit(async |rabbit| {
        let (_, proxy) = through_a_proxy(&rabbit).await;
        proxy.close();
        let config = AmqpConfig {
            url: format!("amqp://guest:guest@127.0.0.1:{}/%2f", proxy.port()),
            publish_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            ..rabbit.config.clone()
        };
        let broker = Broker::amqp(config).unwrap();
        let id = ids(1);
        let published = soon(broker.publish(&lane(), &id, None)).await;
        assert!(
            matches!(published, Err(BrokerError::Unavailable(_))),
            "{published:?}"
        );
        let answered = soon(broker.ping()).await;
        assert!(
            matches!(answered, Err(BrokerError::Unavailable(_))),
            "{answered:?}"
        );
        assert!(soon(broker.consume(&lane(), 1)).await.is_err());
        assert!(soon(broker.inspect(&lane())).await.is_err());
        proxy.open();
        soon(async { while broker.publish(&lane(), &id, None).await.is_err() {} }).await;
        soon(async {
            while broker.ping().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        broker.inspect(&lane()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_refuses_fails_its_own_lane_s_messages_only() {
    with_rabbit(async |rabbit| {
        // It is there, so that it is not made; of what make it is does not matter.
        rabbit.raw.declare_full_queue(&rabbit.queue(&lane())).await;
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let (refused, taken) = (ids(1), ids(1));
        assert_eq!(
            broker.publish(&lane(), &refused, None).await,
            Err(BrokerError::NotTaken)
        );
        broker.publish(&other_lane(), &taken, None).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_password_is_in_no_error_and_no_debug_output() {
    let config = AmqpConfig::new("amqp://user:hunter2@127.0.0.1:1/%2f");
    assert!(!format!("{config:?}").contains("hunter2"));
    let broker = Broker::amqp(AmqpConfig {
        publish_timeout: Duration::from_millis(500),
        ..config
    })
    .unwrap();
    let refused = broker.publish(&lane(), &ids(1), None).await.unwrap_err();
    assert!(!format!("{refused} {refused:?} {broker:?}").contains("hunter2"));
    for bad in [
        "",
        "http://user:hunter2@host",
        "amqp://user:hunter2@host:port",
    ] {
        let refused = Broker::amqp(AmqpConfig::new(bad)).unwrap_err();
        assert_eq!(refused, BrokerError::Url, "{bad}");
    }
    for bad in ["", "a b", "ü", &"x".repeat(41)] {
        let config = AmqpConfig {
            prefix: bad.to_owned(),
            ..AmqpConfig::default()
        };
        assert_eq!(
            Broker::amqp(config).unwrap_err(),
            BrokerError::Prefix,
            "{bad}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_where_the_url_asks_for_it() {
    with_rabbit(async |rabbit| {
        // Plain AMQP answers there, which is no TLS: that this is noticed shows a handshake begun.
        let broker = Broker::amqp(AmqpConfig {
            url: rabbit.config.url.replacen("amqp://", "amqps://", 1),
            publish_timeout: Duration::from_secs(5),
            ..rabbit.config.clone()
        })
        .unwrap();
        let refused = broker.publish(&lane(), &ids(1), None).await.unwrap_err();
        assert!(refused.to_string().contains("corrupt message"), "{refused}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_reaches_the_queue_of_its_route_or_it_is_said_why_not() {
    with_rabbit(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        // Any queue would do; this one is deleted after the test.
        broker.publish(&lane(), &ids(1), None).await.unwrap();
        let queue = rabbit.queue(&lane());
        let body = Bytes::from_static(b"{}");
        let hand_on = async |exchange: &str, key: &str| {
            broker
                .hand_on(exchange, key, "msg_1", body.clone(), None)
                .await
        };
        hand_on("", &queue).await.unwrap();
        hand_on("amq.direct", &queue).await.unwrap_err();
        ready(&broker, &lane(), 2).await;
        assert_eq!(hand_on("", "nobody.s").await, Err(BrokerError::NotTaken));
        let missing = hand_on("ekiden.missing", "key").await;
        let no_exchange = BrokerError::NoExchange("ekiden.missing".to_owned());
        assert_eq!(missing, Err(no_exchange));
        // One route's trouble is not another's.
        hand_on("", &queue).await.unwrap();
        ready(&broker, &lane(), 3).await;
    })
    .await;
    let body = Bytes::new();
    let alone = Broker::in_process()
        .hand_on("", "key", "msg_1", body, None)
        .await;
    assert_eq!(alone, Err(BrokerError::InProcess));
}
