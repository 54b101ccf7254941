//! Many invocations in one request.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, until_status},
};
use serde_json::{Value, json};

both_stacks! {
    each_of_a_batch_is_answered_for_itself,
    a_batch_with_something_that_is_not_allowed_is_refused_whole,
}

const BATCH: &str = "/ekiden/v1/services/default/functions/f/invocations";

async fn each_of_a_batch_is_answered_for_itself(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let batch = json!({"invocations": [
        {"invocationId": "a", "payload": "as text"},
        {"invocationId": "a", "payload": "again"},
        {"invocationId": "b", "payload": "AAH/", "payloadEncoding": "base64"},
        {"invocationId": "late", "delaySeconds": 3600},
        {},
    ]});
    let answer = client.manage("POST", BATCH, &batch).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answers = answer.json()["invocations"].as_array().unwrap().clone();
    let told = |name: &str| -> Vec<Value> { answers.iter().map(|it| it[name].clone()).collect() };
    assert_eq!(told("status"), [202, 409, 202, 202, 202].map(Value::from));
    assert_eq!(
        told("invocationId")[..4],
        [json!("a"), Value::Null, json!("b"), json!("late")]
    );
    assert_eq!(
        answers[1]["code"], "StatefulAsyncInvocationAlreadyExists",
        "{answer:?}"
    );
    let first = answers[0]["requestId"].as_str().unwrap();
    let message = answers[1]["message"].as_str().unwrap();
    assert!(message.contains(first), "{message}");
    // Without an id of its own it is known by its request id.
    assert_eq!(answers[4]["invocationId"], answers[4]["requestId"]);
    for (id, payload) in [("a", &b"as text"[..]), ("b", &[0, 1, 255])] {
        until_status(client, id, "Succeeded").await;
        let calls = world.functions.calls();
        let call = calls.iter().find(|call| call.invocation_id == id).unwrap();
        assert_eq!(call.payload, payload, "{id}");
    }
    until_status(
        client,
        answers[4]["invocationId"].as_str().unwrap(),
        "Succeeded",
    )
    .await;
    until_status(client, "late", "Enqueued").await;
}

async fn a_batch_with_something_that_is_not_allowed_is_refused_whole(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let one = json!({"invocationId": "good"});
    let large = "x".repeat(128 * 1024 + 1);
    for (second, words) in [
        (
            json!({"invocationId": "1"}),
            "invocations[1].invocationId '1'",
        ),
        (
            json!({"delaySeconds": 3601}),
            "invocations[1].delaySeconds '3601'",
        ),
        (json!({"delaySeconds": -1}), "invalid value"),
        (json!({"payload": 7}), "invalid type"),
        (json!({"payload": large}), "at most 131072 bytes"),
        (
            json!({"payload": "?", "payloadEncoding": "base64"}),
            "invocations[1].payload",
        ),
        (json!({"payloadEncoding": "hex"}), "unknown variant"),
        (json!({"name": "x"}), "unknown field"),
        (Value::Null, "invalid type"),
    ] {
        let batch = json!({"invocations": [one, second]});
        let answer = client.manage("POST", BATCH, &batch).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let message = answer.json()["Message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
    }
    let many = vec![json!({}); 1001];
    for (batch, words) in [
        (json!({"invocations": []}), "1 to 1000"),
        (json!({"invocations": many}), "1 to 1000"),
        (json!({}), "missing field"),
        (json!([]), "no batch"),
    ] {
        let answer = client.manage("POST", BATCH, &batch).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let message = answer.json()["Message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{message}");
    }
    // Nothing of any of them was kept.
    let good = client.get(&UNVERSIONED.task("f", "good")).await;
    assert_eq!(good.status, 404, "{good:?}");
    let elsewhere = BATCH.replace("/f/", "/none/");
    let answer = client
        .manage("POST", &elsewhere, &json!({"invocations": [one]}))
        .await;
    assert_eq!(answer.json()["invocations"][0]["status"], 404, "{answer:?}");
}
