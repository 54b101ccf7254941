//! An invocation's record, as each generation of SDKs reads it.

use crate::{Dialect, Either, Item, openapi::schema};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ekiden_domain::{DeliveryStatus, Event, Invocation, Record, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A record, as a generation tells it.
pub type Told = Either<StatefulAsyncInvocation, AsyncTask>;

/// What both generations tell of an invocation. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Names the record; the `X-Fc-Request-Id` of the answer that accepted it.
    request_id: String,
    /// What it was invoked through: `LATEST`, a version's number, or an alias.
    qualifier: String,
    /// What has become of it.
    #[schema(schema_with = schema::status)]
    status: &'static str,
    /// When it was accepted.
    started_time: i64,
    /// When it ended; 0 until then.
    end_time: i64,
    /// How long the last attempt took.
    duration_ms: u64,
    /// How often it was tried again after an error of the function.
    already_retried_times: u32,
    /// What became of handing its result on; empty if there is no destination, or no result yet.
    #[schema(schema_with = schema::destination_status)]
    destination_status: &'static str,
    /// The worker that has it or had it last; empty if none did.
    instance_id: String,
    /// What happened, in order.
    events: Vec<EventTold>,
    /// The result, once there is one: its text or, where that is not UTF-8, Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    return_payload: Option<String>,
    /// `base64` where the result is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    return_payload_encoding: Option<&'static str>,
}

/// One step of an invocation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub struct EventTold {
    /// Its number, from 1.
    event_id: u32,
    /// When it happened.
    timestamp: i64,
    /// The status that it led to.
    #[schema(schema_with = schema::status)]
    status: &'static str,
    /// JSON that says more, as text; or empty.
    event_detail: String,
}

/// An invocation, in FC 2.0's words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatefulAsyncInvocation {
    service_name: String,
    function_name: String,
    /// The id that its producer gave it, or else the request id.
    invocation_id: String,
    #[serde(flatten)]
    progress: Progress,
    /// The last error's type and message; empty if nothing went wrong.
    invocation_error_message: String,
    /// The payload, where it is asked for: its text or, where that is not UTF-8, Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invocation_payload: Option<String>,
    /// The payload once more where the path names no version: FC's early documentation spells the key
    /// so.
    #[serde(rename = "InvocationPayload", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    early_payload: Option<String>,
    /// `base64` where the payload is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payload_encoding: Option<&'static str>,
}

/// An invocation, in FC 3.0's words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AsyncTask {
    /// The function: `acs:fc:::functions/name`.
    function_arn: String,
    /// The id that its producer gave it, or else the request id.
    task_id: String,
    #[serde(flatten)]
    progress: Progress,
    /// The last error's type and message; empty if nothing went wrong.
    task_error_message: String,
    /// The payload, where it is asked for: its text or, where that is not UTF-8, Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task_payload: Option<String>,
    /// `base64` where the payload is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payload_encoding: Option<&'static str>,
}

impl Item for StatefulAsyncInvocation {
    const LIST: &'static str = "invocations";
}

impl Item for AsyncTask {
    const LIST: &'static str = "tasks";
}

/// `record`, as `dialect` tells it.
#[must_use]
pub fn tell(dialect: Dialect, record: &Record) -> Told {
    if dialect.is_fc3() {
        Either::Fc3(AsyncTask::of(record))
    } else {
        Either::Fc2(StatefulAsyncInvocation::of(dialect, record))
    }
}

impl StatefulAsyncInvocation {
    pub(crate) fn of(dialect: Dialect, record: &Record) -> Self {
        let invocation = &record.invocation;
        let (payload, payload_encoding) = text_of(record.payload.as_ref());
        Self {
            service_name: invocation.function.service().to_owned(),
            function_name: invocation.function.function().to_owned(),
            invocation_id: invocation.invocation_id.to_string(),
            progress: Progress::of(record),
            invocation_error_message: error_message(invocation),
            early_payload: payload.clone().filter(|_| dialect == Dialect::Unversioned),
            invocation_payload: payload,
            payload_encoding,
        }
    }
}

impl AsyncTask {
    pub(crate) fn of(record: &Record) -> Self {
        let invocation = &record.invocation;
        let (task_payload, payload_encoding) = text_of(record.payload.as_ref());
        Self {
            function_arn: format!("acs:fc:::functions/{}", invocation.function.function()),
            task_id: invocation.invocation_id.to_string(),
            progress: Progress::of(record),
            task_error_message: error_message(invocation),
            task_payload,
            payload_encoding,
        }
    }
}

impl Progress {
    fn of(record: &Record) -> Self {
        let invocation = &record.invocation;
        let (return_payload, return_payload_encoding) = text_of(record.output.as_ref());
        let events = (1_u32..).zip(&invocation.events);
        let instance = invocation.worker.map(|id| id.to_string());
        Self {
            request_id: invocation.request_id.to_string(),
            qualifier: invocation.qualifier.to_string(),
            status: invocation.status().as_str(),
            started_time: invocation.accepted_at.as_millis(),
            end_time: invocation.ended_at().map_or(0, Timestamp::as_millis),
            duration_ms: u64::try_from(invocation.duration.as_millis()).unwrap_or(u64::MAX),
            already_retried_times: invocation.retries,
            destination_status: record.delivery.map_or("", DeliveryStatus::as_str),
            instance_id: instance.unwrap_or_default(),
            events: events.map(event).collect(),
            return_payload,
            return_payload_encoding,
        }
    }
}

fn event((id, event): (u32, &Event)) -> EventTold {
    EventTold {
        event_id: id,
        timestamp: event.at.as_millis(),
        status: event.status.as_str(),
        event_detail: event.detail.clone(),
    }
}

/// The text of what is there, and how it was made text.
fn text_of(bytes: Option<&Bytes>) -> (Option<String>, Option<&'static str>) {
    bytes.map_or((None, None), |bytes| {
        let (text, encoding) = text(bytes);
        (Some(text), encoding)
    })
}

/// The text that `bytes` are; or their Base64, and that they are that.
pub(crate) fn text(bytes: &[u8]) -> (String, Option<&'static str>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (STANDARD.encode(bytes), Some("base64")),
    }
}

/// The last attempt's error type and message; empty where nothing went wrong.
fn error_message(invocation: &Invocation) -> String {
    invocation.error.as_ref().map_or_else(String::new, |fault| {
        format!("{}: {}", fault.error, fault.message)
    })
}

#[cfg(test)]
mod tests;
