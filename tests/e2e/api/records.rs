//! What a record tells.

use crate::{
    spelling::{SPELLINGS, Spelling, UNVERSIONED},
    world::{Plan, World, story, until_status},
};
use serde_json::Value;
use std::collections::BTreeSet;

both_stacks! {
    a_record_has_the_documented_keys_and_no_others,
    the_payload_s_second_name_is_for_the_unversioned_path_only,
    the_end_is_0_until_there_is_one,
    a_failed_task_tells_its_story,
    a_task_that_fails_once_succeeds_at_its_second_attempt,
}

const COMMON: [&str; 10] = [
    "requestId",
    "qualifier",
    "status",
    "startedTime",
    "endTime",
    "durationMs",
    "destinationStatus",
    "alreadyRetriedTimes",
    "instanceId",
    "events",
];

fn keys_of(spelling: Spelling) -> BTreeSet<&'static str> {
    let own: &[&str] = if spelling.is_fc3 {
        &["functionArn", "taskId", "taskErrorMessage"]
    } else {
        &[
            "serviceName",
            "functionName",
            "invocationId",
            "invocationErrorMessage",
        ]
    };
    COMMON.iter().chain(own).copied().collect()
}

fn keys(record: &Value) -> BTreeSet<&str> {
    record
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

async fn a_record_has_the_documented_keys_and_no_others(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let accepted = client.post(&UNVERSIONED.invoke("f"), &[], "in").await;
    let id = accepted.request_id();
    until_status(client, id, "Succeeded").await;
    for spelling in SPELLINGS {
        let (records, _) = spelling.page(client, "f", "").await;
        let [listed] = &records[..] else {
            panic!("one record: {records:?}");
        };
        assert_eq!(keys(listed), keys_of(spelling), "{spelling:?}");
        let mut shown = client.get(&spelling.task("f", id)).await.json();
        assert_eq!(shown[spelling.payload_key()], "in");
        assert_eq!(shown["returnPayload"], "in");
        // Get shows the payload and the output too, and otherwise the same.
        let payload_names = [spelling.payload_key(), "InvocationPayload", "returnPayload"];
        shown
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !payload_names.contains(&key.as_str()));
        assert_eq!(&shown, listed);
        check_values(&shown, spelling);
    }
}

fn check_values(record: &Value, spelling: Spelling) {
    if spelling.is_fc3 {
        assert_eq!(record["functionArn"], "acs:fc:::functions/f");
    } else {
        assert_eq!(
            (&record["serviceName"], &record["functionName"]),
            (&"default".into(), &"f".into())
        );
    }
    assert_eq!(record["qualifier"], "LATEST");
    assert_eq!(record["destinationStatus"], "");
    assert_eq!(record[spelling.error_key()], "");
    assert_eq!(record["alreadyRetriedTimes"], 0);
    assert!(!record["instanceId"].as_str().unwrap().is_empty());
    let time = |key: &str| record[key].as_i64().unwrap();
    assert!(time("startedTime") > 1_700_000_000_000, "milliseconds");
    assert!(time("endTime") >= time("startedTime") + time("durationMs"));
    assert_eq!(
        story(record),
        ["Enqueued", "Dequeued", "Running", "Succeeded"]
    );
    let events = record["events"].as_array().unwrap();
    for (event, id) in events.iter().zip(1..) {
        let expected = BTreeSet::from(["eventId", "timestamp", "status", "eventDetail"]);
        assert_eq!(keys(event), expected);
        assert_eq!(
            (&event["eventId"], &event["eventDetail"]),
            (&id.into(), &"".into())
        );
    }
    assert_eq!(events[0]["timestamp"], record["startedTime"]);
    assert_eq!(events[3]["timestamp"], record["endTime"]);
}

async fn the_payload_s_second_name_is_for_the_unversioned_path_only(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let accepted = client.post(&UNVERSIONED.invoke("f"), &[], "twice").await;
    for spelling in SPELLINGS {
        let (mut records, _) = spelling.page(client, "f", "includePayload=true").await;
        records.push(
            client
                .get(&spelling.task("f", accepted.request_id()))
                .await
                .json(),
        );
        assert_eq!(records.len(), 2);
        for record in records {
            assert_eq!(record[spelling.payload_key()], "twice");
            let second = record.get("InvocationPayload");
            let expected = Value::from("twice");
            assert_eq!(
                second,
                (spelling == UNVERSIONED).then_some(&expected),
                "{spelling:?}"
            );
            assert!(record.get("payloadEncoding").is_none(), "it is text");
        }
    }
}

async fn the_end_is_0_until_there_is_one(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let accepted = client.post(&UNVERSIONED.invoke("f"), &[], "hang").await;
    let id = accepted.request_id();
    until_status(client, id, "Running").await;
    for spelling in SPELLINGS {
        let record = client.get(&spelling.task("f", id)).await.json();
        assert_eq!(
            (&record["endTime"], &record["status"]),
            (&0.into(), &"Running".into())
        );
    }
    world.functions.release();
    let ended = until_status(client, id, "Succeeded").await;
    assert!(ended["endTime"].as_i64() >= ended["startedTime"].as_i64());
}

async fn a_failed_task_tells_its_story(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let accepted = client.post(&UNVERSIONED.invoke("f"), &[], "fail").await;
    let id = accepted.request_id();
    until_status(client, id, "Failed").await;
    for spelling in SPELLINGS {
        let record = client.get(&spelling.task("f", id)).await.json();
        assert_eq!(record["alreadyRetriedTimes"], 2);
        let message = record[spelling.error_key()].as_str().unwrap();
        assert_eq!(message, "HandledInvocationError: Told: as it was told");
        let attempt = ["Dequeued", "Running", "Retrying"];
        let last = ["Dequeued", "Running", "Failed"];
        let expected = [&["Enqueued"], &attempt[..], &attempt[..], &last[..]].concat();
        assert_eq!(story(&record), expected);
        for event in record["events"].as_array().unwrap() {
            let told = event["eventDetail"].as_str().unwrap();
            if !["Retrying", "Failed"].contains(&event["status"].as_str().unwrap()) {
                assert_eq!(told, "");
                continue;
            }
            let detail: Value = serde_json::from_str(told).unwrap();
            assert_eq!(detail["Error"], "HandledInvocationError");
        }
    }
    let calls = world.functions.calls_of(id);
    let seen: Vec<(u64, u64)> = calls
        .iter()
        .map(|call| (call.lease, call.attempt))
        .collect();
    assert_eq!(seen, [(1, 1), (2, 2), (3, 3)]);
}

async fn a_task_that_fails_once_succeeds_at_its_second_attempt(world: &World) {
    let server = world.serve(Plan::default()).await;
    let accepted = server
        .client
        .post(&UNVERSIONED.invoke("f"), &[], "flaky 1")
        .await;
    let ended = until_status(&server.client, accepted.request_id(), "Succeeded").await;
    assert_eq!(ended["alreadyRetriedTimes"], 1);
}
