//! A database that is down, or goes away.

use crate::{
    server::Server,
    spelling::{SPELLINGS, UNVERSIONED},
    world::{World, production, until, until_status},
};
use ekiden_tests::proxy::Way;

/// Alive, but not ready, and says so to everybody.
async fn is_held_off(server: &Server) {
    let client = &server.client;
    let alive = client.get("/healthz").await;
    assert_eq!(
        (alive.status, &alive.json()["status"]),
        (200, &"alive".into())
    );
    assert_eq!(client.get("/metrics").await.status, 200);
    let ready = client.get("/readyz").await;
    assert_eq!(ready.status, 503);
    let reason = ready.json()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("database"), "{reason}");
    for spelling in SPELLINGS {
        for answer in [
            client.post(&spelling.invoke("f"), &[], "").await,
            client.get(&spelling.list("f")).await,
            client.get(&spelling.task("f", "id")).await,
            client.put(&spelling.stop("f", "id")).await,
        ] {
            assert_eq!(
                (answer.status, answer.problem().0.as_str()),
                (503, "ServiceUnavailable")
            );
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_at_the_start_is_waited_for() {
    production(async |world: &World| {
        let (proxy, plan) = world.behind_a_proxy(Way::Closed).await;
        let server = world.start(plan).await;
        until("it to notice", async || {
            server
                .log()
                .contains("waits for the database")
                .then_some(())
        })
        .await;
        is_held_off(&server).await;
        proxy.set(Way::Open);
        let server = server.ready().await;
        let accepted = server.client.post(&UNVERSIONED.invoke("f"), &[], "").await;
        until_status(&server.client, accepted.request_id(), "Succeeded").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_still_waits_for_its_database_ends_when_told() {
    production(async |world: &World| {
        let (_proxy, plan) = world.behind_a_proxy(Way::Closed).await;
        let mut server = world.start(plan).await;
        server.terminate();
        assert_eq!(server.exit().await.code(), Some(0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_outlasts_the_loss_of_the_database() {
    production(async |world: &World| {
        let (proxy, mut plan) = world.behind_a_proxy(Way::Open).await;
        plan.settings = "[database]\ntimeout = \"1s\"\n".to_owned();
        let server = world.serve(plan).await;
        let accepted = server
            .client
            .post(&UNVERSIONED.invoke("f"), &[], "hang")
            .await;
        let id = accepted.request_id();
        until("the call", async || world.functions.calls_of(id).pop()).await;
        proxy.set(Way::Closed);
        is_held_off(&server).await;
        world.functions.release();
        until("the function's answer", async || {
            (world.functions.answered() == 1).then_some(())
        })
        .await;
        until("the result to wait", async || {
            server
                .log()
                .contains("a result waits for the store")
                .then_some(())
        })
        .await;
        proxy.set(Way::Open);
        let server = server.ready().await;
        until_status(&server.client, id, "Succeeded").await;
        assert_eq!(world.functions.calls_of(id).len(), 1, "it ran once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_machine_vanished_is_found_again_where_it_is() {
    production(async |world: &World| {
        let (proxy, mut plan) = world.behind_a_proxy(Way::Open).await;
        plan.settings = "[database]\ntimeout = \"1s\"\nconnections = 2\n".to_owned();
        let server = world.serve(plan).await;
        let enqueue = async || server.client.post(&UNVERSIONED.invoke("f"), &[], "").await;
        assert_eq!(enqueue().await.status, 202);
        proxy.abandon();
        assert_eq!(enqueue().await.status, 503);
        let accepted = until("an enqueue", async || {
            let answer = enqueue().await;
            (answer.status == 202).then_some(answer)
        })
        .await;
        until_status(&server.client, accepted.request_id(), "Succeeded").await;
    })
    .await;
}
