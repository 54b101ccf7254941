//! An invocation as a producer asks for it: headers and payload.

use crate::{
    Problem,
    query::{boolean, whole_number},
    signature::AuthError,
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
};
use bytes::{Bytes, BytesMut};
use ekiden_domain::{Invalid, InvocationId};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, header, request::Parts};
use std::time::Duration;

/// FC's limit on an asynchronous payload, in bytes: 128 KiB.
pub const MAX_PAYLOAD: usize = 128 * 1024;
/// How much more of a payload that is too large is read and forgotten, so that its sender reads the
/// answer instead of a broken connection: FC's limit on a synchronous payload, in bytes.
const MAX_DISCARDED: usize = 32 * 1024 * 1024;
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
const DELAY: HeaderName = HeaderName::from_static("x-fc-async-delay");

/// How an invocation is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeMode {
    /// While the caller waits for the result: FC's default.
    Sync,
    /// Later, and the caller is told at once that it was accepted.
    Async(AsyncHeaders),
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

impl<S: Send + Sync> FromRequestParts<S> for InvokeMode {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

impl InvokeMode {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mode = text(headers, &INVOCATION_TYPE)?.unwrap_or("Sync");
        if mode.eq_ignore_ascii_case("sync") {
            return Ok(Self::Sync);
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

/// A payload of at most [`MAX_PAYLOAD`] bytes, byte for byte, whatever its content type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let body = request.into_body();
        if declared.is_some_and(|length| length > MAX_PAYLOAD + MAX_DISCARDED) {
            return Err(Problem::entity_too_large(MAX_PAYLOAD));
        }
        read(body, declared.unwrap_or(0)).await.map(Self)
    }
}

async fn read(body: Body, declared: usize) -> Result<Bytes, Problem> {
    let mut payload = BytesMut::with_capacity(declared.min(MAX_PAYLOAD));
    let mut length = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(broken)?;
        length += chunk.len();
        if length <= MAX_PAYLOAD {
            payload.extend_from_slice(&chunk);
        } else if length > MAX_PAYLOAD + MAX_DISCARDED {
            break;
        }
    }
    if length > MAX_PAYLOAD {
        return Err(Problem::entity_too_large(MAX_PAYLOAD));
    }
    Ok(payload.freeze())
}

/// A body that is not the signed one says so in its last chunk; one that breaks off otherwise has a
/// sender who will hardly read this answer.
fn broken(error: axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<AuthError>() {
            return refused.clone().into();
        }
        cause = error.source();
    }
    Problem::invalid_argument("the body is incomplete")
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert_eq!(mode(&[]), Ok(InvokeMode::Sync));
        assert_eq!(
            mode(&[("x-fc-invocation-type", "sync")]),
            Ok(InvokeMode::Sync)
        );
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
    async fn a_payload_is_kept_to_the_last_byte_and_not_one_more() {
        for length in [0, 1, MAX_PAYLOAD] {
            let bytes = vec![0xff; length];
            let read = read(Body::from(bytes.clone()), 0).await;
            assert_eq!(read, Ok(bytes.into()));
        }
        for length in [MAX_PAYLOAD + 1, 3 * MAX_PAYLOAD] {
            let problem = read(Body::from(vec![0; length]), 0).await.unwrap_err();
            assert_eq!(problem, Problem::entity_too_large(131_072));
        }
    }
}
