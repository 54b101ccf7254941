//! What a producer can ask for, and is told.

use crate::{
    spelling::{SPELLINGS, UNVERSIONED, V2021, V2023},
    world::{Plan, World, story, until, until_record, until_status},
};

both_stacks! {
    every_spelling_accepts_shows_and_lists,
    the_path_without_its_last_word_invokes_too,
    the_qualifier_stands_in_the_path_or_in_the_query,
    a_delayed_task_waits_and_can_be_stopped,
    a_short_delay_is_kept,
    a_duplicate_is_told_of_the_first,
    a_function_without_tasks_runs_unseen,
    a_request_can_ask_for_a_task_itself,
    system_errors_use_up_no_retries,
}

async fn every_spelling_accepts_shows_and_lists(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for (place, spelling) in SPELLINGS.into_iter().enumerate() {
        let id = format!("task-{place}");
        let named = [(spelling.id_header(), id.as_str())];
        let accepted = client.post(&spelling.invoke("f"), &named, "hello").await;
        assert_eq!((accepted.status, accepted.body.len()), (202, 0));
        assert_eq!(accepted.header("content-type"), None);
        let echoed = [
            "x-fc-invocation-id",
            "x-fc-stateful-async-invocation-id",
            "x-fc-async-task-id",
        ];
        for header in echoed {
            assert_eq!(accepted.header(header), Some(id.as_str()), "{header}");
        }
        let ended = until_status(client, &id, "Succeeded").await;
        assert_eq!(ended["requestId"], accepted.request_id());
        let shown = client.get(&spelling.task("f", &id)).await;
        assert_eq!(shown.status, 200);
        assert_eq!(shown.json()[spelling.id_key()], id);
        assert_ne!(
            shown.request_id(),
            accepted.request_id(),
            "each request has its own id"
        );
        assert!(spelling.ids(client, "f", "").await.contains(&id));
        let [call] = &world.functions.calls_of(&id)[..] else {
            panic!("one call");
        };
        assert_eq!((call.lease, call.attempt), (1, 1));
        assert_eq!(call.payload, "hello");
    }
    // Without an id of its own a task has that of its request.
    let accepted = client.post(&V2023.invoke("f"), &[], "").await;
    let id = accepted.request_id();
    assert_eq!(accepted.header("x-fc-async-task-id"), Some(id));
    assert_eq!(
        client.get(&V2021.task("f", id)).await.json()["invocationId"],
        id
    );
}

async fn the_path_without_its_last_word_invokes_too(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in SPELLINGS.into_iter().filter(|spelling| !spelling.is_fc3) {
        let accepted = server.client.post(&spelling.function("f"), &[], "").await;
        assert_eq!(accepted.status, 202, "{spelling:?}");
        until_status(&server.client, accepted.request_id(), "Succeeded").await;
    }
}

async fn the_qualifier_stands_in_the_path_or_in_the_query(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let mut paths: Vec<String> = SPELLINGS
        .iter()
        .map(|spelling| format!("{}?qualifier=prod", spelling.invoke("f")))
        .collect();
    let in_path = "/services/default.prod/functions/f/invocations";
    for prefix in ["", "/2016-08-15", "/2021-04-06"] {
        paths.push(format!("{prefix}{in_path}"));
        paths.push(format!("{prefix}{in_path}?qualifier=prod"));
    }
    for path in paths {
        let accepted = client.post(&path, &[], "fail").await;
        assert_eq!(accepted.status, 202, "{path}: {accepted:?}");
        let id = accepted.request_id();
        // Its own settings count: no retries.
        let ended = until_status(client, id, "Failed").await;
        assert_eq!(
            (&ended["qualifier"], &ended["alreadyRetriedTimes"]),
            (&"prod".into(), &0.into())
        );
        assert_eq!(world.functions.calls_of(id)[0].qualifier, "prod");
        for spelling in SPELLINGS {
            let task = spelling.task("f", id);
            assert_eq!(
                client.get(&format!("{task}?qualifier=prod")).await.status,
                200
            );
            let other = client.get(&format!("{task}?qualifier=LATEST")).await;
            assert_eq!(other.status, 404);
            assert_eq!(other.problem().0, spelling.not_found());
        }
    }
    let accepted = client
        .post("/services/default.beta/functions/f/invocations", &[], "")
        .await;
    let ended = until_status(client, accepted.request_id(), "Succeeded").await;
    assert_eq!(ended["qualifier"], "beta");
    let plain = client.post(&UNVERSIONED.invoke("f"), &[], "").await;
    let ended = until_status(client, plain.request_id(), "Succeeded").await;
    assert_eq!(ended["qualifier"], "LATEST");
}

