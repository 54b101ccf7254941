//! More than is to be kept is refused, and when there is room again, taken.

use crate::{
    client::Client,
    spelling::{SPELLINGS, UNVERSIONED},
    world::{Plan, World, until, until_status},
};
use serde_json::json;

both_stacks! {
    a_full_backlog_refuses_what_is_new_until_some_of_it_has_ended,
}

const BOUND: usize = 5;
const BATCH: &str = "/ekiden/v1/services/default/functions/f/invocations";

/// Enqueues what waits for an hour; whether it was accepted.
async fn enqueue(client: &Client, id: &str) -> bool {
    let headers = [("x-fc-async-task-id", id), ("x-fc-async-delay", "3600")];
    let answer = client.post(&UNVERSIONED.invoke("f"), &headers, "").await;
    answer.status == 202
}

async fn a_full_backlog_refuses_what_is_new_until_some_of_it_has_ended(world: &World) {
    let server = world
        .serve(Plan {
            settings: format!("[enqueue]\nmax_backlog = {BOUND}\n"),
            ..Plan::default()
        })
        .await;
    let client = &server.client;
    let ended = client.post(&UNVERSIONED.invoke("f"), &[], "").await;
    let ended = ended.request_id().to_owned();
    until_status(client, &ended, "Succeeded").await;
    // What is accepted while it counts can go beyond; and the one that has ended counts until then.
    let mut accepted = 0;
    let fill = async || {
        if !enqueue(client, &format!("id-{accepted}")).await {
            return Some(());
        }
        accepted += 1;
        None
    };
    until("the backlog to be full", fill).await;
    assert!(accepted >= BOUND - 1, "{accepted}");

    let rerun = format!("{BATCH}/{ended}/rerun");
    let paths = SPELLINGS.map(|it| it.invoke("f"));
    for path in paths.iter().chain([&rerun]) {
        let answer = client.post(path, &[], "").await;
        let (code, said) = answer.problem();
        assert_eq!((answer.status, &*code), (429, "ResourceThrottled"));
        assert!(said.contains("enqueue.max_backlog"), "{said}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let batch = json!({"invocations": [{}, {}]});
    let answer = client.manage("POST", BATCH, &batch).await.json();
    for one in answer["invocations"].as_array().unwrap() {
        assert_eq!(
            (&one["status"], &one["code"]),
            (&json!(429), &json!("ResourceThrottled"))
        );
    }
    // Nothing is kept of what runs while its caller waits.
    let answer = client.call(&UNVERSIONED.invoke("f"), "").await;
    assert_eq!(answer.status, 200);

    for number in 0..accepted {
        let path = UNVERSIONED.stop("f", &format!("id-{number}"));
        assert_eq!(client.put(&path).await.status, 204);
    }
    until("room for another", async || {
        enqueue(client, "after").await.then_some(())
    })
    .await;
}
