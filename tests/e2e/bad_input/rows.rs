//! Rows that somebody changed by hand into what cannot be.

use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, until, until_status},
};

both_stacks! {
    a_row_that_makes_no_sense_is_named_and_left_alone_and_others_go_on,
}

async fn a_row_that_makes_no_sense_is_named_and_left_alone_and_others_go_on(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for id in ["broken", "aged", "due"] {
        let headers = [("x-fc-async-task-id", id), ("x-fc-async-delay", "3600")];
        let accepted = client.post(&UNVERSIONED.invoke("f"), &headers, "").await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
    }
    // It waits, and nothing says for when; and it is too old, as one of the others is.
    let change = |what: &str, id: &str| {
        format!(
            "UPDATE invocations_live SET {what} WHERE request_id =
             (SELECT request_id FROM invocation_inputs WHERE invocation_id = '{id}')"
        )
    };
    world
        .sql(&change("due_at = NULL, expires_at = 1", "broken"))
        .await;
    world.sql(&change("expires_at = 1", "aged")).await;
    // Its message and that of the row in trouble are sent together.
    world.sql(&change("due_at = 1", "due")).await;
    world.sql("UPDATE outbox SET due_at = 1, take_at = 1").await;
    until_status(client, "aged", "Expired").await;
    until_status(client, "due", "Succeeded").await;
    let list = client
        .get(&format!("{}?limit=100", UNVERSIONED.list("f")))
        .await;
    let listed = list.json()["invocations"].as_array().unwrap().len();
    assert_eq!((list.status, listed), (200, 2), "{list:?}");
    let broken = client.get(&UNVERSIONED.task("f", "broken")).await;
    assert_eq!(broken.status, 500, "{broken:?}");
    let doctor = world.run(&["doctor"]).await;
    let told = "1 make no sense, the first: invocations of";
    assert!(doctor.code == 1 && doctor.out.contains(told), "{doctor:?}");
    // Repaired, it goes on.
    world
        .sql(&change("due_at = 1, expires_at = 4000000000000", "broken"))
        .await;
    let reconciled = world.run(&["reconcile"]).await;
    assert_eq!(reconciled.code, 0, "{reconciled:?}");
    until("it to end", async || {
        let record = client.get(&UNVERSIONED.task("f", "broken")).await;
        (record.status == 200 && record.json()["status"] == "Succeeded").then_some(())
    })
    .await;
}
