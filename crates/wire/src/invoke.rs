//! An invocation as a producer asks for it: headers and payload.

mod answer;

pub use answer::{DURATION, ERROR_TYPE, HANDLED, Invoked, LOG_RESULT, UNHANDLED, VERSION};

use crate::{
    Problem, body,
    openapi::{
        Describe, OCTETS, Operation,
        schema::{flag, octets, one_of, whole, word},
    },
    query::{boolean, whole_number},
};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use ekiden_domain::{Invalid, InvocationId, name::MAX_ID};
use http::{HeaderMap, HeaderName};
use std::time::Duration;
use utoipa::openapi::{Content, request_body::RequestBodyBuilder};

/// FC's limit on an asynchronous payload, in bytes: 128 KiB.
pub const MAX_ASYNC_PAYLOAD: usize = 128 * 1024;
/// FC's limit on a synchronous payload, in bytes: 32 MiB.
pub const MAX_SYNC_PAYLOAD: usize = 32 * 1024 * 1024;
/// FC's limit on `x-fc-async-delay`, in seconds.
pub(crate) const MAX_DELAY: i64 = 3600;

/// How an invocation is to be run.
const SYNC: &str = "Sync";
const ASYNC: &str = "Async";
/// What is to be told of the log.
const NONE: &str = "None";
const TAIL: &str = "Tail";

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-fc-invocation-type");
/// The client's id in FC 2.0; echoed.
const STATEFUL_ID: HeaderName = HeaderName::from_static("x-fc-stateful-async-invocation-id");
/// The client's id in FC 3.0; echoed.
const TASK_ID: HeaderName = HeaderName::from_static("x-fc-async-task-id");
/// Tells the id an invocation was accepted under, given or made; sent beside both generations'.
pub const INVOCATION_ID: HeaderName = HeaderName::from_static("x-fc-invocation-id");
const STATEFUL_ENABLE: HeaderName =
    HeaderName::from_static("x-fc-stateful-async-invocation-enable");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-fc-log-type");
const DELAY: HeaderName = HeaderName::from_static("x-fc-async-delay");

/// An invocation as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeRequest {
    /// How it is to be run.
    pub mode: InvokeMode,
    /// The payload, byte for byte, whatever its content type; at most [`MAX_ASYNC_PAYLOAD`] or
    /// [`MAX_SYNC_PAYLOAD`] bytes.
    pub payload: Bytes,
}

/// How an invocation is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeMode {
    /// While the caller waits for the result: FC's default.
    Sync(SyncHeaders),
    /// Later, and the caller is told at once that it was accepted.
    Async(AsyncHeaders),
}

/// What the headers of a synchronous invocation say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncHeaders {
    /// Whether the answer is to tell the end of the function's log.
    pub log_tail: bool,
}

/// What the headers of an asynchronous invocation say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsyncHeaders {
    /// The client's id for it.
    pub invocation_id: Option<InvocationId>,
    /// How long after acceptance it falls due.
    pub delay: Duration,
    /// Whether the request itself asks for a task.
    pub stateful: bool,
}

impl<S: Send + Sync> FromRequest<S> for InvokeRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let mode = InvokeMode::of(request.headers())?;
        let max = match mode {
            InvokeMode::Sync(_) => MAX_SYNC_PAYLOAD,
            InvokeMode::Async(_) => MAX_ASYNC_PAYLOAD,
        };
        let payload = body::read(request, max).await?;
        Ok(Self { mode, payload })
    }
}

impl Describe for InvokeRequest {
    fn describe(operation: &mut Operation) {
        let no = Some(false.into());
        for (header, schema, says) in [
            (
                INVOCATION_TYPE,
                one_of([SYNC, ASYNC]).default(Some(SYNC.into())),
                "Whether it is run while the caller waits, or accepted with 202 and run later.",
            ),
            (
                STATEFUL_ID,
                word(MAX_ID),
                "An id for it, unique for its function, which makes it a task. Only with `Async`.",
            ),
            (TASK_ID, word(MAX_ID), "The same, as FC 3.0 calls it."),
            (
                STATEFUL_ENABLE,
                flag().default(no),
                "Whether it is a task whatever the function's config says. Only with `Async`.",
            ),
            (
                DELAY,
                whole(0..=MAX_DELAY).default(Some(0.into())),
                "How many seconds it is to wait. Only with `Async`.",
            ),
            (
                LOG_TYPE,
                one_of([NONE, TAIL]).default(Some(NONE.into())),
                "Whether the end of the log is told. Only with `Sync`.",
            ),
        ] {
            operation.header(header.as_str(), schema, says);
        }
        let says = format!(
            "The payload, byte for byte, whatever its media type: at most {MAX_ASYNC_PAYLOAD} \
             bytes with `Async`, {MAX_SYNC_PAYLOAD} with `Sync`."
        );
        let payload = RequestBodyBuilder::new()
            .description(Some(says))
            .content(OCTETS, Content::new(Some(octets())));
        operation.body(payload);
    }
}

impl InvokeMode {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mode = text(headers, &INVOCATION_TYPE)?.unwrap_or(SYNC);
        if mode.eq_ignore_ascii_case(SYNC) {
            let log_tail = log_tail(headers)?;
            return Ok(Self::Sync(SyncHeaders { log_tail }));
        }
        if !mode.eq_ignore_ascii_case(ASYNC) {
            let allowed = format!("{SYNC} or {ASYNC}");
            return Err(Invalid::new(INVOCATION_TYPE.as_str(), mode, allowed).into());
        }
        let enable = text(headers, &STATEFUL_ENABLE)?;
        let enable = enable.map(|text| boolean(STATEFUL_ENABLE.as_str(), text));
        let delay = text(headers, &DELAY)?;
        let delay = delay.map(|text| whole_number(DELAY.as_str(), text, 0..=MAX_DELAY));
        let delay = delay.transpose()?.unwrap_or(0);
        Ok(Self::Async(AsyncHeaders {
            invocation_id: invocation_id(headers)?,
            delay: Duration::from_secs(delay.unsigned_abs()),
            stateful: enable.transpose()?.unwrap_or(false),
        }))
    }
}

fn log_tail(headers: &HeaderMap) -> Result<bool, Problem> {
    match text(headers, &LOG_TYPE)? {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case(NONE) => Ok(false),
        Some(text) if text.eq_ignore_ascii_case(TAIL) => Ok(true),
        Some(text) => {
            let allowed = format!("{NONE} or {TAIL}");
            Err(Invalid::new(LOG_TYPE.as_str(), text, allowed).into())
        }
    }
}

/// The client's id, in either generation's header; in both only if it is the same.
fn invocation_id(headers: &HeaderMap) -> Result<Option<InvocationId>, Problem> {
    let mut id: Option<InvocationId> = None;
    for name in [STATEFUL_ID, TASK_ID] {
        let Some(text) = text(headers, &name)?.filter(|text| !text.is_empty()) else {
            continue;
        };
        let given: InvocationId = text
            .parse()
            .map_err(|invalid: Invalid| invalid.of_field(name.as_str()))?;
        match &id {
            Some(other) if *other != given => {
                let allowed = format!("'{other}', as in {STATEFUL_ID}");
                return Err(Invalid::new(name.as_str(), text, allowed).into());
            }
            _ => id = Some(given),
        }
    }
    Ok(id)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| Invalid::new(name.as_str(), "", "visible ASCII"))?;
    if values.next().is_some() {
        return Err(Invalid::new(name.as_str(), text, "given once").into());
    }
    Ok(Some(text.trim()))
}

#[cfg(test)]
mod tests;
