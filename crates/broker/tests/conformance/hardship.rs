//! What disturbs everybody who uses the same RabbitMQ.

use crate::{
    fixture::{NEVER, ids, lane, next, ready, soon, with_rabbit_alone},
    server::rabbitmqctl,
};
use ekiden_broker::{AmqpConfig, Broker, BrokerError};
use ekiden_domain::RequestId;
use futures::future::{join_all, try_join_all};
use std::{collections::HashSet, time::Duration};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_a_restart_and_the_rest_goes_on_after_it() {
    with_rabbit_alone(async |rabbit| {
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let before = ids(100);
        try_join_all(
            before
                .iter()
                .map(async |id| broker.publish(&lane(), &[*id], None).await),
        )
        .await
        .unwrap();
        let mut consumer = broker.consume(&lane(), 10).await.unwrap();
        assert!(broker.inspect(&lane()).await.unwrap().created);
        let mut missing: HashSet<RequestId> = before.into_iter().collect();
        let stale = next(&mut consumer).await;
        rabbitmqctl("stop_app").await;
        let meanwhile = ids(20);
        let config = AmqpConfig {
            publish_timeout: Duration::from_secs(60),
            ..rabbit.config.clone()
        };
        let patient = Broker::amqp(config).unwrap();
        let publishing = join_all(
            meanwhile
                .iter()
                .map(async |id| patient.publish(&lane(), &[*id], None).await),
        );
        let (published, _) = tokio::join!(publishing, rabbitmqctl("start_app"));
        assert!(published.iter().all(Result::is_ok), "{published:?}");
        missing.extend(meanwhile);
        stale.ack().await;
        while !missing.is_empty() {
            let delivery = next(&mut consumer).await;
            missing.remove(&delivery.ids()[0]);
            delivery.ack().await;
        }
        assert!(!broker.inspect(&lane()).await.unwrap().created);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_is_held_back_gives_up_in_time_and_consumers_go_on() {
    with_rabbit_alone(async |rabbit| {
        let patient = Broker::amqp(rabbit.config.clone()).unwrap();
        let sent = ids(3);
        for id in &sent {
            patient.publish(&lane(), &[*id], None).await.unwrap();
        }
        // Gives up sooner than the broker does on a delivery that is not acknowledged.
        let broker = Broker::amqp(AmqpConfig {
            publish_timeout: Duration::from_secs(1),
            ..rabbit.config.clone()
        })
        .unwrap();
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        rabbitmqctl("set_vm_memory_high_watermark 0").await;
        // The broker holds a connection back when it next publishes.
        let outcome = async {
            for _ in 0..3 {
                let published = soon(broker.publish(&lane(), &ids(1), None)).await;
                assert!(
                    matches!(published, Err(BrokerError::Unavailable(_))),
                    "{published:?}"
                );
            }
            assert!(matches!(
                broker.ping().await,
                Err(BrokerError::Unavailable(_))
            ));
            for id in &sent {
                let delivery = next(&mut consumer).await;
                assert_eq!(delivery.ids(), [*id]);
                delivery.ack().await;
            }
            ready(&broker, &lane(), 0).await;
        };
        let outcome = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(outcome)).await;
        rabbitmqctl("set_vm_memory_high_watermark 0.4").await;
        outcome.unwrap();
        soon(async { while broker.publish(&lane(), &sent, None).await.is_err() {} }).await;
        broker.ping().await.unwrap();
    })
    .await;
}

/// What RabbitMQ has for this.
async fn setting(name: &str) -> String {
    let asked = format!("eval '{{ok, Value}} = application:get_env(rabbit, {name}), Value.'");
    rabbitmqctl(&asked).await.trim().to_owned()
}

async fn set(name: &str, value: &str) {
    rabbitmqctl(&format!(
        "eval 'application:set_env(rabbit, {name}, {value}).'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_kept_beyond_the_consumer_timeout_comes_again() {
    with_rabbit_alone(async |rabbit| {
        // How long it lets a delivery go without its acknowledgement, and how often it looks, in ms.
        let (timeout, tick) = ("consumer_timeout", "channel_tick_interval");
        let before = [setting(timeout).await, setting(tick).await];
        set(timeout, "1000").await;
        set(tick, "500").await;
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let sent = ids(1);
        broker.publish(&lane(), &sent, None).await.unwrap();
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        let kept = next(&mut consumer).await;
        // The broker closes the channel with PRECONDITION_FAILED.
        let again = next(&mut consumer).await;
        assert_eq!(again.ids(), sent);
        kept.ack().await;
        // Before its own time is over.
        again.ack().await;
        set(timeout, &before[0]).await;
        set(tick, &before[1]).await;
        drop(consumer);
        let mut consumer = broker.consume(&lane(), 1).await.unwrap();
        assert!(tokio::time::timeout(NEVER, consumer.next()).await.is_err());
        ready(&broker, &lane(), 0).await;
    })
    .await;
}

/// Has a queue of RabbitMQ's forget its consumers; the channels that they are on are not told.
async fn forget_consumers_of(queue: &str) {
    let forget = format!(
        "eval 'Name = rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>),
               {{ok, Queue}} = rabbit_amqqueue:lookup(Name),
               [{{ok, _, _}} = ra:process_command(
                    amqqueue:get_pid(Queue),
                    rabbit_fifo:make_checkout({{element(2, C), element(1, C)}}, cancel, #{{}}))
                || C <- rabbit_amqqueue:consumers(Queue)],
               forgotten.'"
    );
    assert_eq!(rabbitmqctl(&forget).await.trim(), "forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_the_broker_forgot_listens_again_and_keeps_what_it_holds() {
    with_rabbit_alone(async |rabbit| {
        let before = setting("consumer_timeout").await;
        set("consumer_timeout", "60000").await;
        let broker = Broker::amqp(rabbit.config.clone()).unwrap();
        let first = ids(1);
        broker.publish(&lane(), &first, None).await.unwrap();
        let mut consumer = broker.consume(&lane(), 2).await.unwrap();
        let held = next(&mut consumer).await;
        assert_eq!(held.ids(), first);
        forget_consumers_of(&rabbit.queue(&lane())).await;
        let later = ids(3);
        for id in &later {
            broker.publish(&lane(), &[*id], None).await.unwrap();
        }
        ready(&broker, &lane(), 3).await;
        let mut missing: HashSet<_> = later.into_iter().collect();
        while !missing.is_empty() {
            let delivery = next(&mut consumer).await;
            // What is held does not come twice.
            assert!(missing.remove(&delivery.ids()[0]));
            delivery.ack().await;
        }
        held.ack().await;
        drop(consumer);
        ready(&broker, &lane(), 0).await;
        broker.close().await;
        set("consumer_timeout", &before).await;
    })
    .await;
}
