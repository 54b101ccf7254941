//! A receiver that wants no more.

use super::{
    function, native,
    receiver::{Mood, Receiver},
    until_delivery,
};
use crate::{
    client::Client,
    spelling::UNVERSIONED,
    world::{Plan, World, until},
};
use serde_json::{Value, json};
use uuid::Uuid;

both_stacks! {
    a_destination_that_is_gone_gets_no_more_until_it_is_enabled,
    a_changed_function_of_the_configuration_enables_its_destinations,
}

/// Invokes `f` and returns the delivery of its result, once it has ended.
async fn deliver(client: &Client, id: &str) -> Value {
    let named = [("x-fc-async-task-id", id)];
    client.post(&UNVERSIONED.invoke("f"), &named, "").await;
    until_delivery(client, ("f", id), |it| it["status"] != "Pending").await
}

fn plan(lines: &str) -> Plan {
    Plan {
        settings: "[webhooks]\nallow = [\"127.0.0.1\"]\n".to_owned(),
        functions: function("f", lines),
        ..Plan::default()
    }
}

/// Waits until every process knows that the destination is disabled, and asserts that its receiver
/// gets nothing any more.
async fn until_disabled(client: &Client, receiver: &Receiver) {
    until("a delivery that is not even tried", async || {
        let before = receiver.got().len();
        let delivery = deliver(client, &format!("refused-{}", Uuid::new_v4())).await;
        assert_eq!(delivery["status"], "Failed", "{delivery:#}");
        let error = delivery["answer"]["error"].as_str().unwrap();
        (error.contains("disabled") && receiver.got().len() == before).then_some(())
    })
    .await;
}

async fn a_destination_that_is_gone_gets_no_more_until_it_is_enabled(world: &World) {
    let receiver = Receiver::start(Mood::Gone).await;
    let server = world.serve(plan("")).await;
    let client = &server.client;
    let path = "/services/default/functions/f/async-invoke-config";
    let destination = json!({"destination": receiver.url});
    // The same one for both, which is to be enabled once.
    let config = json!({"destinationConfig": {"onSuccess": destination, "onFailure": destination}});
    assert_eq!(client.manage("PUT", path, &config).await.status, 200);

    let delivery = deliver(client, "first").await;
    assert_eq!(
        (&delivery["status"], &delivery["answer"]["httpStatus"]),
        (&json!("Failed"), &json!(410)),
        "{delivery:#}"
    );
    until_disabled(client, &receiver).await;
    let said = world.run(&["doctor"]).await;
    assert!(said.out.contains("default/f"), "{said:?}");
    assert!(
        !said.out.contains("hook"),
        "a URL may hold a secret: {said:?}"
    );

    // To send one again is to try in earnest; and it is gone still.
    let resend = |id: &str| native("f", id) + "/deliveries/1/resend";
    let before = receiver.got().len();
    assert_eq!(client.call(&resend("first"), "").await.status, 202);
    // It counts as an attempt from when it begins.
    let is_tried = |it: &Value| it["attempts"] == 2 && it["status"] == "Failed";
    until_delivery(client, ("f", "first"), is_tried).await;
    assert_eq!(receiver.got().len(), before + 1);
    until_disabled(client, &receiver).await;

    receiver.be(Mood::Fine);
    assert_eq!(client.manage("PUT", path, &config).await.status, 200);
    let delivery = deliver(client, "enabled").await;
    assert_eq!(delivery["status"], "Succeeded", "{delivery:#}");
    assert_eq!(client.call(&resend("first"), "").await.status, 202);
    until_delivery(client, ("f", "first"), |it| it["status"] == "Succeeded").await;
}

async fn a_changed_function_of_the_configuration_enables_its_destinations(world: &World) {
    let receiver = Receiver::start(Mood::Gone).await;
    let on_success = format!("on_success = \"{}\"", receiver.url);
    let server = world.serve(plan(&on_success)).await;
    deliver(&server.client, "first").await;
    until_disabled(&server.client, &receiver).await;
    drop(server);
    receiver.be(Mood::Fine);
    // The same again changes nothing.
    let server = world.serve(plan(&on_success)).await;
    let delivery = deliver(&server.client, "second").await;
    assert_eq!(delivery["status"], "Failed", "{delivery:#}");
    drop(server);
    let changed = format!("{on_success}\nmax_age = \"1h\"");
    let server = world.serve(plan(&changed)).await;
    let delivery = deliver(&server.client, "third").await;
    assert_eq!(delivery["status"], "Succeeded", "{delivery:#}");
}
