//! How a process ends that is told to.

use crate::{
    server::Server,
    spelling::UNVERSIONED,
    world::{Plan, World, story, until, until_status},
};

both_stacks! {
    what_runs_ends_within_the_grace,
    what_does_not_end_within_the_grace_is_run_by_the_next_process,
    told_twice_a_process_ends_at_once,
    what_was_accepted_to_the_last_is_kept,
}

fn with_grace(grace: &str) -> Plan {
    Plan {
        settings: format!("[worker]\ndrain_grace = \"{grace}\"\n"),
        ..Plan::default()
    }
}

/// A server, and a task whose function hangs.
async fn hanging(world: &World, grace: &str) -> (Server, String) {
    let server = world.serve(with_grace(grace)).await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("f"), &[], "hang")
        .await;
    let id = accepted.request_id().to_owned();
    until("the call", async || world.functions.calls_of(&id).pop()).await;
    (server, id)
}

async fn until_it_drains(server: &Server) {
    until("the drain", async || {
        server.log().contains("this worker drains").then_some(())
    })
    .await;
}

async fn what_runs_ends_within_the_grace(world: &World) {
    let (mut server, id) = hanging(world, "60s").await;
    server.terminate();
    until_it_drains(&server).await;
    world.functions.release();
    assert_eq!(server.exit().await.code(), Some(0));
    let next = world.serve(Plan::default()).await;
    let ended = until_status(&next.client, &id, "Succeeded").await;
    assert_eq!(
        story(&ended),
        ["Enqueued", "Dequeued", "Running", "Succeeded"]
    );
    assert_eq!(world.functions.calls_of(&id).len(), 1);
}

async fn what_does_not_end_within_the_grace_is_run_by_the_next_process(world: &World) {
    let (mut server, id) = hanging(world, "500ms").await;
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
    let cut = world.functions.calls_of(&id);
    assert!(cut.len() == 1 && !cut[0].answered, "{cut:?}");
    world.functions.release();
    let next = world.serve(Plan::default()).await;
    let ended = until_status(&next.client, &id, "Succeeded").await;
    let attempt = ["Dequeued", "Running"];
    let expected = [
        &["Enqueued"],
        &attempt[..],
        &["Retrying"],
        &attempt[..],
        &["Succeeded"],
    ];
    assert_eq!(story(&ended), expected.concat());
    let detail = ended["events"][3]["eventDetail"].as_str().unwrap();
    assert!(detail.contains("WorkerDraining"), "{detail}");
    assert_eq!(
        ended["alreadyRetriedTimes"], 0,
        "it uses up none of its retries"
    );
    let calls = world.functions.calls_of(&id);
    let seen: Vec<(u64, u64)> = calls
        .iter()
        .map(|call| (call.lease, call.attempt))
        .collect();
    assert_eq!(seen, [(1, 1), (2, 2)]);
}

async fn told_twice_a_process_ends_at_once(world: &World) {
    let (mut server, _) = hanging(world, "1h").await;
    server.terminate();
    until_it_drains(&server).await;
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(130));
}

async fn what_was_accepted_to_the_last_is_kept(world: &World) {
    let mut server = world.serve(Plan::default()).await;
    let (client, path) = (server.client.clone(), UNVERSIONED.invoke("f"));
    let producer = tokio::spawn(async move {
        let mut accepted = Vec::new();
        while let Ok(answer) = client.try_post(&path, &[], "".into()).await {
            match answer.status {
                202 => accepted.push(answer.request_id().to_owned()),
                503 => {}
                _ => panic!("{answer:?}"),
            }
        }
        accepted
    });
    until("some calls", async || {
        (world.functions.answered() > 20).then_some(())
    })
    .await;
    server.terminate();
    assert_eq!(server.exit().await.code(), Some(0));
    let accepted = producer.await.unwrap();
    assert!(accepted.len() > 20);
    let next = world.serve(Plan::default()).await;
    for id in accepted {
        until_status(&next.client, &id, "Succeeded").await;
        assert_eq!(world.functions.calls_of(&id).len(), 1);
    }
}
