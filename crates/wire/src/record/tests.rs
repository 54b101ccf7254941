use super::*;
use bytes::Bytes;
use ekiden_domain::{
    AsyncConfig, Fault, Lane, NewInvocation, Outcome, Qualifier, RequestId, WorkerId,
};
use serde_json::{Value, json};
use std::time::Duration;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn accepted() -> Invocation {
    let new = NewInvocation {
        function: "media/thumb".parse().unwrap(),
        qualifier: Qualifier::latest(),
        version: Qualifier::latest(),
        invocation_id: Some("job-1".parse().unwrap()),
        delay: Duration::ZERO,
        stateful: true,
        hops: 0,
        trace: None,
    };
    let config = AsyncConfig::default();
    let id = RequestId::generate(at(1000));
    Invocation::accept(id, new, &config, Lane::shared(), at(1000)).0
}

fn failed() -> Invocation {
    let worker = WorkerId::generate(at(1));
    let claimed = accepted().claim(worker, at(1100)).unwrap().after;
    let running = claimed.start(Duration::from_secs(1), at(1101)).unwrap();
    let fault = Fault::function("HandledInvocationError", "bad input");
    let failed = running.after.finish(Outcome::Failed(fault), at(1111));
    failed.unwrap().after
}

fn record(invocation: Invocation, payload: Option<&'static [u8]>) -> Record {
    Record {
        invocation,
        payload: payload.map(Bytes::from_static),
        output: None,
        delivery: None,
    }
}

fn told(dialect: Dialect, record: &Record) -> Value {
    serde_json::to_value(tell(dialect, record)).unwrap()
}

#[test]
fn an_accepted_one_has_every_key_and_no_end() {
    let json = told(Dialect::V2021, &record(accepted(), None));
    let id = json["requestId"].as_str().unwrap().to_owned();
    assert_eq!(
        json,
        json!({
            "serviceName": "media", "functionName": "thumb", "qualifier": "LATEST",
            "invocationId": "job-1", "requestId": id, "status": "Enqueued",
            "startedTime": 1000, "endTime": 0, "durationMs": 0, "destinationStatus": "",
            "invocationErrorMessage": "", "alreadyRetriedTimes": 0, "instanceId": "",
            "events": [
                {"eventId": 1, "timestamp": 1000, "status": "Enqueued", "eventDetail": ""},
            ],
        })
    );
}

#[test]
fn a_task_of_fc3_has_its_own_keys_and_tells_its_story() {
    let json = told(Dialect::V2023, &record(failed(), Some(b"in")));
    assert_eq!(json["taskId"], "job-1");
    assert_eq!(json["taskPayload"], "in");
    assert_eq!(json["functionArn"], "acs:fc:::functions/thumb");
    assert_eq!(
        json["taskErrorMessage"],
        "HandledInvocationError: bad input"
    );
    assert_eq!(json["durationMs"], 10);
    assert_eq!(json["alreadyRetriedTimes"], 1);
    let events = json["events"].as_array().unwrap();
    let story: Vec<_> = events
        .iter()
        .map(|e| e["status"].as_str().unwrap())
        .collect();
    assert_eq!(story, ["Enqueued", "Dequeued", "Running", "Retrying"]);
    let detail: Value = serde_json::from_str(events[3]["eventDetail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["Error"], "HandledInvocationError");
    assert!(json.get("serviceName").is_none());
}

#[test]
fn a_payload_is_text_or_said_to_be_base64() {
    let text = told(
        Dialect::Unversioned,
        &record(accepted(), Some("é".as_bytes())),
    );
    assert_eq!(text["invocationPayload"], "é");
    assert_eq!(text["InvocationPayload"], "é");
    assert!(text.get("payloadEncoding").is_none());
    let bytes = told(Dialect::V2016, &record(accepted(), Some(&[0xff, 0])));
    assert_eq!(bytes["invocationPayload"], "/wA=");
    assert_eq!(bytes["payloadEncoding"], "base64");
    assert!(bytes.get("InvocationPayload").is_none());
}

#[test]
fn an_output_and_the_delivery_of_it_are_told() {
    let mut record = record(failed(), None);
    record.output = Some(Bytes::from_static(b"out"));
    record.delivery = Some(DeliveryStatus::Pending);
    let json = told(Dialect::V2021, &record);
    assert_eq!(json["returnPayload"], "out");
    assert_eq!(json["destinationStatus"], "Pending");
    record.output = Some(Bytes::from_static(b"\xff\x00"));
    let json = told(Dialect::V2023, &record);
    assert_eq!(json["returnPayload"], "/wA=");
    assert_eq!(json["returnPayloadEncoding"], "base64");
}
