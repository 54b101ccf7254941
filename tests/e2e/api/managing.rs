//! What is managed over HTTP, and what becomes of invocations while it changes. What the SDKs do with
//! it, their own suite shows.

use crate::{
    client::Client,
    shop::Shop,
    spelling::{UNVERSIONED, V2023},
    world::{Plan, World, until_status},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

both_stacks! {
    of_many_who_change_one_state_one_wins,
    versions_that_are_published_at_once_have_numbers_of_their_own,
    a_function_is_told_which_version_its_alias_stands_for,
    what_waits_for_a_version_that_is_deleted_is_invalid,
    what_waits_for_a_function_that_is_deleted_is_invalid,
    a_function_without_a_target_makes_its_invocations_invalid,
}

async fn of_many_who_change_one_state_one_wins(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        let alias = format!("{}/prod", shop.aliases());
        shop.done("PUT", &shop.config(), json!({ "maxAsyncRetryAttempts": 1 }))
            .await;
        for (path, field) in [
            (shop.function(), "description"),
            (alias, "description"),
            (shop.config(), "maxAsyncRetryAttempts"),
        ] {
            one_wins(shop.client, &path, field).await;
        }
    }
}

async fn one_wins(client: &Client, path: &str, field: &str) {
    let before = client.get(path).await;
    let tag = before.header("etag").unwrap();
    let value = |number: usize| match field {
        "description" => json!(format!("the {number}th")),
        _ => json!(number),
    };
    let seen = [("if-match", tag)];
    let changes = (2..8).map(|number| {
        let body = json!({ field: value(number) }).to_string();
        client.send(Method::PUT, path, &seen, body.into())
    });
    let answers = join_all(changes).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{answers:#?}");
    for answer in lost {
        let (code, message) = answer.problem();
        assert_eq!((answer.status, code.as_str()), (412, "PreconditionFailed"));
        assert!(message.contains("has been changed"), "{message}");
    }
    let after = client.get(path).await;
    assert_eq!(after.header("etag"), won[0].header("etag"));
    assert_eq!(after.json(), won[0].json());
    assert_ne!(after.header("etag"), Some(tag));
    // Nor can what has changed be deleted by who did not see it.
    let deletion = client.send(Method::DELETE, path, &seen, "".into()).await;
    assert_eq!(deletion.status, 412, "{deletion:?}");
    assert_eq!(client.get(path).await.json(), after.json());
}

async fn versions_that_are_published_at_once_have_numbers_of_their_own(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        let path = shop.versions();
        let body = json!({});
        let publish = || server.client.manage("POST", &path, &body);
        let answers = join_all((0..6).map(|_| publish())).await;
        let mut numbers: Vec<String> = answers
            .iter()
            .map(|answer| answer.json()["versionId"].as_str().unwrap().to_owned())
            .collect();
        numbers.sort();
        assert_eq!(numbers, ["2", "3", "4", "5", "6", "7"]);
    }
}

/// A process that runs one at a time, and runs one that hangs.
async fn busy(world: &World) -> crate::server::Server {
    let plan = Plan {
        settings: "[worker]\nslots = 1\n".to_owned(),
        ..Plan::default()
    };
    let server = world.serve(plan).await;
    let running = server.client.post(&V2023.invoke("f"), &[], "hang").await;
    until_status(&server.client, running.request_id(), "Running").await;
    server
}

async fn a_function_is_told_which_version_its_alias_stands_for(world: &World) {
    let server = world.serve(Plan::default()).await;
    for (spelling, id) in [(UNVERSIONED, "fc2"), (V2023, "fc3")] {
        let shop = Shop::open(world, &server.client, spelling).await;
        shop.accepted(id, "?qualifier=prod", "").await;
        shop.recorded(id, "Succeeded").await;
        let path = format!("{}?qualifier=prod", shop.invoke());
        let called = server.client.call(&path, "").await;
        assert_eq!(called.status, 200, "{called:?}");
        for id in [id, called.request_id()] {
            let call = world.functions.calls_of(id).remove(0);
            assert_eq!((&*call.qualifier, &*call.version), ("prod", "1"));
        }
    }
}

async fn what_waits_for_a_version_that_is_deleted_is_invalid(world: &World) {
    let server = busy(world).await;
    let mut shops = Vec::new();
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        shop.accepted("for-the-version", "?qualifier=1", "").await;
        shop.accepted("for-the-head", "", "").await;
        let version = format!("{}/1", shop.versions());
        let refused = server.client.manage("DELETE", &version, &Value::Null).await;
        let (code, said) = refused.problem();
        assert_eq!((refused.status, code.as_str()), (409, "VersionInUse"));
        assert!(said.contains("'prod'"), "{said}");
        let alias = format!("{}/prod", shop.aliases());
        for path in [alias, version] {
            shop.done("DELETE", &path, Value::Null).await;
        }
        assert_eq!(shop.record("for-the-version").await["status"], "Enqueued");
        shops.push(shop);
    }
    world.functions.release();
    for shop in shops {
        shop.recorded("for-the-head", "Succeeded").await;
        let invalid = shop.recorded("for-the-version", "Invalid").await;
        let said = shop.message(&invalid);
        assert!(said.contains("has no version 1 any more"), "{said}");
    }
    let called = world.functions.calls_of("for-the-version");
    assert!(called.is_empty(), "{called:?}");
}

async fn what_waits_for_a_function_that_is_deleted_is_invalid(world: &World) {
    let server = busy(world).await;
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        shop.accepted("waits", "", "").await;
        shop.accepted("waits-for-a-version", "?qualifier=prod", "")
            .await;
        shop.done("DELETE", &shop.function(), Value::Null).await;
        // There is no need for a slot, nor for the function to come back.
        for id in ["waits", "waits-for-a-version"] {
            let invalid = shop.recorded(id, "Invalid").await;
            let said = shop.message(&invalid);
            assert!(
                said.contains("sold' does not exist") && invalid["endTime"] != 0,
                "{invalid:#}"
            );
        }
        let again = server.client.post(&shop.invoke(), &[], "").await;
        assert_eq!(
            (again.status, again.problem().0.as_str()),
            (404, "FunctionNotFound")
        );
    }
    assert_eq!(world.functions.calls().len(), 1, "the one that hangs");
}

async fn a_function_without_a_target_makes_its_invocations_invalid(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in [UNVERSIONED, V2023] {
        let shop = Shop::open(world, &server.client, spelling).await;
        let without = json!({ "environmentVariables": { "COLOUR": "blue" } });
        shop.done("PUT", &shop.function(), without).await;
        shop.accepted("nowhere", "", "").await;
        let invalid = shop.recorded("nowhere", "Invalid").await;
        let said = shop.message(&invalid);
        assert!(
            said.contains("sold' has no target") && said.contains("EKIDEN_TARGET"),
            "{said}"
        );
        let call = server.client.call(&shop.invoke(), "").await;
        let (code, said) = call.problem();
        assert_eq!((call.status, code.as_str()), (503, "FunctionNotStarted"));
        assert!(said.contains("no target"), "{said}");
        // What was published has one still.
        shop.accepted("somewhere", "?qualifier=1", "").await;
        shop.recorded("somewhere", "Succeeded").await;
    }
}
