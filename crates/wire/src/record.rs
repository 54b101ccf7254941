//! An invocation's record, as each generation of SDKs reads it.

use crate::Dialect;
use base64::{Engine, engine::general_purpose::STANDARD};
use ekiden_domain::{DeliveryStatus, Event, Invocation, Record, Timestamp};
use serde_json::{Map, Value, json};

/// The record's JSON: FC 2.0's `StatefulAsyncInvocation` or FC 3.0's `AsyncTask`. Times are
/// milliseconds since the Unix epoch; `endTime` is 0 until the end. A payload and an output, where the
/// record has them, are strings: their text, or Base64 where they are not UTF-8, which
/// `payloadEncoding` and `returnPayloadEncoding` then say.
#[must_use]
pub fn json(dialect: Dialect, record: &Record) -> Value {
    let invocation = &record.invocation;
    let mut json = common(record);
    if dialect.is_fc3() {
        json.extend(fc3(invocation));
    } else {
        json.extend(fc2(invocation));
    }
    if let Some(payload) = &record.payload {
        let text = text(payload, "payloadEncoding", &mut json);
        for key in payload_keys(dialect) {
            json.insert((*key).to_owned(), text.clone().into());
        }
    }
    if let Some(output) = &record.output {
        let text = text(output, "returnPayloadEncoding", &mut json);
        json.insert("returnPayload".to_owned(), text.into());
    }
    json.into()
}

/// The text that `bytes` are; or their Base64, which `encoding` then says.
pub(crate) fn text(bytes: &[u8], encoding: &str, json: &mut Map<String, Value>) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            json.insert(encoding.to_owned(), "base64".into());
            STANDARD.encode(bytes)
        }
    }
}

/// The page that first described the list spells the key with a capital; SDKs read it without.
const fn payload_keys(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Unversioned => &["invocationPayload", "InvocationPayload"],
        Dialect::V2016 | Dialect::V2021 => &["invocationPayload"],
        Dialect::V2023 => &["taskPayload"],
    }
}

fn common(record: &Record) -> Map<String, Value> {
    let invocation = &record.invocation;
    let ended_at = invocation.ended_at().map_or(0, Timestamp::as_millis);
    let instance = invocation.worker.map(|id| id.to_string());
    object(json!({
        "requestId": invocation.request_id.to_string(),
        "qualifier": invocation.qualifier.as_str(),
        "status": invocation.status().as_str(),
        "startedTime": invocation.accepted_at.as_millis(),
        "endTime": ended_at,
        "durationMs": u64::try_from(invocation.duration.as_millis()).unwrap_or(u64::MAX),
        "alreadyRetriedTimes": invocation.retries,
        // Empty means that there is no destination, or nothing to hand on yet.
        "destinationStatus": record.delivery.map_or("", DeliveryStatus::as_str),
        "instanceId": instance.unwrap_or_default(),
        "events": (1_u32..).zip(&invocation.events).map(event).collect::<Vec<_>>(),
    }))
}

fn event((id, event): (u32, &Event)) -> Value {
    json!({
        "eventId": id,
        "timestamp": event.at.as_millis(),
        "status": event.status.as_str(),
        "eventDetail": event.detail,
    })
}

fn fc2(invocation: &Invocation) -> Map<String, Value> {
    object(json!({
        "serviceName": invocation.function.service(),
        "functionName": invocation.function.function(),
        "invocationId": invocation.invocation_id.as_str(),
        "invocationErrorMessage": error_message(invocation),
    }))
}

fn fc3(invocation: &Invocation) -> Map<String, Value> {
    object(json!({
        "functionArn": format!("acs:fc:::functions/{}", invocation.function.function()),
        "taskId": invocation.invocation_id.as_str(),
        "taskErrorMessage": error_message(invocation),
    }))
}

/// The last attempt's error type and message; empty where nothing went wrong.
fn error_message(invocation: &Invocation) -> String {
    invocation.error.as_ref().map_or_else(String::new, |fault| {
        format!("{}: {}", fault.error, fault.message)
    })
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ekiden_domain::{
        AsyncConfig, Fault, Lane, NewInvocation, Outcome, Qualifier, RequestId, WorkerId,
    };
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
        let payload = payload.map(Bytes::from_static);
        Record {
            invocation,
            payload,
            output: None,
            delivery: None,
        }
    }

    #[test]
    fn an_accepted_one_has_every_key_and_no_end() {
        let json = json(Dialect::V2021, &record(accepted(), None));
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
        let json = json(Dialect::V2023, &record(failed(), Some(b"in")));
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
        let detail: Value =
            serde_json::from_str(events[3]["eventDetail"].as_str().unwrap()).unwrap();
        assert_eq!(detail["Error"], "HandledInvocationError");
        assert!(json.get("serviceName").is_none());
    }

    #[test]
    fn a_payload_is_text_or_said_to_be_base64() {
        let text = json(
            Dialect::Unversioned,
            &record(accepted(), Some("é".as_bytes())),
        );
        assert_eq!(text["invocationPayload"], "é");
        assert_eq!(text["InvocationPayload"], "é");
        assert!(text.get("payloadEncoding").is_none());
        let bytes = json(Dialect::V2016, &record(accepted(), Some(&[0xff, 0])));
        assert_eq!(bytes["invocationPayload"], "/wA=");
        assert_eq!(bytes["payloadEncoding"], "base64");
        assert!(bytes.get("InvocationPayload").is_none());
    }

    #[test]
    fn an_output_and_the_delivery_of_it_are_told() {
        let mut record = record(failed(), None);
        record.output = Some(Bytes::from_static(b"out"));
        record.delivery = Some(DeliveryStatus::Pending);
        let told = json(Dialect::V2021, &record);
        assert_eq!(told["returnPayload"], "out");
        assert_eq!(told["destinationStatus"], "Pending");
        record.output = Some(Bytes::from_static(b"\xff\x00"));
        let told = json(Dialect::V2023, &record);
        assert_eq!(told["returnPayload"], "/wA=");
        assert_eq!(told["returnPayloadEncoding"], "base64");
    }
}
