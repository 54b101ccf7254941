//! An invocation as a producer asks for it: headers and payload.

use crate::{
    Problem, body,
    query::{boolean, whole_number},
};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use ekiden_domain::{Invalid, InvocationId};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// FC's limit on an asynchronous payload, in bytes: 128 KiB.
pub const MAX_ASYNC_PAYLOAD: usize = 128 * 1024;
/// FC's limit on a synchronous payload, in bytes: 32 MiB.
pub const MAX_SYNC_PAYLOAD: usize = 32 * 1024 * 1024;
/// FC's limit on `x-fc-async-delay`, in seconds.
const MAX_DELAY: i64 = 3600;

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-fc-invocation-type");
/// The client's id in FC 2.0; echoed.
pub const STATEFUL_ID: HeaderName = HeaderName::from_static("x-fc-stateful-async-invocation-id");
/// The client's id in FC 3.0; echoed.
pub const TASK_ID: HeaderName = HeaderName::from_static("x-fc-async-task-id");
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

impl InvokeMode {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mode = text(headers, &INVOCATION_TYPE)?.unwrap_or("Sync");
        if mode.eq_ignore_ascii_case("sync") {
            let log_tail = log_tail(headers)?;
            return Ok(Self::Sync(SyncHeaders { log_tail }));
        }
        if !mode.eq_ignore_ascii_case("async") {
            let name = INVOCATION_TYPE;
            return Err(Invalid::new(name.as_str(), mode, "Sync or Async").into());
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
        Some(text) if text.eq_ignore_ascii_case("none") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("tail") => Ok(true),
        Some(text) => Err(Invalid::new(LOG_TYPE.as_str(), text, "None or Tail").into()),
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
mod tests {
    use super::*;
    use axum::body::Body;
    use http::HeaderValue;

    fn mode(pairs: &[(&'static str, &'static str)]) -> Result<InvokeMode, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        InvokeMode::of(&headers)
    }

    const ASYNC: (&str, &str) = ("x-fc-invocation-type", "Async");

    #[test]
    fn an_invocation_is_synchronous_unless_it_says_otherwise() {
        let sync = |log_tail| Ok(InvokeMode::Sync(SyncHeaders { log_tail }));
        assert_eq!(mode(&[]), sync(false));
        assert_eq!(mode(&[("x-fc-invocation-type", "sync")]), sync(false));
        assert_eq!(mode(&[("x-fc-log-type", "Tail")]), sync(true));
        let plain = InvokeMode::Async(AsyncHeaders::default());
        assert_eq!(mode(&[ASYNC]), Ok(plain));
    }

    #[test]
    fn both_generations_headers_are_read() {
        for name in ["x-fc-stateful-async-invocation-id", "x-fc-async-task-id"] {
            let asked = mode(&[
                ASYNC,
                (name, "job-1"),
                ("x-fc-async-delay", "3600"),
                ("x-fc-stateful-async-invocation-enable", "True"),
            ]);
            let expected = AsyncHeaders {
                invocation_id: Some("job-1".parse().unwrap()),
                delay: Duration::from_secs(3600),
                stateful: true,
            };
            assert_eq!(asked, Ok(InvokeMode::Async(expected)));
        }
    }

    #[test]
    fn a_bad_header_is_named_with_its_value_and_what_is_allowed() {
        let long: &'static str = "a".repeat(129).leak();
        let cases = [
            ("x-fc-invocation-type", "Later", "Sync or Async"),
            ("x-fc-async-delay", "3601", "from 0 to 3600"),
            ("x-fc-async-delay", "-1", "from 0 to 3600"),
            (
                "x-fc-async-task-id",
                "1job",
                "beginning with a letter or '_'",
            ),
            ("x-fc-stateful-async-invocation-id", long, "1 to 128"),
            (
                "x-fc-stateful-async-invocation-enable",
                "yes",
                "true or false",
            ),
        ];
        for (name, value, allowed) in cases {
            let headers = if name == ASYNC.0 {
                vec![(name, value)]
            } else {
                vec![ASYNC, (name, value)]
            };
            let message = mode(&headers).unwrap_err().message;
            assert!(message.starts_with(name), "{message}");
            assert!(message.contains(allowed), "{message}");
        }
        let twice = mode(&[ASYNC, ("x-fc-async-delay", "1"), ("x-fc-async-delay", "2")]);
        assert!(twice.unwrap_err().message.contains("given once"));
        let two_ids = mode(&[
            ASYNC,
            ("x-fc-async-task-id", "a"),
            ("x-fc-stateful-async-invocation-id", "b"),
        ]);
        assert!(two_ids.unwrap_err().message.contains("'b', as in"));
    }

    #[tokio::test]
    async fn each_mode_has_its_limit() {
        let ask = async |mode: Option<&str>, length| {
            let mut request = Request::new(Body::from(vec![0xff; length]));
            if let Some(mode) = mode {
                let mode = HeaderValue::from_str(mode).unwrap();
                request.headers_mut().insert(INVOCATION_TYPE, mode);
            }
            let asked = InvokeRequest::from_request(request, &()).await;
            asked.map(|asked| asked.payload.len())
        };
        for (mode, max) in [(Some("Async"), 131_072), (None, 33_554_432)] {
            assert_eq!(ask(mode, max).await, Ok(max));
            let problem = ask(mode, max + 1).await.unwrap_err();
            assert_eq!(problem, Problem::entity_too_large(max));
        }
    }
}
