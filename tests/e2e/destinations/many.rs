//! Ten thousand results for a receiver that is down.

use super::receiver::{Mood, Receiver, SECRETS};
use crate::{
    proof::load::{Way, enqueue},
    world::{Plan, World, production, until},
};
use sqlx::{Connection, PgConnection};
use std::{collections::HashMap, sync::Arc, time::Duration};

const TASKS: usize = 10_000;

async fn count(world: &World, sql: &'static str) -> usize {
    let mut connection = PgConnection::connect(&world.database_url).await.unwrap();
    let count: i64 = sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    usize::try_from(count).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_result_reaches_a_receiver_that_was_down() {
    production(async |world: &World| {
        let receiver = Receiver::start(Mood::Down).await;
        let server = world
            .serve(Plan {
                settings: format!("[webhooks]\nsecrets = {SECRETS:?}\n"),
                functions: super::function("f", &format!("on_success = \"{}\"", receiver.url)),
                ..Plan::default()
            })
            .await;
        let ids = (0..TASKS).map(|number| format!("task-{number}")).collect();
        enqueue(Way::to(&server.client), ids, "x".into()).await;
        const ENDED: &str = "SELECT count(*) FROM invocations_history WHERE status = 5";
        until("every task to end", async || {
            (count(world, ENDED).await == TASKS).then_some(())
        })
        .await;
        // Nobody waited for the receiver, and it has nothing yet.
        const PENDING: &str = "SELECT count(*) FROM deliveries WHERE status = 0";
        assert_eq!(count(world, PENDING).await, TASKS);
        receiver.be(Mood::Fine);
        // Its turn comes at the end of a pause that has grown.
        for _ in 0..3 {
            let left = count(world, PENDING).await;
            if left > 0 {
                until("results to be delivered", async || {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    (count(world, PENDING).await < left.div_ceil(2)).then_some(())
                })
                .await;
            }
        }
        until("every result to be delivered", async || {
            (count(world, PENDING).await == 0).then_some(())
        })
        .await;
        const DELIVERED: &str = "SELECT count(*) FROM deliveries WHERE status = 1";
        assert_eq!(count(world, DELIVERED).await, TASKS);
        let mut by_id: HashMap<String, Vec<Arc<str>>> = HashMap::new();
        for received in receiver.got() {
            let told = received.verified();
            let source = told["requestContext"]["requestId"].as_str().unwrap();
            by_id
                .entry(source.to_owned())
                .or_default()
                .push(received.id.as_str().into());
        }
        assert_eq!(by_id.len(), TASKS);
        let tries: usize = by_id.values().map(Vec::len).sum();
        assert!(tries > TASKS, "some came while it was down");
        for (source, ids) in by_id {
            assert!(
                ids.iter().all(|id| **id == *format!("msg_{source}")),
                "{ids:?}"
            );
        }
        let list = ["list", "default/f", "--json", "--limit", "20000"];
        let endpoint = ["--endpoint", server.client.endpoint.as_str()];
        let said = world.run(&[&list[..], &endpoint[..]].concat()).await;
        let records = said.json()["invocations"].take();
        let records = records.as_array().unwrap();
        assert_eq!(records.len(), TASKS);
        let is_told = |record: &serde_json::Value| record["destinationStatus"] == "Succeeded";
        assert!(records.iter().all(is_told));
    })
    .await;
}
