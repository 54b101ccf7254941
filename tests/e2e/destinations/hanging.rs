//! A receiver that takes results and never answers.

use super::{
    function,
    receiver::{Mood, Receiver},
    until_delivery,
};
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, until},
};

both_stacks! {
    a_receiver_that_hangs_holds_up_no_other,
}

/// As many tries as a process has under way at once.
const ALL: usize = 128;

async fn a_receiver_that_hangs_holds_up_no_other(world: &World) {
    let hanging = Receiver::start(Mood::Hanging).await;
    let fine = Receiver::start(Mood::Fine).await;
    let to = |receiver: &Receiver| format!("on_success = \"{}\"", receiver.url);
    let server = world
        .serve(Plan {
            settings: "[webhooks]\nallow = [\"127.0.0.1\"]\n".to_owned(),
            functions: function("f", &to(&hanging)) + &function("g", &to(&fine)),
            ..Plan::default()
        })
        .await;
    let client = &server.client;
    for _ in 0..ALL {
        client.post(&UNVERSIONED.invoke("f"), &[], "").await;
    }
    until("the receiver to hang", async || {
        (!hanging.got().is_empty()).then_some(())
    })
    .await;
    let named = [("x-fc-async-task-id", "other")];
    client.post(&UNVERSIONED.invoke("g"), &named, "").await;
    until_delivery(client, ("g", "other"), |it| it["status"] == "Succeeded").await;
    // All of them in a timeout's time, if they had taken every turn.
    let tried = hanging.got().len();
    assert!(tried < ALL, "{tried}");
}
