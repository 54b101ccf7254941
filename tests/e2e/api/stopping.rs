//! Stopping a task, whatever has become of it.

use crate::{
    client::Answer,
    spelling::{SPELLINGS, Spelling, UNVERSIONED},
    world::{Plan, World, story, until, until_record, until_status},
};

both_stacks! {
    a_waiting_task_is_stopped_at_once,
    a_running_task_is_stopped_and_its_call_cut,
    a_task_between_two_attempts_is_stopped_at_once,
    a_second_stop_while_the_first_takes_effect_is_fine,
    what_has_ended_cannot_be_stopped,
    an_unknown_task_cannot_be_stopped,
}

fn is_done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
    // Some SDKs parse whatever has a content type.
    assert_eq!(answer.header("content-type"), None);
}

fn is_too_late(answer: &Answer, status: &str) {
    let (code, message) = answer.problem();
    let (expected, said) = match status {
        "Stopped" => ("AsyncInvocationStopped", "has been stopped"),
        _ => ("PreconditionFailed", status),
    };
    assert_eq!(
        (answer.status, code.as_str()),
        (412, expected),
        "{answer:?}"
    );
    assert!(message.contains(said), "{message}");
}

async fn invoked(
    world: &World,
    plan: Plan,
    payload: &'static str,
) -> (crate::server::Server, Vec<(Spelling, String)>) {
    let server = world.serve(plan).await;
    let mut tasks = Vec::new();
    for spelling in SPELLINGS {
        let accepted = server
            .client
            .post(&spelling.invoke("f"), &[], payload)
            .await;
        assert_eq!(accepted.status, 202);
        tasks.push((spelling, accepted.request_id().to_owned()));
    }
    (server, tasks)
}

async fn a_waiting_task_is_stopped_at_once(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for spelling in SPELLINGS {
        let delay = [("x-fc-async-delay", "3600")];
        let accepted = client.post(&spelling.invoke("f"), &delay, "").await;
        let id = accepted.request_id();
        let stop = spelling.stop("f", id);
        is_done(&client.put(&stop).await);
        // Nobody holds it: it has ended before the answer.
        let stopped = client.get(&spelling.task("f", id)).await.json();
        assert_eq!(stopped["status"], "Stopped");
        assert_ne!(stopped["endTime"], 0);
        is_too_late(&client.put(&stop).await, "Stopped");
    }
}

async fn a_running_task_is_stopped_and_its_call_cut(world: &World) {
    let (server, tasks) = invoked(world, Plan::default(), "hang").await;
    let client = &server.client;
    for (spelling, id) in tasks {
        until_status(client, &id, "Running").await;
        until("the call", async || world.functions.calls_of(&id).pop()).await;
        is_done(&client.put(&spelling.stop("f", &id)).await);
        let stopped = until_status(client, &id, "Stopped").await;
        let expected = ["Enqueued", "Dequeued", "Running", "Stopping", "Stopped"];
        assert_eq!(story(&stopped), expected);
        let cut = until("the call's end", async || {
            let call = world.functions.calls_of(&id).pop();
            call.filter(|call| call.ended.is_some())
        });
        assert!(!cut.await.answered);
        is_too_late(&client.put(&spelling.stop("f", &id)).await, "Stopped");
    }
}

async fn a_task_between_two_attempts_is_stopped_at_once(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for spelling in SPELLINGS {
        let accepted = client.post(&spelling.invoke("patient"), &[], "fail").await;
        let id = accepted.request_id();
        until_record(client, ("patient", id), |record| {
            record["status"] == "Retrying"
        })
        .await;
        is_done(&client.put(&spelling.stop("patient", id)).await);
        let stopped = client.get(&spelling.task("patient", id)).await.json();
        assert_eq!(story(&stopped).last(), Some(&"Stopped"));
        // What went wrong before stays known.
        assert!(
            stopped[spelling.error_key()]
                .as_str()
                .unwrap()
                .contains("as it was told")
        );
        assert_eq!(world.functions.calls_of(id).len(), 1);
    }
}

async fn a_second_stop_while_the_first_takes_effect_is_fine(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let accepted = client.post(&UNVERSIONED.invoke("stubborn"), &[], "").await;
    let id = accepted.request_id();
    // It is Running before its shell has come to ignore SIGTERM.
    let deaf = world.path().join("deaf");
    until("a deaf command", async || deaf.exists().then_some(())).await;
    // The command is killed only after its grace: until then it is Stopping.
    for spelling in SPELLINGS {
        is_done(&client.put(&spelling.stop("stubborn", id)).await);
        let record = client.get(&spelling.task("stubborn", id)).await.json();
        assert_eq!(record["status"], "Stopping");
    }
    let ended = |record: &serde_json::Value| record["endTime"] != 0;
    let stopped = until_record(client, ("stubborn", id), ended).await;
    assert!(
        story(&stopped).ends_with(&["Running", "Stopping", "Stopped"]),
        "{stopped:#}"
    );
}

async fn what_has_ended_cannot_be_stopped(world: &World) {
    for (payload, status) in [("fine", "Succeeded"), ("fail", "Failed")] {
        let (server, tasks) = invoked(world, Plan::default(), payload).await;
        for (spelling, id) in tasks {
            until_status(&server.client, &id, status).await;
            let before = server.client.get(&spelling.task("f", &id)).await.json();
            is_too_late(&server.client.put(&spelling.stop("f", &id)).await, status);
            let after = server.client.get(&spelling.task("f", &id)).await.json();
            assert_eq!(before, after);
        }
    }
}

async fn an_unknown_task_cannot_be_stopped(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for spelling in SPELLINGS {
        for id in ["nobody", "1nvalid", "0190d0b4-0000-7000-8000-000000000000"] {
            for answer in [
                client.put(&spelling.stop("f", id)).await,
                client.get(&spelling.task("f", id)).await,
            ] {
                let (code, message) = answer.problem();
                assert_eq!((answer.status, code.as_str()), (404, spelling.not_found()));
                assert!(
                    message.contains(id) && message.contains("default/f"),
                    "{message}"
                );
            }
        }
    }
}
