//! A long task is nobody's business but its worker's.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, production, story, until_status},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_longer_than_every_timeout_is_not_disturbed() {
    production(async |world: &World| {
        let plan = Plan {
            settings: "[worker]\nworker_timeout = \"2s\"\n[reconcile]\nperiod = \"1s\"\n"
                .to_owned(),
            ..Plan::default()
        };
        let servers = [world.serve(plan.clone()).await, world.serve(plan).await];
        let client = &servers[0].client;
        // The broker of these tests loses patience with a consumer after 5 s.
        let accepted = client
            .post(&UNVERSIONED.invoke("f"), &[], "sleep 8000")
            .await;
        let id = accepted.request_id();
        let ended = until_status(client, id, "Succeeded").await;
        assert_eq!(
            story(&ended),
            ["Enqueued", "Dequeued", "Running", "Succeeded"]
        );
        assert!(ended["durationMs"].as_i64() >= Some(8000));
        let calls = world.functions.calls_of(id);
        assert!(calls.len() == 1 && calls[0].answered, "{calls:?}");
        for server in servers {
            assert!(!server.log().contains("a worker is dead"));
            // The lane is still listened to.
            let next = server.client.post(&UNVERSIONED.invoke("f"), &[], "").await;
            until_status(&server.client, next.request_id(), "Succeeded").await;
        }
    })
    .await;
}
