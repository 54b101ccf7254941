//! What FC has no word for, under `/ekiden/v1`: an invocation's attempts, its result, and the delivery
//! of that. Times are milliseconds since the Unix epoch.

mod answer;
mod batch;
mod counts;

pub use answer::{Log, Output, Rerun, Resent};
pub use batch::{BatchAnswer, BatchOutcome, BatchRequest, MAX_BATCH};
pub use counts::{Count, Counts};

use crate::{
    Dialect,
    openapi::schema,
    record::{StatefulAsyncInvocation, text},
};
use ekiden_domain::{self as domain, DeliveryStatus, FaultKind, Record, Timestamp};
use serde::Serialize;
use utoipa::{ToSchema, openapi::ObjectBuilder};

/// What every native path begins with.
pub const PREFIX: &str = "/ekiden/v1";

/// The number of an invocation's only delivery.
pub const DELIVERY: u32 = 1;

/// Everything of an invocation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Invocation {
    #[serde(flatten)]
    record: StatefulAsyncInvocation,
    /// The version that its qualifier meant when it was accepted.
    version: String,
    #[serde(flatten)]
    attempts: Attempts,
    #[serde(flatten)]
    deliveries: Deliveries,
}

/// The attempts that have something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attempts {
    /// In order: those that failed, or left output or a log.
    attempts: Vec<Attempt>,
}

/// What became of handing a result on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Deliveries {
    /// None unless there is a destination for how it ended.
    deliveries: Vec<Delivery>,
}

/// One attempt to run an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Its number, from 1.
    number: u32,
    /// The worker that ran it.
    instance_id: String,
    started_time: i64,
    end_time: i64,
    duration_ms: u64,
    /// Whose fault it is that it failed; empty where it succeeded.
    #[schema(schema_with = whose_fault)]
    fault: &'static str,
    /// FC's name of the error; empty where it succeeded.
    error_type: String,
    /// What went wrong; empty where it succeeded.
    error_message: String,
    /// The status that the function's server answered, where it failed with one.
    #[schema(required = true)]
    http_status: Option<u16>,
    /// What it gave: its text or, where that is not UTF-8, Base64.
    output: String,
    /// `base64` where the output is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    output_encoding: Option<&'static str>,
    /// The end of what it logged: its text or, where that is not UTF-8, Base64.
    log: String,
    /// `base64` where the log is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log_encoding: Option<&'static str>,
}

/// Handing a result on to its destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its number, from 1.
    number: u32,
    /// A URL or an ARN.
    destination: String,
    #[schema(schema_with = schema::delivery_status)]
    status: &'static str,
    /// How often it was tried.
    attempts: u32,
    created_time: i64,
    /// When it is tried again; 0 unless it is `Pending`.
    next_time: i64,
    /// What the last try came to; null before the first.
    #[schema(required = true)]
    answer: Option<Answer>,
}

/// What a try to hand a result on came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAnswer)]
pub struct Answer {
    time: i64,
    /// The status of a webhook's answer, where there was one.
    #[schema(required = true)]
    http_status: Option<u16>,
    /// The beginning of what the receiver said.
    body: String,
    /// What went wrong; empty if nothing did.
    error: String,
}

const FUNCTION: &str = "function";
const SYSTEM: &str = "system";

fn whose_fault() -> ObjectBuilder {
    schema::one_of(["", FUNCTION, SYSTEM])
}

impl Invocation {
    /// The invocation of this record, with its attempts, in order, and its delivery.
    #[must_use]
    pub fn of(
        record: &Record,
        attempts: &[domain::Attempt],
        delivery: Option<&domain::Delivery>,
    ) -> Self {
        Self {
            record: StatefulAsyncInvocation::of(Dialect::V2021, record),
            version: record.invocation.version.to_string(),
            attempts: Attempts::of(attempts),
            deliveries: Deliveries::of(delivery),
        }
    }
}

impl Attempts {
    /// These, which are in order.
    #[must_use]
    pub fn of(attempts: &[domain::Attempt]) -> Self {
        Self {
            attempts: attempts.iter().map(Attempt::of).collect(),
        }
    }
}

impl Deliveries {
    /// The only one, if there is one.
    #[must_use]
    pub fn of(delivery: Option<&domain::Delivery>) -> Self {
        Self {
            deliveries: delivery.into_iter().map(Delivery::of).collect(),
        }
    }
}

impl Attempt {
    fn of(attempt: &domain::Attempt) -> Self {
        let duration = attempt.ended_at.since(attempt.started_at).as_millis();
        let fault = attempt.fault.as_ref();
        let (output, output_encoding) = text(&attempt.output);
        let (log, log_encoding) = text(&attempt.log);
        Self {
            number: attempt.number,
            instance_id: attempt.worker.to_string(),
            started_time: attempt.started_at.as_millis(),
            end_time: attempt.ended_at.as_millis(),
            duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
            fault: fault.map_or("", |fault| whose(fault.kind)),
            error_type: fault.map_or_else(String::new, |fault| fault.error.clone()),
            error_message: fault.map_or_else(String::new, |fault| fault.message.clone()),
            http_status: fault.and_then(|fault| fault.http_status),
            output,
            output_encoding,
            log,
            log_encoding,
        }
    }
}

const fn whose(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Function => FUNCTION,
        FaultKind::System | FaultKind::SystemReached => SYSTEM,
    }
}

impl Delivery {
    /// The delivery as it is.
    #[must_use]
    pub fn of(delivery: &domain::Delivery) -> Self {
        let is_pending = delivery.status == DeliveryStatus::Pending;
        let next = Some(delivery.due_at).filter(|_| is_pending);
        Self {
            number: DELIVERY,
            destination: delivery.destination.as_str().to_owned(),
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            created_time: delivery.created_at.as_millis(),
            next_time: next.map_or(0, Timestamp::as_millis),
            answer: delivery.answer.as_ref().map(Answer::of),
        }
    }
}

impl Answer {
    fn of(answer: &domain::delivery::Answer) -> Self {
        Self {
            time: answer.at.as_millis(),
            http_status: answer.http_status,
            body: answer.body.clone(),
            error: answer.error.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ekiden_domain::{
        Fault, RequestId, WorkerId,
        delivery::{Answer, Verdict},
    };
    use serde_json::{Value, json};

    fn told(it: impl Serialize) -> Value {
        serde_json::to_value(it).unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn an_attempt_tells_whose_fault_it_was_and_what_it_left() {
        let told = told(Attempt::of(&domain::Attempt {
            number: 2,
            worker: WorkerId::generate(at(1)),
            started_at: at(10),
            ended_at: at(15),
            fault: Some(Fault::system("TargetThrottled", "busy").with_http_status(429)),
            output: Bytes::from_static(b"\xff"),
            log: Bytes::from_static(b"log"),
        }));
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
        let fresh = domain::Delivery::new(RequestId::generate(at(1)), destination, at(5));
        let json = told(Delivery::of(&fresh));
        assert_eq!(
            (&json["nextTime"], &json["answer"]),
            (&json!(5), &Value::Null)
        );
        let answer = Answer::new(at(7), Some(410), "gone", "never again");
        let json = told(Delivery::of(&fresh.tried(Verdict::Never, answer)));
        assert_eq!(
            (&json["nextTime"], &json["status"]),
            (&json!(0), &json!("Failed"))
        );
        assert_eq!(json["answer"]["httpStatus"], 410);
    }
}
