//! A broker that loses everything loses nothing.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, until, until_status},
};
use lapin::{Channel, Connection, ConnectionProperties, options::QueueDeclareOptions};

/// How many tasks wait when the queue goes.
const WAITING: u32 = 200;

async fn channel(world: &World) -> (Connection, Channel, String) {
    let (url, prefix) = world.broker.as_ref().unwrap();
    let connection = Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel, format!("{prefix}.dispatch.default"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_queue_that_is_deleted_runs_all_the_same() {
    runs_all_the_same("1s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fell_due_just_before_its_queue_was_deleted_is_not_left_for_a_period() {
    runs_all_the_same("1h").await;
}

async fn runs_all_the_same(period: &str) {
    production(async |world: &World| {
        let plan = Plan {
            settings: format!("[worker]\nslots = 2\n[reconcile]\nperiod = \"{period}\"\n"),
            ..Plan::default()
        };
        let server = world.serve(plan).await;
        let client = &server.client;
        let mut ids = Vec::new();
        for number in 0..WAITING + 2 {
            let payload = if number < 2 { "hang" } else { "" };
            let accepted = client.post(&UNVERSIONED.invoke("f"), &[], payload).await;
            assert_eq!(accepted.status, 202);
            ids.push(accepted.request_id().to_owned());
        }
        // Both slots are taken: the rest waits in the broker.
        let (connection, channel, queue) = channel(world).await;
        let count = async || {
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let declared =
                channel.queue_declare(queue.as_str().into(), passive, Default::default());
            declared.await.unwrap().message_count()
        };
        until("the queue to fill", async || {
            (count().await > WAITING / 2).then_some(())
        })
        .await;
        let deleted = channel
            .queue_delete(queue.as_str().into(), Default::default())
            .await
            .unwrap();
        assert!(deleted > WAITING / 2, "{deleted} were lost");
        world.functions.release();
        for id in &ids {
            until_status(client, id, "Succeeded").await;
            assert_eq!(world.functions.calls_of(id).len(), 1);
        }
        assert!(
            server
                .log()
                .contains("dispatched again what the broker had lost")
        );
        connection.close(200, "done".into()).await.unwrap();
    })
    .await;
}
