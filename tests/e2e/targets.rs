//! What the targets may be at that are registered over HTTP.

use crate::{
    client::Client,
    server::Server,
    spelling::V2023,
    world::{Plan, World, until_record},
};
use serde_json::{Value, json};

both_stacks! {
    a_local_target_that_others_registered_is_not_called,
    who_is_on_this_machine_may_register_what_runs_here_and_nothing_of_its_link,
}

/// Registers a function at `url` whose tasks are not tried again.
async fn register(client: &Client, name: &str, url: &str) {
    let body = json!({
        "functionName": name, "runtime": "custom", "handler": "h",
        "environmentVariables": {"EKIDEN_TARGET": url},
    });
    let made = client.manage("POST", "/2023-03-30/functions", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    let path = format!("/2023-03-30/functions/{name}/async-invoke-config");
    let config = json!({"asyncTask": true, "maxAsyncRetryAttempts": 0});
    let put = client.manage("PUT", &path, &config).await;
    assert_eq!(put.status, 200, "{put:?}");
}

/// What becomes of a task of it.
async fn task(client: &Client, name: &str) -> Value {
    let accepted = client.post(&V2023.invoke(name), &[], "").await;
    let id = accepted.request_id();
    let is_final = |record: &Value| record["status"] == "Succeeded" || record["status"] == "Failed";
    until_record(client, (name, id), is_final).await
}

/// A task of it fails, and so does a synchronous call; both name the setting that would allow it.
async fn is_refused(client: &Client, name: &str) {
    let record = task(client, name).await;
    assert_eq!(record["status"], "Failed", "{record:#}");
    let message = record["invocationErrorMessage"].as_str().unwrap();
    assert!(message.contains("targets.allow"), "{message}");
    let called = client.call(&V2023.invoke(name), "").await;
    assert_eq!(called.status, 200, "{called:?}");
    let kind = called.header("x-fc-error-type");
    assert_eq!(kind, Some("UnhandledInvocationError"));
    let told = called.json();
    assert_eq!(told["errorType"], "TargetForbidden", "{told:#}");
    let message = told["errorMessage"].as_str().unwrap();
    assert!(message.contains("targets.allow"), "{message}");
}

/// A server that other machines could reach.
async fn exposed(world: &World, allow: &str) -> Server {
    let listen = ("EKIDEN__SERVER__LISTEN", "0.0.0.0:0".to_owned());
    world
        .serve(Plan {
            arguments: vec!["--migrate", "--insecure"],
            settings: format!("[targets]\nallow = [{allow}]\n"),
            environment: vec![listen],
            ..Plan::default()
        })
        .await
}

async fn a_local_target_that_others_registered_is_not_called(world: &World) {
    let server = exposed(world, "").await;
    let local = world.functions.url.clone();
    let by_name = local.replace("127.0.0.1", "localhost");
    let mapped = local.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    for (name, url) in [
        ("literal", &local),
        ("by_name", &by_name),
        ("mapped", &mapped),
    ] {
        register(&server.client, name, url).await;
        is_refused(&server.client, name).await;
    }
    assert!(world.functions.calls().is_empty());
    // What is the same and stands in the file is the owner's.
    let called = server.client.call(&V2023.invoke("f"), "mine").await;
    assert_eq!(called.body, "mine");
    // It stays the owner's when somebody says something else of it over HTTP, and no longer when that is
    // its target.
    for (variables, is_owners) in [(json!({}), true), (json!({"EKIDEN_TARGET": local}), false)] {
        let change = json!({"description": "d", "environmentVariables": variables});
        let path = V2023.function("f");
        let put = server.client.manage("PUT", &path, &change).await;
        assert_eq!(put.status, 200, "{put:?}");
        let called = server.client.call(&V2023.invoke("f"), "mine").await;
        assert_eq!(called.body == "mine", is_owners, "{called:?}");
    }
    drop(server);
    let server = exposed(world, "\"127.0.0.0/8\", \"localhost\"").await;
    for name in ["literal", "by_name", "mapped"] {
        assert_eq!(task(&server.client, name).await["status"], "Succeeded");
    }
}

async fn who_is_on_this_machine_may_register_what_runs_here_and_nothing_of_its_link(world: &World) {
    let server = world.serve(Plan::default()).await;
    register(&server.client, "here", &world.functions.url).await;
    assert_eq!(task(&server.client, "here").await["status"], "Succeeded");
    for (name, url) in [
        ("metadata", "http://169.254.169.254"),
        ("mapped", "http://[::ffff:a9fe:a9fe]:80/latest"),
        ("link", "http://[fe80::1]"),
        ("unspecified", "http://0.0.0.0:80"),
    ] {
        register(&server.client, name, url).await;
        is_refused(&server.client, name).await;
    }
}
