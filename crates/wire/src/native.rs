//! What FC has no word for, under `/ekiden/v1`: an invocation's attempts, its result, and the delivery
//! of that. Times are milliseconds since the Unix epoch.

use crate::record::{object, text};
use ekiden_domain::{Attempt, Delivery, DeliveryStatus, Fault, FaultKind, Timestamp};
use serde_json::{Map, Value, json};

/// What every native path begins with.
pub const PREFIX: &str = "/ekiden/v1";

/// The number of an invocation's only delivery.
pub const DELIVERY: &str = "1";

/// An attempt: `fault` is `function` or `system`, and empty where it succeeded. Output and log are
/// strings: their text, or Base64 where they are not UTF-8, which `outputEncoding` and `logEncoding`
/// then say.
#[must_use]
pub fn attempt(attempt: &Attempt) -> Value {
    let Attempt {
        number,
        worker,
        started_at,
        ended_at,
        fault,
        output,
        log,
    } = attempt;
    let duration = ended_at.since(*started_at).as_millis();
    let mut json = object(json!({
        "number": number,
        "instanceId": worker.to_string(),
        "startedTime": started_at.as_millis(),
        "endTime": ended_at.as_millis(),
        "durationMs": u64::try_from(duration).unwrap_or(u64::MAX),
        "fault": fault.as_ref().map_or("", |fault| whose(fault.kind)),
        "errorType": fault.as_ref().map_or("", |fault| &fault.error),
        "errorMessage": fault.as_ref().map_or("", |fault| &fault.message),
        "httpStatus": fault.as_ref().and_then(|Fault { http_status, .. }| *http_status),
    }));
    put(&mut json, "output", output);
    put(&mut json, "log", log);
    json.into()
}

const fn whose(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Function => "function",
        FaultKind::System | FaultKind::SystemReached => "system",
    }
}

fn put(json: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    let text = text(bytes, &format!("{key}Encoding"), json);
    json.insert(key.to_owned(), text.into());
}

/// A delivery: `nextTime` is when it is tried again, 0 unless it is Pending; `answer` is what the last
/// try came to, null before the first.
#[must_use]
pub fn delivery(delivery: &Delivery) -> Value {
    let is_pending = delivery.status == DeliveryStatus::Pending;
    let next = Some(delivery.due_at).filter(|_| is_pending);
    let answer = delivery.answer.as_ref().map(|answer| {
        json!({
            "time": answer.at.as_millis(),
            "httpStatus": answer.http_status,
            "body": answer.body,
            "error": answer.error,
        })
    });
    json!({
        "number": 1,
        "destination": delivery.destination.as_str(),
        "status": delivery.status.as_str(),
        "attempts": delivery.attempts,
        "createdTime": delivery.created_at.as_millis(),
        "nextTime": next.map_or(0, Timestamp::as_millis),
        "answer": answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ekiden_domain::{
        RequestId, WorkerId,
        delivery::{Answer, Verdict},
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_attempt_tells_whose_fault_it_was_and_what_it_left() {
        let told = attempt(&Attempt {
            number: 2,
            worker: WorkerId::generate(at(1)),
            started_at: at(10),
            ended_at: at(15),
            fault: Some(Fault::system("TargetThrottled", "busy").with_http_status(429)),
            output: Bytes::from_static(b"\xff"),
            log: Bytes::from_static(b"log"),
        });
        assert_eq!(
            (&told["fault"], &told["durationMs"]),
            (&json!("system"), &json!(5))
        );
        assert_eq!(
            (&told["httpStatus"], &told["errorType"]),
            (&json!(429), &json!("TargetThrottled"))
        );
        assert_eq!(
            (&told["output"], &told["outputEncoding"]),
            (&json!("/w=="), &json!("base64"))
        );
        assert_eq!(
            (&told["log"], told.get("logEncoding")),
            (&json!("log"), None)
        );
    }

    #[test]
    fn a_delivery_has_a_next_time_only_while_it_is_pending() {
        let destination = "https://hooks.example/ok".parse().unwrap();
        let fresh = Delivery::new(RequestId::generate(at(1)), destination, at(5));
        let told = delivery(&fresh);
        assert_eq!(
            (&told["nextTime"], &told["answer"]),
            (&json!(5), &Value::Null)
        );
        let answer = Answer::new(at(7), Some(410), "gone", "never again");
        let told = delivery(&fresh.tried(Verdict::Never, answer));
        assert_eq!(
            (&told["nextTime"], &told["status"]),
            (&json!(0), &json!("Failed"))
        );
        assert_eq!(told["answer"]["httpStatus"], 410);
    }
}
