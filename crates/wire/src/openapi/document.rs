//! The document around the operations.

use super::{
    Describe, Operation,
    operation::{header, json},
    schema::text,
};
use crate::{REQUEST_ID, problem::Envelope};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::AUTHORIZATION};
use std::sync::Arc;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Info, ObjectBuilder, OpenApi, Paths, Ref, RefOr,
        schema::Type,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::Tag,
    },
};

const DESCRIPTION: &str = "\
Stateful asynchronous tasks with the wire API of Alibaba Cloud Function Compute.

Each tag is one spelling of the API, and whole by itself.

A parameter that is empty counts as not given, and so does a member of a body that is null.";

/// What each tag is about.
const TAGS: [(&str, &str); 5] = [
    (
        "fc2023",
        "FC 3.0, of 2023-03-30. Its functions belong to the service `default`.",
    ),
    ("fc2021", "FC 2.0, of 2021-04-06."),
    (
        "fc2016",
        "FC 2.0, of 2016-08-15. It answers as 2021-04-06 does.",
    ),
    (
        "fc",
        "FC 2.0 without a version, as its early documentation prints it. It answers the same.",
    ),
    ("ekiden", "What FC has no word for."),
];

/// Where the document tells of the header that every answer has.
pub(super) const REQUEST_ID_HEADER: &str = "#/components/headers/RequestId";

/// What a refusal of this status means, whatever the operation.
const REFUSALS: [(StatusCode, &str); 9] = [
    (
        StatusCode::BAD_REQUEST,
        "A value is not allowed (`InvalidArgument`, which names it and what is allowed), the body is \
         too large (`EntityTooLarge`), or a signature lacks a header (`MissingRequiredHeader`).",
    ),
    (
        StatusCode::FORBIDDEN,
        "The caller is not known (`InvalidAccessKeyID`, `SignatureNotMatch`) or may not do this \
         (`AccessDenied`).",
    ),
    (
        StatusCode::NOT_FOUND,
        "What the path names does not exist: `ServiceNotFound`, `FunctionNotFound`, \
         `VersionNotFound`, `AliasNotFound`, `StatefulAsyncInvocationNotFound`, \
         `AsyncTaskNotFound`, `AsyncConfigNotExists`, `ConcurrencyConfigNotFound`, `CodeNotFound`, \
         `ResultNotFound`, `DeliveryNotFound`.",
    ),
    (
        StatusCode::REQUEST_TIMEOUT,
        "It took longer than the server allows (`RequestTimeout`).",
    ),
    (
        StatusCode::CONFLICT,
        "It is there already or in use, or others changed it at the same time. Of an id that is \
         taken, `Existing` tells the first one's request id and status.",
    ),
    (
        StatusCode::PRECONDITION_FAILED,
        "It is not in the state that it would have to be in: it has changed since `If-Match` was \
         read, or has ended (`PreconditionFailed`, `AsyncInvocationStopped`).",
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        "Too many synchronous invocations run already (`ResourceExhausted`).",
    ),
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "A defect: the log has the cause under the request id (`InternalServerError`).",
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "Something that is needed does not answer (`ServiceUnavailable`), or kept the function from \
         running (`FunctionNotStarted`).",
    ),
];

/// Where the document tells of refusals with `status`.
pub(super) fn refusal(status: StatusCode) -> String {
    format!("#/components/responses/{}", name(status))
}

fn name(status: StatusCode) -> String {
    status
        .canonical_reason()
        .unwrap_or_default()
        .replace(' ', "")
}

/// The ways to show an access key, by their names.
pub(super) fn ways() -> [(&'static str, SecurityScheme); 4] {
    let signature = |says: &str| {
        let value = ApiKeyValue::with_description(AUTHORIZATION.as_str(), says);
        SecurityScheme::ApiKey(ApiKey::Header(value))
    };
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("id:secret")
        .description(Some("An access key's id and secret, over TLS or loopback."));
    let url = ApiKeyValue::with_description(
        "x-fc-signature",
        "A signed URL, as the Go and Java SDKs make them.",
    );
    [
        ("Bearer", SecurityScheme::Http(bearer.build())),
        (
            "FC",
            signature("`FC id:signature`, as the SDKs of 2016-08-15 sign."),
        ),
        (
            "ACS3",
            signature("`ACS3-HMAC-SHA256 ...`, as the SDKs of 2021-04-06 and 2023-03-30 sign."),
        ),
        ("SignedUrl", SecurityScheme::ApiKey(ApiKey::Query(url))),
    ]
}

/// The whole document: itself an answer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Document(Arc<OpenApi>);

impl Document {
    /// The document of these parts, for the release `version`.
    #[must_use]
    pub fn new(version: &str, parts: impl IntoIterator<Item = OpenApi>) -> Self {
        let info = Info::builder()
            .title("Ekiden")
            .version(version)
            .description(Some(DESCRIPTION));
        let mut document = OpenApi::new(info.build(), Paths::new());
        document.components = Some(components());
        document.tags = Some(TAGS.map(tag).into());
        for part in parts {
            document.merge(part);
        }
        Self(Arc::new(document))
    }
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        Json(&*self.0).into_response()
    }
}

impl Describe for Document {
    fn describe(operation: &mut Operation) {
        let object = ObjectBuilder::new().schema_type(Type::Object);
        operation.answers(
            StatusCode::OK,
            json("The document, of OpenAPI 3.1.", object),
        );
    }
}

fn tag((name, says): (&str, &str)) -> Tag {
    let tag = Tag::builder().name(name).description(Some(says));
    tag.build()
}

fn components() -> Components {
    let mut schemas = vec![(Envelope::name().into_owned(), Envelope::schema())];
    Envelope::schemas(&mut schemas);
    let mut components = Components::builder().schemas_from_iter(schemas).build();
    for (way, scheme) in ways() {
        components.add_security_scheme(way, scheme);
    }
    let request_id = header(text(), "Names the request, in the log as well.");
    let named = Ref::new(REQUEST_ID_HEADER);
    components
        .headers
        .insert("RequestId".to_owned(), RefOr::T(request_id));
    let envelope = Envelope::name();
    for (status, says) in REFUSALS {
        let refused = json(says, Ref::from_schema_name(&*envelope))
            .header_ref(REQUEST_ID.as_str(), named.clone());
        components
            .responses
            .insert(name(status), RefOr::T(refused.build()));
    }
    components
}
