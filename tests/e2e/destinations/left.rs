//! What an invocation leaves: output, log, attempts.

use super::native;
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, until_record},
};
use serde_json::{Value, json};

both_stacks! {
    output_and_log_of_every_attempt_are_kept,
    a_payload_is_run_again,
}

/// Fails once, and says what it does all the while.
const FLAKY: &str = r#"
[[function]]
service = "default"
name = "flaky"
target = { command = ["sh", "-c", "cat; echo attempt $EKIDEN_ATTEMPT >&2; [ $EKIDEN_ATTEMPT = 2 ]"] }
async = { max_retries = 1, retry_base = "20ms" }

[[function]]
service = "default"
name = "binary"
target = { command = ["printf", '\377\000'] }
max_output = 2

[[function]]
service = "default"
name = "endless"
target = { command = ["cat", "/dev/zero"] }
async = { max_retries = 0 }
"#;

fn plan() -> Plan {
    Plan {
        functions: FLAKY.to_owned(),
        ..Plan::default()
    }
}

async fn output_and_log_of_every_attempt_are_kept(world: &World) {
    let server = world.serve(plan()).await;
    let client = &server.client;
    let ended = |record: &Value| record["endTime"] != 0;
    let named = [("x-fc-async-task-id", "one")];
    client
        .post(&UNVERSIONED.invoke("flaky"), &named, "hello")
        .await;
    let record = until_record(client, ("flaky", "one"), ended).await;
    assert_eq!(
        (&record["status"], &record["returnPayload"]),
        (&"Succeeded".into(), &"hello".into())
    );
    let result = client.get(&(native("flaky", "one") + "/result")).await;
    assert_eq!(
        result.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(result.body, "hello");
    let log = client.get(&(native("flaky", "one") + "/log")).await;
    assert_eq!(log.body, "attempt 2\n");
    let told = client
        .get(&(native("flaky", "one") + "/attempts"))
        .await
        .json();
    let attempts = told["attempts"].as_array().unwrap();
    let pick = |it: &Value| json!([it["number"], it["fault"], it["output"], it["log"]]);
    let picked: Vec<Value> = attempts.iter().map(pick).collect();
    assert_eq!(
        picked,
        [
            json!([1, "function", "hello", "attempt 1\n"]),
            json!([2, "", "hello", "attempt 2\n"]),
        ]
    );
    let whole = client.get(&native("flaky", "one")).await.json();
    assert_eq!(whole["attempts"], told["attempts"]);
    assert_eq!(whole["deliveries"], json!([]));
    // `ekiden` shows the same.
    let endpoint = client.endpoint.as_str();
    let said = world
        .run(&["result", "default/flaky", "one", "--endpoint", endpoint])
        .await;
    assert_eq!((said.code, said.out.as_str()), (0, "hello"));
    let said = world
        .run(&["get", "default/flaky", "one", "--endpoint", endpoint])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    for words in ["attempt 1", "attempt 2", "exit status 1", "hello"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }

    client.post(&UNVERSIONED.invoke("binary"), &named, "").await;
    let record = until_record(client, ("binary", "one"), ended).await;
    assert_eq!(record["returnPayload"], "/wA=");
    assert_eq!(record["returnPayloadEncoding"], "base64");
    let result = client.get(&(native("binary", "one") + "/result")).await;
    assert_eq!(result.body.as_ref(), b"\xff\x00");

    client
        .post(&UNVERSIONED.invoke("endless"), &named, "")
        .await;
    let record = until_record(client, ("endless", "one"), ended).await;
    let message = record["invocationErrorMessage"].as_str().unwrap();
    assert!(
        message.contains("max_output") && message.contains("1048576"),
        "{message}"
    );
    let result = client.get(&(native("endless", "one") + "/result")).await;
    assert_eq!((result.status, result.body.len()), (200, 0));
}

async fn a_payload_is_run_again(world: &World) {
    let server = world.serve(plan()).await;
    let client = &server.client;
    let named = [("x-fc-async-task-id", "one"), ("x-fc-async-delay", "3600")];
    client
        .post(&UNVERSIONED.invoke("flaky"), &named, "hello")
        .await;
    let early = client.get(&(native("flaky", "one") + "/result")).await;
    assert_eq!(
        (early.status, early.problem().0.as_str()),
        (404, "ResultNotFound")
    );
    let endpoint = client.endpoint.as_str();
    let said = world
        .run(&[
            "rerun",
            "default/flaky",
            "one",
            "--wait",
            "--endpoint",
            endpoint,
        ])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    let page = client.get(&UNVERSIONED.list("flaky")).await.json();
    let records = page["invocations"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    let again = records[0]["invocationId"].as_str().unwrap();
    assert!(said.out.contains(again), "{said:?}");
    let result = client.get(&(native("flaky", again) + "/result")).await;
    assert_eq!(result.body, "hello");
    for path in ["/result", "/log", "/attempts", "/deliveries", ""] {
        let missing = client.get(&(native("flaky", "missing") + path)).await;
        assert_eq!(missing.status, 404, "{path}");
    }
    let missing = client
        .call(&(native("flaky", "one") + "/deliveries/1/resend"), "")
        .await;
    assert_eq!(missing.problem().0, "DeliveryNotFound");
}
