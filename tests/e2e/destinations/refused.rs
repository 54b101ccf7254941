//! Receivers that do not take what they are given, and places that must not be reached.

use super::{
    function,
    receiver::{Mood, Receiver},
    until_delivery,
};
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, embedded, until, until_record},
};
use serde_json::{Value, json};

both_stacks! {
    what_a_receiver_answers_is_kept_and_decides,
    a_local_address_is_out_of_reach_unless_the_owner_names_it,
    doctor_tells_of_results_that_wait_for_long,
}

/// The functions `ok`, `down`... each with a receiver of its own.
const MOODS: [(&str, Mood); 6] = [
    ("fine", Mood::Fine),
    ("down", Mood::Down),
    ("gone", Mood::Gone),
    ("hanging", Mood::Hanging),
    ("talkative", Mood::Talkative),
    ("redirecting", Mood::Redirecting),
];

async fn what_a_receiver_answers_is_kept_and_decides(world: &World) {
    let mut functions = String::new();
    let mut receivers = Vec::new();
    for (name, mood) in MOODS {
        let receiver = Receiver::start(mood).await;
        functions += &function(name, &format!("on_failure = \"{}\"", receiver.url));
        receivers.push(receiver);
    }
    let server = world
        .serve(Plan {
            settings: "[webhooks]\ntimeout = \"1s\"\n".to_owned(),
            functions,
            ..Plan::default()
        })
        .await;
    let client = &server.client;
    let named = [("x-fc-async-task-id", "one")];
    for (name, _) in MOODS {
        client.post(&UNVERSIONED.invoke(name), &named, "fail").await;
    }
    let answered = |delivery: &Value| !delivery["answer"].is_null();
    for (name, status, http, words) in [
        ("fine", "Succeeded", json!(200), ""),
        ("down", "Pending", json!(503), "503"),
        ("gone", "Failed", json!(410), "410"),
        ("hanging", "Pending", Value::Null, "time"),
        (
            "redirecting",
            "Pending",
            json!(302),
            "redirects are not followed",
        ),
    ] {
        let delivery = until_delivery(client, (name, "one"), answered).await;
        assert_eq!(
            (&delivery["status"], &delivery["answer"]["httpStatus"]),
            (&json!(status), &http),
            "{delivery:#}"
        );
        let error = delivery["answer"]["error"].as_str().unwrap();
        assert!(error.contains(words), "{name}: {error}");
        // Whatever became of it, the invocation is what it was.
        let record = until_record(client, (name, "one"), |_| true).await;
        assert_eq!(
            (&record["status"], &record["destinationStatus"]),
            (&json!("Failed"), &json!(status))
        );
    }
    // 410 is final; a redirect is not followed.
    assert_eq!(receivers[2].got().len(), 1);
    let told: Value = serde_json::from_slice(&receivers[0].got()[0].body).unwrap();
    assert_eq!(
        told["requestContext"]["condition"],
        "HandledInvocationError"
    );
    assert_eq!(
        told["responseContext"],
        json!({"statusCode": 200, "functionError": "HandledInvocationError"})
    );
    assert!(
        told["responsePayload"]
            .as_str()
            .unwrap()
            .contains("as it was told")
    );
    // Of an answer without an end, the beginning is kept, and that is all that is read.
    let delivery = until_delivery(client, ("talkative", "one"), answered).await;
    assert_eq!(delivery["status"], "Succeeded");
    assert_eq!(delivery["answer"]["body"].as_str().unwrap().len(), 4096);
}

async fn doctor_tells_of_results_that_wait_for_long(world: &World) {
    let receiver = Receiver::start(Mood::Down).await;
    let line = format!("on_success = \"{}\"", receiver.url);
    let server = world
        .serve(Plan {
            functions: function("f", &line),
            ..Plan::default()
        })
        .await;
    let named = [("x-fc-async-task-id", "one")];
    server
        .client
        .post(&UNVERSIONED.invoke("f"), &named, "")
        .await;
    until_delivery(&server.client, ("f", "one"), |it| it["attempts"] != 0).await;
    // Nothing is wrong yet; after more than a minute somebody should look.
    let said = world.run(&["doctor"]).await;
    assert!(!said.out.contains("tried for a day"), "{said:?}");
    // A try that is under way meanwhile writes the time back.
    until("doctor to tell", async || {
        world
            .sql("UPDATE deliveries SET created_at = 0 WHERE take_at IS NOT NULL")
            .await;
        let said = world.run(&["doctor"]).await;
        said.out.contains("tried for a day").then_some(())
    })
    .await;
}

async fn a_local_address_is_out_of_reach_unless_the_owner_names_it(world: &World) {
    let receiver = Receiver::start(Mood::Fine).await;
    let functions = ["literal", "by_name", "allowed"].map(|name| function(name, ""));
    let plan = |allow: &str| Plan {
        settings: format!("[webhooks]\nallow = [{allow}]\n"),
        functions: functions.concat(),
        ..Plan::default()
    };
    let server = world.serve(plan("")).await;
    let port = receiver.port;
    for (name, url) in [
        ("literal", receiver.url.clone()),
        ("by_name", format!("http://localhost:{port}/hook")),
    ] {
        let path = format!("/services/default/functions/{name}/async-invoke-config");
        let config = json!({"destinationConfig": {"onSuccess": {"destination": url}}});
        let put = server.client.manage("PUT", &path, &config).await;
        assert_eq!(put.status, 200, "{put:?}");
        assert_eq!(put.json()["destinationConfig"], config["destinationConfig"]);
        let accepted = server.client.post(&UNVERSIONED.invoke(name), &[], "").await;
        let id = accepted.request_id();
        let failed =
            until_delivery(&server.client, (name, id), |it| it["status"] == "Failed").await;
        let error = failed["answer"]["error"].as_str().unwrap();
        assert!(error.contains("webhooks.allow"), "{name}: {error}");
    }
    assert!(receiver.got().is_empty());
    drop(server);
    let server = world.serve(plan("\"127.0.0.0/8\"")).await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("literal"), &[], "")
        .await;
    let id = accepted.request_id();
    until_delivery(&server.client, ("literal", id), |it| {
        it["status"] == "Succeeded"
    })
    .await;
    assert_eq!(receiver.got().len(), 1);
    // The owner may as well name it in the configuration.
    let line = format!("on_success = \"{}\"", receiver.url);
    drop(server);
    let server = world
        .serve(Plan {
            functions: function("allowed", &line),
            ..plan("")
        })
        .await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("allowed"), &[], "")
        .await;
    let id = accepted.request_id();
    until_delivery(&server.client, ("allowed", id), |it| {
        it["status"] == "Succeeded"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_ekiden_does_not_have_is_refused_when_it_is_configured() {
    embedded(async |world: &World| {
        let server = world.serve(Plan::default()).await;
        let path = "/services/default/functions/f/async-invoke-config";
        for destination in [
            "acs:mns:cn-hangzhou:1:/queues/q/messages",
            "ftp://host/",
            "amqp:x",
            "f",
        ] {
            let config = json!({"destinationConfig": {"onFailure": {"destination": destination}}});
            let put = server.client.manage("PUT", path, &config).await;
            let (code, message) = put.problem();
            assert_eq!((put.status, code.as_str()), (400, "InvalidArgument"));
            assert!(
                message.starts_with("destinationConfig.onFailure.destination"),
                "{message}"
            );
            assert!(message.contains("amqp:EXCHANGE/ROUTING.KEY"), "{message}");
        }
        let config = server.client.get(path).await.json();
        assert_eq!(config["destinationConfig"], json!({}));
    })
    .await;
}