async fn a_delayed_task_waits_and_can_be_stopped(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for spelling in SPELLINGS {
        let delayed = client
            .post(
                &spelling.invoke("f"),
                &[("x-fc-async-delay", "3600")],
                "later",
            )
            .await;
        assert_eq!(delayed.status, 202);
        let id = delayed.request_id();
        // One that came after it has run, and this one not.
        let plain = client.post(&spelling.invoke("f"), &[], "now").await;
        until_status(client, plain.request_id(), "Succeeded").await;
        let record = client.get(&spelling.task("f", id)).await.json();
        assert_eq!(record["status"], "Enqueued");
        assert_eq!(client.put(&spelling.stop("f", id)).await.status, 204);
        let stopped = until_status(client, id, "Stopped").await;
        assert_eq!(story(&stopped), ["Enqueued", "Stopped"]);
        assert!(world.functions.calls_of(id).is_empty());
    }
}

async fn a_short_delay_is_kept(world: &World) {
    let server = world.serve(Plan::default()).await;
    let delay = [("x-fc-async-delay", "1")];
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("f"), &delay, "")
        .await;
    let ended = until_status(&server.client, accepted.request_id(), "Succeeded").await;
    let times: Vec<i64> = ended["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["timestamp"].as_i64().unwrap())
        .collect();
    assert_eq!(story(&ended)[2], "Running");
    assert!(times[2] >= times[0] + 1000, "{times:?}");
    // FC's startedTime is the acceptance.
    assert_eq!(ended["startedTime"], times[0]);
}

async fn a_duplicate_is_told_of_the_first(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for (place, spelling) in SPELLINGS.into_iter().enumerate() {
        let id = format!("once-{place}");
        let named = [(spelling.id_header(), id.as_str())];
        let first = client.post(&spelling.invoke("f"), &named, "hang").await;
        assert_eq!(first.status, 202);
        until("the call", async || world.functions.calls_of(&id).pop()).await;
        let duplicate = async |status: &str| {
            let second = client.post(&spelling.invoke("f"), &named, "another").await;
            let (code, message) = second.problem();
            assert_eq!(
                (second.status, code.as_str()),
                (409, spelling.already_exists())
            );
            for part in [id.as_str(), first.request_id(), status] {
                assert!(message.contains(part), "{message}");
            }
            let existing = &second.json()["Existing"];
            assert_eq!(existing["RequestId"], first.request_id());
            assert_eq!(existing["Status"], status);
        };
        duplicate("Running").await;
        assert_eq!(client.put(&spelling.stop("f", &id)).await.status, 204);
        until_status(client, &id, "Stopped").await;
        duplicate("Stopped").await;
        let record = client.get(&spelling.task("f", &id)).await.json();
        assert_eq!(record["requestId"], first.request_id());
        assert_eq!(record[spelling.payload_key()], "hang");
        assert_eq!(world.functions.calls_of(&id).len(), 1);
    }
    // Ids are unique within their function only.
    let named = [("x-fc-async-task-id", "once-0")];
    let other = client.post(&V2023.invoke("patient"), &named, "").await;
    assert_eq!(other.status, 202);
}

async fn a_function_without_tasks_runs_unseen(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    for spelling in SPELLINGS {
        let accepted = client
            .post(&spelling.invoke("untracked"), &[], "quiet")
            .await;
        assert_eq!(accepted.status, 202);
        let id = accepted.request_id();
        until("the call", async || world.functions.calls_of(id).pop()).await;
        let shown = client.get(&spelling.task("untracked", id)).await;
        assert_eq!(
            (shown.status, shown.problem().0.as_str()),
            (404, spelling.not_found())
        );
        let stopped = client.put(&spelling.stop("untracked", id)).await;
        assert_eq!(
            (stopped.status, stopped.problem().0.as_str()),
            (404, spelling.not_found())
        );
        assert!(spelling.ids(client, "untracked", "").await.is_empty());
    }
}

async fn a_request_can_ask_for_a_task_itself(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let succeeded = |record: &serde_json::Value| record["status"] == "Succeeded";
    for (place, spelling) in SPELLINGS.into_iter().enumerate() {
        let path = spelling.invoke("untracked");
        let enable = [("x-fc-stateful-async-invocation-enable", "True")];
        let enabled = client.post(&path, &enable, "").await;
        until_record(client, ("untracked", enabled.request_id()), succeeded).await;
        let id = format!("named-{place}");
        let named = client.post(&path, &[(spelling.id_header(), &id)], "").await;
        assert_eq!(named.status, 202);
        until_record(client, ("untracked", &id), succeeded).await;
        let ids = spelling.ids(client, "untracked", "limit=2").await;
        assert_eq!(ids, [id.as_str(), enabled.request_id()]);
    }
}

async fn system_errors_use_up_no_retries(world: &World) {
    let server = world.serve(Plan::default()).await;
    let path = UNVERSIONED.invoke("f");
    let accepted = server
        .client
        .post(&format!("{path}?qualifier=prod"), &[], "busy 1")
        .await;
    let ended = until_status(&server.client, accepted.request_id(), "Succeeded").await;
    assert_eq!(ended["alreadyRetriedTimes"], 0);
    assert_eq!(world.functions.calls_of(accepted.request_id()).len(), 2);
    assert!(story(&ended).contains(&"Retrying"));
}
