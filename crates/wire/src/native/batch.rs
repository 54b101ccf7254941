//! Many invocations in one request.

use crate::{
    Problem, body,
    invoke::{AsyncHeaders, MAX_ASYNC_PAYLOAD, MAX_DELAY},
    openapi::{
        Describe, JSON, Operation,
        schema::{whole, word},
    },
};
use axum::extract::{FromRequest, Request};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ekiden_domain::{Invalid, InvocationId, RequestId, name::MAX_ID};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{
    ToSchema,
    openapi::{Content, ObjectBuilder, request_body::RequestBodyBuilder},
};

/// The most invocations in one request.
pub const MAX_BATCH: usize = 1000;
/// The most bytes of such a request: 32 MiB.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Invocations of one function, each as it is asked for: 1 to [`MAX_BATCH`], with payloads of at most
/// [`MAX_ASYNC_PAYLOAD`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRequest(pub Vec<(AsyncHeaders, Bytes)>);

/// The request's body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    /// In the order in which they are answered.
    #[schema(min_items = 1, max_items = 1000)]
    invocations: Vec<Asked>,
}

/// An invocation that is asked for. A member that is null counts as not given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    /// An id for it, unique for its function; its request id if left out.
    #[schema(schema_with = id)]
    invocation_id: Option<String>,
    /// Its payload: text or, where the encoding says so, Base64. Empty if left out.
    #[schema(nullable = false)]
    payload: Option<String>,
    #[schema(nullable = false)]
    payload_encoding: Option<Encoding>,
    /// How many seconds it is to wait.
    #[schema(schema_with = delay)]
    delay_seconds: Option<u64>,
}

/// What the text of a payload is.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PayloadEncoding)]
enum Encoding {
    /// The payload itself.
    #[default]
    Text,
    /// Its Base64.
    Base64,
}

fn id() -> ObjectBuilder {
    word(MAX_ID)
}

fn delay() -> ObjectBuilder {
    whole(0..=MAX_DELAY)
}

impl<S: Send + Sync> FromRequest<S> for BatchRequest {
    type Rejection = Problem;

    /// Refuses all of them if one is not allowed, and names it.
    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let body = body::read(request, MAX_BODY).await?;
        let batch: Batch = serde_json::from_slice(&body)
            .map_err(|error| Problem::invalid_argument(format!("the body is no batch: {error}")))?;
        let count = batch.invocations.len();
        if !(1..=MAX_BATCH).contains(&count) {
            let allowed = format!("1 to {MAX_BATCH} of them");
            return Err(Invalid::new("invocations", &count.to_string(), allowed).into());
        }
        let checked = batch.invocations.into_iter().enumerate();
        let checked = checked.map(|(index, asked)| asked.check(index));
        checked.collect::<Result<_, Problem>>().map(Self)
    }
}

impl Asked {
    fn check(self, index: usize) -> Result<(AsyncHeaders, Bytes), Problem> {
        let field = |name: &str| format!("invocations[{index}].{name}");
        let invocation_id: Option<InvocationId> = match self.invocation_id {
            None => None,
            Some(id) => Some(
                id.parse()
                    .map_err(|invalid: Invalid| invalid.of_field(field("invocationId")))?,
            ),
        };
        let delay = self.delay_seconds.unwrap_or_default();
        if delay > MAX_DELAY.unsigned_abs() {
            let (is, allowed) = (delay, format!("0 to {MAX_DELAY}"));
            return Err(Invalid::new(field("delaySeconds"), &is.to_string(), allowed).into());
        }
        let payload = self.payload.unwrap_or_default();
        let payload = match self.payload_encoding.unwrap_or_default() {
            Encoding::Text => Bytes::from(payload),
            // What it is is a payload, and not to be shown.
            Encoding::Base64 => STANDARD
                .decode(payload)
                .map_err(|_| Invalid::new(field("payload"), "(hidden)", "Base64"))?
                .into(),
        };
        if payload.len() > MAX_ASYNC_PAYLOAD {
            let (is, allowed) = (payload.len(), format!("at most {MAX_ASYNC_PAYLOAD} bytes"));
            return Err(Invalid::new(field("payload"), &format!("{is} bytes"), allowed).into());
        }
        let asked = AsyncHeaders {
            invocation_id,
            delay: Duration::from_secs(delay),
            stateful: true,
        };
        Ok((asked, payload))
    }
}

impl Describe for BatchRequest {
    fn describe(operation: &mut Operation) {
        let says = format!(
            "1 to {MAX_BATCH} invocations, each of a payload of at most {MAX_ASYNC_PAYLOAD} bytes; \
             {MAX_BODY} bytes in all."
        );
        let schema = operation.schema::<Batch>();
        let batch = RequestBodyBuilder::new()
            .description(Some(says))
            .required(Some(utoipa::openapi::Required::True))
            .content(JSON, Content::new(Some(schema)));
        operation.body(batch);
    }
}

/// What became of each invocation of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// In the order in which they were asked for.
    pub invocations: Vec<BatchOutcome>,
}

/// What became of one invocation of a batch: it is durable, or it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchOutcome {
    /// 202 if it is durable; else what a request for it alone would be answered.
    status: u16,
    /// Its request id, which names nothing unless it is durable.
    request_id: String,
    /// The id that it is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invocation_id: Option<String>,
    /// FC's error code, if it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<&'static str>,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
}

impl BatchOutcome {
    /// Of the one of this request id.
    #[must_use]
    pub fn of(request_id: RequestId, accepted: Result<InvocationId, Problem>) -> Self {
        let request_id = request_id.to_string();
        match accepted {
            Ok(id) => Self {
                status: StatusCode::ACCEPTED.as_u16(),
                request_id,
                invocation_id: Some(id.to_string()),
                code: None,
                message: None,
            },
            Err(problem) => Self {
                status: problem.status.as_u16(),
                request_id,
                invocation_id: None,
                code: Some(problem.code),
                message: Some(problem.message),
            },
        }
    }
}
